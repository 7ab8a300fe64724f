//! Trouble at every octet that the server says, and at every command that it is given, during a first pass: nothing is lost or
//! doubled, nothing hangs, and the next pass ends in the same state.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use transhume_testkit::SimulatedServer;
use transhume_testkit::simulated::Mischief;

use crate::history::Event::{Pass, Source};
use crate::history::{OnSource, Player};
use crate::workers::try_all;

/// How long a server may be silent that falls silent on purpose.
const PATIENCE: Duration = Duration::from_millis(40);

/// Far more than a pass over this account takes.
const NEVER: Duration = Duration::from_secs(15);

/// What may go wrong at an octet. Most servers that hang up say why.
fn mischiefs() -> [Mischief; 5] {
    [
        Mischief::Cut,
        Mischief::Reset,
        Mischief::PartWith(b"* BYE [UNAVAILABLE] the server is going down\r\n".to_vec()),
        Mischief::Insert(b"\0\xff){7}\r\n* oops".to_vec()),
        Mischief::Stall,
    ]
}

const REFUSALS: [&str; 3] = [
    "[THROTTLED] slow down",
    "[OVERQUOTA] enough for today",
    "[UNAVAILABLE] come back later",
];

/// Two mailboxes, with the same message twice.
fn begin(server: &Arc<SimulatedServer>) -> Player {
    let mut player = Player::begin(Arc::clone(server), 0);
    for event in [
        Source(OnSource::Arrive { mailbox: 0, flags: 1 }),
        Source(OnSource::Duplicate {
            mailbox: 0,
            message: 0,
            flags: 16,
        }),
        Source(OnSource::Create { mailbox: 1 }),
        Source(OnSource::Arrive { mailbox: 1, flags: 0 }),
    ] {
        player.happen(event).unwrap();
    }
    player
}

/// How many octets the server says in a pass without trouble, and how many commands it is given.
fn length_of_a_pass() -> (u64, u64) {
    let server = Arc::new(SimulatedServer::start(&[]).unwrap());
    let mut player = begin(&server);
    player.happen(Pass).unwrap();
    (server.sent(), server.commands())
}

// I3, I5, I6.
#[test]
fn trouble_at_any_octet_loses_nothing() {
    let (octets, _) = length_of_a_pass();
    assert!(octets > 1_000, "the server says only {octets} octets");
    let mischiefs = mischiefs();
    let kinds = mischiefs.len() as u64;
    println!("{octets} octets");
    try_all(octets * kinds, |server, case| {
        let octet = case / kinds;
        let mischief = mischiefs[usize::try_from(case % kinds).unwrap_or(0)].clone();
        let mut player = begin(server);
        let is_stall = mischief == Mischief::Stall;
        // A parting server is waited for, whatever the patience: one case of these is enough.
        if is_stall && octets - octet < FAREWELL && octets - octet != FAREWELL / 2 {
            return Ok(());
        }
        let is_garbage = matches!(mischief, Mischief::Insert(_));
        // Garbage in the place of an answer is waited for as long.
        if is_stall || is_garbage {
            player.world.patience = PATIENCE;
        }
        let what = format!("{mischief:?} at octet {octet}");
        player
            .troubled_pass(is_garbage, |server| server.misbehave_after(octet, mischief))
            .and_then(|()| recover(&mut player, is_garbage, octet))
            .map_err(|failure| format!("{what}: {failure}"))
    });
}

/// Octets of the answer to LOGOUT.
const FAREWELL: u64 = 30;

// I3, I5, I6.
#[test]
fn a_refusal_of_any_command_loses_nothing() {
    let (_, commands) = length_of_a_pass();
    let kinds = REFUSALS.len() as u64;
    assert!(commands > 5, "the server is given only {commands} commands");
    try_all(commands * kinds, |server, case| {
        let words = REFUSALS[usize::try_from(case % kinds).unwrap_or(0)];
        let mut player = begin(server);
        player
            .troubled_pass(false, |server| server.refuse(case / kinds, words))
            .and_then(|()| recover(&mut player, false, 0))
            .map_err(|failure| format!("{words} for command {}: {failure}", case / kinds))
    });
}

/// A server that wants to be asked less is left alone for as long as it says, and then gives the rest: nothing is put into
/// quarantine for it, and no mailbox is left out.
#[test]
fn a_server_that_asks_for_patience_is_given_it() {
    const WORDS: &str = "[THROTTLED] Request is throttled. Suggested Backoff Time: 1200 milliseconds";
    let (_, commands) = length_of_a_pass();
    let waits = AtomicU64::new(0);
    try_all(commands, |server, command| {
        let mut player = begin(server);
        player.world.retries = 1;
        server.refuse(command, WORDS);
        let began = Instant::now();
        let report = player
            .world
            .pass(None)
            .result
            .map_err(|error| error.to_string())?;
        let failed = |what: &str| Err(format!("throttled at command {command}: {what}: {report:?}"));
        waits.fetch_add(report.reconnects.into(), Ordering::Relaxed);
        if report.reconnects == 1 && began.elapsed() < Duration::from_millis(1_200) {
            return failed("asked again at once");
        }
        if !report.settled || report.totals().carried != 3 {
            return failed("not all was carried");
        }
        player.happen(Pass)?;
        player.nothing_is_left()
    });
    // For LOGIN and LIST, and for each EXAMINE and FETCH; what is merely useful to know is done without.
    let waits = waits.into_inner();
    assert!(
        waits >= 6 && waits <= commands,
        "{waits} waits at {commands} commands"
    );
}

/// The next pass, on a server that behaves.
fn recover(player: &mut Player, is_garbage: bool, octet: u64) -> Result<(), String> {
    player.world.server.behave();
    player.world.patience = NEVER;
    let began = Instant::now();
    if is_garbage {
        // What was read wrong may stay wrong, apart from the messages.
        player.lenient_pass()?;
    } else {
        player.happen(Pass)?;
    }
    if began.elapsed() > NEVER {
        return Err("the next pass takes for ever".to_owned());
    }
    if octet.is_multiple_of(8) {
        player.nothing_is_left()?;
    }
    Ok(())
}
