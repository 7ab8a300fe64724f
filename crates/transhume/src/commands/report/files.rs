//! A report's files: they appear whole, under their names, or not at all; and nobody but their owner reads them.

use std::fs::File;
use std::io::{self, BufWriter, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use tempfile::NamedTempFile;

use crate::exit::{Exit, Failure};

/// A form in which a report is written beside its lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// The report itself: a line of JSON for each message. It is always written.
    Json,
    /// The same as a table.
    Csv,
    /// A page: counts, and what is not the same on both sides.
    Html,
}

/// Which files a report consists of.
#[derive(Clone, Debug)]
pub(crate) struct Names {
    pub(crate) lines: PathBuf,
    pub(crate) table: Option<PathBuf>,
    pub(crate) page: Option<PathBuf>,
}

impl Names {
    /// What a report's files are called that is called `name`. None of them may be there: what was put on record stays.
    pub(crate) fn new(name: &Path, formats: &[Format], option: &str) -> Result<Self, Failure> {
        let called = |ending: &str| {
            let mut called = name.as_os_str().to_owned();
            called.push(ending);
            PathBuf::from(called)
        };
        let wanted = |format| formats.contains(&format);
        let names = Self {
            lines: called(".jsonl"),
            table: wanted(Format::Csv).then(|| called(".csv")),
            page: wanted(Format::Html).then(|| called(".html")),
        };
        let folder = folder_of(&names.lines);
        if name.file_name().is_none() || !folder.is_dir() {
            return Err(Failure::usage(
                format!("{option}: there is no folder {}", folder.display()),
                "Make it, or name another.",
            ));
        }
        if let Some(there) = names.all().find(|path| path.symlink_metadata().is_ok()) {
            return Err(Failure::usage(
                format!("{option}: there is a file {} already", there.display()),
                "Reports are not written over: name another, or move that one away.",
            ));
        }
        Ok(names)
    }

    /// All of them, the lines first.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Path> {
        let others = [self.table.as_deref(), self.page.as_deref()];
        std::iter::once(self.lines.as_path()).chain(others.into_iter().flatten())
    }
}

/// A file that is being written, under a name of no meaning.
pub(crate) struct Sheet {
    file: BufWriter<NamedTempFile>,
    octets: u64,
    path: PathBuf,
}

impl Sheet {
    /// Begins the file that is to be at `path`.
    pub(crate) fn begin(path: &Path) -> io::Result<Self> {
        // Its owner's alone (0600).
        let file = tempfile::Builder::new()
            .prefix(".transhume-report-")
            .tempfile_in(folder_of(path))?;
        Ok(Self {
            file: BufWriter::new(file),
            octets: 0,
            path: path.to_owned(),
        })
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.octets += bytes.len() as u64;
        self.file.write_all(bytes)
    }

    /// How long it is.
    pub(crate) fn octets(&self) -> u64 {
        self.octets
    }

    /// Takes back what was written beyond that.
    pub(crate) fn cut(&mut self, octets: u64) -> io::Result<()> {
        self.file.flush()?;
        let file = self.file.get_mut().as_file_mut();
        file.set_len(octets)?;
        file.seek(SeekFrom::Start(octets))?;
        self.octets = octets;
        Ok(())
    }

    /// Makes it durable, and gives it its name.
    pub(crate) fn finish(self) -> io::Result<()> {
        let file = self.file.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.as_file().sync_all()?;
        let path = &self.path;
        file.persist_noclobber(path).map_err(|error| error.error)?;
        File::open(folder_of(path))?.sync_all()
    }
}

fn folder_of(path: &Path) -> PathBuf {
    match path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        Some(folder) => folder.to_owned(),
        None => PathBuf::from("."),
    }
}

/// A report that could not be written.
pub(crate) fn failure(error: &io::Error, name: &Path) -> Failure {
    Failure::new(
        Exit::TargetFailed,
        format!("the report {} cannot be written: {error}", name.display()),
        "Nothing was changed on either side. Make room, or name another place, and run the same command again.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn a_file_appears_whole_and_for_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let names = Names::new(&folder.path().join("alice"), &[Format::Html], "--output").unwrap();
        assert_eq!(names.all().count(), 2);
        let mut sheet = Sheet::begin(&names.lines).unwrap();
        sheet.write(b"one\n").unwrap();
        let kept = sheet.octets();
        sheet.write(b"two\n").unwrap();
        sheet.cut(kept).unwrap();
        sheet.write(b"three\n").unwrap();
        assert!(!names.lines.exists());
        sheet.finish().unwrap();
        assert_eq!(std::fs::read(&names.lines).unwrap(), b"one\nthree\n");
        let mode = names.lines.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
        // What was put on record stays.
        assert!(Names::new(&folder.path().join("alice"), &[], "--output").is_err());
        let mut late = Sheet::begin(&names.lines).unwrap();
        late.write(b"other").unwrap();
        assert!(late.finish().is_err());
        assert_eq!(std::fs::read(&names.lines).unwrap(), b"one\nthree\n");
        assert!(Names::new(&folder.path().join("none/alice"), &[], "--output").is_err());
    }
}
