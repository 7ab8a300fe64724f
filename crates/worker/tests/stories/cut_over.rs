//! The last day, and the week after it.

use std::fs;

use transhume_model::directory::Settings;
use transhume_model::migration::Phase;
use transhume_testkit::Oracle;

use crate::people::Person;
use crate::platform::{Platform, now};
use crate::processes::{Process, run, wait_until};

fn arrives(platform: &Platform, person: &mut Person, subject: &str) {
    let text = format!("Subject: {subject}\r\n\r\nNew.\r\n");
    let mut client = Oracle::login(&platform.old, &person.old_address()).unwrap();
    client.append(&["INBOX"], &[], None, text.as_bytes()).unwrap();
    client.logout().unwrap();
    person.mailboxes[0] = person.mailboxes[0].clone().message(0, text.as_bytes());
}

fn count(platform: &Platform, condition: &str) -> u64 {
    platform.count(&format!("SELECT count(*) FROM migration WHERE {condition}"))
}

/// Mail that came before the cut-over is here before anybody is told that it is over; mail that came late is swept up; the cut-over is
/// taken back; and when the time is over the password is forgotten.
#[test]
fn late_mail_is_swept_and_a_cut_over_taken_back() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let mut people = vec![Person::new(0, 4), Person::new(1, 2)];
    let platform = runtime.block_on(Platform::start("cutover", &people, Settings::default()));
    let process = Process::start("work", &platform.config, "alone");
    wait_until("all are here", || count(&platform, "phase = 'following'") == 2);
    arrives(&platform, &mut people[0], "before");
    let told = run(&platform.config, &["domain", "cut-over", "new.example"]);
    assert_eq!(told.matches("last passes").count(), 2, "{told}");
    wait_until("both are cut over", || {
        count(&platform, "phase = 'finished'") == 2
    });
    platform.assert_moved(&people[0]);
    let records = runtime.block_on(platform.migrations());
    for record in &records {
        let until = record.migration.swept_until.unwrap();
        assert!((until - now() - 604_800).abs() < 600, "{record:?}");
    }
    // The one that brought something was not the last.
    let passes = runtime.block_on(platform.passes(records[0].migration.id));
    let messages: Vec<u64> = passes.iter().map(|pass| pass.report.messages).collect();
    assert_eq!(messages[..2], [0, 1], "newest first");
    assert_eq!(platform.count("SELECT count(*) FROM credential"), 2);

    // Where everything is, is put on record, and holds.
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().to_str().unwrap();
    let told = run(
        &platform.config,
        &["domain", "report", "new.example", "--output", output],
    );
    assert!(
        told.starts_with("new.example: 2 of 2 accounts are complete."),
        "{told}"
    );
    let summary = fs::read_to_string(folder.path().join("new.example.jsonl")).unwrap();
    let page = fs::read_to_string(folder.path().join("new.example.html")).unwrap();
    for person in &people {
        let report = folder.path().join(format!("{}.jsonl", person.address()));
        let lines = fs::read_to_string(&report).unwrap();
        let last = lines.lines().last().unwrap().rsplit('"').nth(1).unwrap();
        assert!(summary.contains(last) && page.contains(last), "{summary}");
        let report = report.to_str().unwrap();
        for options in [&[][..], &["--target-only"]] {
            let command = ["migration", "verify", &person.address(), "--report", report];
            let told = run(&platform.config, &[&command[..], options].concat());
            assert!(
                told.contains("What the report says of each message holds."),
                "{told}"
            );
        }
    }

    // Late mail.
    arrives(&platform, &mut people[0], "late");
    runtime.block_on(platform.retry(&records[0]));
    wait_until("it is swept up", || {
        process.log().contains("1 messages came late")
    });
    platform.assert_moved(&people[0]);
    assert_eq!(count(&platform, "phase = 'finished'"), 2);

    // Taken back, it follows again.
    let id = records[1].migration.id.to_string();
    run(&platform.config, &["migration", "reopen", &id]);
    wait_until("a pass has been there", || {
        count(
            &platform,
            &format!(
                "phase = 'following' AND leased_by IS NULL AND due > {}",
                now() + 3_000
            ),
        ) == 1
    });

    // The time is over.
    platform.change("UPDATE migration SET swept_until = 1 WHERE phase = 'finished'");
    wait_until("its password is forgotten", || {
        platform.count("SELECT count(*) FROM credential") == 1
    });
    let records = runtime.block_on(platform.migrations());
    let stands: Vec<_> = records
        .iter()
        .map(|record| (record.migration.phase, record.migration.swept_until))
        .collect();
    assert_eq!(stands, [(Phase::Finished, None), (Phase::Following, None)]);
    assert!(process.log().contains("swept no more"), "{}", process.log());
    assert!(process.end().success());
}
