//! Dovecot's Sieve compiler, which says whether a script is one.

use std::path::Path;
use std::process::Command;

use crate::error::TestkitError;
use crate::packages;

/// Compiles a script, and returns what the compiler says of a bad one.
pub fn compile_sieve(script: &Path) -> Result<(), TestkitError> {
    let program =
        packages::find_program("sievec").ok_or_else(|| TestkitError::Missing("dovecot-sieve".to_owned()))?;
    let output = Command::new(program)
        .arg(script)
        .arg(script.with_extension("svbin"))
        .output()
        .map_err(TestkitError::io("running sievec"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(TestkitError::Command {
        program: "sievec".to_owned(),
        detail: String::from_utf8_lossy(&output.stderr).into_owned(),
    })
}
