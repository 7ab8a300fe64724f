//! What cargo knows of the workspace, and how it is run.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};
use serde_json::Value;

/// The workspace as `cargo metadata` tells it.
pub(crate) struct Workspace {
    /// The repository's top folder.
    pub(crate) root: PathBuf,
    /// Where cargo builds.
    pub(crate) target: PathBuf,
    /// Its packages.
    pub(crate) packages: Vec<Package>,
}

/// One package of the workspace.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Package {
    /// Its folder, from the top: `crates/model`.
    pub(crate) folder: String,
    /// What it depends on.
    pub(crate) dependencies: Vec<Dependency>,
}

/// One dependency.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Dependency {
    /// The package's name.
    pub(crate) name: String,
    /// Its folder from the top, when it is one of ours.
    pub(crate) folder: Option<String>,
    /// Needed by tests only.
    pub(crate) dev: bool,
    /// The features that are asked for.
    pub(crate) features: Vec<String>,
}

impl Workspace {
    /// Asks cargo.
    pub(crate) fn read() -> anyhow::Result<Self> {
        let output = command()
            .args(["metadata", "--no-deps", "--format-version", "1"])
            .output()
            .context("cargo metadata")?;
        if !output.status.success() {
            bail!(
                "cargo metadata: {}",
                String::from_utf8_lossy(&output.stderr).trim()
            );
        }
        let answer: Value = serde_json::from_slice(&output.stdout).context("cargo metadata's answer")?;
        Self::from_answer(&answer).context("cargo metadata's answer lacks what it always has")
    }

    fn from_answer(answer: &Value) -> Option<Self> {
        let root = PathBuf::from(answer["workspace_root"].as_str()?);
        let mut packages = Vec::new();
        for package in answer["packages"].as_array()? {
            let manifest = Path::new(package["manifest_path"].as_str()?);
            let mut dependencies = Vec::new();
            for dependency in package["dependencies"].as_array()? {
                dependencies.push(Dependency {
                    name: dependency["name"].as_str()?.to_owned(),
                    folder: dependency["path"]
                        .as_str()
                        .and_then(|path| below(&root, Path::new(path))),
                    dev: dependency["kind"].as_str() == Some("dev"),
                    features: dependency["features"]
                        .as_array()
                        .into_iter()
                        .flatten()
                        .filter_map(|feature| Some(feature.as_str()?.to_owned()))
                        .collect(),
                });
            }
            packages.push(Package {
                folder: below(&root, manifest.parent()?)?,
                dependencies,
            });
        }
        Some(Self {
            target: PathBuf::from(answer["target_directory"].as_str()?),
            root,
            packages,
        })
    }

    /// The release binary, once it is built.
    pub(crate) fn binary(&self) -> PathBuf {
        self.target.join("release").join("transhume")
    }
}

fn below(root: &Path, path: &Path) -> Option<String> {
    Some(path.strip_prefix(root).ok()?.to_str()?.to_owned())
}

/// The cargo that runs this program.
pub(crate) fn command() -> Command {
    Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_and_kinds_are_read_from_cargos_answer() {
        let answer = serde_json::json!({
            "workspace_root": "/top",
            "target_directory": "/top/target",
            "packages": [{
                "manifest_path": "/top/crates/db/Cargo.toml",
                "dependencies": [
                    {"name": "transhume-model", "path": "/top/crates/model", "kind": null},
                    {"name": "tempfile", "kind": "dev", "features": ["nightly"]},
                ],
            }],
        });
        let workspace = Workspace::from_answer(&answer).unwrap();
        let dependency = |name: &str, folder: Option<&str>, features: &[&str]| Dependency {
            name: name.to_owned(),
            folder: folder.map(str::to_owned),
            dev: folder.is_none(),
            features: features.iter().map(|&feature| feature.to_owned()).collect(),
        };
        assert_eq!(
            workspace.packages,
            [Package {
                folder: "crates/db".to_owned(),
                dependencies: vec![
                    dependency("transhume-model", Some("crates/model"), &[]),
                    dependency("tempfile", None, &["nightly"]),
                ],
            }]
        );
        assert_eq!(workspace.binary(), Path::new("/top/target/release/transhume"));
    }
}
