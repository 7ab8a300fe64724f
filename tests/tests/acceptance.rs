//! A mailbox that has everything in it arrives as it was.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

use transhume_e2e::{Pair, run_complete, traces};
use transhume_testkit::corpus;

/// I1, I2, I3, I4, I6, I13: 2,000 messages in more than 25 folders, through both servers' eyes.
#[test]
fn everything_arrives_as_it_was() {
    let roles = corpus::acceptance_special_use();
    let pair = Pair::with_roles("alice", &corpus::acceptance(), &roles);
    let before = pair.old_view();
    let json = run_complete(&mut pair.command());
    assert_eq!(json["totals"]["carried"], before.message_count());
    pair.assert_same();
    assert_eq!(
        pair.old_view().to_text(),
        before.to_text(),
        "the old server is as it was"
    );

    // I4: a second run finds nothing to do and writes nothing.
    let traced = traces(&pair.maildir());
    let state = std::fs::read(pair.new.home("alice").join("Maildir.transhume.db")).unwrap();
    let json = run_complete(&mut pair.command());
    assert_eq!(json["totals"]["carried"], 0);
    assert_eq!(traces(&pair.maildir()), traced);
    assert_eq!(
        std::fs::read(pair.new.home("alice").join("Maildir.transhume.db")).unwrap(),
        state
    );
}
