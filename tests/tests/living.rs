//! The dangerous weeks: people use both servers while passes run, one after the other, and are killed. Whatever anybody meant
//! stays so, and nothing is lost or doubled.
//!
//! `LIVING_ROUNDS` and `LIVING_SEEDS` make it longer.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

#[path = "living/intents.rs"]
mod intents;
#[path = "living/mail.rs"]
mod mail;
#[path = "living/people.rs"]
mod people;
#[path = "living/week.rs"]
mod week;

use std::process::{Child, Stdio};
use std::thread::sleep;
use std::time::Duration;

use people::People;
use transhume_e2e::{Pair, run_complete};
use transhume_testkit::Oracle;

const FOLLOW: [&str; 2] = ["--deletions", "follow"];
/// Passes after which all must be quiet. Removals need two.
const LAST_PASSES: usize = 6;

fn number(variable: &str, usual: u64) -> u64 {
    let said = std::env::var(variable).ok().and_then(|text| text.parse().ok());
    said.unwrap_or(usual)
}

/// The arguments of every pass.
fn arguments(follows: bool) -> &'static [&'static str] {
    if follows { &FOLLOW } else { &[] }
}

fn start_pass(pair: &Pair, follows: bool) -> Child {
    let mut command = pair.command();
    command.args(arguments(follows));
    command
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// One round: things happen, a pass begins, more happens; the pass is killed, or comes to its end.
fn round(pair: &Pair, people: &mut People<'_>, follows: bool) {
    for _ in 0..people.random.below(4) {
        people.something_old();
    }
    for _ in 0..people.random.below(4) {
        people.something_new(true);
    }
    let began = people.intents.tick();
    let mut pass = start_pass(pair, follows);
    let kills = people.random.below(3) == 0;
    if kills {
        // Where in the pass it is killed is left to chance.
        sleep(Duration::from_millis(people.random.below(150)));
    } else {
        for _ in 0..people.random.below(4) {
            people.something_old();
            people.something_new(false);
        }
    }
    if kills {
        let _ = pass.kill();
    }
    let ended = pass.wait().unwrap();
    assert_ne!(ended.code(), Some(101), "a pass has panicked");
    if ended.success() {
        people.intents.passed(began);
    }
}

fn live(seed: u64, rounds: u64, follows: bool) {
    println!("seed {seed}, removals are followed: {follows}");
    let pair = Pair::start("amy", &[]);
    let mut people = People::new(&pair, seed, follows);
    for _ in 0..rounds {
        round(&pair, &mut people, follows);
    }
    let mut quiet = 0;
    for _ in 0..LAST_PASSES {
        let json = run_complete(pair.command().args(arguments(follows)));
        let totals = &json["totals"];
        if [&totals["carried"], &totals["expunged"]]
            .iter()
            .all(|count| **count == 0)
        {
            quiet += 1;
        }
    }
    assert!(quiet >= 2, "there is always something to do");
    let mut old = Oracle::login(&pair.old, &pair.user).unwrap();
    let mut new = Oracle::login(&pair.new, &pair.user).unwrap();
    let (old, new) = (mail::listing(&mut old), mail::listing(&mut new));
    let wrong = people.intents.differences(&old, &new);
    assert!(
        wrong.is_empty(),
        "seed {seed}, removals are followed: {follows}: {} things are not as they were meant:\n{}\nold: {old:#?}\nnew: {new:#?}",
        wrong.len(),
        wrong.join("\n")
    );
    // A mailbox that a client opens before it is filled gets another number then: nobody has seen a letter under the first.
    let mut problems = pair.new.log_problems();
    problems.retain(|problem| !problem.contains("UIDVALIDITY changed"));
    assert_eq!(problems, Vec::<String>::new());
}

#[test]
fn what_everybody_meant_stays_so() {
    for seed in 1..=number("LIVING_SEEDS", 2) {
        for follows in [false, true] {
            live(seed, number("LIVING_ROUNDS", 12), follows);
        }
    }
}

/// The view of the owner's programs never jumps, and a program that waits is told of nothing that nobody did.
#[test]
fn a_week_of_hourly_passes_disturbs_nobody() {
    week::pass();
}
