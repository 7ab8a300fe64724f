//! One connection to the target's server, and what is asked on it.

use std::collections::{BTreeMap, HashMap};

use transhume_db::StagedMessage;
use transhume_imap::session::{
    Append, Appended, BodyEvent, Create, FetchBodies, FetchRows, ListedMailbox, PersonalNamespace,
    ReadAppendLimit, Rename, Select, Selected, Store, Subscribe, ToAppend, accept,
};
use transhume_imap::wire::{Code, CommandLine, Event, Response, Status, Tag, Tagged, WireName};
use transhume_imap::{Connection, ImapError};
use transhume_model::mail::{
    Checkpoint, Digest, FlagSet, HierarchyDelimiter, MailboxName, Uid, UidSet, mutf7,
};
use transhume_model::plan::Reading;

use super::content::{Foreign, Reader, Rows, assign, candidates};
use crate::error::SyncError;
use crate::window::windows;

/// Octets of a set of UIDs in one command. The shortest line that some server is known to take has 1,000.
const SET_OCTETS: usize = 900;

/// A name with a dot, to see whether the server takes such names: there is no such mailbox.
const DOTTED: &str = "no.such-mailbox";

/// A connection, logged in.
pub(super) struct Session {
    connection: Connection,
    namespace: PersonalNamespace,
    delimiter: HierarchyDelimiter,
    listed: HashMap<MailboxName, ListedMailbox>,
    subscribed: Vec<MailboxName>,
    /// Whether names may have dots in them; not known until asked.
    takes_dots: Option<bool>,
}

/// How the server has answered an APPEND.
pub(super) enum Answer {
    /// It has taken the messages. Where to, not every server tells.
    Taken(Option<Appended>),
    /// It has taken none of them.
    Refused(Tagged),
}

impl Session {
    /// Learns what there is.
    pub(super) async fn begin(connection: Connection) -> Result<Self, SyncError> {
        let mut session = Self {
            connection,
            delimiter: None,
            namespace: PersonalNamespace::default(),
            listed: HashMap::new(),
            subscribed: Vec::new(),
            takes_dots: None,
        };
        session.list().await?;
        Ok(session)
    }

    /// Lists the account anew.
    pub(super) async fn list(&mut self) -> Result<(), SyncError> {
        let listing = on_target(self.connection.list().await)?;
        self.delimiter = listing.namespace.delimiter();
        self.namespace = listing.namespace;
        self.subscribed = listing.missing_subscriptions;
        self.listed.clear();
        for mailbox in listing.mailboxes.into_iter().filter(|mailbox| mailbox.personal) {
            self.delimiter = self.delimiter.or(mailbox.delimiter);
            if mailbox.subscribed {
                self.subscribed.push(mailbox.name.clone());
            }
            // Of two that show the same name, the first is it.
            self.listed.entry(mailbox.name.clone()).or_insert(mailbox);
        }
        Ok(())
    }

    /// The name on the wire of a mailbox that is there and can hold messages.
    pub(super) fn listed(&self, name: &MailboxName) -> Option<WireName> {
        let mailbox = self.listed.get(name).filter(|mailbox| mailbox.selectable)?;
        Some(mailbox.wire_name.clone())
    }

    /// How far a mailbox has got; `None` when it is not there.
    pub(super) async fn status(&mut self, name: &MailboxName) -> Result<Option<Checkpoint>, SyncError> {
        let Some(mailbox) = self.listed.get(name).filter(|mailbox| mailbox.selectable) else {
            return Ok(None);
        };
        match mailbox.checkpoint {
            Some(checkpoint) if checkpoint.uid_validity.is_some() => Ok(Some(checkpoint)),
            _ => {
                let wire = mailbox.wire_name.clone();
                self.examine(&wire).await.map(Some)
            }
        }
    }

    /// Characters that no name may contain. A server whose mailboxes are Maildirs takes no dots, and says so only when
    /// asked for such a name.
    pub(super) async fn forbidden(&mut self) -> Result<&'static [char], SyncError> {
        let takes_dots = match (self.takes_dots, self.delimiter) {
            (Some(takes_dots), _) => takes_dots,
            (None, Some('.')) => false,
            (None, _) => {
                let name = WireName::new([self.namespace.prefix(), DOTTED.as_bytes()].concat());
                let ask = CommandLine::new("STATUS").mailbox(&name).text("(MESSAGES)");
                let replies = on_target(self.connection.pipeline(&[ask], |_, _| {}).await)?;
                let is_impossible =
                    |reply: &Tagged| matches!(&reply.code, Some(Code::Other(code)) if code == "CANNOT");
                !replies.iter().any(is_impossible)
            }
        };
        self.takes_dots = Some(takes_dots);
        Ok(match (self.delimiter, takes_dots) {
            (Some('\\'), true) => &['\\', '/'],
            (Some('\\'), false) => &['\\', '/', '.'],
            (Some('^'), true) => &['^', '/'],
            (Some('^'), false) => &['^', '/', '.'],
            (_, true) => &['/'],
            (_, false) => &['/', '.'],
        })
    }

    /// What a mailbox is called on the wire: as the server calls it, else as it is to be made.
    fn wire_name(&self, name: &MailboxName) -> Result<WireName, SyncError> {
        if let Some(mailbox) = self.listed.get(name) {
            return Ok(mailbox.wire_name.clone());
        }
        wire_name(name, self.namespace.prefix(), self.delimiter).ok_or_else(|| {
            on_server(ImapError::Refused {
                command: "CREATE",
                status: Status::No,
                code: None,
                text: format!("“{name}” lies below another mailbox, and it has no levels"),
            })
        })
    }

    /// Makes a mailbox where it is missing, and says whether it was.
    pub(super) async fn create(&mut self, name: &MailboxName) -> Result<bool, SyncError> {
        if self.listed(name).is_some() {
            return Ok(false);
        }
        let wire = self.wire_name(name)?;
        let made = on_target(self.connection.run(Create::new(wire.clone())).await)?;
        let mailbox = ListedMailbox {
            wire_name: wire,
            name: name.clone(),
            delimiter: self.delimiter,
            selectable: true,
            special_use: None,
            subscribed: false,
            personal: true,
            checkpoint: None,
        };
        self.listed.insert(name.clone(), mailbox);
        Ok(made)
    }

    /// Gives a mailbox another name, and says whether it could: not INBOX (RFC 9051 section 6.3.6: its messages would go, and
    /// it would stay), and not one that others lie below, which would go with it.
    pub(super) async fn rename(&mut self, from: &MailboxName, to: &MailboxName) -> Result<bool, SyncError> {
        let is_below = |name: &MailboxName| {
            let (name, from) = (name.components(), from.components());
            name.len() > from.len() && name.starts_with(from)
        };
        let is_possible = !from.is_inbox()
            && self.listed(to).is_none()
            && !self
                .listed
                .values()
                .any(|listed| listed.selectable && is_below(&listed.name));
        let (Some(before), true) = (self.listed(from), is_possible) else {
            return Ok(false);
        };
        let Ok(now) = self.wire_name(to) else {
            return Ok(false);
        };
        match self.connection.run(Rename::new(before, now)).await {
            Ok(()) => self.list().await.map(|()| true),
            Err(ImapError::Refused { .. }) => Ok(false),
            Err(error) => Err(on_server(error)),
        }
    }

    /// Subscribes to what nobody has subscribed to, and says to how many. What the server refuses (a mailbox that is not
    /// there, with some) stays without.
    pub(super) async fn subscribe(&mut self, names: &[MailboxName]) -> Result<usize, SyncError> {
        let mut added = 0;
        for name in names {
            if self.subscribed.contains(name) {
                continue;
            }
            let Ok(wire) = self.wire_name(name) else { continue };
            match self.connection.run(Subscribe::new(wire)).await {
                Ok(()) => added += 1,
                Err(ImapError::Refused { .. }) => {}
                Err(error) => return Err(on_server(error)),
            }
        }
        Ok(added)
    }

    pub(super) async fn examine(&mut self, name: &WireName) -> Result<Checkpoint, SyncError> {
        Ok(on_target(self.connection.examine(name).await)?.checkpoint)
    }

    /// Opens a mailbox for writing. What is asked about messages afterwards is about its.
    pub(super) async fn select(&mut self, name: &WireName) -> Result<Selected, SyncError> {
        on_target(self.connection.run(Select::new(name.clone())).await)
    }

    /// The longest message that a mailbox takes.
    pub(super) async fn append_limit(&mut self, name: &WireName) -> Result<Option<u64>, SyncError> {
        let ask = ReadAppendLimit::new(name.clone(), self.connection.capabilities());
        on_target(self.connection.run(ask).await)
    }

    /// The rows of the mailbox that is open, a window at a time.
    pub(super) async fn rows(&mut self, checkpoint: &Checkpoint) -> Result<Rows, SyncError> {
        let mut rows = Rows::default();
        for window in windows(checkpoint, Reading::Rows) {
            self.rows_of(&UidSet::range(window.first, window.last), &mut rows)
                .await?;
        }
        Ok(rows)
    }

    /// The rows of the mailbox that is open from this UID on.
    pub(super) async fn rows_from(&mut self, first: Uid) -> Result<Rows, SyncError> {
        let mut rows = Rows::default();
        self.rows_of(&UidSet::range(first, Uid::LAST), &mut rows).await?;
        // Asked for messages above all that there are, servers tell the last one (RFC 9051 section 9, `seq-range`).
        rows.cut_below(first);
        Ok(rows)
    }

    async fn rows_of(&mut self, set: &UidSet, rows: &mut Rows) -> Result<(), SyncError> {
        let command = CommandLine::new("UID FETCH")
            .text(set.to_string())
            .text("(UID FLAGS RFC822.SIZE)");
        let on_event = |event| {
            if let Event::Response(Response::Fetch(fetch)) = event
                && let Some(row) = FetchRows::row(&fetch)
            {
                rows.add(row);
            }
        };
        self.fetch(command, on_event).await
    }

    async fn fetch(
        &mut self,
        command: CommandLine,
        mut on_event: impl FnMut(Event) + Send,
    ) -> Result<(), SyncError> {
        let replies = self
            .connection
            .pipeline(&[command], |_, event| on_event(event))
            .await;
        for reply in on_target(replies)? {
            on_target(accept("UID FETCH", reply))?;
        }
        Ok(())
    }

    /// Counterparts of messages among those of the mailbox that is open, by their bytes.
    pub(super) async fn find(
        &mut self,
        foreign: &Foreign,
        messages: &[StagedMessage],
    ) -> Result<Vec<(Uid, Uid)>, SyncError> {
        let digests = self.digests(&candidates(foreign, messages)).await?;
        Ok(assign(messages, &digests))
    }

    /// The digests of messages of the mailbox that is open.
    pub(super) async fn digests(&mut self, uids: &[Uid]) -> Result<BTreeMap<Uid, Digest>, SyncError> {
        let mut digests = BTreeMap::new();
        let mut reader = Reader::default();
        for set in sets(uids) {
            let on_event = |event| match FetchBodies::read(event) {
                BodyEvent::Started { .. } => reader = Reader::default(),
                BodyEvent::Chunk(chunk) => reader.read(&chunk),
                BodyEvent::Complete { fetch, .. } => {
                    let digest = std::mem::take(&mut reader).finish().digest;
                    digests.extend(fetch.uid.map(|uid| (uid, digest)));
                }
                _ => {}
            };
            self.fetch(FetchBodies::command(&set), on_event).await?;
        }
        Ok(digests)
    }

    /// The flags of messages of the mailbox that is open, as they are now. One that is missing is gone.
    pub(super) async fn flags(&mut self, uids: &[Uid]) -> Result<HashMap<Uid, FlagSet>, SyncError> {
        let mut found = HashMap::new();
        for set in sets(uids) {
            let command = CommandLine::new("UID FETCH")
                .text(set.to_string())
                .text("(UID FLAGS)");
            let on_event = |event| {
                if let Event::Response(Response::Fetch(fetch)) = event
                    && let (Some(uid), Some(flags)) = (fetch.uid, fetch.flags)
                {
                    found.insert(uid, flags);
                }
            };
            self.fetch(command, on_event).await?;
        }
        Ok(found)
    }

    /// Sets flags of messages of the mailbox that is open, and takes others away.
    pub(super) async fn store(
        &mut self,
        uids: &[Uid],
        set: &FlagSet,
        clear: &FlagSet,
    ) -> Result<(), SyncError> {
        for part in sets(uids) {
            if *set != FlagSet::new() {
                on_target(self.connection.run(Store::set(part.clone(), set.clone())).await)?;
            }
            if *clear != FlagSet::new() {
                on_target(self.connection.run(Store::clear(part, clear.clone())).await)?;
            }
        }
        Ok(())
    }

    /// Whether several messages can be put in with one command.
    pub(super) fn appends_many(&self) -> bool {
        self.connection.capabilities().has("MULTIAPPEND")
    }

    /// Puts messages into a mailbox, a group with each command, without waiting for the answers in between. Gives an
    /// answer for each group. When the connection ends, some may be in the mailbox, and nobody knows which.
    pub(super) async fn append(
        &mut self,
        name: &WireName,
        groups: &[&[ToAppend]],
    ) -> Result<Vec<Answer>, SyncError> {
        let commands: Vec<CommandLine> = groups.iter().map(|group| Append::command(name, group)).collect();
        let tags: Vec<Tag> = commands
            .iter()
            .map(|command| self.connection.enqueue(command))
            .collect();
        drop(commands);
        // The code has a meaning only where it is announced.
        let tells_uids = self.connection.capabilities().has("UIDPLUS");
        let mut answers: Vec<Option<Answer>> = groups.iter().map(|_| None).collect();
        let mut missing = groups.len();
        while missing > 0 {
            let event = on_target(self.connection.next_event().await)?;
            let Event::Response(Response::Tagged(reply)) = event else {
                continue;
            };
            let Some(at) = tags.iter().position(|tag| *tag == reply.tag) else {
                continue;
            };
            missing -= 1;
            answers[at] = Some(if reply.status == Status::Ok {
                let appended = Append::uids(&reply, groups[at].len());
                Answer::Taken(appended.filter(|_| tells_uids))
            } else {
                Answer::Refused(reply)
            });
        }
        Ok(answers.into_iter().flatten().collect())
    }
}

/// The name of a mailbox that is to be made; `None` where the server has no levels.
fn wire_name(name: &MailboxName, prefix: &[u8], delimiter: HierarchyDelimiter) -> Option<WireName> {
    if name.is_inbox() {
        return Some(WireName::new(&b"INBOX"[..]));
    }
    let levels: Vec<String> = name
        .components()
        .iter()
        .map(|level| mutf7::encode(level))
        .collect();
    let path = match (delimiter, &levels[..]) {
        (Some(delimiter), _) => levels.join(&String::from(delimiter)),
        (None, [level]) => level.clone(),
        (None, _) => return None,
    };
    Some(WireName::new([prefix, path.as_bytes()].concat()))
}

/// The UIDs, in sets for one command each.
fn sets(uids: &[Uid]) -> Vec<UidSet> {
    let set: UidSet = uids.iter().map(|&uid| (uid, uid)).collect();
    if uids.is_empty() {
        return Vec::new();
    }
    set.split_by_octets(SET_OCTETS)
}

pub(super) fn on_server(error: ImapError) -> SyncError {
    SyncError::TargetServer(error)
}

fn on_target<T>(result: Result<T, ImapError>) -> Result<T, SyncError> {
    result.map_err(on_server)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_put_below_the_prefix() {
        let check = |path: &str, prefix: &str, delimiter, expected: Option<&str>| {
            let name = MailboxName::from_path(path, Some('|')).unwrap();
            let wire = wire_name(&name, prefix.as_bytes(), delimiter);
            let wire = wire.map(|wire| String::from_utf8(wire.as_bytes().to_vec()).unwrap());
            assert_eq!(wire.as_deref(), expected, "{path}");
        };
        check("inbox", "INBOX.", Some('.'), Some("INBOX"));
        check("INBOX|Sub", "", Some('/'), Some("INBOX/Sub"));
        check("Work|Größe", "INBOX.", Some('.'), Some("INBOX.Work.Gr&APYA3w-e"));
        check("A&B", "", Some('/'), Some("A&-B"));
        check("flat", "", None, Some("flat"));
        check("a|b", "", None, None);
    }
}
