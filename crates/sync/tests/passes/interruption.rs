//! The power is cut before every single action of a pass, of the Maildir and of the base, and the next pass ends in the state
//! that an uninterrupted one ends in.

use std::sync::Arc;

use transhume_testkit::SimulatedServer;
use transhume_testkit::maildir::DiskMailbox;

use crate::history::Event::{self, CutPass, Pass, Source, Target};
use crate::history::{OnSource, OnTarget, Player};
use crate::workers::try_all;

/// What is there, but for the names of files.
pub(crate) type End = Vec<(String, Option<(u32, u32)>, Vec<String>)>;

/// A mailbox of each kind, and mail that the target received early.
pub(crate) const BEGINNING: &[Event] = &[
    Source(OnSource::Create { mailbox: 1 }),
    Source(OnSource::Create { mailbox: 3 }),
    Source(OnSource::Arrive { mailbox: 0, flags: 1 }),
    Source(OnSource::Arrive { mailbox: 0, flags: 0 }),
    Source(OnSource::Expunge {
        mailbox: 0,
        message: 0,
    }),
    Source(OnSource::Duplicate {
        mailbox: 0,
        message: 0,
        flags: 18,
    }),
    Source(OnSource::Arrive {
        mailbox: 1,
        flags: 16,
    }),
    Source(OnSource::Subscribe { mailbox: 1, on: true }),
];

/// Everything that a later pass has to do something about.
const LATER: &[Event] = &[
    Target(OnTarget::Look { mailbox: 0 }),
    Target(OnTarget::Deliver { mailbox: 1 }),
    Target(OnTarget::Look { mailbox: 1 }),
    Target(OnTarget::Remove {
        mailbox: 0,
        message: 0,
    }),
    Target(OnTarget::RemoveMailbox { mailbox: 3 }),
    Source(OnSource::Arrive { mailbox: 0, flags: 2 }),
    Source(OnSource::Arrive {
        mailbox: 1,
        flags: 32,
    }),
    Source(OnSource::Arrive { mailbox: 3, flags: 0 }),
    Source(OnSource::Flag {
        mailbox: 0,
        message: 1,
        flag: 0,
        on: true,
    }),
    Source(OnSource::Flag {
        mailbox: 1,
        message: 0,
        flag: 4,
        on: false,
    }),
    Source(OnSource::Create { mailbox: 2 }),
    Source(OnSource::Arrive { mailbox: 2, flags: 0 }),
    Source(OnSource::Subscribe { mailbox: 2, on: true }),
];

/// The source numbers anew what the target has, while twins of its messages have come to the target another way.
const RENUMBERED: &[Event] = &[
    Target(OnTarget::DeliverTwin {
        mailbox: 1,
        message: 0,
    }),
    Target(OnTarget::Look { mailbox: 1 }),
    Source(OnSource::Renumber { mailbox: 0 }),
    Source(OnSource::Renumber { mailbox: 1 }),
    Source(OnSource::Arrive { mailbox: 0, flags: 0 }),
    Source(OnSource::Arrive { mailbox: 1, flags: 0 }),
];

/// What may happen between the cut and the next pass.
const MEANWHILE: &[&[Event]] = &[
    &[],
    // The next pass is cut, too.
    &[CutPass(17)],
    &[
        Target(OnTarget::Look { mailbox: 0 }),
        Target(OnTarget::Deliver { mailbox: 0 }),
        Target(OnTarget::Look { mailbox: 1 }),
        Target(OnTarget::Flag {
            mailbox: 1,
            message: 0,
            flag: 1,
            on: true,
        }),
        Source(OnSource::Flag {
            mailbox: 1,
            message: 0,
            flag: 2,
            on: true,
        }),
        Source(OnSource::Arrive { mailbox: 1, flags: 0 }),
    ],
];

// I5: interrupted after any action, the next pass ends in the same state.
#[test]
fn a_first_pass_can_be_cut_anywhere() {
    cut_everywhere(&[BEGINNING]);
}

// I5.
#[test]
fn a_later_pass_can_be_cut_anywhere() {
    cut_everywhere(&[BEGINNING, &[Pass], LATER]);
}

// I5.
#[test]
fn a_pass_that_recognises_messages_can_be_cut_anywhere() {
    cut_everywhere(&[BEGINNING, &[Pass], LATER, &[Pass], RENUMBERED]);
}

fn cut_everywhere(before: &[&[Event]]) {
    let server = SimulatedServer::start(&[]).unwrap();
    let prepared = prepare(Arc::new(server), before).unwrap();
    let mut whole = prepared.fork(Arc::new(SimulatedServer::start(&[]).unwrap()));
    let actions = whole.actions_of_a_pass().unwrap();
    let end = end(&whole);
    assert!(
        actions > 20,
        "a pass that does next to nothing: {actions} actions"
    );
    let cases = actions * MEANWHILE.len() as u64;
    println!("{actions} actions");
    try_all(cases, |server, case| {
        let cut_before = u16::try_from(case % actions).map_err(|error| error.to_string())?;
        let meanwhile = MEANWHILE[usize::try_from(case / actions).unwrap_or(0)];
        let mut player = prepared.fork(Arc::clone(server));
        player.happen(CutPass(cut_before))?;
        for event in meanwhile {
            player.happen(*event)?;
        }
        player.happen(Pass)?;
        player.nothing_is_left()?;
        let other_mail = meanwhile.iter().any(|event| !matches!(event, CutPass(_)));
        let found = self::end(&player);
        if !other_mail && found != end {
            return Err(format!(
                "cut before action {cut_before}, the end is\n{found:#?}\nand without a cut\n{end:#?}"
            ));
        }
        Ok(())
    });
}

pub(crate) fn prepare(server: Arc<SimulatedServer>, events: &[&[Event]]) -> Result<Player, String> {
    let mut player = Player::begin(server, 0);
    for event in events.iter().copied().flatten() {
        player.happen(*event)?;
    }
    Ok(player)
}

pub(crate) fn end(player: &Player) -> End {
    let mailboxes = player.world.maildir.read().into_iter();
    let mut end: End = mailboxes
        .map(
            |(
                name,
                DiskMailbox {
                    numbers, messages, ..
                },
            )| {
                let messages = messages.iter().map(|message| {
                    format!(
                        "{:?} {:?} {} {:?}",
                        message.uid,
                        message.flags,
                        message.modified,
                        String::from_utf8_lossy(&message.bytes)
                    )
                });
                (name, numbers, messages.collect())
            },
        )
        .collect();
    let subscriptions = player.world.maildir.subscriptions().into_iter().collect();
    end.push(("subscriptions".to_owned(), None, subscriptions));
    end
}
