//! The files of the repository: those that git knows, and new ones that it does not ignore.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use anyhow::Context;

/// Paths from the top, with `/`, and what the files hold.
#[derive(Default)]
pub(crate) struct Tree {
    files: BTreeMap<String, String>,
}

impl Tree {
    /// Reads the repository.
    pub(crate) fn read(root: &Path) -> anyhow::Result<Self> {
        let paths = match listed_by_git(root) {
            Some(paths) => paths,
            // An unpacked archive is no git repository, and is checked all the same.
            None => walked(root)?,
        };
        let mut files = BTreeMap::new();
        for path in paths {
            let full = root.join(&path);
            // Deleted but still in git's index, or a link to elsewhere: not part of what is checked.
            if !full.is_file() {
                continue;
            }
            let bytes = std::fs::read(&full).with_context(|| format!("reading {path}"))?;
            files.insert(path, String::from_utf8_lossy(&bytes).into_owned());
        }
        Ok(Self { files })
    }

    /// How many files there are.
    pub(crate) fn len(&self) -> usize {
        self.files.len()
    }

    /// What a file holds.
    pub(crate) fn text(&self, path: &str) -> Option<&str> {
        self.files.get(path).map(String::as_str)
    }

    /// Whether there is such a file, or a folder with files in it.
    pub(crate) fn exists(&self, path: &str) -> bool {
        let path = path.trim_end_matches('/');
        path.is_empty() || self.files.contains_key(path) || self.is_folder(path)
    }

    /// Whether there is such a folder.
    pub(crate) fn is_folder(&self, path: &str) -> bool {
        let start = format!("{path}/");
        self.files
            .range(start.clone()..)
            .next()
            .is_some_and(|(first, _)| first.starts_with(&start))
    }

    /// All files, ascending.
    pub(crate) fn files(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files
            .iter()
            .map(|(path, text)| (path.as_str(), text.as_str()))
    }

    /// All folders, ascending, none twice.
    pub(crate) fn folders(&self) -> Vec<&str> {
        let mut folders: Vec<&str> = self
            .files
            .keys()
            .flat_map(|path| path.match_indices('/').map(|(at, _)| &path[..at]))
            .collect();
        folders.sort_unstable();
        folders.dedup();
        folders
    }

    /// A tree out of thin air.
    #[cfg(test)]
    pub(crate) fn of<const N: usize>(files: [(&str, &str); N]) -> Self {
        let files = files.map(|(path, text)| (path.to_owned(), text.to_owned()));
        Self {
            files: files.into_iter().collect(),
        }
    }
}

fn listed_by_git(root: &Path) -> Option<Vec<String>> {
    let output = Command::new("git")
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .current_dir(root)
        .output()
        .ok()
        .filter(|output| output.status.success())?;
    let paths = String::from_utf8_lossy(&output.stdout)
        .split_terminator('\0')
        .map(str::to_owned)
        .collect();
    Some(paths)
}

fn walked(root: &Path) -> anyhow::Result<Vec<String>> {
    let mut paths = Vec::new();
    let mut open = vec![root.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(&folder).with_context(|| format!("reading {}", folder.display()))? {
            let path = entry?.path();
            let name = path
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            if path.is_symlink() || name == ".git" || name == "target" || name.starts_with("target-") {
                continue;
            }
            if path.is_dir() {
                open.push(path);
            } else if let Ok(below) = path.strip_prefix(root) {
                paths.push(below.to_string_lossy().into_owned());
            }
        }
    }
    Ok(paths)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_what_files_lie_in() {
        let tree = Tree::of([("a/b/c.rs", ""), ("a/d.rs", ""), ("ab", "")]);
        assert_eq!(tree.folders(), ["a", "a/b"]);
        assert!(tree.exists("a/b/") && tree.exists("ab") && tree.exists(""));
        assert!(!tree.exists("a/c") && !tree.is_folder("ab"));
    }

    #[test]
    fn without_git_the_folders_are_walked() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("target/x")).unwrap();
        std::fs::create_dir_all(dir.path().join("src")).unwrap();
        std::fs::write(dir.path().join("target/x/y.rs"), "").unwrap();
        std::fs::write(dir.path().join("src/main.rs"), "").unwrap();
        assert_eq!(walked(dir.path()).unwrap(), ["src/main.rs"]);
    }
}
