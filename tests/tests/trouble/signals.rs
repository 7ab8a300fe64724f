//! Runs that somebody stops, and a second run beside a first.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use transhume_e2e::{assert_no_password, wait_until};
use transhume_testkit::{Fault, FaultProxy};

use super::{BIG, Scene, fails, judge};

/// How long a run may take to end when asked: it has little left to do.
const PROMPT: Duration = Duration::from_secs(10);

fn spawn(command: &mut Command) -> Child {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

fn send(signal: &str, child: &Child) {
    let mut kill = Command::new("sh");
    kill.args([
        "-c",
        "kill -\"$1\" \"$2\"",
        "kill",
        signal,
        &child.id().to_string(),
    ]);
    assert!(kill.status().unwrap().success());
}

/// The end of a run, as `run` gives it.
fn ended(child: Child) -> (i32, Value, String) {
    let output = child.wait_with_output().unwrap();
    let (stdout, stderr) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr).into_owned(),
    );
    assert_no_password(&stdout);
    assert_no_password(&stderr);
    let json = serde_json::from_str(&stdout).unwrap_or(Value::Null);
    (output.status.code().unwrap_or(-1), json, stderr)
}

/// I5: what had come before the signal is kept, and the next run goes on from there.
#[test]
fn stopped_by_a_signal() {
    let scene = Scene::start();
    let old = &scene.pair.old;
    for signal in ["INT", "TERM"] {
        // The small messages before the big one have come, and of the big one the half.
        let stall = BIG / 2;
        let proxy = FaultProxy::start(old.imap_port(), Fault::StallAfter(stall)).unwrap();
        let child = spawn(&mut scene.pair.command_through(proxy.port()));
        wait_until("the move is half done", || proxy.received() >= stall);
        let asked = Instant::now();
        send(signal, &child);
        let (code, json, stderr) = ended(child);
        assert!(asked.elapsed() < PROMPT, "{:?}", asked.elapsed());
        judge(
            code,
            &json,
            &stderr,
            130,
            &["stopped as asked", "Run the same command again"],
        );
        let json = scene.completes(&mut scene.pair.command());
        let carried = json["totals"]["carried"].as_u64().unwrap();
        assert!(
            (1..44).contains(&carried),
            "what had come is not brought again: {json}"
        );
        scene.clear();
    }
}

/// A server that says nothing does not keep a run from ending, whatever it was asked.
#[test]
fn stopped_while_the_server_is_silent() {
    let scene = Scene::start();
    for stall in [0, 100, 700] {
        let proxy = FaultProxy::start(scene.pair.old.imap_port(), Fault::StallAfter(stall)).unwrap();
        let child = spawn(&mut scene.pair.command_through(proxy.port()));
        wait_until("the server is silent", || {
            proxy.connections() == 1 && proxy.received() >= stall
        });
        let asked = Instant::now();
        send("INT", &child);
        let (code, json, stderr) = ended(child);
        assert!(
            asked.elapsed() < PROMPT,
            "stalled after {stall}: {:?}",
            asked.elapsed()
        );
        judge(code, &json, &stderr, 130, &["stopped as asked"]);
    }
    scene.completes(&mut scene.pair.command());
}

#[test]
fn a_second_run_beside_the_first() {
    let scene = Scene::start();
    let stall = BIG / 2;
    let proxy = FaultProxy::start(scene.pair.old.imap_port(), Fault::StallAfter(stall)).unwrap();
    let first = spawn(&mut scene.pair.command_through(proxy.port()));
    wait_until("the first run is at work", || proxy.received() >= stall);
    let words = [
        "Maildir is in use",
        "another run of this program",
        "Wait until the other run has ended",
    ];
    let begun = Instant::now();
    fails(&mut scene.pair.command(), 8, &words);
    assert!(begun.elapsed() < PROMPT, "it does not wait");
    // The first goes on as if nothing had been.
    proxy.set_fault(Fault::None);
    proxy.cut_now();
    let (code, json, stderr) = ended(first);
    assert_eq!(code, 0, "{json}\n{stderr}");
    scene.completes(&mut scene.pair.command());
}
