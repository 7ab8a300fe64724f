//! Puts an account onto a server as a client would: CREATE, SUBSCRIBE, APPEND.

use super::Oracle;
use crate::error::TestkitError;
use crate::mailbox::MailboxSpec;

/// What a server did not take of an account.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Refusal {
    /// A mailbox with all that is in it, by its levels.
    Mailbox(Vec<String>),
    /// A subscription to a mailbox that does not exist.
    Subscription(Vec<String>),
    /// A message, by its mailbox and its UID there.
    Message(Vec<String>, u32),
}

impl Oracle {
    /// Makes these mailboxes, with the server's own UIDVALIDITY. UIDs ascend as they should, with a gap where there should be
    /// one (of one number: a message that was there and is gone). Returns what the server refused.
    pub fn fill(&mut self, mailboxes: &[MailboxSpec]) -> Result<Vec<Refusal>, TestkitError> {
        let mut refused = Vec::new();
        for mailbox in mailboxes {
            let inbox = mailbox.name == ["INBOX"];
            if mailbox.exists && !inbox && was_refused(self.create(&mailbox.name))? {
                refused.push(Refusal::Mailbox(mailbox.name.clone()));
                continue;
            }
            if mailbox.subscribed && was_refused(self.subscribe(&mailbox.name))? {
                refused.push(Refusal::Subscription(mailbox.name.clone()));
            }
            if mailbox.exists {
                self.fill_mailbox(mailbox, &mut refused)?;
            }
        }
        Ok(refused)
    }

    fn fill_mailbox(
        &mut self,
        mailbox: &MailboxSpec,
        refused: &mut Vec<Refusal>,
    ) -> Result<(), TestkitError> {
        let mut gaps = Vec::new();
        let mut last = 0;
        for message in &mailbox.messages {
            if message.uid > last + 1 {
                gaps.extend(self.append(&mailbox.name, &[], None, b"Subject: gone\r\n\r\n")?);
            }
            last = message.uid;
            let mut stored = Vec::new();
            message
                .body
                .write_to(&mut stored)
                .map_err(TestkitError::io("a message"))?;
            let flags: Vec<&str> = message.flags.iter().map(String::as_str).collect();
            let date = Some(message.internal_date);
            if was_refused(self.append(&mailbox.name, &flags, date, &with_crlf(&stored)))? {
                refused.push(Refusal::Message(mailbox.name.clone(), message.uid));
            }
        }
        if !gaps.is_empty() {
            self.select(&mailbox.name)?;
            let uids: Vec<String> = gaps.iter().map(ToString::to_string).collect();
            self.expunge(&uids.join(","))?;
            self.ok("CLOSE")?;
        }
        Ok(())
    }
}

/// Tells a refusal from a failure of another kind.
fn was_refused<T>(result: Result<T, TestkitError>) -> Result<bool, TestkitError> {
    match result {
        Ok(_) => Ok(false),
        Err(TestkitError::Refused { .. }) => Ok(true),
        Err(other) => Err(other),
    }
}

/// As a client sends a message that is stored with bare line ends.
fn with_crlf(stored: &[u8]) -> Vec<u8> {
    let mut sent = Vec::with_capacity(stored.len() + stored.len() / 32);
    for byte in stored {
        if *byte == b'\n' && sent.last() != Some(&b'\r') {
            sent.push(b'\r');
        }
        sent.push(*byte);
    }
    sent
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_ends_as_a_client_sends_them() {
        assert_eq!(with_crlf(b"a\nb\r\n\0\r"), b"a\r\nb\r\n\0\r");
    }
}
