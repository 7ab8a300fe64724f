//! What becomes of a migration after a pass: what happens to it, and when the next one is due.

use super::{Event, Hold, Migration, Phase};

/// Seconds before the first new try; they double with each failure.
const FIRST_WAIT: u32 = 10;

/// The longest wait between two tries, in seconds, where passes are to come more often than that.
const LONGEST_WAIT: u32 = 900;

/// Seconds before another try where another run has the Maildir, or a mailbox's mail keeps arriving while it is carried.
const SOON: u32 = 30;

/// Messages that an old server may refuse to deliver before something must be wrong: so many, or one of so many.
const REFUSED: u64 = 20;
const ONE_OF: u64 = 100;

/// How a pass has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Both sides were found equal, but for this many messages that the old server counts and does not deliver, of so many.
    Equal {
        /// Messages that were carried or changed before they were.
        changed: u64,
        /// Not delivered.
        refused: u64,
        /// In all.
        all: u64,
    },
    /// Mail kept arriving: what was there is here, and more has come since.
    Moving,
    /// Some mailboxes could not be carried.
    Partial,
    /// It was stopped, and can go on at once: by whoever runs the program, or to let others have its place.
    Stopped,
    /// Another run of this program has the Maildir.
    Busy,
    /// The old server cannot be worked with now.
    Unreachable {
        /// For so many seconds it wants to be left alone, if it has said so.
        asked: Option<u32>,
    },
    /// Something else went wrong, which may be gone the next time.
    Failed,
    /// Something went wrong that another try will not cure at once.
    Blocked(Hold),
}

/// What the settings say of passes, in seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// From the end of one pass to the next.
    pub every: u32,
    /// For which an old mailbox is swept after its cut-over.
    pub sweep_for: u32,
}

/// What is to be done with a migration whose pass has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// What has happened to it.
    pub event: Option<Event>,
    /// Seconds from now until its next pass is due; `None` where it waits for a person, or for another password.
    pub wait: Option<u32>,
    /// Passes in a row that have failed, this one included.
    pub failures: u32,
}

/// Says what becomes of a migration whose pass has ended.
///
/// `failures` is how many passes before had failed in a row, `now` the time in seconds since 1970 UTC, and `random` any number: it
/// spreads the tries of many accounts, which all failed in the same moment.
pub fn after_pass(
    migration: &Migration,
    ending: &Ending,
    failures: u32,
    Pace { every, sweep_for }: Pace,
    now: i64,
    random: u32,
) -> Verdict {
    let failed = failures.saturating_add(1);
    let verdict = |event, wait, failures| Verdict {
        event,
        wait: Some(wait),
        failures,
    };
    let goes_on = migration.hold.is_some().then_some(Event::CauseGone);
    match ending {
        Ending::Equal { refused, all, .. } if is_too_much(*refused, *all) => {
            let event = Event::Held(Hold::TooManyRefused);
            verdict(Some(event), later(every, random), failed)
        }
        Ending::Equal { changed, .. } => {
            let complete = Event::PassComplete {
                at: now,
                is_quiet: *changed == 0,
                sweep_for,
            };
            // The last passes come one after the other.
            let wait = if migration.phase == Phase::Finishing && *changed > 0 {
                FIRST_WAIT
            } else {
                every.saturating_add(share(every / 20, random))
            };
            verdict(Some(complete), wait, 0)
        }
        Ending::Moving => verdict(goes_on, SOON, 0),
        Ending::Partial | Ending::Failed => verdict(goes_on, backoff(failed, every, random), failed),
        Ending::Stopped => verdict(None, 0, failures),
        Ending::Busy => verdict(None, SOON, failures),
        Ending::Unreachable { asked } => {
            let wait = backoff(failed, every, random);
            // Never before it wants to be asked again; and not all at once then.
            let asked = asked.map_or(0, |asked| {
                asked.saturating_add(share(asked / 4 + FIRST_WAIT, random))
            });
            verdict(None, wait.max(asked), failed)
        }
        Ending::Blocked(hold) => Verdict {
            event: Some(Event::Held(hold.clone())),
            wait: hold.is_tried_again().then(|| later(every, random)),
            failures: failed,
        },
    }
}

/// Seconds to wait after so many failures in a row: twice as long each time, up to the time between passes; within a quarter
/// more or less.
pub fn backoff(failures: u32, every: u32, random: u32) -> u32 {
    let doublings = failures.saturating_sub(1).min(16);
    let wait = FIRST_WAIT
        .saturating_mul(1 << doublings)
        .min(every.max(LONGEST_WAIT));
    wait - wait / 4 + share(wait / 2, random)
}

/// The cause of a hold seldom goes at once.
fn later(every: u32, random: u32) -> u32 {
    let wait = every.max(LONGEST_WAIT);
    wait.saturating_add(share(wait / 4, random))
}

/// From nothing to the whole, evenly.
fn share(whole: u32, random: u32) -> u32 {
    let part = u64::from(whole) * u64::from(random) / u64::from(u32::MAX);
    u32::try_from(part).unwrap_or(whole)
}

fn is_too_much(refused: u64, all: u64) -> bool {
    refused > REFUSED && refused > all / ONE_OF
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directory::{Address, Login, ProviderName};
    use crate::migration::MigrationId;

    const EVERY: u32 = 3_600;
    const PACE: Pace = Pace {
        every: EVERY,
        sweep_for: 99,
    };

    fn migration(hold: Option<Hold>) -> Migration {
        let address = Address::parse("bob@new.example").unwrap();
        Migration {
            id: MigrationId(1),
            login: Login::from(&address),
            old_address: address.clone(),
            address,
            provider: ProviderName::parse("Old").unwrap(),
            phase: Phase::Seeding,
            hold,
            created: 1,
            seeded: None,
            swept_until: None,
        }
    }

    #[test]
    fn each_ending_has_its_consequence() {
        let complete = Some(Event::PassComplete {
            at: 7,
            is_quiet: true,
            sweep_for: 99,
        });
        let equal = |refused, all| Ending::Equal {
            changed: 0,
            refused,
            all,
        };
        let held = |hold: Hold| Some(Event::Held(hold));
        let gone = Some(Event::CauseGone);
        let unreachable = |asked| Ending::Unreachable { asked };
        for (ending, hold, failures, event, wait, failures_then) in [
            (equal(0, 9), None, 3, complete.clone(), Some(3_600), 0),
            (equal(20, 20), None, 0, complete.clone(), Some(3_600), 0),
            (equal(21, 2_100), None, 0, complete.clone(), Some(3_600), 0),
            (
                equal(21, 2_099),
                None,
                0,
                held(Hold::TooManyRefused),
                Some(3_600),
                1,
            ),
            (Ending::Moving, None, 3, None, Some(30), 0),
            (
                Ending::Moving,
                Some(Hold::TargetFull),
                3,
                gone.clone(),
                Some(30),
                0,
            ),
            (Ending::Partial, None, 0, None, Some(8), 1),
            (Ending::Failed, None, 1, None, Some(15), 2),
            (Ending::Failed, Some(Hold::TargetFull), 1, gone, Some(15), 2),
            (Ending::Stopped, None, 2, None, Some(0), 2),
            (Ending::Busy, None, 2, None, Some(30), 2),
            (unreachable(None), Some(Hold::TargetFull), 0, None, Some(8), 1),
            (unreachable(Some(300)), None, 0, None, Some(300), 1),
            (unreachable(Some(1)), None, 0, None, Some(8), 1),
            (
                Ending::Blocked(Hold::CredentialRejected),
                None,
                0,
                held(Hold::CredentialRejected),
                None,
                1,
            ),
            (
                Ending::Blocked(Hold::TargetFull),
                None,
                0,
                held(Hold::TargetFull),
                Some(3_600),
                1,
            ),
        ] {
            let verdict = after_pass(&migration(hold), &ending, failures, PACE, 7, 0);
            let expected = Verdict {
                event,
                wait,
                failures: failures_then,
            };
            assert_eq!(verdict, expected, "{ending:?}");
        }
    }

    #[test]
    fn the_last_passes_come_one_after_the_other_until_one_has_nothing_to_do() {
        for (phase, changed, wait) in [
            (Phase::Following, 3, 3_600),
            (Phase::Finishing, 3, 10),
            (Phase::Finishing, 0, 3_600),
            (Phase::Finished, 3, 3_600),
        ] {
            let migration = Migration {
                phase,
                ..migration(None)
            };
            let ending = Ending::Equal {
                changed,
                refused: 0,
                all: 9,
            };
            let verdict = after_pass(&migration, &ending, 0, PACE, 7, 0);
            assert_eq!(verdict.wait, Some(wait), "{phase}, {changed}");
            let Some(Event::PassComplete { is_quiet, .. }) = verdict.event else {
                panic!("{verdict:?}");
            };
            assert_eq!(is_quiet, changed == 0, "{phase}");
        }
    }

    #[test]
    fn tries_become_rarer_and_are_spread() {
        for (failures, every, least, most) in [
            (1, EVERY, 8, 13),
            (2, EVERY, 15, 25),
            (5, EVERY, 120, 200),
            (40, EVERY, 2_700, 4_500),
            (40, 60, 675, 1_125),
            (u32::MAX, u32::MAX, 491_520, 819_200),
        ] {
            let waits = [0, u32::MAX].map(|random| backoff(failures, every, random));
            assert_eq!(waits, [least, most], "{failures}");
            assert!(waits[0] < backoff(failures, every, u32::MAX / 2));
        }
        let ending = Ending::Unreachable { asked: Some(300) };
        let last = after_pass(&migration(None), &ending, 0, PACE, 7, u32::MAX);
        assert_eq!(
            last.wait,
            Some(385),
            "never before it was asked to, and not all at once"
        );
    }
}
