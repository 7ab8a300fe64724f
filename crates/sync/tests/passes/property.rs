//! Ten thousand arbitrary histories. `PASSES_CASES` tries another number of them, and `PASSES_SEED` one again, or that
//! one and those after it.

use std::sync::Arc;
use std::time::Instant;

use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestError, TestRng, TestRunner};
use transhume_testkit::SimulatedServer;

use crate::history::{Event, History, OnSource, OnTarget, play};
use crate::workers::{try_all, without_panic};

/// How many are tried.
const CASES: u64 = 10_000;

/// The first case's seed; the others' follow.
const SEED: u64 = 20_261_123;

// I3, I4, I5, I6, I7, I8, I13, I14.
#[test]
fn whatever_happens_nothing_is_lost_nothing_is_doubled_and_nothing_is_left() {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse().unwrap());
    let (first, cases) = match number("PASSES_SEED") {
        Some(seed) => (seed, number("PASSES_CASES").unwrap_or(1)),
        None => (SEED, number("PASSES_CASES").unwrap_or(CASES)),
    };
    let began = Instant::now();
    try_all(cases, |server, number| try_case(server, first + number));
    println!("{cases} histories in {:.1} s", began.elapsed().as_secs_f64());
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
    let outcome = runner.run_one(tree, |history| {
        without_panic(|| play(server, &history)).map_err(TestCaseError::fail)
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
    let follows = if history.follows {
        ", removals are followed"
    } else {
        ""
    };
    format!("server {}{follows}\n{}", history.server, events.join("\n"))
}

fn history() -> impl Strategy<Value = History> {
    let follows = prop::bool::weighted(0.3);
    let parts = (0..3_u8, follows, prop::collection::vec(event(), 4..28));
    parts.prop_map(|(server, follows, events)| History {
        server,
        follows,
        events,
    })
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
