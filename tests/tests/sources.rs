//! Cyrus and Courier as old servers: what they serve arrives as they serve it.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

use transhume_e2e::{PASSWORD, move_command, new_server, run_complete, traces};
use transhume_testkit::oracle::Refusal;
use transhume_testkit::{
    AccountView, CompareOptions, Courier, Cyrus, Dovecot, MailboxSpec, Oracle, compare_with, corpus, snapshot,
};

/// An account on some old server, and a new server.
struct Move {
    old_port: u16,
    new: Dovecot,
}

impl Move {
    fn new(old_port: u16) -> Self {
        Self { old_port, new: new_server("alice", &[]) }
    }

    fn old(&self) -> Oracle {
        Oracle::connect(self.old_port, "alice", PASSWORD.as_bytes()).unwrap()
    }

    fn old_view(&self) -> AccountView {
        snapshot(&mut self.old()).unwrap()
    }

    fn new_view(&self) -> AccountView {
        snapshot(&mut Oracle::login(&self.new, "alice").unwrap()).unwrap()
    }

    fn command(&self) -> std::process::Command {
        move_command(&format!("imap+insecure://alice@127.0.0.1:{}", self.old_port), &self.new.maildir("alice"))
    }

    fn differences(&self) -> Vec<String> {
        let options = CompareOptions { special_use: false, ..CompareOptions::default() };
        compare_with(&self.old_view(), &self.new_view(), options).iter().map(ToString::to_string).collect()
    }
}

fn go(old_port: u16) {
    let moved = Move::new(old_port);
    let t = std::time::Instant::now();
    let refused = moved.old().fill(&corpus::acceptance()).unwrap();
    let edges = corpus::edge_messages();
    for r in &refused {
        println!("{r:?}");
        if let Refusal::Message(_, uid) = r {
            println!("   {:?}", edges.iter().find(|e| e.1.uid == *uid).map(|e| e.0));
        }
    }
    println!("{:?}", t.elapsed());
    let json = run_complete(&mut moved.command());
    println!("NOTES {} {}", json["notes"], json["subscribed"]); for m in json["mailboxes"].as_array().unwrap() { if m.to_string().contains("INBOX") {println!("{m}");} }
    for l in moved.old().command("LSUB \"\" *").unwrap().iter().chain(&moved.old().command("LIST \"\" *").unwrap()) { if l.to_string().contains("Noselect") || l.to_string().contains("Gone") || l.to_string().contains("Empty") {println!("{l}");} }
 for l in Oracle::login(&moved.new, "alice").unwrap().command("LIST (SUBSCRIBED) \"\" *").unwrap().iter() {if l.to_string().contains("INBOX") {println!("{l}");} }
    for d in moved.differences() { println!("{d}"); }
    println!("{:?}", t.elapsed());
    println!("{:?}", moved.new.log_problems());
    let json = run_complete(&mut moved.command());
    println!("{:?} {}", t.elapsed(), json["totals"]);
}

#[test]
fn cyrus() {
    let server = Cyrus::builder().user("alice", PASSWORD).start().unwrap();
    go(server.imap_port());
}

#[test]
fn courier() {
    let server = Courier::builder().user("alice", PASSWORD).start().unwrap();
    go(server.imap_port());
}
