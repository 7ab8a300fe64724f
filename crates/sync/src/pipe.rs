//! The pipe: commands that have been sent and not yet answered, and whose answer is what.
//!
//! Servers work on several commands together and reply to them at the end, after all their data (Dovecot does). So what
//! comes is known by its UID, among the commands up to the next EXAMINE: that one is a barrier on every server.

use std::collections::{HashMap, VecDeque};

use transhume_imap::Connection;
use transhume_imap::session::{Examine, FetchBodies, FetchRows};
use transhume_imap::wire::{Tag, WireName};
use transhume_model::mail::{MessageRow, Uid, UidSet};

/// Texts to ask for with one command.
pub(crate) struct Texts {
    pub(crate) mailbox: usize,
    pub(crate) set: UidSet,
    /// Those that have not come yet.
    pub(crate) rows: HashMap<Uid, MessageRow>,
    /// Asked for one by one, since the server answered a larger command with less than all.
    pub(crate) alone: bool,
}

/// Rows to ask for with one command.
pub(crate) struct Rows {
    pub(crate) range: (Uid, Uid),
    pub(crate) found: Vec<MessageRow>,
    /// Rows that were taken into account when the command was sent.
    pub(crate) reserved: u64,
}

/// What a command asks for.
pub(crate) enum Asked {
    Examine(Examine),
    Rows(Rows),
    Texts(Texts),
}

/// A command without a reply.
pub(crate) struct InFlight {
    tag: Tag,
    pub(crate) mailbox: usize,
    pub(crate) asked: Asked,
}

/// The commands in flight, oldest first.
#[derive(Default)]
pub(crate) struct Pipe {
    commands: VecDeque<InFlight>,
    /// The mailbox that is open behind everything in the pipe.
    open_at_end: Option<usize>,
    texts: usize,
    /// A reply was lost, and with it the knowledge of which mailbox is open: nothing that comes is anybody's.
    is_adrift: bool,
}

impl Pipe {
    pub(crate) fn is_empty(&self) -> bool {
        self.commands.is_empty()
    }

    /// How many commands for texts are in it.
    pub(crate) fn texts(&self) -> usize {
        self.texts
    }

    /// Opens a mailbox behind what is in the pipe, and says whether that took a command: it may be open there already.
    pub(crate) fn examine(&mut self, connection: &mut Connection, mailbox: usize, name: &WireName) -> bool {
        if self.open_at_end == Some(mailbox) {
            return false;
        }
        let tag = connection.enqueue(&Examine::command(name));
        self.push(tag, mailbox, Asked::Examine(Examine::new(name.clone())));
        self.open_at_end = Some(mailbox);
        true
    }

    /// Asks for rows of the mailbox that is open.
    pub(crate) fn ask_rows(&mut self, connection: &mut Connection, mailbox: usize, rows: Rows) {
        let (first, last) = rows.range;
        let tag = connection.enqueue(&FetchRows::command(&UidSet::range(first, last)));
        self.push(tag, mailbox, Asked::Rows(rows));
    }

    /// Asks for texts of the mailbox that is open.
    pub(crate) fn ask_texts(&mut self, connection: &mut Connection, texts: Texts) {
        let tag = connection.enqueue(&FetchBodies::command(&texts.set));
        self.texts += 1;
        self.push(tag, texts.mailbox, Asked::Texts(texts));
    }

    fn push(&mut self, tag: Tag, mailbox: usize, asked: Asked) {
        self.commands.push_back(InFlight { tag, mailbox, asked });
    }

    /// The EXAMINE that is being answered now.
    pub(crate) fn examining(&mut self) -> Option<&mut Examine> {
        if self.is_adrift {
            return None;
        }
        match &mut self.commands.front_mut()?.asked {
            Asked::Examine(exchange) => Some(exchange),
            Asked::Rows(_) | Asked::Texts(_) => None,
        }
    }

    /// The mailbox that is being answered about now.
    pub(crate) fn mailbox(&self) -> Option<usize> {
        let first = self.commands.front().filter(|_| !self.is_adrift);
        first.map(|command| command.mailbox)
    }

    fn answerable(&mut self) -> impl Iterator<Item = &mut Asked> {
        let is_adrift = self.is_adrift;
        let commands = self.commands.iter_mut().map(|command| &mut command.asked);
        commands.take_while(move |asked| !is_adrift && !matches!(asked, Asked::Examine(_)))
    }

    /// Gives a row to the command that asked for it; one that nobody asked for is dropped.
    pub(crate) fn take_row(&mut self, row: MessageRow) {
        let wanted = self.answerable().find_map(|asked| match asked {
            Asked::Rows(rows) if (rows.range.0..=rows.range.1).contains(&row.uid) => Some(rows),
            _ => None,
        });
        if let Some(rows) = wanted {
            rows.found.push(row);
        }
    }

    /// The message whose text has come, if it was asked for and has not come before, with its mailbox. An empty text is not
    /// that of a message that has a size: some servers send one for a message that they cannot read.
    pub(crate) fn take_text(&mut self, uid: Uid, octets: u64) -> Option<(usize, MessageRow)> {
        self.answerable().find_map(|asked| match asked {
            Asked::Texts(texts) => {
                texts.rows.get(&uid).filter(|row| octets > 0 || row.size == 0)?;
                texts.rows.remove(&uid).map(|row| (texts.mailbox, row))
            }
            _ => None,
        })
    }

    /// The message whose text should come next.
    pub(crate) fn next_text(&mut self) -> Option<Uid> {
        self.answerable().find_map(|asked| match asked {
            Asked::Texts(texts) => texts.rows.keys().min().copied(),
            _ => None,
        })
    }

    /// Takes out the command that a reply is for. Servers reply in order; one that does not is followed all the same, but
    /// not past an EXAMINE: then a reply was lost, and the connection is of no use but to end.
    pub(crate) fn answered(&mut self, tag: Tag) -> Option<InFlight> {
        let at = self.commands.iter().position(|command| command.tag == tag)?;
        let mut up_to_it = self.commands.iter().take(at + 1);
        self.is_adrift |= at > 0 && up_to_it.any(|command| matches!(command.asked, Asked::Examine(_)));
        let command = self.commands.remove(at)?;
        self.texts -= usize::from(matches!(command.asked, Asked::Texts(_)));
        Some(command)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(mailbox: usize) -> Asked {
        let uid = Uid::FIRST;
        let row = MessageRow {
            uid,
            flags: transhume_model::mail::FlagSet::new(),
            internal_date: None,
            size: 2,
        };
        Asked::Texts(Texts {
            mailbox,
            set: UidSet::range(uid, uid),
            rows: HashMap::from([(uid, row)]),
            alone: false,
        })
    }

    /// I2: a text is never taken for another mailbox's.
    #[test]
    fn what_comes_after_a_lost_reply_is_nobodys() {
        let examine = || Asked::Examine(Examine::new(WireName::new(*b"INBOX")));
        for (answered, is_whose) in [
            (&[1, 2, 3][..], Some(1)),
            // Out of order, but not past an EXAMINE.
            (&[2], Some(0)),
            // The reply to 2, and to 3, was lost.
            (&[1, 3], None),
            (&[1, 2, 4], None),
        ] {
            let mut pipe = Pipe::default();
            let commands = [(0, texts(0)), (0, texts(0)), (1, examine()), (1, texts(1))];
            for (number, (mailbox, asked)) in (1..).zip(commands) {
                pipe.texts += usize::from(matches!(asked, Asked::Texts(_)));
                pipe.push(Tag::new(number), mailbox, asked);
            }
            for &number in answered {
                assert!(pipe.answered(Tag::new(number)).is_some());
            }
            let text = pipe.take_text(Uid::FIRST, 2).map(|(mailbox, _)| mailbox);
            assert_eq!((text, pipe.mailbox()), (is_whose, is_whose));
        }
    }
}
