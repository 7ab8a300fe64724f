//! The pipe: commands that have been sent and not yet answered, and whose answer is what.
//!
//! Servers work on several commands together and reply to them at the end, after all their data (Dovecot does). So what
//! comes is known by its UID, among the commands up to the next EXAMINE: that one is a barrier on every server.

use std::collections::{HashMap, VecDeque};

use transhume_imap::Connection;
use transhume_imap::session::{Examine, FetchBodies, FetchRows};
use transhume_imap::wire::{Tag, WireName};
use transhume_model::mail::{MessageRow, Uid, UidSet};

use crate::window::{Ask, WINDOW, Window};

/// Texts to ask for with one command.
pub(crate) struct Texts {
    pub(crate) mailbox: usize,
    pub(crate) set: UidSet,
    /// Those that have not come yet.
    pub(crate) rows: HashMap<Uid, MessageRow>,
    /// Asked for one by one, since the server answered a larger command with less than all.
    pub(crate) alone: bool,
}

/// A window to ask for with one command.
pub(crate) struct Asking {
    pub(crate) window: Window,
    /// Its rows; none where it is asked for whole.
    pub(crate) found: Vec<MessageRow>,
    /// Rows that were taken into account when the command was sent.
    pub(crate) reserved: u64,
}

impl Asking {
    fn is_about(&self, uid: Uid) -> bool {
        (self.window.first..=self.window.last).contains(&uid)
    }
}

/// What a command asks for.
pub(crate) enum Asked {
    Examine(Examine),
    /// Which UIDs the messages at some places have.
    Places(Vec<Uid>),
    Window(Asking),
    Texts(Texts),
}

impl Asked {
    /// The command's name.
    pub(crate) fn command(&self) -> &'static str {
        match self {
            Self::Examine(_) => "EXAMINE",
            Self::Places(_) | Self::Window(_) | Self::Texts(_) => "FETCH",
        }
    }
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

    /// Asks for a window of the mailbox that is open.
    pub(crate) fn ask_window(&mut self, connection: &mut Connection, mailbox: usize, asking: Asking) {
        let Window { first, last, ask } = asking.window;
        let set = UidSet::range(first, last);
        let tag = connection.enqueue(&match ask {
            Ask::Rows => FetchRows::command(&set),
            Ask::RowsSince(mod_seq) => FetchRows::command_since(&set, mod_seq),
            Ask::Whole => FetchBodies::command_whole(&set),
        });
        self.push(tag, mailbox, Asked::Window(asking));
    }

    /// Asks which UIDs messages of the mailbox that is open have.
    pub(crate) fn ask_places(&mut self, connection: &mut Connection, mailbox: usize, places: &[u32]) {
        let tag = connection.enqueue(&FetchRows::command_places(places));
        self.push(tag, mailbox, Asked::Places(Vec::new()));
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
            Asked::Places(_) | Asked::Window(_) | Asked::Texts(_) => None,
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

    /// Gives a row to the command that asked for it; one that nobody asked for is dropped. Where more have come than are to be
    /// held at once, gives them back, to be planned before the rest comes.
    pub(crate) fn take_row(&mut self, row: MessageRow) -> Option<Vec<MessageRow>> {
        let wanted = self.answerable().find_map(|asked| match asked {
            Asked::Window(asking) if asking.window.ask != Ask::Whole && asking.is_about(row.uid) => {
                Some(asking)
            }
            _ => None,
        })?;
        wanted.found.push(row);
        let is_full = wanted.found.len() as u64 >= WINDOW;
        let since = matches!(wanted.window.ask, Ask::RowsSince(_));
        (since && is_full).then(|| std::mem::take(&mut wanted.found))
    }

    /// Takes the UID of a message whose place was asked for, and says whether any was.
    pub(crate) fn take_place(&mut self, uid: Uid) -> bool {
        let asked = self.answerable().find_map(|asked| match asked {
            Asked::Places(found) => Some(found),
            _ => None,
        });
        asked.is_some_and(|found| {
            found.push(uid);
            true
        })
    }

    /// The mailbox of a message that came whole and was asked for so.
    pub(crate) fn take_whole(&mut self, uid: Uid) -> Option<usize> {
        let mailbox = self.mailbox();
        let asked = self.answerable().any(|asked| match asked {
            Asked::Window(asking) => asking.window.ask == Ask::Whole && asking.is_about(uid),
            _ => false,
        });
        mailbox.filter(|_| asked)
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

    /// The window that is being answered now, if it was asked for whole.
    pub(crate) fn whole_window(&self) -> Option<Window> {
        match &self.commands.front()?.asked {
            Asked::Window(asking) if asking.window.ask == Ask::Whole => Some(asking.window),
            _ => None,
        }
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
