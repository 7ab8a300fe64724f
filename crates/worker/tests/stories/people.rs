//! Who is moved: an account on the old server each, with little mail of its own.

use transhume_testkit::MailboxSpec;

/// Somebody who is moved.
#[derive(Clone, Debug)]
pub(crate) struct Person {
    pub(crate) name: String,
    /// As the old server has it.
    pub(crate) password: String,
    /// As the directory has it.
    pub(crate) known: String,
    pub(crate) mailboxes: Vec<MailboxSpec>,
}

impl Person {
    /// Somebody with so many messages in INBOX, and one elsewhere.
    pub(crate) fn new(number: usize, messages: usize) -> Self {
        let name = format!("user{number:04}");
        let numbered = u32::try_from(number).unwrap();
        let inbox = (0..messages).fold(MailboxSpec::new(&["INBOX"], 1_000 + numbered), |inbox, message| {
            let text = format!(
                "From: {name}@old.example\r\nSubject: {message}\r\n\r\nMessage {message} of {name}.\r\n{}\r\n",
                "All work and no play. ".repeat(message % 50)
            );
            inbox.message(1_500_000_000 + i64::from(numbered), text.as_bytes())
        });
        let sent = MailboxSpec::new(&["Sent"], 5_000 + numbered).message(
            1_600_000_000,
            format!("Subject: sent by {name}\r\n\r\nYes.\r\n").as_bytes(),
        );
        let password = format!("päss \"{number}\" %");
        Self {
            name,
            known: password.clone(),
            password,
            mailboxes: vec![inbox, sent],
        }
    }

    /// The directory knows a password that the old server does not take.
    pub(crate) fn with_wrong_password(mut self) -> Self {
        "something else".clone_into(&mut self.known);
        self
    }

    pub(crate) fn is_known_right(&self) -> bool {
        self.known == self.password
    }

    /// Their address here and there.
    pub(crate) fn address(&self) -> String {
        format!("{}@new.example", self.name)
    }

    pub(crate) fn old_address(&self) -> String {
        format!("{}@old.example", self.name)
    }
}
