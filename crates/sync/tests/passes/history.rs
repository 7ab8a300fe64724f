//! What may happen to an account: on the old server, on the new one, and passes in between.

use std::sync::Arc;

use transhume_sync::{Deletions, Report, SyncError};
use transhume_testkit::SimulatedServer;
use transhume_testkit::simulated::{Account, EVERYTHING, PLAIN, WITHOUT_MOD_SEQ};

use crate::ledger::Ledgers;
use crate::world::{Outcome, World};

/// Mailboxes that may exist.
pub(crate) const MAILBOXES: [&str; 4] = ["INBOX", "Work", "Work/Old", "Sent"];

/// Flags that may be set.
pub(crate) const FLAGS: [&str; 6] = [
    "\\Seen",
    "\\Flagged",
    "\\Answered",
    "\\Deleted",
    "work",
    "$Label1",
];

/// What the server may be able to do.
const SERVERS: [&[&str]; 3] = [EVERYTHING, WITHOUT_MOD_SEQ, PLAIN];

/// One thing that happens on the old server. Mailboxes and flags are numbers into the lists above; a message is chosen
/// among those that there are. What cannot be does nothing.
#[derive(Clone, Copy, Debug)]
pub(crate) enum OnSource {
    Arrive {
        mailbox: u8,
        flags: u8,
    },
    /// The same message comes once more.
    Duplicate {
        mailbox: u8,
        message: u8,
        flags: u8,
    },
    Flag {
        mailbox: u8,
        message: u8,
        flag: u8,
        on: bool,
    },
    Expunge {
        mailbox: u8,
        message: u8,
    },
    Create {
        mailbox: u8,
    },
    Delete {
        mailbox: u8,
    },
    Rename {
        from: u8,
        to: u8,
    },
    /// A new UIDVALIDITY.
    Renumber {
        mailbox: u8,
    },
    Subscribe {
        mailbox: u8,
        on: bool,
    },
}

/// One thing that Dovecot, a delivery, or the owner's client does on the new server.
#[derive(Clone, Copy, Debug)]
pub(crate) enum OnTarget {
    Deliver {
        mailbox: u8,
    },
    /// A message that the old server has, too: it was sent to both.
    DeliverTwin {
        mailbox: u8,
        message: u8,
    },
    /// A client opens the mailbox.
    Look {
        mailbox: u8,
    },
    Flag {
        mailbox: u8,
        message: u8,
        flag: u8,
        on: bool,
    },
    Remove {
        mailbox: u8,
        message: u8,
    },
    RemoveMailbox {
        mailbox: u8,
    },
    Unsubscribe {
        mailbox: u8,
    },
}

/// One thing that happens.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Event {
    Source(OnSource),
    Target(OnTarget),
    Pass,
    /// The power is cut before the action of this number; a pass that has fewer comes to its end.
    CutPass(u16),
    /// While a pass runs, right before the command of this number.
    During(u8, OnSource),
}

/// A history: what the server can do, whether its removals are followed, and what happens.
#[derive(Clone, Debug)]
pub(crate) struct History {
    pub(crate) server: u8,
    pub(crate) follows: bool,
    pub(crate) events: Vec<Event>,
}

/// Plays a history, then a last pass, and says what does not hold.
pub(crate) fn play(server: &Arc<SimulatedServer>, history: &History) -> Result<(), String> {
    let mut player = Player::begin(Arc::clone(server), history.server);
    player.world.mailboxes = 1 + 2 * (history.events.len() % 2);
    if history.follows {
        player.world.deletions = Deletions::Follow { most: 1_000 };
    }
    for (number, event) in history.events.iter().enumerate() {
        player
            .happen(*event)
            .map_err(|what| format!("at event {number}, {event:?}: {what}"))?;
    }
    player
        .happen(Event::Pass)
        .map_err(|what| format!("at the last pass: {what}"))?;
    if history.follows {
        // What was missing for the first time goes now.
        player
            .happen(Event::Pass)
            .map_err(|what| format!("at the pass after the last: {what}"))?;
    }
    player.nothing_is_left()
}

pub(crate) struct Player {
    pub(crate) world: World,
    pub(crate) ledgers: Ledgers,
    /// Messages that were made so far: no two have the same bytes.
    messages: u32,
}

impl Player {
    /// An empty account on a server with these abilities, and no Maildir yet.
    pub(crate) fn begin(server: Arc<SimulatedServer>, abilities: u8) -> Self {
        server.set_abilities(SERVERS[usize::from(abilities) % SERVERS.len()]);
        server.behave();
        *server.account() = Account::default();
        Self {
            world: World::new(server),
            ledgers: Ledgers::default(),
            messages: 0,
        }
    }

    /// The same state once more, on another server, which can do everything.
    pub(crate) fn fork(&self, server: Arc<SimulatedServer>) -> Self {
        server.set_abilities(EVERYTHING);
        server.behave();
        let account = self.world.server.account().clone();
        *server.account() = account;
        Self {
            world: self.world.fork(server),
            ledgers: self.ledgers.clone(),
            messages: self.messages,
        }
    }

    /// A pass to its end, and how many actions it has.
    pub(crate) fn actions_of_a_pass(&mut self) -> Result<u64, String> {
        self.pass(None)
    }

    pub(crate) fn happen(&mut self, event: Event) -> Result<(), String> {
        match event {
            Event::Source(change) => {
                self.on_source(change);
                Ok(())
            }
            Event::Target(change) => {
                self.on_target(change);
                Ok(())
            }
            Event::Pass => self.pass(None).map(|_| ()),
            Event::CutPass(actions) => self.pass(Some(u64::from(actions))).map(|_| ()),
            Event::During(command, change) => self.change_during_pass(command, change),
        }
    }

    fn new_message(&mut self) -> Vec<u8> {
        self.messages += 1;
        message(self.messages)
    }

    fn on_source(&mut self, change: OnSource) {
        let bytes = self.new_message();
        if let OnSource::Rename { from, to } = change {
            let server = Arc::clone(&self.world.server);
            if apply(&mut server.account(), change, &bytes) {
                self.ledgers.renamed(name(from), name(to));
            }
            return;
        }
        apply(&mut self.world.server.account(), change, &bytes);
    }

    fn on_target(&mut self, change: OnTarget) {
        let maildir = &mut self.world.maildir;
        match change {
            OnTarget::Deliver { mailbox } => {
                self.messages += 1;
                let bytes = message(self.messages);
                if maildir.deliver(name(mailbox), &bytes) {
                    self.ledgers.delivered(name(mailbox), bytes);
                }
            }
            OnTarget::DeliverTwin { mailbox, message } => {
                let account = self.world.server.account();
                let Some(bytes) = chosen_uid(&account, mailbox, message).map(|(_, bytes)| bytes) else {
                    return;
                };
                if maildir.deliver(name(mailbox), &bytes) {
                    self.ledgers.delivered(name(mailbox), bytes);
                }
            }
            OnTarget::Look { mailbox } => maildir.look(name(mailbox)),
            OnTarget::Flag {
                mailbox,
                message,
                flag,
                on,
            } => {
                if let Some((base, _)) = self.chosen_base(mailbox, message) {
                    self.world
                        .maildir
                        .flag(name(mailbox), &base, FLAGS[usize::from(flag) % FLAGS.len()], on);
                }
            }
            OnTarget::Remove { mailbox, message } => {
                if let Some((base, bytes)) = self.chosen_base(mailbox, message)
                    && self.world.maildir.remove(name(mailbox), &base)
                {
                    self.ledgers.removed(name(mailbox), &bytes);
                }
            }
            OnTarget::RemoveMailbox { mailbox } => {
                if maildir.remove_mailbox(name(mailbox)) {
                    self.ledgers.mailbox_removed(name(mailbox));
                }
            }
            OnTarget::Unsubscribe { mailbox } => {
                if maildir.unsubscribe(name(mailbox)) {
                    self.ledgers.unsubscribed(name(mailbox));
                }
            }
        }
    }

    fn chosen_base(&self, mailbox: u8, message: u8) -> Option<(String, Vec<u8>)> {
        let disk = self.world.maildir.read().remove(name(mailbox))?;
        let count = disk.messages.len();
        let message = disk
            .messages
            .into_iter()
            .nth(usize::from(message) % count.max(1))?;
        Some((message.base, message.bytes))
    }

    fn pass(&mut self, cut_before: Option<u64>) -> Result<u64, String> {
        self.world.server.behave();
        let before = self.world.maildir.read();
        let subscriptions = self.world.maildir.subscriptions();
        let account = self.world.server.account().clone();
        self.ledgers.seen(&account);
        let Outcome {
            result,
            was_cut,
            actions,
            ..
        } = self.world.pass(cut_before);
        let after = self.world.maildir.read();
        not_panicked(&result)?;
        self.nothing_was_written()?;
        self.ledgers.check_any(&account, &before, &after)?;
        let subscribed = self.world.maildir.subscriptions();
        self.ledgers
            .check_subscriptions(&account, &subscriptions, &subscribed, !was_cut)?;
        if was_cut {
            self.ledgers.cut(&account, &after);
            self.ledgers.missed(&account);
            return Ok(actions);
        }
        let report = result.map_err(|error| format!("the pass ends with an error: {error}"))?;
        is_complete(&report)?;
        self.ledgers.check_complete(&account, &before, &after)?;
        if self.world.deletions.is_follow() {
            self.ledgers.check_followed(&account, &after)?;
        }
        self.ledgers.missed(&account);
        Ok(actions)
    }

    fn change_during_pass(&mut self, command: u8, change: OnSource) -> Result<(), String> {
        let bytes = self.new_message();
        if let OnSource::Rename { from, to } = change {
            // Whether it comes to it will be seen.
            self.ledgers.renamed(name(from), name(to));
        }
        self.troubled_pass(false, |server| {
            server.change_before(u64::from(command), move |account| {
                apply(account, change, &bytes);
            });
        })
    }

    /// A pass that may end anyhow, with a server that is told what to do. Where it says `garbage`, nothing but the messages
    /// can be relied on.
    pub(crate) fn troubled_pass(
        &mut self,
        garbage: bool,
        trouble: impl FnOnce(&SimulatedServer),
    ) -> Result<(), String> {
        let before = self.world.maildir.read();
        let subscriptions = self.world.maildir.subscriptions();
        let first = self.world.server.account().clone();
        self.ledgers.seen(&first);
        trouble(&self.world.server);
        let Outcome { result, .. } = self.world.pass(None);
        self.world.server.behave();
        let account = self.world.server.account().clone();
        self.ledgers.seen(&account);
        not_panicked(&result)?;
        self.nothing_was_written()?;
        let after = self.world.maildir.read();
        self.ledgers.check_any(&account, &before, &after)?;
        let subscribed = self.world.maildir.subscriptions();
        if !garbage {
            self.ledgers
                .check_subscriptions(&account, &subscriptions, &subscribed, false)?;
        }
        for account in [&first, &account] {
            self.ledgers.cut(account, &after);
            self.ledgers.missed(account);
        }
        Ok(())
    }

    /// A pass after which all messages are there, whatever else is.
    pub(crate) fn lenient_pass(&mut self) -> Result<(), String> {
        let before = self.world.maildir.read();
        let account = self.world.server.account().clone();
        self.ledgers.seen(&account);
        let Outcome { result, .. } = self.world.pass(None);
        not_panicked(&result)?;
        let report = result.map_err(|error| format!("the pass ends with an error: {error}"))?;
        is_complete(&report)?;
        let after = self.world.maildir.read();
        self.ledgers.check_any(&account, &before, &after)?;
        self.ledgers.check_messages(&account, &after)
    }

    // I1: the source is never written.
    fn nothing_was_written(&self) -> Result<(), String> {
        let (writes, nonsense) = (self.world.server.writes(), self.world.server.nonsense());
        if writes.is_empty() && nonsense.is_empty() {
            return Ok(());
        }
        Err(format!(
            "the server was asked to write {writes:?}, and told nonsense {nonsense:?}"
        ))
    }

    // I4: a second pass plans nothing.
    pub(crate) fn nothing_is_left(&self) -> Result<(), String> {
        let traces = self.world.maildir.traces();
        let shown = self.world.show();
        let run = self.world.pass(None);
        for Outcome {
            result, disk_actions, ..
        } in [shown, run]
        {
            let report = result.map_err(|error| format!("looking once more: {error}"))?;
            let totals = report.totals();
            if !totals.is_empty() || report.subscribed > 0 || totals.removed_by_owner > 0 {
                return Err(format!("a second pass has something to do: {totals:?}"));
            }
            if disk_actions > 0 {
                return Err(format!("a second pass changes the Maildir {disk_actions} times"));
            }
        }
        if traces != self.world.maildir.traces() {
            return Err("a second pass leaves traces".to_owned());
        }
        Ok(())
    }
}

pub(crate) fn name(mailbox: u8) -> &'static str {
    MAILBOXES[usize::from(mailbox) % MAILBOXES.len()]
}

/// Every third has a line end that is none in mail; some have the same length.
fn message(number: u32) -> Vec<u8> {
    let end = if number.is_multiple_of(3) { "\n" } else { "\r\n" };
    format!("Subject: {number:04}\r\n\r\nWords{end}").into_bytes()
}

fn chosen_uid(account: &Account, mailbox: u8, message: u8) -> Option<(u32, Vec<u8>)> {
    let messages = &account.mailbox(name(mailbox))?.messages;
    let message = messages.get(usize::from(message) % messages.len().max(1))?;
    Some((message.uid, message.bytes.to_vec()))
}

/// The flags whose bits are set.
fn flags(bits: u8) -> Vec<&'static str> {
    let set = |at: &usize| bits & (1 << at) != 0;
    (0..FLAGS.len()).filter(set).map(|at| FLAGS[at]).collect()
}

/// Applies a change, with these bytes for what arrives. Whether anything has changed.
fn apply(account: &mut Account, change: OnSource, bytes: &[u8]) -> bool {
    let date = 1_500_000_000 + bytes.iter().map(|&byte| i64::from(byte)).sum::<i64>();
    match change {
        OnSource::Arrive { mailbox, flags: bits } => account
            .deliver(name(mailbox), bytes, &flags(bits), date)
            .is_some(),
        OnSource::Duplicate {
            mailbox,
            message,
            flags: bits,
        } => chosen_uid(account, mailbox, message).is_some_and(|(_, bytes)| {
            account
                .deliver(name(mailbox), &bytes, &flags(bits), date + 1)
                .is_some()
        }),
        OnSource::Flag {
            mailbox,
            message,
            flag,
            on,
        } => chosen_uid(account, mailbox, message).is_some_and(|(uid, _)| {
            account.flag(name(mailbox), uid, FLAGS[usize::from(flag) % FLAGS.len()], on)
        }),
        OnSource::Expunge { mailbox, message } => {
            chosen_uid(account, mailbox, message).is_some_and(|(uid, _)| account.expunge(name(mailbox), uid))
        }
        OnSource::Create { mailbox } => account.create(name(mailbox)),
        OnSource::Delete { mailbox } => account.delete(name(mailbox)),
        OnSource::Rename { from, to } => account.rename(name(from), name(to)),
        OnSource::Renumber { mailbox } => account.renumber(name(mailbox)),
        OnSource::Subscribe { mailbox, on: true } => account.subscriptions.insert(name(mailbox).to_owned()),
        OnSource::Subscribe { mailbox, on: false } => account.subscriptions.remove(name(mailbox)),
    }
}

/// A panic in a task or thread of the pass ends it with an error that says so.
fn not_panicked(result: &Result<Report, SyncError>) -> Result<(), String> {
    match result {
        Err(SyncError::Internal(what)) if what.contains("panicked") => Err(what.clone()),
        _ => Ok(()),
    }
}

fn is_complete(report: &Report) -> Result<(), String> {
    if report.is_complete() {
        Ok(())
    } else {
        Err(format!("the pass is not complete: {report:?}"))
    }
}
