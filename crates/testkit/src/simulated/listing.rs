//! Which mailboxes there are, and how far each has got: LIST, LSUB, STATUS.

use std::collections::BTreeSet;
use std::io::Write as _;

use super::account::{Account, Mailbox};
use super::hold;
use super::request::Word;
use super::session::{Session, Verdict, bad, no, ok};

impl Session<'_> {
    pub(super) fn list(&mut self, arguments: &[Word]) -> Verdict {
        let (selecting, arguments) = match arguments.first().and_then(Word::list) {
            Some(options) => (options, &arguments[1..]),
            None => (&[][..], arguments),
        };
        let returning = match arguments {
            [_, _] => &[][..],
            [_, _, word, Word::List(options)] if word.is("RETURN") => options,
            _ => return Err(bad("not a form of LIST")),
        };
        let is_extended = !selecting.is_empty() || !returning.is_empty();
        if is_extended && !self.has("LIST-EXTENDED") && !self.has("LIST-STATUS") {
            return Err(bad("LIST takes two words here"));
        }
        let is_everything = arguments[0].text().as_deref() == Some("")
            && arguments[1]
                .text()
                .is_some_and(|pattern| pattern == "*" || pattern == "%");
        if !is_everything {
            return Err(bad("only everything is listed here"));
        }
        let returns = |name: &str| returning.iter().any(|word| word.is(name));
        let only_subscribed = selecting.iter().any(|word| word.is("SUBSCRIBED"));
        let status = returning
            .iter()
            .position(|word| word.is("STATUS"))
            .map(|at| returning.get(at + 1).and_then(Word::list).unwrap_or_default());
        if status.is_some() && !self.has("LIST-STATUS") {
            return Err(bad("LIST returns no STATUS here"));
        }
        let account = hold(&self.shared.account).clone();
        for name in names(&account, only_subscribed) {
            let mailbox = account.mailbox(&name);
            let subscribed = account.subscriptions.contains(&name);
            let mut attributes = Vec::new();
            if mailbox.is_none() {
                attributes.push("\\NonExistent");
            }
            if subscribed && (only_subscribed || returns("SUBSCRIBED")) {
                attributes.push("\\Subscribed");
            }
            let use_of_it = mailbox.and_then(|mailbox| mailbox.special_use.as_deref());
            if let Some(use_of_it) = use_of_it.filter(|_| returns("SPECIAL-USE")) {
                attributes.push(use_of_it);
            }
            let attributes = attributes.join(" ");
            write!(self.out, "* LIST ({attributes}) \"/\" {}\r\n", quoted(&name))?;
            if let (Some(items), Some(mailbox)) = (status, mailbox) {
                let items = self.state(mailbox, items)?;
                write!(self.out, "* STATUS {} ({items})\r\n", quoted(&name))?;
            }
        }
        ok("done")
    }

    pub(super) fn list_subscriptions(&mut self) -> Verdict {
        let account = hold(&self.shared.account).clone();
        for name in &account.subscriptions {
            write!(self.out, "* LSUB () \"/\" {}\r\n", quoted(name))?;
        }
        ok("done")
    }

    pub(super) fn status(&mut self, arguments: &[Word]) -> Verdict {
        let [name, Word::List(items)] = arguments else {
            return Err(bad("STATUS takes a name and a list"));
        };
        let name = mailbox_name(name)?;
        let account = hold(&self.shared.account).clone();
        let mailbox = account
            .mailbox(&name)
            .ok_or_else(|| no("[NONEXISTENT] no such mailbox"))?;
        let items = self.state(mailbox, items)?;
        write!(self.out, "* STATUS {} ({items})\r\n", quoted(&name))?;
        ok("done")
    }

    fn state(&self, mailbox: &Mailbox, items: &[Word]) -> Result<String, super::session::Trouble> {
        let mut told = Vec::new();
        for item in items {
            let item = item.text().unwrap_or_default().to_uppercase();
            let value = match item.as_str() {
                "MESSAGES" => mailbox.messages.len() as u64,
                "UIDNEXT" => u64::from(mailbox.uid_next),
                "UIDVALIDITY" => u64::from(mailbox.uid_validity),
                "UNSEEN" => mailbox
                    .messages
                    .iter()
                    .filter(|message| !message.flags.contains("\\Seen"))
                    .count() as u64,
                "HIGHESTMODSEQ" if self.has("CONDSTORE") => mailbox.mod_seq,
                _ => return Err(bad("no such state")),
            };
            told.push(format!("{item} {value}"));
        }
        Ok(told.join(" "))
    }
}

fn names(account: &Account, only_subscribed: bool) -> BTreeSet<String> {
    if only_subscribed {
        return account.subscriptions.clone();
    }
    account.mailboxes().map(|(name, _)| name.to_owned()).collect()
}

pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\""))
}

pub(super) fn mailbox_name(word: &Word) -> Result<String, super::session::Trouble> {
    let name = word.text().ok_or_else(|| no("[NONEXISTENT] no such name"))?;
    Ok(if name.eq_ignore_ascii_case("INBOX") {
        "INBOX".to_owned()
    } else {
        name
    })
}
