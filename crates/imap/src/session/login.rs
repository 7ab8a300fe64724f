//! Logging in with a password: AUTHENTICATE PLAIN (RFC 4616, RFC 4959) or LOGIN (RFC 9051 section 6.2.3).

use std::fmt;

use base64::engine::{Engine, general_purpose::STANDARD};

use super::Exchange;
use crate::ImapError;
use crate::wire::{Capabilities, Code, CommandLine, Patience, Response, Status, Tagged};

/// Logs in. What it comes to is the capabilities that the server told anew, if it did.
pub struct Login {
    begin: Vec<CommandLine>,
    /// LOGIN, for a server that announces a mechanism and then does not understand the command.
    instead: Option<CommandLine>,
    /// Every form in which the password goes over the wire, apart from escapes.
    secrets: Vec<String>,
    told: Option<Capabilities>,
}

impl Login {
    /// Chooses the command. `user` is sent in UTF-8, `password` as it is; neither can hold a NUL.
    pub fn new(capabilities: &Capabilities, user: &str, password: &[u8]) -> Result<Self, ImapError> {
        if user.contains('\0') || password.contains(&0) {
            let text = "a name or password with a NUL in it cannot be sent".to_owned();
            return Err(ImapError::LoginRefused { code: None, text });
        }
        let response = STANDARD.encode([b"\0", user.as_bytes(), b"\0", password].concat());
        let login = CommandLine::new("LOGIN")
            .string(user.as_bytes())
            .string(password)
            .secret();
        let login = (!capabilities.has("LOGINDISABLED")).then_some(login);
        let plain = CommandLine::new("AUTHENTICATE");
        let plain = if capabilities.has("SASL-IR") {
            plain.text("PLAIN").text(&response).secret()
        } else {
            plain.text("PLAIN").on_request(response.as_bytes()).secret()
        };
        let (begin, instead) = match (capabilities.has("AUTH=PLAIN"), login) {
            (true, login) => (plain, login),
            (false, Some(login)) => (login, None),
            (false, None) => return Err(ImapError::LoginDisabled),
        };
        let secrets = vec![readable(password), STANDARD.encode(password), response];
        Ok(Self {
            begin: vec![begin],
            instead,
            secrets,
            told: None,
        })
    }
}

/// As a server's words are kept, so that one can be found in the other.
fn readable(secret: &[u8]) -> String {
    let text = String::from_utf8_lossy(secret);
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login")
            .field("begin", &self.begin)
            .finish_non_exhaustive()
    }
}

impl Exchange for Login {
    type Output = Option<Capabilities>;

    fn begin(&mut self) -> Vec<CommandLine> {
        std::mem::take(&mut self.begin)
    }

    fn untagged(&mut self, response: Response) {
        if let Response::Capability(capabilities) = response {
            self.told = Some(capabilities);
        }
    }

    fn tagged(&mut self, command: &'static str, reply: Tagged) -> Result<Vec<CommandLine>, ImapError> {
        match reply.status {
            Status::Ok => {
                if let Some(Code::Capability(capabilities)) = reply.code {
                    self.told = Some(capabilities);
                }
                Ok(Vec::new())
            }
            Status::Bad if self.instead.is_some() => Ok(self.instead.take().into_iter().collect()),
            _ => Err(refusal(command, reply)),
        }
    }

    fn finish(self) -> Result<Option<Capabilities>, ImapError> {
        Ok(self.told)
    }

    fn redact(&self, error: ImapError) -> ImapError {
        error.without(&self.secrets)
    }
}

/// Whether it is the password or the hour that is wrong. Servers without the codes of RFC 5530 say it in words.
fn refusal(command: &'static str, reply: Tagged) -> ImapError {
    let Tagged { code, text, .. } = reply;
    if let Some(patience) = Patience::asked(code.as_ref(), &text) {
        return ImapError::Later {
            command: Some(command),
            patience,
            text,
        };
    }
    let words = text.to_ascii_lowercase();
    let sounds_temporary = || {
        ["too many", "try again", "temporar", "unavailable"]
            .iter()
            .any(|phrase| words.contains(phrase))
    };
    match code {
        Some(Code::PrivacyRequired) => ImapError::LoginDisabled,
        Some(Code::ServerBug) => ImapError::LoginUnavailable { code, text },
        None | Some(Code::Alert | Code::Other(_)) if sounds_temporary() => {
            ImapError::LoginUnavailable { code, text }
        }
        _ => ImapError::LoginRefused { code, text },
    }
}
