//! What can go wrong, in words that a person-facing layer can build on. No error holds a secret.

use std::fmt;
use std::io;

use thiserror::Error;

use crate::client::Fingerprint;
use crate::wire::{Code, Patience, Status, Tagged};

/// Longest excerpt of a server's bytes in an error, in characters.
const MAX_EXCERPT: usize = 120;

/// Everything that can end an exchange with a server.
#[derive(Debug, Error)]
pub enum ImapError {
    /// No address is known for the host.
    #[error("no address is known for {host}")]
    Resolve {
        /// The host as it was given.
        host: String,
    },
    /// No connection could be made.
    #[error("cannot connect to {host}, port {port}: {source}")]
    Connect {
        /// The host as it was given.
        host: String,
        /// The TCP port.
        port: u16,
        /// What the system said of the last address tried.
        source: io::Error,
    },
    /// The server stayed silent for too long.
    #[error("the server gave no answer in time while {doing}")]
    Timeout {
        /// What was going on, as `reading a message (3 of 10 octets had come)`.
        doing: String,
    },
    /// The server's certificate is not trusted.
    #[error("the certificate of {host} is not trusted: {reason} (SHA-256 {fingerprint})")]
    Certificate {
        /// The host as it was given.
        host: String,
        /// Why not.
        reason: CertificateFault,
        /// SHA-256 of the certificate's DER form: what a pin must be for this server to be trusted.
        fingerprint: Fingerprint,
    },
    /// TLS could not be agreed on.
    #[error("no TLS connection with {host}: {reason}")]
    Tls {
        /// The host as it was given.
        host: String,
        /// The TLS library's words.
        reason: String,
    },
    /// The server will not begin TLS on a plain connection.
    #[error("the server offers no STARTTLS")]
    StartTlsRefused,
    /// The server takes no password on this connection: it offers no mechanism that sends one, or wants TLS first.
    #[error("the server takes no password on this connection")]
    LoginDisabled,
    /// Name or password are wrong, or the account may not log in.
    #[error("the server refuses the login: {text}")]
    LoginRefused {
        /// The server's code.
        code: Option<Code>,
        /// The server's words.
        text: String,
    },
    /// The server cannot log anyone in now; it may later.
    #[error("the server cannot log in now: {text}")]
    LoginUnavailable {
        /// The server's code.
        code: Option<Code>,
        /// The server's words.
        text: String,
    },
    /// The server works, but not now, or not for so many at a time: waiting helps.
    #[error("the server asks to come back later{}: {text}", while_asked(*.command))]
    Later {
        /// The command that it refused, without its arguments; `None` where it ended the connection.
        command: Option<&'static str>,
        /// What there is too little of, and how long to wait.
        patience: Patience,
        /// The server's words.
        text: String,
    },
    /// The server said good-bye of its own accord.
    #[error("the server ended the connection: {text}")]
    Bye {
        /// The server's words.
        text: String,
    },
    /// The connection ended without a word.
    #[error("the connection was lost while {doing}")]
    ConnectionLost {
        /// What was going on, as `reading a message (3 of 10 octets had come)`.
        doing: String,
    },
    /// The server answered NO or BAD to a command.
    #[error("the server refuses {command}: {text}")]
    Refused {
        /// The command's name, without its arguments.
        command: &'static str,
        /// NO or BAD.
        status: Status,
        /// The server's code.
        code: Option<Code>,
        /// The server's words.
        text: String,
    },
    /// The server broke the protocol beyond repair.
    #[error("{reason}: {excerpt:?}")]
    Protocol {
        /// What is wrong.
        reason: &'static str,
        /// The beginning of what the server sent, in at most 120 characters.
        excerpt: String,
    },
    /// A response was longer than anything this client asks for.
    #[error("the server sent a response that is too long")]
    TooLong,
}

/// Why a certificate is not trusted, in plain words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CertificateFault {
    /// Its time is over.
    Expired,
    /// Its time has not come.
    NotYetValid,
    /// It was issued for other names.
    OtherName {
        /// Those names, as far as they could be read.
        names: Vec<String>,
    },
    /// It is self-signed, or no issuer that this system trusts stands behind it.
    UnknownIssuer,
    /// A pin was given and this is another certificate.
    PinDiffers,
    /// Anything else, in the TLS library's words.
    Other(String),
}

impl fmt::Display for CertificateFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Expired => f.write_str("it has expired"),
            Self::NotYetValid => f.write_str("it is not valid yet"),
            Self::OtherName { names } if names.is_empty() => f.write_str("it is for another name"),
            Self::OtherName { names } => write!(f, "it is for another name: {}", names.join(", ")),
            Self::UnknownIssuer => f.write_str("it is self-signed or its issuer is not known here"),
            Self::PinDiffers => f.write_str("it is not the certificate that was pinned"),
            Self::Other(words) => f.write_str(words),
        }
    }
}

/// What Exchange answers to every command of a login that it has first let pass.
const NOT_CONNECTED: &str = "user is authenticated but not connected";

fn while_asked(command: Option<&'static str>) -> String {
    command.map_or_else(String::new, |command| format!(" when asked to {command}"))
}

impl ImapError {
    /// What a reply that is not OK comes to.
    pub fn refused(command: &'static str, reply: Tagged) -> Self {
        let Tagged {
            status, code, text, ..
        } = reply;
        if let Some(patience) = Patience::asked(code.as_ref(), &text) {
            let command = Some(command);
            return Self::Later {
                command,
                patience,
                text,
            };
        }
        if text.to_ascii_lowercase().contains(NOT_CONNECTED) {
            return Self::LoginRefused { code, text };
        }
        Self::Refused {
            command,
            status,
            code,
            text,
        }
    }

    /// What a good-bye that nobody asked for comes to.
    pub(crate) fn bye(code: Option<&Code>, text: &str) -> Self {
        let text = text.to_owned();
        match Patience::asked(code, &text) {
            Some(patience) => Self::Later {
                command: None,
                patience,
                text,
            },
            None => Self::Bye { text },
        }
    }

    pub(crate) fn protocol(reason: &'static str, bytes: &[u8]) -> Self {
        let excerpt = String::from_utf8_lossy(&bytes[..bytes.len().min(4 * MAX_EXCERPT)])
            .chars()
            .map(|c| if c.is_control() { ' ' } else { c })
            .take(MAX_EXCERPT)
            .collect();
        Self::Protocol { reason, excerpt }
    }

    /// Takes the words of the server out when one of the secrets is in them: servers have been seen to repeat
    /// a command that they did not understand.
    #[must_use]
    pub(crate) fn without(mut self, secrets: &[String]) -> Self {
        let reveals = |text: &str| secrets.iter().any(|secret| reveals(text, secret));
        let code_slot = match &mut self {
            Self::LoginRefused { code, .. }
            | Self::LoginUnavailable { code, .. }
            | Self::Refused { code, .. } => Some(code),
            _ => None,
        };
        if let Some(code) = code_slot
            && let Some(Code::Other(words) | Code::AppendUid(words) | Code::CopyUid(words)) = code
            && reveals(words)
        {
            *code = None;
        }
        if let Self::LoginRefused { text, .. }
        | Self::LoginUnavailable { text, .. }
        | Self::Refused { text, .. }
        | Self::Later { text, .. }
        | Self::Bye { text }
        | Self::Protocol { excerpt: text, .. } = &mut self
            && reveals(text)
        {
            "(its words repeat the password and are left out)".clone_into(text);
        }
        self
    }
}

/// Whether `secret` can be read in `text`, escaped or not. A very short one is looked for as a word of its own:
/// its letters are in every text.
fn reveals(text: &str, secret: &str) -> bool {
    let bare = |text: &str| text.replace(['\\', '"'], "");
    let (text, bare_secret) = (bare(text), bare(secret));
    if bare_secret.chars().count() >= 4 {
        return text.contains(&bare_secret);
    }
    !secret.is_empty() && text.split_whitespace().any(|word| word == bare_secret)
}
