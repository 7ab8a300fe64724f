//! Every mailbox with its state: LIST (RFC 9051 section 6.3.9), with all that can be had in one go (RFC 5258,
//! RFC 5819, RFC 6154, RFC 8438), LSUB and STATUS where it cannot.

use std::collections::{HashMap, HashSet, VecDeque};

use transhume_model::mail::{Checkpoint, HierarchyDelimiter, MailboxName, SpecialUse, mutf7};

use super::{Exchange, PersonalNamespace, accept};
use crate::ImapError;
use crate::wire::{Capabilities, CommandLine, ListItem, Response, Status, StatusItems, Tagged, WireName};

/// One mailbox of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedMailbox {
    /// The name that selects it.
    pub wire_name: WireName,
    /// Its place in the account: the personal namespace's prefix is taken off, INBOX folded. A level that is no
    /// valid modified UTF-7 is shown as it stands. Two mailboxes may show the same name; `wire_name` differs.
    pub name: MailboxName,
    /// The delimiter in it.
    pub delimiter: HierarchyDelimiter,
    /// Whether it can hold messages; `false` for `\NoSelect` and `\NonExistent`.
    pub selectable: bool,
    /// What it is for, if the server says.
    pub special_use: Option<SpecialUse>,
    /// Whether the user has subscribed to it.
    pub subscribed: bool,
    /// Whether it is the user's own; `false` in the namespaces of other users and of everyone.
    pub personal: bool,
    /// How far it has got; `None` where it is not selectable, or the server refuses STATUS for it.
    pub checkpoint: Option<Checkpoint>,
}

/// All mailboxes of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listing {
    /// INBOX first, the others by name.
    pub mailboxes: Vec<ListedMailbox>,
    /// Subscriptions to mailboxes that are not listed, by name.
    pub missing_subscriptions: Vec<MailboxName>,
    /// Whether the server told the subscriptions; if not, none is marked.
    pub subscriptions_known: bool,
    /// Lines of the list that could not be read: mailboxes that nothing is known of.
    pub unreadable: usize,
    /// Where the user's own mailboxes are.
    pub namespace: PersonalNamespace,
}

/// Lists an account, all in one flight where the server can do that: NAMESPACE goes along, since only the answers' meaning
/// depends on it.
#[derive(Debug)]
pub struct List {
    capabilities: Capabilities,
    namespace: PersonalNamespace,
    /// What each command without a reply was sent for, oldest first.
    asked: VecDeque<Asked>,
    /// In the order of the first line about each.
    listed: Vec<ListItem>,
    places: HashMap<WireName, usize>,
    subscriptions: Vec<ListItem>,
    subscriptions_known: bool,
    statuses: HashMap<WireName, StatusItems>,
    statuses_asked: bool,
    unreadable: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    Namespace,
    ExtendedList,
    PlainList,
    ExtendedSubscriptions,
    Lsub,
    Status,
}

impl List {
    /// For a server that can do this.
    pub fn new(capabilities: &Capabilities) -> Self {
        Self {
            capabilities: capabilities.clone(),
            namespace: PersonalNamespace::default(),
            asked: VecDeque::new(),
            listed: Vec::new(),
            places: HashMap::new(),
            subscriptions: Vec::new(),
            subscriptions_known: false,
            statuses: HashMap::new(),
            statuses_asked: false,
            unreadable: 0,
        }
    }

    fn ask(&mut self, asked: Asked) -> CommandLine {
        self.asked.push_back(asked);
        match asked {
            Asked::Namespace => CommandLine::new("NAMESPACE"),
            Asked::ExtendedList => CommandLine::new("LIST")
                .text(r#""" "*" RETURN"#)
                .text(self.return_options()),
            Asked::PlainList => CommandLine::new("LIST").text(r#""" "*""#),
            Asked::ExtendedSubscriptions => CommandLine::new("LIST").text(r#"(SUBSCRIBED) "" "*""#),
            Asked::Lsub => CommandLine::new("LSUB").text(r#""" "*""#),
            Asked::Status => CommandLine::new("STATUS"),
        }
    }

    /// Only what is announced is asked for: servers that do not know an option refuse the whole command.
    fn return_options(&self) -> String {
        let mut options = vec!["SUBSCRIBED".to_owned()];
        if self.capabilities.has("SPECIAL-USE") {
            options.push("SPECIAL-USE".to_owned());
        }
        if self.capabilities.has("LIST-STATUS") {
            options.push(format!("STATUS {}", self.status_items()));
        }
        format!("({})", options.join(" "))
    }

    /// Not SIZE (RFC 8438): some servers read every message to sum it up.
    fn status_items(&self) -> String {
        let mut items = vec!["MESSAGES", "UIDNEXT", "UIDVALIDITY"];
        if self.capabilities.has("CONDSTORE") || self.capabilities.has("QRESYNC") {
            items.push("HIGHESTMODSEQ");
        }
        format!("({})", items.join(" "))
    }

    /// A STATUS command for every mailbox whose state has not come with LIST, once.
    fn ask_statuses(&mut self) -> Vec<CommandLine> {
        if self.statuses_asked || !self.asked.is_empty() {
            return Vec::new();
        }
        self.statuses_asked = true;
        let items = self.status_items();
        let unknown: Vec<WireName> = self
            .listed
            .iter()
            .filter(|item| is_selectable(item) && !self.statuses.contains_key(&folded(&item.name)))
            .map(|item| item.name.clone())
            .collect();
        unknown
            .iter()
            .map(|name| self.ask(Asked::Status).mailbox(name).text(&items))
            .collect()
    }

    /// Servers list a mailbox twice when it matches in two ways; attributes add up.
    fn add(&mut self, item: ListItem) {
        let place = *self.places.entry(folded(&item.name)).or_insert(self.listed.len());
        match self.listed.get_mut(place) {
            Some(known) => known.attributes.extend(item.attributes),
            None => self.listed.push(item),
        }
    }

    fn mailbox(&self, item: &ListItem, subscribed: &HashSet<WireName>) -> Option<ListedMailbox> {
        let selectable = is_selectable(item);
        let key = folded(&item.name);
        let status = self.statuses.get(&key).filter(|_| selectable);
        Some(ListedMailbox {
            name: self.shown_name(&item.name, item.delimiter)?,
            delimiter: item.delimiter,
            selectable,
            special_use: item
                .attributes
                .iter()
                .find_map(|word| SpecialUse::from_attribute(word)),
            subscribed: subscribed.contains(&key),
            personal: self.namespace.owns(&item.name),
            checkpoint: status.and_then(|items| {
                Some(Checkpoint {
                    uid_validity: items.uid_validity,
                    uid_next: items.uid_next,
                    highest_mod_seq: items.highest_mod_seq,
                    messages: items.messages?,
                })
            }),
            wire_name: item.name.clone(),
        })
    }

    /// The name for people. Levels are told apart before they are decoded: a delimiter may come out of a
    /// decoded level.
    fn shown_name(&self, name: &WireName, delimiter: HierarchyDelimiter) -> Option<MailboxName> {
        if name.is_inbox() {
            return Some(MailboxName::inbox());
        }
        let whole = name.as_bytes();
        let prefix = self.namespace.prefix();
        let path = match whole.split_at_checked(prefix.len()) {
            // Without its prefix it must not be taken for INBOX itself.
            Some((start, rest))
                if start.eq_ignore_ascii_case(prefix)
                    && !rest.is_empty()
                    && !rest.eq_ignore_ascii_case(b"INBOX") =>
            {
                rest
            }
            _ => whole,
        };
        let delimiter = delimiter.and_then(|c| u8::try_from(c).ok());
        let levels = path
            .split(|byte| Some(*byte) == delimiter)
            .filter(|level| !level.is_empty());
        MailboxName::from_components(
            levels.map(|level| {
                mutf7::decode(level).unwrap_or_else(|| String::from_utf8_lossy(level).into_owned())
            }),
        )
    }
}

/// INBOX in one spelling; every other name as it is.
fn folded(name: &WireName) -> WireName {
    if name.is_inbox() {
        WireName::new(&b"INBOX"[..])
    } else {
        name.clone()
    }
}

/// Whether an untagged response is about LIST.
fn is_list(raw: &[u8]) -> bool {
    let word = raw.strip_prefix(b"*").unwrap_or(raw).trim_ascii_start();
    word.get(..4)
        .is_some_and(|word| word.eq_ignore_ascii_case(b"LIST"))
}

fn is_selectable(item: &ListItem) -> bool {
    !item.has("\\NoSelect") && !item.has("\\NonExistent")
}

/// Courier tells the parents of subscribed mailboxes too, as `\NoSelect` (RFC 3501 section 6.3.9 wants that for `%` only).
/// One without such children is a mailbox that is gone.
fn without_mere_parents(told: &[ListItem]) -> Vec<&ListItem> {
    let has_children = |parent: &ListItem| {
        let delimiter = parent.delimiter.and_then(|c| u8::try_from(c).ok());
        told.iter().any(|item| {
            let rest = item.name.as_bytes().strip_prefix(parent.name.as_bytes());
            rest.is_some_and(|rest| delimiter.is_some() && rest.first().copied() == delimiter)
        })
    };
    let parent = |item: &ListItem| item.has("\\NoSelect") && !item.has("\\Subscribed");
    told.iter()
        .filter(|item| !parent(item) || !has_children(item))
        .collect()
}

impl Exchange for List {
    type Output = Listing;

    fn begin(&mut self) -> Vec<CommandLine> {
        let (list, subscriptions) = if self.capabilities.has("LIST-EXTENDED") {
            (Asked::ExtendedList, Asked::ExtendedSubscriptions)
        } else {
            (Asked::PlainList, Asked::Lsub)
        };
        let namespace = self.capabilities.has("NAMESPACE").then_some(Asked::Namespace);
        let all = namespace.into_iter().chain([list, subscriptions]);
        all.map(|asked| self.ask(asked)).collect()
    }

    fn untagged(&mut self, response: Response) {
        match (response, self.asked.front()) {
            (Response::Namespace(namespace), _) => self.namespace = PersonalNamespace::from(namespace),
            (Response::MailboxStatus { name, items }, _) => {
                self.statuses.insert(folded(&name), items);
            }
            (Response::List(item), Some(Asked::ExtendedList | Asked::PlainList)) => {
                if item.has("\\Subscribed") {
                    self.subscriptions.push(item.clone());
                }
                self.add(item);
            }
            (
                Response::List(item) | Response::Lsub(item),
                Some(Asked::ExtendedSubscriptions | Asked::Lsub),
            ) => self.subscriptions.push(item),
            (Response::Unknown(unknown), Some(Asked::ExtendedList | Asked::PlainList))
                if unknown.reason.is_some() && is_list(&unknown.raw) =>
            {
                self.unreadable += 1;
            }
            _ => {}
        }
    }

    fn tagged(&mut self, command: &'static str, reply: Tagged) -> Result<Vec<CommandLine>, ImapError> {
        let asked = self.asked.pop_front();
        let mut more = Vec::new();
        match (asked, reply.status) {
            (Some(Asked::ExtendedList), Status::No | Status::Bad) => more.push(self.ask(Asked::PlainList)),
            (Some(Asked::PlainList | Asked::ExtendedList), _) => {
                accept(command, reply)?;
            }
            (Some(Asked::ExtendedSubscriptions | Asked::Lsub), Status::Ok) => self.subscriptions_known = true,
            (Some(Asked::ExtendedSubscriptions), _) => more.push(self.ask(Asked::Lsub)),
            _ => {}
        }
        more.extend(self.ask_statuses());
        Ok(more)
    }

    fn finish(self) -> Result<Listing, ImapError> {
        let subscriptions = without_mere_parents(&self.subscriptions);
        let subscribed: HashSet<WireName> = subscriptions.iter().map(|item| folded(&item.name)).collect();
        let mut mailboxes: Vec<ListedMailbox> = self
            .listed
            .iter()
            .filter_map(|item| self.mailbox(item, &subscribed))
            .collect();
        let nameless = self
            .listed
            .iter()
            .filter(|item| is_selectable(item) && self.shown_name(&item.name, item.delimiter).is_none())
            .count();
        mailboxes.sort_by(|a, b| {
            let key = |mailbox: &ListedMailbox| !mailbox.name.is_inbox();
            (key(a), &a.name, &a.wire_name).cmp(&(key(b), &b.name, &b.wire_name))
        });
        let mut missing: Vec<MailboxName> = subscriptions
            .iter()
            .filter(|item| !self.places.contains_key(&folded(&item.name)))
            .filter_map(|item| self.shown_name(&item.name, item.delimiter))
            .collect();
        missing.sort();
        missing.dedup();
        Ok(Listing {
            mailboxes,
            missing_subscriptions: missing,
            subscriptions_known: self.subscriptions_known,
            unreadable: self.unreadable + nameless,
            namespace: self.namespace,
        })
    }
}
