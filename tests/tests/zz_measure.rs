#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs, reason = "tests")]
use std::time::Instant;
use transhume_e2e::*;
use transhume_testkit::*;
#[test]
fn measure() {
    let mut inbox = MailboxSpec::new(&["INBOX"], 1000);
    for n in 0..5u32 {
        inbox.messages.push(MessageSpec {
            uid: n * 3 + 1,
            body: Body::Generated {
                seed: n.into(),
                size: 500 + u64::from(n) * 40,
            },
            flags: vec![],
            internal_date: 1_000_000_000,
        });
    }
    binary();
    let t = Instant::now();
    let pair = Pair::start("alice", &[inbox]);
    eprintln!("start {:?}", t.elapsed());
    let t = Instant::now();
    run_complete(&mut pair.command());
    eprintln!("move {:?}", t.elapsed());
    let t = Instant::now();
    pair.assert_same();
    eprintln!("same {:?}", t.elapsed());
    let t = Instant::now();
    run_complete(&mut pair.command());
    eprintln!("again {:?}", t.elapsed());
    let t = Instant::now();
    drop(pair);
    eprintln!("drop {:?}", t.elapsed());
}
