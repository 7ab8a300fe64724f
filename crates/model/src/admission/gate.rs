//! Whether a provider's server can be asked at all now: one that is down, or silent, is left alone for a while, and nobody waits
//! for it.

use core::time::Duration;

/// After so many failures in a row nobody is let through.
const FAILURES: u32 = 5;
/// For how long at first; twice as long each time that it is tried in vain.
const FIRST_PAUSE: Duration = Duration::from_secs(5);
/// For how long at most: people wait for the server to come back, too.
const LONGEST_PAUSE: Duration = Duration::from_mins(2);
/// So many who have waited for so long, while nobody got an answer, are proof enough that it is silent. Servers make people wait
/// for two seconds after a wrong password.
const SILENT_FOR: usize = 3;
const SILENT_AFTER: Duration = Duration::from_secs(3);

/// What came of asking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Experience {
    /// It answered, whatever it was.
    Answered,
    /// It could not be reached, broke off, or asked to come back later: after so long, where it said so.
    Failed {
        /// What the server asked for.
        retry_after: Option<Duration>,
    },
    /// Whoever asked went away before there was an answer. It tells nothing of the server.
    Abandoned,
}

/// One provider's. Time is what has passed since some moment, the same for all calls.
#[derive(Clone, Debug, Default)]
pub struct Gate {
    /// Who is asking, and since when.
    asking: Vec<(Ticket, Duration)>,
    tickets: u64,
    failures: u32,
    last_answer: Option<Duration>,
    /// Nobody is let through before, and then one alone.
    shut_until: Option<Duration>,
    pause: Duration,
}

/// Somebody who was let through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ticket(u64);

impl Gate {
    /// How long there is no use in asking; `None` when one may.
    pub fn wait(&self, now: Duration) -> Option<Duration> {
        if let Some(until) = self.shut_until {
            return if now < until {
                Some(until.saturating_sub(now))
            } else {
                // One tries; the others hear of it.
                (!self.asking.is_empty()).then_some(SILENT_AFTER)
            };
        }
        let waits_long = |since: Duration| now.saturating_sub(since) >= SILENT_AFTER;
        let long = self.asking.iter().filter(|(_, since)| waits_long(*since)).count();
        (long >= SILENT_FOR && self.last_answer.is_none_or(waits_long)).then_some(SILENT_AFTER)
    }

    /// Lets somebody through. Whether that is of use is for [`Self::wait`] to say first.
    pub fn enter(&mut self, now: Duration) -> Ticket {
        self.tickets += 1;
        let ticket = Ticket(self.tickets);
        self.asking.push((ticket, now));
        ticket
    }

    /// Somebody is back, and tells.
    pub fn leave(&mut self, ticket: Ticket, now: Duration, experience: Experience) {
        self.asking.retain(|(other, _)| *other != ticket);
        match experience {
            Experience::Abandoned => {}
            Experience::Answered => {
                self.failures = 0;
                self.last_answer = Some(now);
                self.shut_until = None;
                self.pause = Duration::ZERO;
            }
            Experience::Failed { retry_after } => {
                self.failures = self.failures.saturating_add(1);
                // Of those who were let through together, each brings the same news.
                let is_news = self.shut_until.is_none_or(|until| now >= until);
                if self.failures >= FAILURES && is_news {
                    let pause = self.pause.saturating_mul(2).max(FIRST_PAUSE);
                    self.pause = pause.max(retry_after.unwrap_or_default()).min(LONGEST_PAUSE);
                    self.shut_until = Some(now.saturating_add(self.pause));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FAILED: Experience = Experience::Failed { retry_after: None };

    fn secs(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn once(gate: &mut Gate, now: u64, experience: Experience) {
        let ticket = gate.enter(secs(now));
        gate.leave(ticket, secs(now), experience);
    }

    #[test]
    fn failures_in_a_row_shut_it_and_one_tries_again() {
        let mut gate = Gate::default();
        for _ in 0..4 {
            once(&mut gate, 0, FAILED);
        }
        once(&mut gate, 0, Experience::Answered);
        for _ in 0..4 {
            once(&mut gate, 0, FAILED);
        }
        assert_eq!(gate.wait(secs(0)), None, "not in a row");
        once(&mut gate, 0, FAILED);
        assert_eq!(gate.wait(secs(1)), Some(secs(4)));
        assert_eq!(gate.wait(secs(5)), None);
        let first = gate.enter(secs(5));
        assert!(gate.wait(secs(5)).is_some(), "one alone");
        gate.leave(first, secs(6), FAILED);
        assert_eq!(gate.wait(secs(6)), Some(secs(10)), "twice as long");
        let second = gate.enter(secs(16));
        gate.leave(second, secs(16), Experience::Answered);
        assert_eq!(gate.wait(secs(16)), None);
        // And it begins anew.
        for _ in 0..5 {
            once(&mut gate, 20, FAILED);
        }
        assert_eq!(gate.wait(secs(20)), Some(secs(5)));
    }

    #[test]
    fn the_servers_own_word_counts_within_reason() {
        for (asked, waits) in [(1, 5), (60, 60), (86_400, 120)] {
            let mut gate = Gate::default();
            for _ in 0..5 {
                once(
                    &mut gate,
                    0,
                    Experience::Failed {
                        retry_after: Some(secs(asked)),
                    },
                );
            }
            assert_eq!(gate.wait(secs(0)), Some(secs(waits)), "{asked}");
        }
    }

    #[test]
    fn who_fails_together_shuts_it_once() {
        let mut gate = Gate::default();
        let tickets: Vec<Ticket> = (0..20).map(|_| gate.enter(secs(0))).collect();
        for ticket in tickets {
            gate.leave(ticket, secs(6), FAILED);
        }
        assert_eq!(gate.wait(secs(6)), Some(secs(5)));
    }

    #[test]
    fn silence_shows_before_time_is_up() {
        let mut gate = Gate::default();
        let first = gate.enter(secs(0));
        gate.enter(secs(0));
        assert_eq!(gate.wait(secs(5)), None, "two may be slow");
        gate.enter(secs(2));
        assert_eq!(gate.wait(secs(4)), None);
        assert!(gate.wait(secs(5)).is_some());
        // Whoever gives up tells nothing; an answer tells all.
        gate.leave(first, secs(5), Experience::Abandoned);
        assert_eq!(gate.wait(secs(5)), None);
        gate.enter(secs(2));
        assert!(gate.wait(secs(5)).is_some());
        once(&mut gate, 4, Experience::Answered);
        assert_eq!(gate.wait(secs(5)), None);
    }
}
