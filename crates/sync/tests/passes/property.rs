//! Ten thousand arbitrary histories. `PASSES_CASES` tries another number of them, and `PASSES_SEED` one again.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{Config, RngAlgorithm, TestError, TestRng, TestRunner};
use transhume_testkit::SimulatedServer;
use transhume_testkit::simulated::EVERYTHING;

use crate::history::{Event, History, OnSource, OnTarget, play};

/// How many are tried.
const CASES: u64 = 10_000;

/// The first case's seed; the others' follow.
const SEED: u64 = 20_261_123;

// I3, I4, I5, I6, I7, I13, I14.
#[test]
fn whatever_happens_nothing_is_lost_nothing_is_doubled_and_nothing_is_left() {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse().unwrap());
    let (first, cases) = match number("PASSES_SEED") {
        Some(seed) => (seed, 1),
        None => (SEED, number("PASSES_CASES").unwrap_or(CASES)),
    };
    let next = AtomicU64::new(0);
    let failed = AtomicBool::new(false);
    let began = Instant::now();
    let workers = std::thread::available_parallelism().map_or(2, usize::from) as u64;
    let failures: Vec<String> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..workers.min(cases))
            .map(|_| {
                scope.spawn(|| {
                    let server = Arc::new(SimulatedServer::start(EVERYTHING).unwrap());
                    while !failed.load(Ordering::SeqCst) {
                        let number = next.fetch_add(1, Ordering::SeqCst);
                        if number >= cases {
                            break;
                        }
                        if let Err(failure) = try_case(&server, first + number) {
                            failed.store(true, Ordering::SeqCst);
                            return Some(failure);
                        }
                    }
                    None
                })
            })
            .collect();
        workers
            .into_iter()
            .filter_map(|worker| worker.join().unwrap())
            .collect()
    });
    println!("{cases} histories in {:.1} s", began.elapsed().as_secs_f64());
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

/// Plays the history of a seed. One that fails is made as small as it can be.
fn try_case(server: &Arc<SimulatedServer>, seed: u64) -> Result<(), String> {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let config = Config {
        failure_persistence: None,
        max_shrink_iters: 3_000,
        ..Config::default()
    };
    let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes));
    let tree = history().new_tree(&mut runner).unwrap();
    debug_assert!(!tree.current().events.is_empty());
    let outcome = runner.run_one(tree, |history| {
        catch_unwind(AssertUnwindSafe(|| play(server, &history)))
            .unwrap_or_else(|_| Err("a panic, see above".to_owned()))
            .map_err(TestCaseError::fail)
    });
    match outcome {
        Ok(_) => Ok(()),
        Err(TestError::Fail(reason, history)) => Err(format!(
            "PASSES_SEED={seed} plays it again; the smallest history that fails is\n{}\n{reason}",
            spell(&history)
        )),
        Err(TestError::Abort(reason)) => Err(format!("PASSES_SEED={seed}: {reason}")),
    }
}

/// As it can be put into a table of cases.
fn spell(history: &History) -> String {
    let events: Vec<String> = history
        .events
        .iter()
        .map(|event| format!("    {event:?},"))
        .collect();
    format!("server {}\n{}", history.server, events.join("\n"))
}

fn history() -> impl Strategy<Value = History> {
    (0..3_u8, prop::collection::vec(event(), 4..28)).prop_map(|(server, events)| History { server, events })
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        12 => on_source().prop_map(Event::Source),
        7 => on_target().prop_map(Event::Target),
        2 => Just(Event::Pass),
        2 => (0..160_u16).prop_map(Event::CutPass),
        1 => (0..30_u8, on_source()).prop_map(|(command, change)| Event::During(command, change)),
    ]
}

fn on_source() -> impl Strategy<Value = OnSource> {
    let mailbox = || 0..4_u8;
    let message = || 0..12_u8;
    prop_oneof![
        10 => (mailbox(), 0..64_u8).prop_map(|(mailbox, flags)| OnSource::Arrive { mailbox, flags }),
        3 => (mailbox(), message(), 0..64_u8)
            .prop_map(|(mailbox, message, flags)| OnSource::Duplicate { mailbox, message, flags }),
        6 => (mailbox(), message(), 0..6_u8, any::<bool>())
            .prop_map(|(mailbox, message, flag, on)| OnSource::Flag { mailbox, message, flag, on }),
        3 => (mailbox(), message()).prop_map(|(mailbox, message)| OnSource::Expunge { mailbox, message }),
        4 => mailbox().prop_map(|mailbox| OnSource::Create { mailbox }),
        1 => mailbox().prop_map(|mailbox| OnSource::Delete { mailbox }),
        1 => (mailbox(), mailbox()).prop_map(|(from, to)| OnSource::Rename { from, to }),
        1 => mailbox().prop_map(|mailbox| OnSource::Renumber { mailbox }),
        2 => (mailbox(), prop::bool::weighted(0.8))
            .prop_map(|(mailbox, on)| OnSource::Subscribe { mailbox, on }),
    ]
}

fn on_target() -> impl Strategy<Value = OnTarget> {
    let mailbox = || 0..4_u8;
    let message = || 0..12_u8;
    prop_oneof![
        4 => mailbox().prop_map(|mailbox| OnTarget::Deliver { mailbox }),
        1 => (mailbox(), message()).prop_map(|(mailbox, message)| OnTarget::DeliverTwin { mailbox, message }),
        4 => mailbox().prop_map(|mailbox| OnTarget::Look { mailbox }),
        6 => (mailbox(), message(), 0..6_u8, any::<bool>())
            .prop_map(|(mailbox, message, flag, on)| OnTarget::Flag { mailbox, message, flag, on }),
        3 => (mailbox(), message()).prop_map(|(mailbox, message)| OnTarget::Remove { mailbox, message }),
        1 => mailbox().prop_map(|mailbox| OnTarget::RemoveMailbox { mailbox }),
        1 => mailbox().prop_map(|mailbox| OnTarget::Unsubscribe { mailbox }),
    ]
}
