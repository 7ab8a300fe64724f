//! A mailbox that its owner has removed here goes on living on the source.

use std::sync::Arc;

use transhume_testkit::SimulatedServer;
use transhume_testkit::simulated::EVERYTHING;

use crate::world::World;

/// The bytes of all messages, wherever they are.
fn all(world: &World) -> Vec<String> {
    let disk = world.maildir.read();
    let messages = disk.values().flat_map(|mailbox| &mailbox.messages);
    let mut texts: Vec<String> = messages
        .map(|message| String::from_utf8_lossy(&message.bytes).trim().to_owned())
        .collect();
    texts.sort();
    texts
}

// I5, I7: new mail comes for it, the pass is cut off after any action, the source calls it by another name: what was removed with
// it stays away, and what is new is there once.
#[test]
fn a_removed_mailbox_that_is_made_anew_and_renamed_brings_what_is_new_only() {
    for is_renamed in [false, true] {
        for cut in 0.. {
            let server = Arc::new(SimulatedServer::start(EVERYTHING).unwrap());
            let deliver = |name: &str, text: &str| {
                let text = format!("{text}\r\n");
                server
                    .account()
                    .deliver(name, text.as_bytes(), &[], 1_700_000_000)
                    .unwrap();
            };
            server.account().create("Work");
            for text in ["one", "two", "three"] {
                deliver("Work", text);
            }
            let world = World::new(Arc::clone(&server));
            world.pass(None).result.unwrap();
            assert!(world.maildir.remove_mailbox("Work"));
            deliver("Work", "four");
            let outcome = world.pass(Some(cut));
            if is_renamed {
                assert!(server.account().rename("Work", "Else"));
            }
            deliver(if is_renamed { "Else" } else { "Work" }, "five");
            world.pass(None).result.unwrap();
            assert_eq!(
                all(&world),
                ["five", "four"],
                "cut before action {cut}, renamed: {is_renamed}"
            );
            if !outcome.was_cut {
                break;
            }
        }
    }
}
