//! A thousand accounts on one provider, fifty of them with a password that the old server does not take. In the middle the old server
//! goes away for a while; one of three workers is killed, one is stopped for longer than its leases last, and goes on.

use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use transhume_model::directory::Settings;
use transhume_model::migration::{Hold, PassOutcome, Phase};
use transhume_testkit::Fault;

use crate::people::Person;
use crate::platform::Platform;
use crate::processes::{Process, wait_until};

const PEOPLE: usize = 1_000;
/// One of so many has a wrong password.
const WRONG: usize = 20;
/// MB that each process may take.
const MEMORY: u64 = 300;

/// For how long one worker is stopped and the old server is away: as long as it takes until that is noticed; with the variable
/// `LONG_STORY`, for a minute and two minutes, as it happens in life.
fn at_least(seconds: u64) -> Duration {
    let is_long = std::env::var_os("LONG_STORY").is_some();
    Duration::from_secs(if is_long { seconds } else { 0 })
}

// I11: no account is held by two, whatever happens to those who hold them.
#[test]
fn a_thousand_accounts_come_over_whatever_happens() {
    let people: Vec<Person> = (0..PEOPLE)
        .map(|number| match Person::new(number, number % 4) {
            person if number % WRONG == 7 => person.with_wrong_password(),
            person => person,
        })
        .collect();
    let settings = Settings {
        jobs: NonZeroU32::new(12).unwrap(),
        ..Settings::default()
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let platform = runtime.block_on(Platform::start("thousand", &people, settings));
    let seeded =
        |least: u64| platform.count("SELECT count(*) FROM migration WHERE phase = 'following'") >= least;
    let began = Instant::now();
    let programs = [("work", "one"), ("work", "two"), ("serve", "three")];
    let mut processes = programs.map(|(command, name)| Process::start(command, &platform.config, name));

    // Stops a process in a moment in which it has something.
    let catch = |process: &Process, name: &str| {
        wait_until("a worker is stopped while it has something", || {
            process.signal(Signal::STOP);
            let held = format!("SELECT count(*) FROM migration WHERE leased_by = '{name}'");
            let has_any = platform.count(&held) > 0;
            if !has_any {
                process.signal(Signal::CONT);
            }
            has_any
        });
    };

    wait_until("the first are here", || seeded(100));
    catch(&processes[0], "one");
    processes[0].kill();
    println!("one was killed after {:?}", began.elapsed());
    wait_until("what it had is taken over", || platform.taken_over("one") > 0);
    processes[0] = Process::start("work", &platform.config, "four");

    wait_until("more are here", || seeded(300));
    catch(&processes[1], "two");
    println!("two was stopped after {:?}", began.elapsed());
    let stopped = Instant::now();
    wait_until("what it has is taken over", || platform.taken_over("two") > 0);
    wait_until("it was stopped long enough", || stopped.elapsed() >= at_least(60));
    processes[1].signal(Signal::CONT);

    wait_until("half of them are here", || seeded(500));
    platform.line.set_fault(Fault::CutAfter(0));
    platform.line.cut_now();
    let away = Instant::now();
    println!("the old server is away after {:?}", began.elapsed());
    wait_until("that is noticed", || {
        platform.count("SELECT count(*) FROM migration WHERE failures > 0 AND hold IS NULL") >= 3
    });
    let asked = platform.line.connections();
    wait_until("it is asked again", || {
        away.elapsed() >= at_least(120) && platform.line.connections() > asked
    });
    platform.line.set_fault(Fault::None);
    println!("the old server is back after {:?}", began.elapsed());

    let right = people.iter().filter(|person| person.is_known_right()).count() as u64;
    wait_until("all others are here", || seeded(right));
    wait_until("the wrong ones are held, and nobody has anything", || {
        platform.count("SELECT count(*) FROM migration WHERE hold IS NULL AND phase <> 'following'") == 0
            && platform.count("SELECT count(*) FROM migration WHERE leased_by IS NOT NULL") == 0
    });
    println!("all is done after {:?}", began.elapsed());

    let peaks = [0, 1, 2].map(|at| processes[at].peak());
    println!("the processes took {peaks:?} MB");
    assert!(peaks.iter().all(|peak| *peak <= MEMORY), "{peaks:?}");
    for process in processes {
        assert!(process.end().success());
    }
    assert_eq!(platform.held_twice(), 0);
    let records = runtime.block_on(platform.migrations());
    assert_eq!(records.len(), people.len(), "none is lost");
    for (person, record) in people.iter().zip(&records) {
        assert_eq!(record.migration.address.as_str(), person.address());
        let passes = runtime.block_on(platform.passes(record.migration.id));
        if person.is_known_right() {
            assert_eq!(
                (record.migration.phase, &record.migration.hold),
                (Phase::Following, &None)
            );
            assert_eq!((record.failures, record.last_error.as_deref()), (0, None));
            platform.assert_moved(person);
            continue;
        }
        assert_eq!(
            record.migration.hold,
            Some(Hold::CredentialRejected),
            "{}",
            person.name
        );
        let refused = passes.iter().filter(|pass| {
            pass.report.outcome == PassOutcome::Failed && is_refusal(pass.report.error.as_deref())
        });
        let times: Vec<u32> = refused.map(|pass| pass.times).collect();
        assert_eq!(times, [1], "named once: {passes:?}");
        assert!(platform.is_untouched(person));
    }
}

fn is_refusal(error: Option<&str>) -> bool {
    error.is_some_and(|error| error.contains("refuse"))
}
