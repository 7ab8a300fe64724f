//! The new server is in use while a pass runs: mail is delivered, clients read, file, flag, copy and remove. Nothing of
//! theirs is lost, nothing of the old server's is, and nobody sees one message under another's UID.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

#[path = "busy/clients.rs"]
mod clients;
#[path = "busy/ledger.rs"]
mod ledger;

use std::collections::BTreeMap;
use std::time::Duration;

use clients::{MAILBOXES, Office, key};
use ledger::{Fate, Ledger, text};
use transhume_e2e::{Pair, run_complete};
use transhume_testkit::compare::DifferenceKind;
use transhume_testkit::{
    AccountView, CompareOptions, Difference, Fault, FaultProxy, MailboxSpec, Oracle, compare_with,
};

/// A round trip takes twice as long: it stretches a pass, so that it meets the clients.
const ONE_WAY: Duration = Duration::from_millis(15);

const UID_VALIDITY: u32 = 1_700_000_001;

/// A mailbox with gaps between the UIDs.
fn mailbox(name: &str, count: u32) -> MailboxSpec {
    let mut spec = (0..count).fold(MailboxSpec::new(&[name], UID_VALIDITY), |spec, number| {
        let date = 1_500_000_000 + i64::from(number);
        spec.message(date, &text(&format!("old-{name}-{number}")))
    });
    for (number, message) in (0..).zip(&mut spec.messages) {
        message.uid = number + number / 5 + 1;
    }
    spec
}

/// Notes what is on the old server: it must come.
fn expect(office: &Office<'_>, mailboxes: &[MailboxSpec]) {
    for mailbox in mailboxes {
        for number in 0..mailbox.messages.len() {
            let subject = format!("old-{}-{number}", mailbox.name[0]);
            office.ledger().comes(key(&mailbox.name[0], &subject));
        }
    }
}

/// New mail on the old server, changed flags, and a mailbox that was not there before.
fn change_old(pair: &Pair, office: &Office<'_>, round: u32) {
    let mut old = Oracle::login(&pair.old, &pair.user).unwrap();
    if round == 0 {
        old.create(&["Other"]).unwrap();
    }
    for mailbox in &MAILBOXES[..3] {
        for _ in 0..20 {
            let subject = office.subject("late");
            office.ledger().comes(key(mailbox, &subject));
            old.append(&[mailbox], &["new"], None, &text(&subject)).unwrap();
        }
    }
    old.select(&["INBOX"]).unwrap();
    let first = round * 60 + 1;
    old.store(&format!("{first}:{}", first + 40), "+FLAGS", &["\\Answered"])
        .unwrap();
    old.logout().unwrap();
}

/// A pass over a slow line.
fn slow_pass(pair: &Pair) {
    let line = FaultProxy::start(pair.old.imap_port(), Fault::DelayEachWay(ONE_WAY)).unwrap();
    run_complete(&mut pair.command_through(line.port()));
}

/// When all is quiet: one more pass has nothing left to do, everything is as the books say, and what came from the old
/// server is as it is there, apart from what its owner did with it.
fn settle(pair: &Pair, office: &Office<'_>, uids: bool) {
    let json = run_complete(&mut pair.command());
    assert_eq!(json["totals"]["carried"], 0, "{json}");
    let mut ledger = office.ledger();
    let mut wrong = ledger.settle(&mut Oracle::login(&pair.new, &pair.user).unwrap(), &MAILBOXES);
    let subjects = old_subjects(pair);
    let (old, new) = (pair.old_view(), pair.new_view());
    let by_content = CompareOptions {
        uids: false,
        special_use: true,
    };
    for difference in compare_with(&old, &new, by_content) {
        let place = difference.uid.map(|uid| (difference.folder[0].clone(), uid));
        let subject = place.and_then(|place| subjects.get(&place)).map(String::as_str);
        if !is_the_owners_doing(&difference, subject, &ledger) {
            wrong.push(difference.to_string());
        }
    }
    if uids {
        wrong.extend(lost_numbers(&old, &new, &subjects, &ledger));
    }
    assert!(
        wrong.is_empty(),
        "{} things are wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    assert!(ledger.was_busy(), "{ledger:?}");
}

/// The subjects of messages on the old server, by mailbox and UID.
fn old_subjects(pair: &Pair) -> BTreeMap<(String, u32), String> {
    let mut old = Oracle::login(&pair.old, &pair.user).unwrap();
    let mut subjects = BTreeMap::new();
    for mailbox in &MAILBOXES[..3] {
        for row in ledger::rows(&mut old, mailbox).unwrap().1 {
            subjects.insert(((*mailbox).to_owned(), row.uid), row.subject);
        }
    }
    subjects
}

/// I13: messages of the first copy that do not have the old server's UIDs. One exception: where a client removed a message
/// with the same UID before the mailbox got the old server's UIDVALIDITY, Dovecot may take the new message's line of
/// its list for that one's, drop it, and number the message anew. The message itself stays, as the ledger sees.
fn lost_numbers(
    old: &AccountView,
    new: &AccountView,
    subjects: &BTreeMap<(String, u32), String>,
    ledger: &Ledger,
) -> Vec<String> {
    let mut lost = Vec::new();
    for difference in compare_with(old, new, CompareOptions::default()) {
        let mailbox = &difference.folder[0];
        let explained = match (&difference.kind, difference.uid) {
            (DifferenceKind::UidValidity { .. } | DifferenceKind::UidNextLower { .. }, _) => false,
            (DifferenceKind::MissingMessage, Some(uid)) => {
                let subject = &subjects[&(mailbox.clone(), uid)];
                ledger.may_be_gone(&key(mailbox, subject))
                    || ledger.was_freed_before(mailbox, UID_VALIDITY, uid)
            }
            // What a message is like has been compared already.
            _ => true,
        };
        if !explained {
            lost.push(difference.to_string());
        }
    }
    lost
}

fn is_the_owners_doing(difference: &Difference, subject: Option<&str>, ledger: &Ledger) -> bool {
    let key = subject.map(|subject| key(&difference.folder[0], subject));
    match &difference.kind {
        // Which these may be, and how many, the ledger knows.
        DifferenceKind::ExtraMessage | DifferenceKind::ExtraFolder => true,
        DifferenceKind::MissingMessage => key.is_some_and(|key| ledger.may_be_gone(&key)),
        // To remove is to flag first, and the connection may end between the two.
        DifferenceKind::SystemFlags { source, target } | DifferenceKind::Keywords { source, target } => {
            let flagged = subject.is_some_and(|subject| Fate::of(subject) == Fate::Flagged);
            let marked = key.is_some_and(|key| ledger.may_be_gone(&key));
            (flagged || marked) && source.iter().all(|flag| target.contains(flag))
        }
        _ => false,
    }
}

/// What Dovecot has to complain about, apart from what a first copy brings with it: a mailbox that somebody has opened
/// before gets the old server's UIDVALIDITY, once, and whoever has it open then is sent away.
fn complaints(pair: &Pair, filled: &[&str]) -> Vec<String> {
    let old = pair.old_view();
    let mut expected: Vec<(String, String)> = Vec::new();
    for mailbox in filled {
        let folder = match *mailbox {
            "INBOX" => pair.maildir(),
            other => pair.maildir().join(format!(".{other}")),
        };
        let uid_validity = old.folder(&[*mailbox]).uid_validity;
        expected.push((
            format!("Warning: Maildir {}: UIDVALIDITY changed (", folder.display()),
            format!(" -> {uid_validity})"),
        ));
    }
    let mut problems = pair.new.log_problems();
    problems.retain(|line| {
        let known = expected
            .iter()
            .position(|(start, end)| line.contains(start) && line.ends_with(end));
        if let Some(at) = known {
            expected.remove(at);
        }
        known.is_none()
            && (filled.is_empty() || !line.ends_with("dovecot.index reset, view is now inconsistent"))
    });
    problems
}

/// I3, I6, I7, I13, I14: the first copy, into an account that clients begin to use at the same moment, and into one that
/// they use already.
#[test]
fn during_the_first_copy() {
    for early in [false, true] {
        let mailboxes = [mailbox("INBOX", 600), mailbox("Work", 200), mailbox("Other", 50)];
        let pair = Pair::start("ada", &mailboxes);
        let office = Office::new(&pair);
        expect(&office, &mailboxes);
        office.while_busy(early, || slow_pass(&pair));
        settle(&pair, &office, true);
        assert_eq!(complaints(&pair, &MAILBOXES[..3]), Vec::<String>::new());
    }
}

/// I3, I6, I7, I14: later passes bring new mail, flags and a new mailbox into an account that is in use.
#[test]
fn during_later_passes() {
    let mailboxes = [mailbox("INBOX", 300), mailbox("Work", 100)];
    let pair = Pair::start("ben", &mailboxes);
    run_complete(&mut pair.command());
    let office = Office::new(&pair);
    expect(&office, &mailboxes);
    office.while_busy(true, || {
        for round in 0..3 {
            change_old(&pair, &office, round);
            slow_pass(&pair);
        }
    });
    // New messages keep their UIDs only where no client's message has them already.
    settle(&pair, &office, false);
    assert_eq!(complaints(&pair, &["Other"]), Vec::<String>::new());
}
