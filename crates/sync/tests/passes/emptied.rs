//! A source that suddenly looks empty: more often a server in trouble than a tidy owner.

use std::sync::Arc;

use transhume_sync::Deletions;
use transhume_testkit::SimulatedServer;
use transhume_testkit::simulated::{Account, EVERYTHING, PLAIN, WITHOUT_MOD_SEQ};

use crate::world::World;

const MESSAGES: usize = 30;
/// More than this may not go from one mailbox in one pass.
const MOST: u32 = 10;

/// What is wrong with the server.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Trouble {
    /// It lists no mailbox but INBOX, which is empty.
    ListsNothing,
    /// It lists all mailboxes, and says that they are empty.
    SaysZero,
    /// It shows few of the messages.
    HidesMost,
}

impl Trouble {
    fn befall(self, account: &mut Account) {
        if self == Self::ListsNothing {
            account.delete("Work");
        }
        let names: Vec<String> = account.mailboxes().map(|(name, _)| name.to_owned()).collect();
        for name in names {
            let uids: Vec<u32> = account
                .mailbox(&name)
                .unwrap()
                .messages
                .iter()
                .map(|message| message.uid)
                .collect();
            let shown = if self == Self::HidesMost { 2 } else { 0 };
            for uid in uids.into_iter().skip(shown) {
                account.expunge(&name, uid);
            }
        }
    }
}

fn count(world: &World) -> usize {
    world
        .maildir
        .read()
        .values()
        .map(|mailbox| mailbox.messages.len())
        .sum()
}

// I8: nothing goes, the pass says why, and when the server is well again, nothing comes twice.
#[test]
fn a_source_that_suddenly_looks_empty_takes_nothing_with_it() {
    for abilities in [EVERYTHING, WITHOUT_MOD_SEQ, PLAIN] {
        for trouble in [Trouble::ListsNothing, Trouble::SaysZero, Trouble::HidesMost] {
            let server = Arc::new(SimulatedServer::start(abilities).unwrap());
            {
                let mut account = server.account();
                account.create("Work");
                for name in ["INBOX", "Work"] {
                    for number in 0..MESSAGES {
                        let text = format!("Subject: {name}-{number}\r\n\r\n{number}\r\n");
                        account.deliver(name, text.as_bytes(), &[], 1_700_000_000);
                    }
                }
            }
            let mut world = World::new(Arc::clone(&server));
            world.deletions = Deletions::Follow { most: MOST };
            world.pass(None).result.unwrap();
            assert_eq!(count(&world), 2 * MESSAGES);
            let well = server.account().clone();
            trouble.befall(&mut server.account());
            for _ in 0..3 {
                let report = world.pass(None).result.unwrap();
                assert_eq!(report.totals().expunged, 0, "{trouble:?}");
                let asks = report
                    .mailboxes
                    .iter()
                    .filter_map(|mailbox| mailbox.error.as_deref());
                let asks = asks.filter(|error| error.contains("--most-deletions")).count();
                // The mailbox that is not listed is not looked at; those that are say what they wait for.
                let listed = if trouble == Trouble::ListsNothing { 1 } else { 2 };
                assert_eq!(asks, listed, "{trouble:?}: {report:?}");
                assert_eq!(count(&world), 2 * MESSAGES, "{trouble:?}");
            }
            *server.account() = well;
            let report = world.pass(None).result.unwrap();
            assert_eq!(
                (report.totals().carried, report.totals().expunged),
                (0, 0),
                "{trouble:?}"
            );
            assert_eq!(count(&world), 2 * MESSAGES, "{trouble:?}");
        }
    }
}
