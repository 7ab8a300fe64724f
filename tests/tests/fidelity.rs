//! The same account moved by Dovecot's own tool and by this one: read through Dovecot, both results are the same.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

use std::collections::BTreeSet;

use transhume_e2e::{PASSWORD, Pair, new_server, run_complete};
use transhume_testkit::compare::DifferenceKind;
use transhume_testkit::{AccountView, MailboxSpec, Oracle, compare, corpus, snapshot};

const USER: &str = "alice";

/// The account that has everything in it, without the messages that are only long.
fn account() -> Vec<MailboxSpec> {
    let mut mailboxes = corpus::acceptance();
    mailboxes.retain(|mailbox| mailbox.name != ["Large"]);
    mailboxes
}

/// What a new server serves after `doveadm backup`, which reads the old one over IMAP too.
fn backed_up(pair: &Pair) -> AccountView {
    let server = new_server(USER, &corpus::acceptance_special_use());
    let settings = [
        "imapc_host=127.0.0.1".to_owned(),
        format!("imapc_port={}", pair.old.imap_port()),
        format!("imapc_user={USER}"),
        format!("imapc_password={PASSWORD}"),
        "imapc_features=rfc822.size fetch-headers".to_owned(),
        "mail_prefetch_count=50".to_owned(),
    ];
    let mut line: Vec<&str> = settings.iter().flat_map(|setting| ["-o", setting]).collect();
    line.extend(["backup", "-R", "-u", USER, "imapc:"]);
    let output = server.doveadm(&line).unwrap();
    assert!(output.status.success(), "{output:?}");
    snapshot(&mut Oracle::login(&server, USER).unwrap()).unwrap()
}

/// I2, I13: UIDs, UIDVALIDITY, flags, keywords, dates, bodies, subscriptions, names. Where both differ, this one is as the
/// old server.
#[test]
fn the_same_as_doveadm_backup() {
    let pair = Pair::with_roles(USER, &account(), &corpus::acceptance_special_use());
    let theirs = backed_up(&pair);
    run_complete(&mut pair.command());
    pair.assert_same();
    let ours = pair.new_view();

    // doveadm loses a CR that stands before a line end, and at the end of a message.
    let altered = ["bare-cr-at-end", "cr-cr-lf", "lf-cr"];
    // It makes mailboxes of what is a mere level above others.
    let made = ["Empty", "Lists"];
    let edges = corpus::edge_messages();
    let (mut found, mut unexpected) = (BTreeSet::new(), Vec::new());
    for difference in compare(&theirs, &ours) {
        let edge = edges
            .iter()
            .find(|(_, message)| difference.folder == ["Edge"] && difference.uid == Some(message.uid));
        let name = edge.map_or(difference.folder[0].as_str(), |(name, _)| name);
        let known = match difference.kind {
            DifferenceKind::Rfc822Size { .. }
            | DifferenceKind::BodyLength { .. }
            | DifferenceKind::BodySha256 { .. } => altered.contains(&name),
            DifferenceKind::Selectable { target: false, .. }
            | DifferenceKind::UidValidity { target: 0, .. }
            | DifferenceKind::UidNextLower { target: 0, .. } => made.contains(&name),
            _ => false,
        };
        if known {
            found.insert(name.to_owned());
        } else {
            unexpected.push(difference.to_string());
        }
    }
    assert_eq!(unexpected, Vec::<String>::new());
    // Each of them is one: what no longer differs is no exception any more.
    let expected = altered.iter().chain(&made).map(|name| (*name).to_owned());
    assert_eq!(found, expected.collect());
}
