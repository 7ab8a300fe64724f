//! Where the password comes from: a file, the environment, or the person at the terminal. Never the command line.

use std::fmt;
use std::io::{IsTerminal, Read};
use std::os::unix::ffi::OsStringExt;
use std::path::Path;

use crate::exit::{Exit, Failure};

/// The variable that may hold the password.
pub(crate) const VARIABLE: &str = "TRANSHUME_PASSWORD";

/// A password: bytes, since old servers take whatever bytes a client once sent. Not shown by `Debug`.
pub(crate) struct Password(Vec<u8>);

impl Password {
    /// What a file holds. One line end at its end is not part of the password.
    pub(crate) fn of_file(mut bytes: Vec<u8>) -> Self {
        if bytes.ends_with(b"\n") {
            bytes.pop();
            if bytes.ends_with(b"\r") {
                bytes.pop();
            }
        }
        Self(bytes)
    }

    /// The bytes, for the login exchange only.
    pub(crate) fn reveal(self) -> Vec<u8> {
        self.0
    }
}

impl From<Vec<u8>> for Password {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

/// Gets the password from `file`, else from the environment, else from the terminal.
pub(crate) fn obtain(file: Option<&Path>, user: &str, host: &str) -> Result<Password, Failure> {
    if let Some(file) = file {
        return read(file);
    }
    if let Some(value) = std::env::var_os(VARIABLE) {
        return Ok(Password(value.into_vec()));
    }
    if !std::io::stdin().is_terminal() {
        return Err(Failure::usage(
            format!("no password for {user} on {host}, and no terminal to ask for it"),
            format!("Give --password-file FILE, or set the variable {VARIABLE}."),
        ));
    }
    let typed = rpassword::prompt_password(format!("Password of {user} on {host}: ")).map_err(|error| {
        Failure::new(
            Exit::Usage,
            format!("the password could not be read from the terminal: {error}"),
            format!("Give --password-file FILE, or set the variable {VARIABLE}."),
        )
    })?;
    Ok(Password(typed.into_bytes()))
}

/// Reads a whole file (`-` is standard input).
fn read(file: &Path) -> Result<Password, Failure> {
    let mut bytes = Vec::new();
    let result = if file == Path::new("-") {
        std::io::stdin().read_to_end(&mut bytes)
    } else {
        std::fs::File::open(file).and_then(|mut file| file.read_to_end(&mut bytes))
    };
    result.map_err(|error| {
        Failure::usage(
            format!("the password file {} cannot be read: {error}", file.display()),
            "Give the name of a file that holds the password on its only line.",
        )
    })?;
    Ok(Password::of_file(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from_file(content: &[u8]) -> Vec<u8> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), content).unwrap();
        obtain(Some(file.path()), "u", "h").unwrap().reveal()
    }

    #[test]
    fn passwords_are_bytes_and_lose_only_one_line_end() {
        assert_eq!(from_file(b"p\xe9 w\n"), b"p\xe9 w");
        assert_eq!(from_file(b"pw\r\n"), b"pw");
        assert_eq!(from_file(b" pw \n\n"), b" pw \n");
        assert_eq!(from_file(b"pw"), b"pw");
    }

    #[test]
    fn debug_shows_nothing() {
        assert_eq!(format!("{:?}", Password(b"s3cret".to_vec())), "Password(…)");
    }
}
