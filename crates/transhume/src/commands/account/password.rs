//! Where the password comes from: a file, the environment, or the person at the terminal. Never the command line.

use std::fmt;
use std::io::{IsTerminal, Read};
use std::os::unix::ffi::OsStringExt;
use std::path::Path;

use crate::exit::{Exit, Failure};

/// The variable that may hold the source's password.
pub(crate) const VARIABLE: &str = "TRANSHUME_PASSWORD";

/// The variable that may hold the target's.
pub(crate) const TARGET_VARIABLE: &str = "TRANSHUME_TO_PASSWORD";

/// Which of the two, by the option and the variable for it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Which {
    option: &'static str,
    variable: &'static str,
}

/// The source's.
pub(crate) const OF_SOURCE: Which = Which {
    option: "--password-file",
    variable: VARIABLE,
};

/// The target's.
pub(crate) const OF_TARGET: Which = Which {
    option: "--to-password-file",
    variable: TARGET_VARIABLE,
};

/// That of a provider's master user.
pub(crate) const OF_MASTER: Which = Which {
    option: "--master-password-file",
    variable: "TRANSHUME_MASTER_PASSWORD",
};

/// That of a master user of this server.
pub(crate) const OF_LOCAL_MASTER: Which = Which {
    option: "--local-master-password-file",
    variable: "TRANSHUME_LOCAL_MASTER_PASSWORD",
};

/// That of an account of the directory.
pub(crate) const OF_ACCOUNT: Which = Which {
    option: "--password-file",
    variable: "TRANSHUME_ACCOUNT_PASSWORD",
};

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
pub(crate) fn obtain(which: Which, file: Option<&Path>, user: &str, host: &str) -> Result<Password, Failure> {
    ask(which, file, &format!("{user} on {host}"))
}

/// The same, of whomever it is.
pub(crate) fn ask(which: Which, file: Option<&Path>, whose: &str) -> Result<Password, Failure> {
    let Which { option, variable } = which;
    if let Some(file) = file {
        return read(file);
    }
    if let Some(value) = std::env::var_os(variable) {
        return Ok(Password(value.into_vec()));
    }
    if !std::io::stdin().is_terminal() {
        return Err(Failure::usage(
            format!("no password for {whose}, and no terminal to ask for it"),
            format!("Give {option} FILE, or set the variable {variable}."),
        ));
    }
    let typed = rpassword::prompt_password(format!("Password of {whose}: ")).map_err(|error| {
        Failure::new(
            Exit::Usage,
            format!("the password could not be read from the terminal: {error}"),
            format!("Give {option} FILE, or set the variable {variable}."),
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
        obtain(OF_SOURCE, Some(file.path()), "u", "h").unwrap().reveal()
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
