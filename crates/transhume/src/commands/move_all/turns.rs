//! Which account's turn it is: in the file's order, but not too many at a time, nor too many of one old server.

use std::collections::{HashMap, VecDeque};

/// The accounts that wait, and how many are being moved. Accounts are numbers from 0.
#[derive(Debug)]
pub(crate) struct Turns {
    jobs: usize,
    per_host: usize,
    running: usize,
    hosts: Vec<Host>,
    /// For each account, which of the hosts is its.
    host_of: Vec<usize>,
}

#[derive(Debug, Default)]
struct Host {
    waiting: VecDeque<usize>,
    running: usize,
}

impl Turns {
    /// For accounts on these hosts: `jobs` at a time, `per_host` of each host.
    pub(crate) fn new<'a>(hosts: impl IntoIterator<Item = &'a str>, jobs: usize, per_host: usize) -> Self {
        let mut turns = Self {
            jobs,
            per_host,
            running: 0,
            hosts: Vec::new(),
            host_of: Vec::new(),
        };
        let mut known: HashMap<String, usize> = HashMap::new();
        for (account, name) in hosts.into_iter().enumerate() {
            let host = *known
                .entry(name.to_ascii_lowercase())
                .or_insert(turns.hosts.len());
            if host == turns.hosts.len() {
                turns.hosts.push(Host::default());
            }
            turns.hosts[host].waiting.push_back(account);
            turns.host_of.push(host);
        }
        turns
    }

    /// The account to begin with now; [`None`] when there is none, or others have to end first.
    pub(crate) fn next(&mut self) -> Option<usize> {
        if self.running >= self.jobs {
            return None;
        }
        let free = self.hosts.iter_mut().filter(|host| host.running < self.per_host);
        let (_, host) = free
            .filter_map(|host| Some((*host.waiting.front()?, host)))
            .min_by_key(|(account, _)| *account)?;
        host.running += 1;
        self.running += 1;
        host.waiting.pop_front()
    }

    /// An account has come to its end.
    pub(crate) fn ended(&mut self, account: usize) {
        self.hosts[self.host_of[account]].running -= 1;
        self.running -= 1;
    }

    /// No more are to be begun.
    pub(crate) fn stop(&mut self) {
        self.hosts.iter_mut().for_each(|host| host.waiting.clear());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn begin(turns: &mut Turns) -> Vec<usize> {
        std::iter::from_fn(|| turns.next()).collect()
    }

    #[test]
    fn accounts_are_begun_in_order_within_both_limits() {
        let mut turns = Turns::new(["a", "A", "a", "b", "a", "b", "c"], 4, 2);
        assert_eq!(begin(&mut turns), [0, 1, 3, 5], "two of a host, four at a time");
        turns.ended(3);
        assert_eq!(
            begin(&mut turns),
            [6],
            "the hosts before it are busy, or have no more"
        );
        turns.ended(1);
        assert_eq!(begin(&mut turns), [2]);
        turns.ended(5);
        assert_eq!(begin(&mut turns), [0; 0], "a host is busy");
        turns.ended(0);
        assert_eq!(begin(&mut turns), [4]);
        for account in [2, 4, 6] {
            turns.ended(account);
        }
        assert_eq!(turns.running, 0);
        assert_eq!(begin(&mut turns), [0; 0]);
    }

    #[test]
    fn after_a_stop_nothing_is_begun() {
        let mut turns = Turns::new(["a", "b"], 1, 1);
        assert_eq!(turns.next(), Some(0));
        turns.stop();
        turns.ended(0);
        assert_eq!(turns.next(), None);
    }
}
