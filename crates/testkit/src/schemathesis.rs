//! Schemathesis, which asks a server whatever its OpenAPI document allows, and much that it does not.
//!
//! It is a Python program, installed into an environment of its own beside the build, never on the machine. As with the other
//! programs, only the project's own command calls [`install_schemathesis`].

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::error::TestkitError;
use crate::unpacked::beside_the_build;

/// Which one: a newer one finds other things, at a moment that nobody chose.
const VERSION: &str = "4.32.5";

/// Where it is, when it is installed.
pub fn schemathesis() -> Result<PathBuf, TestkitError> {
    let program = folder()?.join("bin/schemathesis");
    if program.is_file() {
        Ok(program)
    } else {
        Err(TestkitError::Missing("schemathesis".into()))
    }
}

/// Installs it, where it is missing.
pub fn install_schemathesis() -> Result<(), TestkitError> {
    if schemathesis().is_ok() {
        return Ok(());
    }
    let folder = folder()?;
    run(Command::new("python3").args(["-m", "venv"]).arg(&folder))?;
    let pip = folder.join("bin/pip");
    let wanted = format!("schemathesis=={VERSION}");
    run(Command::new(pip).args(["install", "--quiet", "--disable-pip-version-check", &wanted]))
}

fn run(command: &mut Command) -> Result<(), TestkitError> {
    let program = Path::new(command.get_program()).display().to_string();
    let status = command
        .stdin(Stdio::null())
        .status()
        .map_err(TestkitError::io(format!("running {program}")))?;
    if status.success() {
        return Ok(());
    }
    Err(TestkitError::Command {
        program,
        detail: format!("{status} (Debian's package python3-venv is needed)"),
    })
}

fn folder() -> Result<PathBuf, TestkitError> {
    Ok(beside_the_build()?.join(format!("schemathesis-{VERSION}")))
}
