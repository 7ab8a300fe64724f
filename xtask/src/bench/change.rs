//! A working day on the source, made through its server: of every hundred messages one new one and one with other
//! flags, of every thousand one that is removed.

use std::collections::BTreeSet;

use transhume_testkit::{Dovecot, Oracle, TestkitError};

use super::corpus::Rng;

/// Mailboxes with fewer messages than this stay as they are.
const LEAST: u32 = 20;

/// When new messages came, by their INTERNALDATE.
const NEW_SINCE: i64 = 1_719_800_000;

/// What was changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Changed {
    /// Messages that came.
    pub(super) new: u32,
    /// Messages whose flags are others now.
    pub(super) flags: u32,
    /// Messages that are gone.
    pub(super) expunged: u32,
    /// Messages that there are now.
    pub(super) messages: u32,
}

/// Changes all accounts of these users; every round otherwise.
pub(super) fn one_percent(server: &Dovecot, users: &[String], round: u32) -> Result<Changed, TestkitError> {
    let mut changed = Changed::default();
    let mut rng = Rng(u64::from(round) << 32);
    for user in users {
        let mut session = Oracle::login(server, user)?;
        let mailboxes = session.list_all()?;
        for mailbox in mailboxes.iter().filter(|mailbox| mailbox.selectable) {
            let exists = session.select(&mailbox.name)?.exists;
            changed.messages += exists;
            if exists < LEAST {
                continue;
            }
            let (hundredth, thousandth) = ((exists / 100).max(1), (exists / 1000).max(1));
            // By sequence number: these stay what they are until the expunge, which comes after the flags.
            for place in distinct(&mut rng, hundredth, exists) {
                let action = ["+FLAGS", "-FLAGS"][rng.below(2) as usize];
                let flag = ["\\Flagged", "\\Answered", "\\Seen"][rng.below(3) as usize];
                session.ok(&format!("STORE {place} {action}.SILENT ({flag})"))?;
                changed.flags += 1;
            }
            let doomed: Vec<String> = distinct(&mut rng, thousandth, exists)
                .iter()
                .map(u32::to_string)
                .collect();
            session.ok(&format!("STORE {} +FLAGS.SILENT (\\Deleted)", doomed.join(",")))?;
            session.ok("EXPUNGE")?;
            for number in 0..hundredth {
                let message = message(user, round, number, &mut rng);
                session.append(&mailbox.name, &[], Some(NEW_SINCE + i64::from(number)), &message)?;
            }
            changed.new += hundredth;
            changed.expunged += thousandth;
            changed.messages = changed.messages + hundredth - thousandth;
        }
        session.logout()?;
    }
    Ok(changed)
}

/// So many different numbers from 1 to `last`, or all there are.
fn distinct(rng: &mut Rng, count: u32, last: u32) -> BTreeSet<u32> {
    let mut found = BTreeSet::new();
    while found.len() < count.min(last) as usize {
        found.insert(1 + rng.below(last));
    }
    found
}

fn message(user: &str, round: u32, number: u32, rng: &mut Rng) -> Vec<u8> {
    let lines = 20 + rng.below(400) as usize;
    format!(
        "From: office@example.org\r\nTo: {user}@example.org\r\nSubject: new {round} {number}\r\n\
         Message-ID: <new.{round}.{number}.{}@example.org>\r\nDate: Mon, 1 Jul 2024 10:00:00 +0000\r\n\r\n{}",
        rng.below(u32::MAX),
        "This line came after the first copy.\r\n".repeat(lines)
    )
    .into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_different_and_in_range() {
        let mut rng = Rng(3);
        for (count, last) in [(0, 5), (3, 3), (9, 4), (40, 1000)] {
            let found = distinct(&mut rng, count, last);
            assert_eq!(found.len(), count.min(last) as usize);
            assert!(found.iter().all(|number| (1..=last).contains(number)));
        }
    }
}
