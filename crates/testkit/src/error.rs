//! The one error type of the kit. It carries text for a person who reads a failed test; no code
//! should have to look inside.

use std::io;

/// Why something in the kit did not work.
#[derive(Debug, thiserror::Error)]
pub enum TestkitError {
    /// A file, socket or process could not be used.
    #[error("{what}: {source}")]
    Io {
        /// What was being done.
        what: String,
        /// What the system said.
        source: io::Error,
    },
    /// A program that the kit runs is not installed.
    #[error("{0} is not installed: run `cargo xtask test`, which installs what the tests need")]
    Missing(String),
    /// A helper program ended with an error.
    #[error("{program}: {detail}")]
    Command {
        /// The program.
        program: String,
        /// Its exit status and what it printed.
        detail: String,
    },
    /// The mail server did not come up.
    #[error("the server did not start: {0}")]
    Start(String),
    /// A server answered in a way the reader does not accept.
    #[error("unexpected answer: {0}")]
    Protocol(String),
    /// A server answered NO or BAD.
    #[error("refused: {command}: {answer}")]
    Refused {
        /// The command.
        command: String,
        /// The tagged answer.
        answer: String,
    },
    /// A scripted conversation went another way than its transcript.
    #[error("transcript line {line}: {detail}")]
    Transcript {
        /// Line number in the transcript, from 1.
        line: usize,
        /// What was expected and what came.
        detail: String,
    },
    /// A mailbox description cannot be written.
    #[error("cannot be written: {0}")]
    Spec(String),
}

impl TestkitError {
    /// For `map_err`: adds what was being done to an I/O error.
    pub(crate) fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let what = what.into();
        move |source| Self::Io { what, source }
    }
}
