//! How often something may happen for each of many: addresses, accounts, providers.

use std::collections::BTreeMap;

use core::time::Duration;

/// So many at once, and one more for each time that passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowance {
    /// How many at once; 0 allows nothing.
    pub burst: u32,
    /// After how long there is one more.
    pub every: Duration,
}

/// Counts what happens, for each key. Whoever did not need what was taken gives it back, so that only what went wrong counts.
///
/// Time is what has passed since some moment, the same for all calls; a clock that goes back allows less for a while, never
/// more.
#[derive(Clone, Debug)]
pub struct Throttle<K> {
    allowance: Allowance,
    /// Until when each key's allowance is not whole again: later by `every` for each thing that was taken.
    whole_at: BTreeMap<K, Duration>,
    most_keys: usize,
}

impl<K: Ord + Clone> Throttle<K> {
    /// Nothing was taken yet. It remembers so many keys: of more, those are forgotten that have nearly their whole allowance
    /// back, so that who makes up new names does not fill the memory.
    pub fn new(allowance: Allowance, most_keys: usize) -> Self {
        Self {
            allowance,
            whole_at: BTreeMap::new(),
            most_keys,
        }
    }

    /// How long this key has to wait; `None` when it may go on at once.
    pub fn wait(&self, key: &K, now: Duration) -> Option<Duration> {
        let Allowance { burst, every } = self.allowance;
        if burst == 0 {
            return Some(Duration::MAX);
        }
        let whole_at = self.whole_at.get(key).copied().unwrap_or_default();
        // Full when all but nothing of the burst is still to come back.
        let room = every.saturating_mul(burst - 1);
        let wait = whole_at.saturating_sub(now).saturating_sub(room);
        (!wait.is_zero()).then_some(wait)
    }

    /// Takes one. Whether there was one is for [`Self::wait`] to say first.
    pub fn take(&mut self, key: &K, now: Duration) {
        self.make_room(key, now);
        let whole_at = self.whole_at.entry(key.clone()).or_default();
        *whole_at = (*whole_at).max(now).saturating_add(self.allowance.every);
    }

    /// Gives one back.
    pub fn give_back(&mut self, key: &K) {
        if let Some(whole_at) = self.whole_at.get_mut(key) {
            *whole_at = whole_at.saturating_sub(self.allowance.every);
        }
    }

    fn make_room(&mut self, key: &K, now: Duration) {
        if self.whole_at.len() < self.most_keys || self.whole_at.contains_key(key) {
            return;
        }
        self.whole_at.retain(|_, whole_at| *whole_at > now);
        if self.whole_at.len() < self.most_keys {
            return;
        }
        let soonest = self.whole_at.iter().min_by_key(|(_, whole_at)| **whole_at);
        if let Some(key) = soonest.map(|(key, _)| key.clone()) {
            self.whole_at.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALLOWANCE: Allowance = Allowance {
        burst: 3,
        every: Duration::from_secs(10),
    };

    fn secs(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    /// How many of those who come every second get through.
    fn through(throttle: &mut Throttle<&str>, key: &'static str, seconds: std::ops::Range<u64>) -> usize {
        seconds
            .filter(|second| {
                let may = throttle.wait(&key, secs(*second)).is_none();
                if may {
                    throttle.take(&key, secs(*second));
                }
                may
            })
            .count()
    }

    #[test]
    fn a_burst_and_then_one_for_each_time() {
        let mut throttle = Throttle::new(ALLOWANCE, 10);
        for (seconds, passed) in [
            (0..3, 3),
            (3..10, 0),
            (10..11, 1),
            (11..100, 8),
            // Whole again after a rest, and never more than that.
            (1000..1003, 3),
            (1003..1004, 0),
        ] {
            assert_eq!(
                through(&mut throttle, "a", seconds.clone()),
                passed,
                "{seconds:?}"
            );
        }
        assert_eq!(
            through(&mut throttle, "b", 1003..1004),
            1,
            "others have their own"
        );
        assert_eq!(throttle.wait(&"a", secs(1003)), Some(secs(7)));
    }

    #[test]
    fn what_is_given_back_does_not_count() {
        let mut throttle = Throttle::new(ALLOWANCE, 10);
        for _ in 0..100 {
            assert_eq!(throttle.wait(&"a", secs(5)), None);
            throttle.take(&"a", secs(5));
            throttle.give_back(&"a");
        }
        assert_eq!(through(&mut throttle, "a", 5..8), 3);
        throttle.give_back(&"nobody");
    }

    #[test]
    fn made_up_keys_do_not_fill_the_memory_nor_free_who_waits() {
        let mut throttle = Throttle::new(ALLOWANCE, 4);
        for _ in 0..3 {
            throttle.take(&0, secs(0));
        }
        for key in 1..1000 {
            throttle.take(&key, secs(1));
        }
        assert!(throttle.whole_at.len() <= 4);
        assert!(throttle.wait(&0, secs(1)).is_some());
    }

    #[test]
    fn nothing_at_all_and_clocks_that_go_back() {
        let none = Allowance {
            burst: 0,
            ..ALLOWANCE
        };
        assert!(Throttle::new(none, 4).wait(&"a", secs(9)).is_some());
        let mut throttle = Throttle::new(ALLOWANCE, 4);
        assert_eq!(through(&mut throttle, "a", 100..103), 3);
        assert_eq!(through(&mut throttle, "a", 0..50), 0);
    }
}
