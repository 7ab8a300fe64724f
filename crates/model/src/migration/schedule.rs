//! Which migrations are worked on next.
//!
//! Two rules make it fair. No old server is asked for more than its provider allows, and providers take turns. And of a
//! server's connections some are never given to large mailboxes: a mailbox of 100 GB takes days, and those of everybody
//! else would wait for it.

use std::collections::BTreeMap;

use super::{MigrationId, Phase};
use crate::directory::{HostName, ProviderName};

/// More octets than this still to be carried make a mailbox large: 2 GiB, which takes minutes to hours.
pub const LARGE: u64 = 2 << 30;

/// A migration whose next pass is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// Which.
    pub id: MigrationId,
    /// Where it comes from.
    pub provider: ProviderName,
    /// The server there.
    pub host: HostName,
    /// How many passes may work on that server at a time.
    pub connections: u32,
    /// How far it is.
    pub phase: Phase,
    /// Octets still to be carried; `None` until they have been counted.
    pub octets_left: Option<u64>,
    /// When its pass was due, in seconds since 1970 UTC.
    pub due: i64,
}

/// A migration that is being worked on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Running {
    /// Which.
    pub id: MigrationId,
    /// The server that it comes from.
    pub host: HostName,
    /// Octets still to be carried; `None` until they have been counted.
    pub octets_left: Option<u64>,
}

/// How many passes there may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slots {
    /// At a time, of all processes together ([`crate::directory::Settings::jobs`]).
    pub jobs: u32,
    /// More in the process that asks.
    pub here: u32,
}

/// How many of so many slots large mailboxes may have: all but a quarter, rounded up; where there is one only, that one.
pub fn slots_of_large(slots: u32) -> u32 {
    slots.saturating_sub(slots.div_ceil(4)).max(1)
}

/// What is worked on next, in this order.
///
/// What somebody waits for comes first (mail that has not been here yet, a cut-over), then what has waited longest.
pub fn choose(mut waiting: Vec<Waiting>, running: &[Running], slots: Slots) -> Vec<MigrationId> {
    let mut taken = Taken::default();
    for one in running {
        taken.count(&one.host, one.octets_left);
    }
    waiting.sort_by_key(|one| (!is_urgent(one.phase), one.due, one.id));
    let mut queues: BTreeMap<ProviderName, Vec<Waiting>> = BTreeMap::new();
    for one in waiting.into_iter().rev() {
        queues.entry(one.provider.clone()).or_default().push(one);
    }
    let mut chosen = Vec::new();
    let is_room = |taken: &Taken, chosen: &[MigrationId]| {
        taken.all.passes < slots.jobs && u32::try_from(chosen.len()).is_ok_and(|count| count < slots.here)
    };
    while !queues.is_empty() && is_room(&taken, &chosen) {
        queues.retain(|_, queue| {
            if !is_room(&taken, &chosen) {
                return false;
            }
            while let Some(one) = queue.pop() {
                if taken.allows(&one, slots.jobs) {
                    taken.count(&one.host, one.octets_left);
                    chosen.push(one.id);
                    return true;
                }
            }
            false
        });
    }
    chosen
}

/// A pass of this process, and for how many seconds it has run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mine {
    /// Which migration's.
    pub id: MigrationId,
    /// Seconds.
    pub ran: u32,
}

/// Seconds for which a pass runs whoever waits. Large mailboxes are known as such only when they have been seen.
pub const SLICE: u32 = 300;

/// Which of this process's passes is to be handed back, since others have waited long enough for its place: the one that has run
/// longest of those whose place somebody else would be given. It goes to the end of the line, and on from where it was.
pub fn gives_way(mine: &[Mine], waiting: &[Waiting], running: &[Running], jobs: u32) -> Option<MigrationId> {
    let slots = Slots { jobs, here: 1 };
    let is_wanted = |running: &[Running]| !choose(waiting.to_vec(), running, slots).is_empty();
    if waiting.is_empty() || is_wanted(running) {
        return None;
    }
    let mut mine: Vec<&Mine> = mine.iter().filter(|one| one.ran >= SLICE).collect();
    mine.sort_by_key(|one| std::cmp::Reverse(one.ran));
    let gives = |one: &&&Mine| {
        let others = running.iter().filter(|running| running.id != one.id);
        let others: Vec<Running> = others.cloned().collect();
        others.len() < running.len() && is_wanted(&others)
    };
    mine.iter().find(gives).map(|one| one.id)
}

fn is_urgent(phase: Phase) -> bool {
    phase.is_incomplete() || phase == Phase::Finishing
}

fn is_large(octets_left: Option<u64>) -> bool {
    octets_left.is_some_and(|octets| octets > LARGE)
}

/// Slots that are taken: in all, and of each server; and by large mailboxes among them.
#[derive(Default)]
struct Taken {
    all: Count,
    hosts: BTreeMap<HostName, Count>,
}

#[derive(Clone, Copy, Default)]
struct Count {
    passes: u32,
    large: u32,
}

impl Count {
    fn allows(self, is_large: bool, slots: u32) -> bool {
        self.passes < slots && (!is_large || self.large < slots_of_large(slots))
    }

    fn add(&mut self, is_large: bool) {
        self.passes += 1;
        self.large += u32::from(is_large);
    }
}

impl Taken {
    fn allows(&self, one: &Waiting, jobs: u32) -> bool {
        let host = self.hosts.get(&one.host).copied().unwrap_or_default();
        let is_large = is_large(one.octets_left);
        self.all.allows(is_large, jobs) && host.allows(is_large, one.connections)
    }

    fn count(&mut self, host: &HostName, octets_left: Option<u64>) {
        let is_large = is_large(octets_left);
        self.all.add(is_large);
        self.hosts.entry(host.clone()).or_default().add(is_large);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BIG: Option<u64> = Some(100 << 30);
    const SMALL: Option<u64> = Some(1 << 20);

    fn host(name: &str) -> HostName {
        HostName::parse(name).unwrap()
    }

    /// `provider@host/connections`.
    fn waiting(id: i64, from: &str, phase: Phase, octets_left: Option<u64>, due: i64) -> Waiting {
        let (provider, rest) = from.split_once('@').unwrap();
        let (at, connections) = rest.split_once('/').unwrap();
        Waiting {
            id: MigrationId(id),
            provider: ProviderName::parse(provider).unwrap(),
            host: host(at),
            connections: connections.parse().unwrap(),
            phase,
            octets_left,
            due,
        }
    }

    fn running(at: &str, octets_left: Option<u64>) -> Running {
        Running {
            id: MigrationId(99),
            host: host(at),
            octets_left,
        }
    }

    fn chosen(waiting: Vec<Waiting>, running: &[Running], jobs: u32, here: u32) -> Vec<i64> {
        let chosen = choose(waiting, running, Slots { jobs, here });
        chosen.into_iter().map(|id| id.0).collect()
    }

    #[test]
    fn what_somebody_waits_for_comes_first_then_what_waited_longest() {
        use Phase::{Finishing, Following, Pending, Seeding};
        let all = || {
            vec![
                waiting(1, "a@a.example/9", Following, SMALL, 10),
                waiting(2, "a@a.example/9", Seeding, SMALL, 15),
                waiting(3, "a@a.example/9", Pending, None, 20),
                waiting(4, "a@a.example/9", Finishing, SMALL, 30),
            ]
        };
        assert_eq!(chosen(all(), &[], 9, 9), [2, 3, 4, 1]);
        assert_eq!(chosen(all(), &[], 2, 9), [2, 3], "so many at a time");
        assert_eq!(chosen(all(), &[], 9, 1), [2], "so many more here");
        assert_eq!(chosen(all(), &[running("b.example", SMALL)], 2, 9), [2]);
        assert_eq!(chosen(all(), &[], 9, 0), [] as [i64; 0]);
    }

    #[test]
    fn no_server_is_asked_for_more_than_it_bears_and_providers_take_turns() {
        let mut all: Vec<Waiting> = (1..=5)
            .map(|id| waiting(id, "a@one.example/3", Phase::Pending, None, id))
            .collect();
        all.push(waiting(6, "b@two.example/3", Phase::Following, SMALL, 50));
        // Another provider on the same server.
        all.push(waiting(7, "c@one.example/3", Phase::Pending, None, 60));
        assert_eq!(chosen(all.clone(), &[], 9, 9), [1, 6, 7, 2]);
        let busy = [running("one.example", SMALL), running("one.example", None)];
        assert_eq!(chosen(all.clone(), &busy, 9, 9), [1, 6]);
        assert_eq!(chosen(all, &[], 2, 9), [1, 6]);
    }

    #[test]
    fn large_mailboxes_never_take_every_slot() {
        for (slots, large) in [(1, 1), (2, 1), (3, 2), (4, 3), (5, 3), (8, 6), (10, 7)] {
            assert_eq!(slots_of_large(slots), large, "of {slots}");
        }
        let all = || {
            let large = (1..=4).map(|id| waiting(id, "a@a.example/4", Phase::Seeding, BIG, id));
            large
                .chain([waiting(5, "a@a.example/4", Phase::Following, SMALL, 100)])
                .collect::<Vec<_>>()
        };
        assert_eq!(chosen(all(), &[], 9, 9), [1, 2, 3, 5], "of a server's");
        assert_eq!(chosen(all(), &[], 2, 9), [1, 5], "of all");
        let busy = [BIG, BIG, BIG].map(|octets| running("a.example", octets));
        assert_eq!(chosen(all(), &busy, 9, 9), [5]);
        let alone = vec![waiting(1, "a@a.example/1", Phase::Seeding, BIG, 1)];
        assert_eq!(chosen(alone, &[], 1, 1), [1]);
    }

    #[test]
    fn a_pass_gives_way_to_whoever_would_get_its_place() {
        let run = |id, at: &str, octets| Running {
            id: MigrationId(id),
            ..running(at, octets)
        };
        let all = [
            run(1, "a.example", BIG),
            run(2, "a.example", BIG),
            run(3, "b.example", SMALL),
        ];
        let mine = |ran: [u32; 3]| {
            [1, 2, 3]
                .map(MigrationId)
                .into_iter()
                .zip(ran)
                .map(|(id, ran)| Mine { id, ran })
                .collect::<Vec<_>>()
        };
        let small = [waiting(9, "a@a.example/2", Phase::Following, SMALL, 1)];
        let big = [waiting(9, "a@a.example/2", Phase::Seeding, BIG, 1)];
        let way = |ran, waiting: &[Waiting], jobs| gives_way(&mine(ran), waiting, &all, jobs).map(|id| id.0);
        let long = SLICE;
        assert_eq!(
            way([long, long + 1, 9_999], &small, 3),
            Some(2),
            "of the server that it waits for"
        );
        assert_eq!(way([long - 1; 3], &small, 3), None, "none has run long enough");
        assert_eq!(way([long; 3], &[], 9), None, "nobody waits");
        let other = [waiting(9, "c@c.example/2", Phase::Following, SMALL, 1)];
        assert_eq!(way([long; 3], &other, 4), None, "there is room");
        assert_eq!(way([long, long, long + 1], &other, 3), Some(3));
        assert_eq!(
            way([long; 3], &big, 3),
            None,
            "large ones have their share already, and a slot stays free of them"
        );
    }
}
