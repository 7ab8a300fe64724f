//! Memory does not grow with the size of a message.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

use serde_json::Value;
use transhume_e2e::Pair;
use transhume_testkit::{Body, MailboxSpec, MessageSpec, run_measured};

/// Octets of the big message, without the CR that every line gets on the way.
const BIG: u64 = 200_000_000;
const LIMIT_KIB: u64 = 40 * 1024;

/// I9, I2: a message of 200 MB among small ones goes through a few megabytes, unchanged.
#[test]
fn a_message_of_200_mb() {
    let mut inbox = MailboxSpec::new(&["INBOX"], 1_250_000_000);
    for number in 1..=400_u32 {
        let size = if number == 150 {
            BIG
        } else {
            500 + u64::from(number) * 10
        };
        inbox.messages.push(MessageSpec {
            uid: number * 2,
            body: Body::Generated {
                seed: number.into(),
                size,
            },
            flags: Vec::new(),
            internal_date: 1_450_000_000,
        });
    }
    let pair = Pair::start("alice", &[inbox]);
    let measured = run_measured(&mut pair.command()).unwrap();
    let stderr = String::from_utf8_lossy(&measured.stderr);
    assert!(measured.status.success(), "{stderr}");
    let json: Value = serde_json::from_slice(&measured.stdout).unwrap();
    assert_eq!(json["verified"], true, "{json}");
    assert!(json["totals"]["bytes"].as_u64() > Some(BIG), "{json}");
    println!(
        "at most {} KiB in {:?} ({:?} user, {:?} system)",
        measured.peak_rss_kib, measured.wall, measured.user_cpu, measured.sys_cpu
    );
    assert!(measured.peak_rss_kib < LIMIT_KIB, "{} KiB", measured.peak_rss_kib);
    // With the digest of every message, as both servers serve it.
    pair.assert_same();
}
