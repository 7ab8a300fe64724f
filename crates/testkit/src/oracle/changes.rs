//! Changes through a running server, as its users make them.

use super::Oracle;
use crate::encode;
use crate::error::TestkitError;

impl Oracle {
    /// APPEND; returns the UID, where the server tells it.
    pub fn append(
        &mut self,
        folder: &[impl AsRef<str>],
        flags: &[&str],
        internal_date: Option<i64>,
        message: &[u8],
    ) -> Result<Option<u32>, TestkitError> {
        let date = internal_date
            .map(|date| format!("\"{}\" ", encode::imap_date(date)))
            .unwrap_or_default();
        let name = self.quoted_name(folder);
        let command = format!("APPEND {name} ({}) {date}{{{}}}", flags.join(" "), message.len());
        let tag = self.send(command.as_bytes())?;
        let refused = |answer: String| TestkitError::Refused {
            command: command.clone(),
            answer,
        };
        loop {
            let answer = self.read_line()?;
            if answer.0.starts_with(b"+") {
                break;
            }
            if super::is_tagged(&answer.0, &tag)? {
                return Err(refused(answer.text()));
            }
        }
        self.write(message)?;
        self.write(b"\r\n")?;
        let lines = super::accepted(&command, self.finish(&tag)?)?;
        let text = lines.last().map(super::Line::text).unwrap_or_default();
        Ok(text
            .split_once("[APPENDUID ")
            .and_then(|(_, rest)| rest.split_once(']'))
            .and_then(|(code, _)| code.split(' ').nth(1)?.parse().ok()))
    }

    /// UID STORE in the selected folder; `action` is `FLAGS`, `+FLAGS` or `-FLAGS`.
    pub fn store(&mut self, uids: &str, action: &str, flags: &[&str]) -> Result<(), TestkitError> {
        self.done(&format!("UID STORE {uids} {action} ({})", flags.join(" ")))
    }

    /// Removes these messages from the selected folder, and no others.
    pub fn expunge(&mut self, uids: &str) -> Result<(), TestkitError> {
        self.store(uids, "+FLAGS", &["\\Deleted"])?;
        self.done(&format!("UID EXPUNGE {uids}"))
    }

    /// UID COPY from the selected folder.
    pub fn copy(&mut self, uids: &str, target: &[impl AsRef<str>]) -> Result<(), TestkitError> {
        self.done(&format!("UID COPY {uids} {}", self.quoted_name(target)))
    }

    /// UID MOVE from the selected folder.
    pub fn move_to(&mut self, uids: &str, target: &[impl AsRef<str>]) -> Result<(), TestkitError> {
        self.done(&format!("UID MOVE {uids} {}", self.quoted_name(target)))
    }

    /// CREATE.
    pub fn create(&mut self, folder: &[impl AsRef<str>]) -> Result<(), TestkitError> {
        self.done(&format!("CREATE {}", self.quoted_name(folder)))
    }

    /// DELETE.
    pub fn delete(&mut self, folder: &[impl AsRef<str>]) -> Result<(), TestkitError> {
        self.done(&format!("DELETE {}", self.quoted_name(folder)))
    }

    /// RENAME.
    pub fn rename(&mut self, from: &[impl AsRef<str>], to: &[impl AsRef<str>]) -> Result<(), TestkitError> {
        self.done(&format!(
            "RENAME {} {}",
            self.quoted_name(from),
            self.quoted_name(to)
        ))
    }

    /// SUBSCRIBE.
    pub fn subscribe(&mut self, folder: &[impl AsRef<str>]) -> Result<(), TestkitError> {
        self.done(&format!("SUBSCRIBE {}", self.quoted_name(folder)))
    }

    /// UNSUBSCRIBE.
    pub fn unsubscribe(&mut self, folder: &[impl AsRef<str>]) -> Result<(), TestkitError> {
        self.done(&format!("UNSUBSCRIBE {}", self.quoted_name(folder)))
    }

    fn done(&mut self, command: &str) -> Result<(), TestkitError> {
        self.ok(command).map(|_| ())
    }
}
