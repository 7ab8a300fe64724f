//! A few accounts, looked at closely.

use std::num::NonZeroU32;
use std::time::Instant;

use transhume_model::directory::Settings;
use transhume_model::migration::{PassOutcome, Phase};
use transhume_testkit::{Fault, Oracle};

use crate::people::Person;
use crate::platform::{Platform, now};
use crate::processes::{Process, wait_until};

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
}

fn following(platform: &Platform) -> u64 {
    platform.count("SELECT count(*) FROM migration WHERE phase = 'following'")
}

/// Seeding, then following: what comes to the old server later comes here with the next pass.
#[test]
fn accounts_are_seeded_and_followed() {
    let runtime = runtime();
    let people: Vec<Person> = (0..3)
        .map(|number| Person::new(number, 5 + 60 * number))
        .collect();
    let platform = runtime.block_on(Platform::start("followed", &people, Settings::default()));
    let process = Process::start("work", &platform.config, "alone");
    wait_until("all are here", || following(&platform) == 3);
    for person in &people {
        platform.assert_moved(person);
    }
    let before = runtime.block_on(platform.migrations());
    for record in &before {
        assert!(
            record.due > record.migration.seeded.unwrap() + 3_000,
            "an hour later: {record:?}"
        );
    }
    let mut client = Oracle::login(&platform.old, &people[1].old_address()).unwrap();
    client
        .append(&["INBOX"], &[], None, b"Subject: later\r\n\r\nNew.\r\n")
        .unwrap();
    client.logout().unwrap();
    runtime.block_on(platform.retry(&before[1]));
    let arrived = || {
        let records = runtime.block_on(platform.migrations());
        records[1].due > now() + 3_000 && records[1].leased.is_none()
    };
    wait_until("the next pass is over", arrived);
    let mut person = people[1].clone();
    person.mailboxes[0] = person.mailboxes[0]
        .clone()
        .message(0, b"Subject: later\r\n\r\nNew.\r\n");
    platform.assert_moved(&person);
    let passes = runtime.block_on(platform.passes(before[1].migration.id));
    let messages: Vec<u64> = passes.iter().map(|pass| pass.report.messages).collect();
    assert_eq!(messages, [1, 66], "newest first");
    assert!(process.end().success());
}

/// What is under way when the process is asked to end is handed back, and goes on from there.
#[test]
fn what_is_under_way_is_handed_back() {
    let runtime = runtime();
    let people = vec![Person::new(0, 400)];
    let platform = runtime.block_on(Platform::start("handed", &people, Settings::default()));
    // The old server gets stuck in the middle of the account.
    platform.line.set_fault(Fault::StallAfter(60_000));
    let process = Process::start("work", &platform.config, "first");
    wait_until("some of it is here", || platform.line.received() >= 60_000);
    let ended = process.end();
    assert!(ended.success(), "{ended}");
    let records = runtime.block_on(platform.migrations());
    assert_eq!(
        (records[0].migration.phase, &records[0].leased),
        (Phase::Seeding, &None)
    );
    assert!(records[0].due <= now(), "due at once");
    assert_eq!(records[0].failures, 0, "nothing was wrong");
    platform.line.set_fault(Fault::None);
    let process = Process::start("work", &platform.config, "second");
    wait_until("all of it is here", || following(&platform) == 1);
    platform.assert_moved(&people[0]);
    let passes = runtime.block_on(platform.passes(records[0].migration.id));
    assert_eq!(passes[0].report.outcome, PassOutcome::Complete);
    assert!(process.end().success());
}

/// A server that is away is tried again, by few, and rarely; then everything is done.
#[test]
fn an_old_server_that_is_away_is_waited_for() {
    let runtime = runtime();
    let people: Vec<Person> = (0..8).map(|number| Person::new(number, 2)).collect();
    let settings = Settings {
        jobs: NonZeroU32::new(4).unwrap(),
        ..Settings::default()
    };
    let platform = runtime.block_on(Platform::start("away", &people, settings));
    platform.line.set_fault(Fault::CutAfter(0));
    let began = Instant::now();
    let process = Process::start("work", &platform.config, "waiting");
    wait_until("all have been put off", || {
        platform.count(&format!("SELECT count(*) FROM migration WHERE due > {}", now())) == 8
    });
    println!("put off after {:?}", began.elapsed());
    let log = process.log();
    assert_eq!(log.matches("does not answer").count(), 1, "told once: {log}");
    // Four began together, and made three connections each. After that, one goes to see.
    assert!(
        platform.line.connections() <= 15,
        "{}",
        platform.line.connections()
    );
    platform.line.set_fault(Fault::None);
    wait_until("all are here", || following(&platform) == 8);
    println!("all were here after {:?}", began.elapsed());
    for person in &people {
        platform.assert_moved(person);
    }
    let log = process.log();
    assert_eq!(log.matches("answers again").count(), 1, "{log}");
    assert!(process.end().success());
}

/// Nobody is told that all is here before Dovecot's change numbers are above the old server's.
#[test]
fn clients_that_ask_for_changes_miss_none() {
    let runtime = runtime();
    let people = vec![Person::new(0, 3)];
    let platform = runtime.block_on(Platform::start("numbers", &people, Settings::default()));
    let mut client = Oracle::login(&platform.old, &people[0].old_address()).unwrap();
    client.select(&["INBOX"]).unwrap();
    for flag in ["\\Flagged", "\\Seen", "one", "two", "three"] {
        client.store("1:*", "+FLAGS", &[flag]).unwrap();
    }
    let reached = client.highest_modseq(&["INBOX"]).unwrap();
    client.logout().unwrap();
    assert!(reached > 5, "{reached}");

    platform.configure_mail("doveadm = true\ndovecot-config = \"/no/such/dovecot.conf\"\n");
    let process = Process::start("work", &platform.config, "first");
    wait_until("doveadm fails", || {
        platform.count("SELECT count(*) FROM migration WHERE failures > 0 AND leased_by IS NULL") == 1
    });
    assert!(process.end().success());
    let records = runtime.block_on(platform.migrations());
    assert_eq!(records[0].migration.phase, Phase::Seeding, "not all is done");
    let error = records[0].last_error.clone().unwrap_or_default();
    assert!(error.contains("doveadm"), "{error}");

    let new = platform.new_server(&people);
    let config = new.config_path();
    platform.configure_mail(&format!(
        "doveadm = true\ndovecot-config = \"{}\"\n",
        config.display()
    ));
    runtime.block_on(platform.retry(&records[0]));
    let process = Process::start("work", &platform.config, "second");
    wait_until("all is here", || following(&platform) == 1);
    assert!(process.end().success());
    let mut client = Oracle::login(&new, &people[0].address()).unwrap();
    assert!(client.highest_modseq(&["INBOX"]).unwrap() > reached);
    client.logout().unwrap();
}
