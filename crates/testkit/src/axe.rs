//! axe-core, which knows what keeps people from using a page: those who do not see it, or do not use a mouse.
//!
//! It is a script, installed by npm into a folder of its own beside the build, never on the machine. As with the other programs,
//! only the project's own command calls [`install_axe`].

use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::error::TestkitError;
use crate::unpacked::beside_the_build;

/// Which one: a newer one finds other things, at a moment that nobody chose.
const VERSION: &str = "4.14.1";

/// Where the script is, when it is installed.
pub fn axe() -> Result<PathBuf, TestkitError> {
    let script = folder()?.join("node_modules/axe-core/axe.min.js");
    if script.is_file() {
        Ok(script)
    } else {
        Err(TestkitError::Missing("axe-core".into()))
    }
}

/// Installs it, where it is missing.
pub fn install_axe() -> Result<(), TestkitError> {
    if axe().is_ok() {
        return Ok(());
    }
    let folder = folder()?;
    std::fs::create_dir_all(&folder).map_err(TestkitError::io(folder.display().to_string()))?;
    let status = Command::new("npm")
        .args([
            "install",
            "--silent",
            "--no-audit",
            "--no-fund",
            "--ignore-scripts",
            "--prefix",
        ])
        .arg(&folder)
        .arg(format!("axe-core@{VERSION}"))
        .stdin(Stdio::null())
        .status()
        .map_err(TestkitError::io("running npm"))?;
    if status.success() {
        return Ok(());
    }
    Err(TestkitError::Command {
        program: "npm".into(),
        detail: status.to_string(),
    })
}

fn folder() -> Result<PathBuf, TestkitError> {
    Ok(beside_the_build()?.join(format!("axe-{VERSION}")))
}
