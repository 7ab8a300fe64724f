//! How the program ends: exit codes that scripts can use, and errors that a person can use.

use std::fmt;

use serde::Serialize;

/// Why the program ended. The numbers are documented in README.md and never change their meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub(crate) enum Exit {
    /// All that was asked for is done, and verified.
    Complete = 0,
    /// The command line, or a file that it names, is wrong.
    Usage = 2,
    /// Finished, but some messages or mailboxes could not be moved, or differ without an explanation; the report names them.
    Partial = 3,
    /// The source refused the login.
    LoginRefused = 4,
    /// The source cannot be reached, or the connection was lost: trying again may help.
    Unreachable = 5,
    /// The source's certificate is not trusted.
    Untrusted = 6,
    /// The target cannot be written, or read.
    TargetFailed = 7,
    /// Another run holds the target.
    Busy = 8,
    /// A mistake of this program.
    Internal = 70,
    /// Stopped by Ctrl-C or a signal.
    Interrupted = 130,
}

impl Exit {
    /// The process's exit code.
    pub(crate) fn code(self) -> u8 {
        self as u8
    }
}

/// An error as a person reads it: what happened and where, then what to do. Never with a secret in it.
#[derive(Debug)]
pub(crate) struct Failure {
    /// What scripts see.
    pub(crate) exit: Exit,
    /// What happened, and where.
    pub(crate) what: String,
    /// What to do.
    pub(crate) advice: String,
}

impl Failure {
    /// A failure with its advice.
    pub(crate) fn new(exit: Exit, what: impl fmt::Display, advice: impl Into<String>) -> Self {
        Self {
            exit,
            what: what.to_string(),
            advice: advice.into(),
        }
    }

    /// The command line is wrong.
    pub(crate) fn usage(what: impl fmt::Display, advice: impl Into<String>) -> Self {
        Self::new(Exit::Usage, what, advice)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.what.trim_end_matches('.'))?;
        f.write_str(".")?;
        if !self.advice.is_empty() {
            write!(f, " {}", self.advice)?;
        }
        Ok(())
    }
}
