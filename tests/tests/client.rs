//! A mail client that knew the account on the old server goes on with the new one as if nothing had happened.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

use transhume_e2e::{Pair, run, run_complete};
use transhume_testkit::{Oracle, corpus};

/// What a client keeps of a mailbox: enough to ask only for what is new.
struct Known {
    name: Vec<String>,
    uid_validity: u32,
    uid_next: u32,
    uids: Vec<u32>,
    mod_seq: u64,
}

fn learn(client: &mut Oracle) -> Vec<Known> {
    let folders = client.list_all().unwrap();
    let mut known = Vec::new();
    for folder in folders.iter().filter(|folder| folder.selectable) {
        let mod_seq = client.highest_modseq(&folder.name).unwrap();
        let selected = client.select(&folder.name).unwrap();
        known.push(Known {
            name: folder.name.clone(),
            uid_validity: selected.uid_validity,
            uid_next: selected.uid_next,
            uids: client
                .fetch_all()
                .unwrap()
                .iter()
                .map(|message| message.uid)
                .collect(),
            mod_seq,
        });
    }
    known
}

/// I13: a client finds UIDVALIDITY, UIDNEXT and UIDs as it knows them, so it fetches nothing again.
#[test]
fn a_client_fetches_nothing_again() {
    let pair = Pair::start("lena", &corpus::believable(corpus::Language::German, 120, 3));
    // Years of changes, so that the old server's numbers are far above those with which a new one begins.
    let years = [
        "mailbox",
        "update",
        "-u",
        "lena",
        "--min-highest-modseq",
        "1000",
        "INBOX",
    ];
    assert!(pair.old.doveadm(&years).unwrap().status.success());
    let known = learn(&mut Oracle::login(&pair.old, "lena").unwrap());
    let config = pair.new.config_path().clone();
    let mut command = pair.command();
    let json = run_complete(
        command
            .arg("--dovecot-user")
            .arg("lena")
            .arg("--dovecot-config")
            .arg(config),
    );
    assert!(json["dovecot_trouble"].is_null(), "{json}");

    let mut client = Oracle::login(&pair.new, "lena").unwrap();
    for mailbox in &known {
        let selected = client.select(&mailbox.name).unwrap();
        assert_eq!(selected.uid_validity, mailbox.uid_validity);
        assert_eq!(selected.uid_next, mailbox.uid_next);
        let uids: Vec<u32> = client
            .fetch_all()
            .unwrap()
            .iter()
            .map(|message| message.uid)
            .collect();
        assert_eq!(uids, mailbox.uids);
    }
    client.logout().unwrap();

    // By QRESYNC it is told flags of messages that it has, and of no message that is gone: since it may have missed
    // changes on the old server, it must not be told that nothing has changed.
    let inbox = known.iter().find(|mailbox| mailbox.name == ["INBOX"]).unwrap();
    assert!(inbox.mod_seq >= 1000, "{}", inbox.mod_seq);
    let told = resync(&pair, inbox, inbox.mod_seq);
    assert_eq!(told.len(), inbox.uids.len(), "{told:?}");
    assert!(told.iter().all(|line| line.contains("FLAGS")), "{told:?}");

    // From then on it is told what changes, and only that.
    let mod_seq = Oracle::login(&pair.new, "lena")
        .unwrap()
        .highest_modseq(&inbox.name)
        .unwrap();
    assert_eq!(resync(&pair, inbox, mod_seq), Vec::<String>::new());
    let mut owner = Oracle::login(&pair.new, "lena").unwrap();
    owner.select(&inbox.name).unwrap();
    owner
        .store(&inbox.uids[0].to_string(), "+FLAGS", &["changed"])
        .unwrap();
    owner.logout().unwrap();
    let told = resync(&pair, inbox, mod_seq);
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains("changed"), "{told:?}");
}

/// What a client that comes back is told of messages.
fn resync(pair: &Pair, mailbox: &Known, mod_seq: u64) -> Vec<String> {
    let mut client = Oracle::login(&pair.new, "lena").unwrap();
    let lines = client
        .enable_qresync_select(&mailbox.name, mailbox.uid_validity, mod_seq)
        .unwrap();
    let lines = lines.iter().map(ToString::to_string);
    lines
        .filter(|line| line.contains("FETCH") || line.contains("VANISHED"))
        .collect()
}

/// What doveadm cannot do is told, and the mail is moved all the same.
#[test]
fn trouble_with_doveadm_is_told() {
    let pair = Pair::start("mia", &corpus::believable(corpus::Language::English, 5, 1));
    let mut command = pair.command();
    let (code, json, _) = run(command.args(["--dovecot-user", "mia", "--dovecot-config", "/no/such/file"]));
    assert_eq!(code, 3, "{json}");
    assert_eq!(json["verified"], true);
    assert!(
        json["dovecot_trouble"]
            .as_str()
            .unwrap()
            .contains("/no/such/file"),
        "{json}"
    );
    pair.assert_same();
}
