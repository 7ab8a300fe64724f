//! Response codes (RFC 9051 section 7.1, RFC 5530, RFC 7162, RFC 4315, RFC 9738).

use transhume_model::mail::{FlagSet, ModSeq, Uid, UidValidity};

use super::Capabilities;
use super::cursor::{Cursor, Value, number};
use super::parse::{clean_text, flag_set};

/// The code in brackets before the text of a status response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Code {
    /// `UIDVALIDITY n`; `None` where it is 0 or no number.
    UidValidity(Option<UidValidity>),
    /// `UIDNEXT n`; `None` where it is 0 or no number.
    UidNext(Option<Uid>),
    /// `HIGHESTMODSEQ n`; `None` where it is 0 or no number.
    HighestModSeq(Option<ModSeq>),
    /// `NOMODSEQ`: the mailbox keeps no modification sequences.
    NoModSeq,
    /// `PERMANENTFLAGS (…)`
    PermanentFlags {
        /// Flags that can be stored for good.
        flags: FlagSet,
        /// `\*`: new keywords may be made.
        new_keywords: bool,
    },
    /// `READ-ONLY`
    ReadOnly,
    /// `READ-WRITE`
    ReadWrite,
    /// `CAPABILITY …`
    Capability(Capabilities),
    /// `APPENDUID`, its arguments as they came.
    AppendUid(String),
    /// `COPYUID`, its arguments as they came.
    CopyUid(String),
    /// `ALERT`: the text must be shown to a person.
    Alert,
    /// `AUTHENTICATIONFAILED`
    AuthenticationFailed,
    /// `AUTHORIZATIONFAILED`
    AuthorizationFailed,
    /// `EXPIRED`
    Expired,
    /// `UNAVAILABLE`
    Unavailable,
    /// `LIMIT`
    Limit,
    /// `INUSE`
    InUse,
    /// `OVERQUOTA`
    OverQuota,
    /// `SERVERBUG`
    ServerBug,
    /// `CONTACTADMIN`
    ContactAdmin,
    /// `PRIVACYREQUIRED`
    PrivacyRequired,
    /// `NONEXISTENT`
    NonExistent,
    /// `NOPERM`
    NoPerm,
    /// `CLOSED`: what follows concerns the mailbox being selected (RFC 7162 section 3.2.11).
    Closed,
    /// `THROTTLED`, or a text that says so: some servers have no code for it.
    Throttled,
    /// `TOOBIG`
    TooBig,
    /// `MESSAGELIMIT n uid`: the command was cut short (RFC 9738). Each is `None` where it is missing or no number.
    MessageLimit {
        /// How many messages one command may be about.
        messages: Option<u32>,
        /// The UID at which the server stopped.
        stopped_at: Option<Uid>,
    },
    /// Any other, with its arguments.
    Other(String),
}

impl Code {
    /// Reads `[CODE …] text`, or text without a code. Gives the code and the text.
    pub(super) fn split(bytes: &[u8], refused: bool) -> (Option<Self>, String) {
        let bytes = bytes.trim_ascii();
        if let Some((code, text)) = bytes.strip_prefix(b"[").and_then(bracketed) {
            return (Some(code), clean_text(text.trim_ascii()));
        }
        let text = clean_text(bytes);
        let throttled = refused && text.to_ascii_lowercase().contains("throttled");
        (throttled.then_some(Self::Throttled), text)
    }

    fn new(name: &[u8], arguments: &[u8]) -> Self {
        let name = String::from_utf8_lossy(name).to_ascii_uppercase();
        let small = || number(arguments).and_then(|value| u32::try_from(value).ok());
        match name.as_str() {
            "UIDVALIDITY" => Self::UidValidity(small().and_then(UidValidity::new)),
            "UIDNEXT" => Self::UidNext(small().and_then(Uid::new)),
            "HIGHESTMODSEQ" => Self::HighestModSeq(number(arguments).filter(|value| *value > 0).map(ModSeq)),
            "NOMODSEQ" => Self::NoModSeq,
            "PERMANENTFLAGS" => {
                let list = Cursor::new(arguments).value().unwrap_or(Value::Nil);
                Self::PermanentFlags {
                    flags: flag_set(&list),
                    new_keywords: list.words().any(|word| word == b"\\*"),
                }
            }
            "READ-ONLY" => Self::ReadOnly,
            "READ-WRITE" => Self::ReadWrite,
            "CAPABILITY" => Self::Capability(Capabilities::from_text(arguments)),
            "APPENDUID" => Self::AppendUid(clean_text(arguments)),
            "COPYUID" => Self::CopyUid(clean_text(arguments)),
            "ALERT" => Self::Alert,
            "AUTHENTICATIONFAILED" => Self::AuthenticationFailed,
            "AUTHORIZATIONFAILED" => Self::AuthorizationFailed,
            "EXPIRED" => Self::Expired,
            "UNAVAILABLE" => Self::Unavailable,
            "LIMIT" => Self::Limit,
            "INUSE" => Self::InUse,
            "OVERQUOTA" => Self::OverQuota,
            "SERVERBUG" => Self::ServerBug,
            "CONTACTADMIN" => Self::ContactAdmin,
            "PRIVACYREQUIRED" => Self::PrivacyRequired,
            "NONEXISTENT" => Self::NonExistent,
            "NOPERM" => Self::NoPerm,
            "CLOSED" => Self::Closed,
            "THROTTLED" => Self::Throttled,
            "TOOBIG" => Self::TooBig,
            "MESSAGELIMIT" => {
                let mut numbers = arguments
                    .split(|byte| *byte == b' ')
                    .filter(|word| !word.is_empty())
                    .map(|word| number(word).and_then(|value| u32::try_from(value).ok()));
                Self::MessageLimit {
                    messages: numbers.next().flatten().filter(|limit| *limit > 0),
                    stopped_at: numbers.next().flatten().and_then(Uid::new),
                }
            }
            _ if arguments.is_empty() => Self::Other(clean_text(name.as_bytes())),
            _ => Self::Other(format!(
                "{} {}",
                clean_text(name.as_bytes()),
                clean_text(arguments)
            )),
        }
    }
}

/// What stands before the closing bracket, and what after it. Flags may hold a bracket themselves, so a
/// list is passed over whole.
fn bracketed(bytes: &[u8]) -> Option<(Code, &[u8])> {
    let bytes = bytes.trim_ascii_start();
    let name_end = bytes.iter().position(|byte| matches!(byte, b' ' | b']'))?;
    let (name, rest) = bytes.split_at(name_end);
    let mut cursor = Cursor::new(rest);
    cursor.skip_spaces();
    let arguments = cursor.rest();
    if cursor.peek() == Some(b'(') && cursor.value().is_err() {
        cursor = Cursor::new(arguments);
    }
    let passed = arguments.len() - cursor.rest().len();
    let end = passed + memchr::memchr(b']', cursor.rest())?;
    Some((
        Code::new(name, arguments[..end].trim_ascii()),
        &arguments[end + 1..],
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_as_servers_write_them() {
        let codes: Vec<_> = [
            "[UIDVALIDITY 123] UIDs valid",
            "[UIDVALIDITY 0] none",
            "[UIDNEXT 9.37e+06]",
            "[highestmodseq -1] none",
            "[PERMANENTFLAGS (\\Seen [x] \\*)] Limited",
            "[PERMANENTFLAGS NIL] none",
            "[CAPABILITY IMAP4rev1 SASL-IR] ready",
            "[MESSAGELIMIT 1000 23221] cut",
            "[messagelimit 1000] cut",
            "[MESSAGELIMIT  0 none ] cut",
            "[UNSEEN 3]",
            "[ never closed",
            "",
            "Request is throttled. Suggested Backoff Time: 300 milliseconds",
            "try [THROTTLED]",
            "bell \u{7}rings",
        ]
        .iter()
        .map(|text| Code::split(text.as_bytes(), true))
        .collect();
        expect_test::expect_file!["snapshots/codes.txt"].assert_debug_eq(&codes);
    }
}
