//! Runs that end anywhere: the next one is the repair.

use std::process::Stdio;
use std::time::Duration;

use transhume_e2e::{Random, run, run_complete, wait_until};
use transhume_testkit::{Body, Fault, FaultProxy, MailboxSpec, MessageSpec};

use super::scene::{Scene, WAYS, Way, mailbox};

/// Small ones, copies among them, and some that are too long for memory.
fn mailboxes() -> Vec<MailboxSpec> {
    let mut inbox = mailbox(&["INBOX"], 120);
    let first = inbox.messages.last().unwrap().uid + 1;
    for (number, uid) in (first..first + 40).enumerate() {
        inbox.messages.push(MessageSpec {
            uid,
            body: Body::Generated {
                seed: number as u64 / 2,
                size: if number % 8 == 0 { 300_000 } else { 9_000 },
            },
            flags: Vec::new(),
            internal_date: 1_400_000_000,
        });
    }
    vec![inbox, mailbox(&["Work"], 30), mailbox(&["Empty"], 0)]
}

/// I3, I5, I6: the connection to the new side is cut at many places of what it says; nothing is lost, nothing comes twice.
#[test]
fn cut_on_the_new_side() {
    for way in WAYS {
        let scene = Scene::start(way, &mailboxes());
        let upstream = if scene.is_imap() { &scene.new } else { &scene.old };
        let proxy = FaultProxy::start(upstream.imap_port(), Fault::None).unwrap();
        let command = || match way {
            Way::Maildir => scene.command_through(proxy.port(), 0),
            Way::Imap(_) => scene.command_through(scene.old.imap_port(), proxy.port()),
        };
        // How much a whole run has the server say, by one into nothing.
        let whole = {
            let other = Scene::start(way, &mailboxes());
            let server = if other.is_imap() { &other.new } else { &other.old };
            let counter = FaultProxy::start(server.imap_port(), Fault::None).unwrap();
            run_complete(&mut match way {
                Way::Maildir => other.command_through(counter.port(), 0),
                Way::Imap(_) => other.command_through(other.old.imap_port(), counter.port()),
            });
            counter.received()
        };
        let mut random = Random::new(7);
        for _ in 0..6 {
            proxy.set_fault(Fault::CutAfter(300 + random.below(whole)));
            let (code, json, stderr) = run(command().args(["--retries", "0"]));
            assert!(code == 0 || code == 5, "{json}\n{stderr}");
        }
        proxy.set_fault(Fault::None);
        run_complete(&mut command());
        scene.assert_same_mail();
        scene.finds_nothing();
    }
}

/// I5: a run that is cut goes on by itself.
#[test]
fn a_run_goes_on_after_a_cut() {
    for way in WAYS.into_iter().filter(|way| *way != Way::Maildir) {
        let scene = Scene::start(way, &mailboxes());
        let proxy = FaultProxy::start(scene.new.imap_port(), Fault::CutOnceAfter(1_500)).unwrap();
        let json = run_complete(&mut scene.command_through(scene.old.imap_port(), proxy.port()));
        assert_eq!(json["reconnects"], 1, "{json}");
        scene.assert_same_mail();
    }
}

/// I3, I5, I6: killed at many moments of sending.
#[test]
fn killed() {
    for way in WAYS {
        let scene = Scene::start(way, &mailboxes());
        let delay = Fault::DelayEachWay(Duration::from_millis(3));
        let old = FaultProxy::start(scene.old.imap_port(), delay).unwrap();
        let new = FaultProxy::start(scene.new.imap_port(), delay).unwrap();
        let watched = if scene.is_imap() { &new } else { &old };
        let mut random = Random::new(11);
        for _ in 0..6 {
            let before = watched.received();
            let moment = before + 800 + random.below(6_000);
            let mut child = scene
                .command_through(old.port(), new.port())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            wait_until("a moment to kill it", || {
                watched.received() >= moment || child.try_wait().unwrap().is_some()
            });
            child.kill().unwrap();
            child.wait().unwrap();
        }
        scene.complete();
        scene.assert_same_mail();
        scene.finds_nothing();
    }
}
