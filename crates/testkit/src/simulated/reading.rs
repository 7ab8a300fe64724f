//! What is in a mailbox: EXAMINE, FETCH, and news of the mailbox that is open.

use std::fmt::Write as _;
use std::io::{self, Write as _};

use super::account::{Mailbox, Message};
use super::hold;
use super::listing::mailbox_name;
use super::request::{Word, chosen};
use super::session::{Open, Session, Trouble, Verdict, bad, no};
use crate::encode::imap_date;

impl Session<'_> {
    pub(super) fn examine(&mut self, arguments: &[Word]) -> Verdict {
        let (name, parameters) = match arguments {
            [name] => (name, &[][..]),
            [name, Word::List(parameters)] => (name, &parameters[..]),
            _ => return Err(bad("EXAMINE takes a name")),
        };
        let name = mailbox_name(name)?;
        self.open = None;
        let mailbox = hold(&self.shared.account).mailbox(&name).cloned();
        let mailbox = mailbox.ok_or_else(|| no("[NONEXISTENT] no such mailbox"))?;
        let mod_seq = if self.has("CONDSTORE") {
            format!("[HIGHESTMODSEQ {}]", mailbox.mod_seq)
        } else {
            "[NOMODSEQ]".to_owned()
        };
        write!(
            self.out,
            "* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft)\r\n* OK [PERMANENTFLAGS ()] none\r\n\
             * {} EXISTS\r\n* 0 RECENT\r\n* OK [UIDVALIDITY {}] this life\r\n* OK [UIDNEXT {}] next\r\n\
             * OK {mod_seq} changes\r\n",
            mailbox.messages.len(),
            mailbox.uid_validity,
            mailbox.uid_next
        )?;
        self.open = Some(Open {
            name,
            uid_validity: mailbox.uid_validity,
            known: mailbox.messages.iter().map(|message| message.uid).collect(),
        });
        match parameters {
            [] => {}
            [word] if word.is("CONDSTORE") && self.has("CONDSTORE") => {}
            [word, Word::List(state)] if word.is("QRESYNC") && self.has_qresync => {
                self.resynchronise(&mailbox, state)?;
            }
            _ => return Err(bad("no such parameter of EXAMINE, or not enabled")),
        }
        Ok("[READ-ONLY] open".to_owned())
    }

    /// What has changed since the state that the client knows (RFC 7162 section 3.2.5).
    fn resynchronise(&mut self, mailbox: &Mailbox, state: &[Word]) -> Result<(), Trouble> {
        let (Some(validity), Some(since)) = (
            state.first().and_then(Word::number::<u32>),
            state.get(1).and_then(Word::number::<u64>),
        ) else {
            return Err(bad("QRESYNC takes UIDVALIDITY and a change number"));
        };
        if validity != mailbox.uid_validity {
            return Ok(());
        }
        let known = state.get(2).and_then(Word::text);
        self.tell_vanished(mailbox, since, known.as_deref())?;
        for message in mailbox.messages.iter().filter(|message| message.mod_seq > since) {
            let number = sequence_number(mailbox, message.uid);
            write!(
                self.out,
                "* {number} FETCH (UID {} FLAGS ({}) MODSEQ ({}))\r\n",
                message.uid,
                flags(message),
                message.mod_seq
            )?;
        }
        Ok(())
    }

    fn tell_vanished(&mut self, mailbox: &Mailbox, since: u64, known: Option<&str>) -> Result<(), Trouble> {
        let mut gone: Vec<u32> = mailbox
            .vanished
            .iter()
            .filter(|(_, mod_seq)| *mod_seq > since)
            .map(|(uid, _)| *uid)
            .collect();
        gone.sort_unstable();
        if let Some(known) = known {
            gone = chosen(known, &gone).ok_or_else(|| bad("not a set"))?;
        }
        if !gone.is_empty() {
            let gone: Vec<String> = gone.iter().map(u32::to_string).collect();
            write!(self.out, "* VANISHED (EARLIER) {}\r\n", gone.join(","))?;
        }
        Ok(())
    }

    /// What has changed in the open mailbox since the client was last told.
    pub(super) fn tell_news(&mut self) -> io::Result<()> {
        let Some(open) = &mut self.open else { return Ok(()) };
        let mailbox = hold(&self.shared.account).mailbox(&open.name).cloned();
        let Some(mailbox) = mailbox.filter(|mailbox| mailbox.uid_validity == open.uid_validity) else {
            // As servers do when a mailbox is removed under a client.
            self.out.write_all(b"* BYE the mailbox is no more\r\n")?;
            self.out.flush()?;
            return Err(io::ErrorKind::ConnectionAborted.into());
        };
        let now: Vec<u32> = mailbox.messages.iter().map(|message| message.uid).collect();
        let gone: Vec<usize> = (0..open.known.len())
            .filter(|&at| !now.contains(&open.known[at]))
            .collect();
        // From the end, so that no number changes before it is told.
        for &at in gone.iter().rev() {
            let uid = open.known.remove(at);
            if self.has_qresync {
                write!(self.out, "* VANISHED {uid}\r\n")?;
            } else {
                write!(self.out, "* {} EXPUNGE\r\n", at + 1)?;
            }
        }
        if now != open.known {
            write!(self.out, "* {} EXISTS\r\n", now.len())?;
            open.known = now;
        }
        Ok(())
    }

    pub(super) fn fetch(&mut self, arguments: &[Word], by_uid: bool) -> Verdict {
        let [set, items, modifiers @ ..] = arguments else {
            return Err(bad("FETCH takes a set and items"));
        };
        if by_uid {
            self.tell_news()?;
        }
        let Some(open) = &self.open else {
            // Where the EXAMINE before it, sent together with it, was refused.
            return Err(no("no mailbox is open"));
        };
        let mailbox = hold(&self.shared.account).mailbox(&open.name).cloned();
        let mailbox = mailbox.ok_or_else(|| no("the mailbox is no more"))?;
        let set = set.text().ok_or_else(|| bad("not a set"))?;
        let all: Vec<u32> = if by_uid {
            open.known.clone()
        } else {
            (1..).take(open.known.len()).collect()
        };
        let numbers = chosen(&set, &all).ok_or_else(|| bad("not a set"))?;
        let known = open.known.clone();
        let since = self.modifiers(modifiers, &mailbox, &set, by_uid)?;
        let mut names: Vec<String> = match items {
            Word::List(items) => items.iter().filter_map(Word::text).collect(),
            item => item.text().into_iter().collect(),
        };
        for name in &mut names {
            name.make_ascii_uppercase();
        }
        if by_uid && !names.iter().any(|name| name == "UID") {
            names.insert(0, "UID".to_owned());
        }
        if since.is_some() && !names.iter().any(|name| name == "MODSEQ") {
            names.push("MODSEQ".to_owned());
        }
        for (uid, number) in known.iter().zip(1_u32..) {
            if !numbers.contains(if by_uid { uid } else { &number }) {
                continue;
            }
            let Some(message) = mailbox.messages.iter().find(|message| message.uid == *uid) else {
                continue;
            };
            if since.is_some_and(|since| message.mod_seq <= since) {
                continue;
            }
            self.tell_message(number, message, &names)?;
        }
        Ok("done".to_owned())
    }

    /// Gives the change number of CHANGEDSINCE, and tells what VANISHED asks for.
    fn modifiers(
        &mut self,
        modifiers: &[Word],
        mailbox: &Mailbox,
        set: &str,
        by_uid: bool,
    ) -> Result<Option<u64>, Trouble> {
        let modifiers = match modifiers {
            [] => return Ok(None),
            [Word::List(modifiers)] if self.has("CONDSTORE") => modifiers,
            _ => return Err(bad("no such modifier of FETCH")),
        };
        let since = match modifiers.as_slice() {
            [word, since, ..] if word.is("CHANGEDSINCE") => since.number::<u64>(),
            _ => None,
        };
        let since = since.ok_or_else(|| bad("CHANGEDSINCE takes a number"))?;
        match &modifiers[2..] {
            [] => {}
            [word] if word.is("VANISHED") && by_uid && self.has_qresync => {
                self.tell_vanished(mailbox, since, Some(set))?;
            }
            _ => return Err(bad("no such modifier of FETCH, or not enabled")),
        }
        Ok(Some(since))
    }

    fn tell_message(&mut self, number: u32, message: &Message, names: &[String]) -> Result<(), Trouble> {
        let mut line = format!("* {number} FETCH (");
        for (at, name) in names.iter().enumerate() {
            if at > 0 {
                line.push(' ');
            }
            // Writing to a string cannot fail.
            let _ = match name.as_str() {
                "UID" => write!(line, "UID {}", message.uid),
                "FLAGS" => write!(line, "FLAGS ({})", flags(message)),
                "INTERNALDATE" => write!(line, "INTERNALDATE \"{}\"", imap_date(message.internal_date)),
                "RFC822.SIZE" => write!(line, "RFC822.SIZE {}", message.bytes.len()),
                "MODSEQ" if self.has("CONDSTORE") => write!(line, "MODSEQ ({})", message.mod_seq),
                "BODY.PEEK[]" => {
                    let _ = write!(line, "BODY[] {{{}}}\r\n", message.bytes.len());
                    self.out.write_all(line.as_bytes())?;
                    self.out.write_all(&message.bytes)?;
                    line.clear();
                    Ok(())
                }
                // Without PEEK, a message becomes seen by it.
                name if name.starts_with("BODY[") || name.starts_with("RFC822") => {
                    return Err(Trouble::Write);
                }
                _ => return Err(bad("no such item of FETCH")),
            };
        }
        line.push_str(")\r\n");
        self.out.write_all(line.as_bytes())?;
        Ok(())
    }
}

fn flags(message: &Message) -> String {
    let flags: Vec<&str> = message.flags.iter().map(String::as_str).collect();
    flags.join(" ")
}

fn sequence_number(mailbox: &Mailbox, uid: u32) -> usize {
    1 + mailbox
        .messages
        .iter()
        .take_while(|message| message.uid < uid)
        .count()
}
