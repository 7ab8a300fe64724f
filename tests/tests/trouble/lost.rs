//! Connections that are lost, and connections on which nothing more comes.

use std::process::Command;

use transhume_e2e::{Random, run, run_complete};
use transhume_testkit::{Fault, FaultProxy};

use super::{BIG, Scene, USER, fails, judge, move_command};

/// The old server behind a proxy, with TLS and without, and how much a whole move takes through each.
struct Way {
    proxy: FaultProxy,
    tls: bool,
    whole: u64,
}

impl Way {
    fn to(scene: &Scene, tls: bool) -> Self {
        let old = &scene.pair.old;
        let upstream = if tls { old.imaps_port() } else { old.imap_port() };
        let proxy = FaultProxy::start(upstream, Fault::None).unwrap();
        let mut way = Self { proxy, tls, whole: 0 };
        run_complete(&mut way.command(scene));
        way.whole = way.proxy.received();
        scene.clear();
        way
    }

    fn command(&self, scene: &Scene) -> Command {
        if !self.tls {
            return scene.pair.command_through(self.proxy.port());
        }
        let from = format!("imaps://{USER}@127.0.0.1:{}", self.proxy.port());
        let mut command = move_command(&from, &scene.pair.maildir());
        command.args(["--pin", scene.pair.old.cert_sha256_hex()]);
        command
    }
}

/// I3: what was half there when the connection went is asked for again.
#[test]
fn cut_in_the_middle_of_a_message() {
    let scene = Scene::start();
    let way = Way::to(&scene, false);
    for percent in [15, 40, 85] {
        let offset = way.whole * percent / 100;
        for fault in [Fault::CutAfter(offset), Fault::ResetAfter(offset)] {
            way.proxy.set_fault(fault);
            let mut command = way.command(&scene);
            let words = [
                "the connection was lost while reading a message",
                "octets had come",
                "Nothing is lost",
            ];
            let paragraph = fails(command.args(["--retries", "0"]), 5, &words);
            // All of the big one, as it is served with CRLF.
            assert!(octets_announced(&paragraph) > BIG, "{paragraph}");
            scene.completes(&mut scene.pair.command());
            scene.clear();
        }
    }
}

/// `… (3 of 10 octets had come) …`
fn octets_announced(paragraph: &str) -> u64 {
    let (before, _) = paragraph.split_once(" octets had come").unwrap();
    before.rsplit(' ').next().unwrap().parse().unwrap()
}

#[test]
fn cut_once_it_goes_on_by_itself() {
    let scene = Scene::start();
    let way = Way::to(&scene, false);
    way.proxy.set_fault(Fault::CutOnceAfter(way.whole / 2));
    let json = scene.completes(&mut way.command(&scene));
    assert!(json["reconnects"].as_u64() >= Some(1), "{json}");
}

/// A connection that is lost before it is even agreed on how to encrypt is lost all the same: it is made again.
#[test]
fn cut_while_tls_begins() {
    let scene = Scene::start();
    let way = Way::to(&scene, true);
    for fault in [
        Fault::CutAfter(0),
        Fault::ResetAfter(0),
        Fault::CutAfter(90),
        Fault::ResetAfter(90),
    ] {
        way.proxy.set_fault(fault);
        let mut command = way.command(&scene);
        let words = [
            "the connection was lost while agreeing on TLS",
            "run the same command again",
        ];
        fails(command.args(["--retries", "0"]), 5, &words);
    }
    way.proxy.set_fault(Fault::CutOnceAfter(90));
    let json = scene.completes(&mut way.command(&scene));
    assert_eq!(json["reconnects"], 1, "{json}");
}

/// I5: wherever the connection is cut, the next run completes the move, and what had come is not brought again.
#[test]
fn cut_anywhere() {
    let scene = Scene::start();
    let seed = 20_240_517;
    println!("seed {seed}");
    let mut random = Random::new(seed);
    let mut cuts = 0;
    for tls in [false, true] {
        let way = Way::to(&scene, tls);
        for number in 0..10 {
            // Every other one in the small messages and all that is said around them, of which there is less.
            let around = way.whole - BIG;
            let offset = if number % 2 == 0 {
                random.below(way.whole)
            } else {
                let offset = random.below(around);
                if offset < around / 3 { offset } else { offset + BIG }
            };
            let fault = if number % 4 < 2 {
                Fault::CutAfter(offset)
            } else {
                Fault::ResetAfter(offset)
            };
            println!("{fault:?} of {}, TLS {tls}", way.whole);
            way.proxy.set_fault(fault);
            let (code, json, stderr) = run(way.command(&scene).args(["--retries", "0"]));
            if code == 0 {
                // Only the good-bye was cut off.
                assert_eq!(json["verified"], true, "{json}");
                assert!(offset + 500 > way.whole, "{json}");
            } else {
                cuts += 1;
                judge(code, &json, &stderr, 5, &["run the same command again"]);
            }
            scene.completes(&mut scene.pair.command());
            scene.clear();
        }
    }
    assert!(cuts >= 15, "{cuts} cuts");
}

/// Cut again and again on one target, it gets there in the end.
#[test]
fn cut_again_and_again() {
    let scene = Scene::start();
    let way = Way::to(&scene, false);
    let mut carried = Vec::new();
    for part in 1..6 {
        way.proxy.set_fault(Fault::CutAfter(way.whole * part / 50));
        let (code, ..) = run(way.command(&scene).args(["--retries", "0"]));
        carried.push(code);
    }
    assert_eq!(carried, [5; 5]);
    way.proxy.set_fault(Fault::None);
    scene.completes(&mut way.command(&scene));
}

#[test]
fn nothing_more_comes() {
    let scene = Scene::start();
    let way = Way::to(&scene, false);
    for offset in [0, way.whole / 2] {
        way.proxy.set_fault(Fault::StallAfter(offset));
        let mut command = way.command(&scene);
        command.args(["--retries", "0", "--timeout", "2"]);
        fails(
            &mut command,
            5,
            &["gave no answer in time", "run the same command again"],
        );
        way.proxy.set_fault(Fault::None);
        scene.completes(&mut command);
        scene.clear();
    }
}
