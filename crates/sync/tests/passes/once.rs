//! Histories that failed once.

use std::sync::Arc;

use transhume_testkit::SimulatedServer;
use transhume_testkit::simulated::EVERYTHING;

use crate::history::Event::{CutPass, Pass, Source, Target};
use crate::history::{History, OnSource, OnTarget, play};

fn holds(follows: bool, events: &[crate::history::Event]) {
    let server = Arc::new(SimulatedServer::start(EVERYTHING).unwrap());
    let history = History {
        server: 0,
        follows,
        events: events.to_vec(),
    };
    play(&server, &history).unwrap_or_else(|what| panic!("{events:?}: {what}"));
}

/// A fill is cut off after messages were put into the mailbox; then the source numbers its messages anew. One has line ends that
/// Dovecot serves otherwise than they were brought.
// I6, I13.
#[test]
fn a_mailbox_is_numbered_anew_while_it_is_filled() {
    for cut in 20..60 {
        for deliveries in [1, 2] {
            let mut events = vec![
                Source(OnSource::Create { mailbox: 2 }),
                CutPass(50),
                // Every third message has such line ends: this is one.
                Source(OnSource::Arrive {
                    mailbox: 2,
                    flags: 40,
                }),
                CutPass(cut),
            ];
            events.extend((0..deliveries).map(|_| Target(OnTarget::Deliver { mailbox: 2 })));
            events.extend([
                Source(OnSource::Renumber { mailbox: 2 }),
                Source(OnSource::Duplicate {
                    mailbox: 2,
                    message: 0,
                    flags: 10,
                }),
                Pass,
            ]);
            events.insert(0, Source(OnSource::Subscribe { mailbox: 2, on: true }));
            holds(false, &events);
        }
    }
}

/// The last message of a mailbox goes from the source: there is no list that it could be missing in.
// I8.
#[test]
fn a_mailbox_is_emptied() {
    holds(
        true,
        &[
            Source(OnSource::Arrive { mailbox: 0, flags: 0 }),
            Pass,
            Source(OnSource::Expunge {
                mailbox: 0,
                message: 0,
            }),
        ],
    );
}

/// What the owner did to a message before its mailbox was renamed stays done.
// I7.
#[test]
fn a_mailbox_is_renamed_after_its_owner_has_been_there() {
    holds(
        false,
        &[
            Source(OnSource::Create { mailbox: 2 }),
            Source(OnSource::Arrive {
                mailbox: 2,
                flags: 61,
            }),
            Pass,
            Source(OnSource::Rename { from: 2, to: 1 }),
            Target(OnTarget::Flag {
                mailbox: 2,
                message: 0,
                flag: 0,
                on: false,
            }),
        ],
    );
}
