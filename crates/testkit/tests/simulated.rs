//! The simulated server's words, and its mischief; a Maildir without a server.
#![allow(
    clippy::unwrap_used,
    reason = "a broken assumption should stop the test where it happens"
)]

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};

use transhume_testkit::simulated::{EVERYTHING, Mischief, PLAIN};
use transhume_testkit::{Maildir, SimulatedServer};

/// Everything that the server says to these commands, the greeting first, until it closes.
fn talk(server: &SimulatedServer, commands: &str) -> String {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, server.port())).unwrap();
    let commands = commands.replace('\n', "\r\n");
    // The server may have hung up.
    let _ = stream.write_all(commands.as_bytes());
    let mut said = Vec::new();
    let _ = stream.read_to_end(&mut said);
    String::from_utf8(said).unwrap().replace('\r', "")
}

fn served() -> SimulatedServer {
    let server = SimulatedServer::start(EVERYTHING).unwrap();
    let mut account = server.account();
    for number in 1..=3 {
        let text = format!("text {number}");
        account.deliver("INBOX", text.as_bytes(), &["\\Seen"], 0);
    }
    account.expunge("INBOX", 2);
    account.create("Sent");
    account.set_special_use("Sent", "\\Sent");
    account.subscriptions.insert("Gone".to_owned());
    drop(account);
    server
}

#[test]
fn what_it_is_asked_it_says() {
    let server = served();
    let said = talk(
        &server,
        "a LOGIN alice {13+}\ncorrect horse\nb ENABLE QRESYNC\n\
         c LIST \"\" \"*\" RETURN (SUBSCRIBED SPECIAL-USE STATUS (MESSAGES UIDNEXT))\nd LIST (SUBSCRIBED) \"\" *\n\
         e EXAMINE INBOX (QRESYNC (1001 2))\nf FETCH 2:* (UID)\ng UID FETCH 1:* (FLAGS RFC822.SIZE) (CHANGEDSINCE 3)\n\
         h UID FETCH * BODY.PEEK[]\ni STORE 1 +FLAGS (x)\nj UID FETCH 1 BODY[]\nk FROB\nl LOGOUT\n",
    );
    let expected = [
        "a OK ",
        "* ENABLED QRESYNC\nb OK ",
        "* LIST () \"/\" \"INBOX\"\n* STATUS \"INBOX\" (MESSAGES 2 UIDNEXT 4)\n* LIST (\\Sent) \"/\" \"Sent\"\n",
        "* LIST (\\NonExistent \\Subscribed) \"/\" \"Gone\"\nd OK ",
        "* 2 EXISTS\n* 0 RECENT\n* OK [UIDVALIDITY 1001] ",
        "* OK [HIGHESTMODSEQ 5] changes\n* VANISHED (EARLIER) 2\n* 2 FETCH (UID 3 FLAGS (\\Seen) MODSEQ (4))\ne OK ",
        "* 2 FETCH (UID 3)\nf OK ",
        "* 2 FETCH (UID 3 FLAGS (\\Seen) RFC822.SIZE 6 MODSEQ (4))\ng OK ",
        "* 2 FETCH (UID 3 BODY[] {6}\ntext 3)\nh OK ",
        "i NO ",
        "j NO ",
        "k BAD ",
        "* BYE see you\nl OK ",
    ];
    let mut rest = said.as_str();
    for part in expected {
        let (_, behind) = rest
            .split_once(part)
            .unwrap_or_else(|| panic!("no {part:?} in {rest}"));
        rest = behind;
    }
    assert_eq!((server.writes().len(), server.nonsense().len()), (2, 1));
}

#[test]
fn it_knows_only_what_it_announces_and_tells_news() {
    let server = served();
    server.set_abilities(PLAIN);
    // Before the fourth command.
    server.change_before(3, |account| {
        account.expunge("INBOX", 1);
        account.deliver("INBOX", b"new", &[], 0);
    });
    let said = talk(
        &server,
        "a LOGIN alice \"correct horse\"\nb EXAMINE inbox\nc LIST \"\" * RETURN (SUBSCRIBED)\nd NOOP\ne LSUB \"\" *\nf LOGOUT\n",
    );
    assert!(said.contains("c BAD "), "{said}");
    assert!(said.contains("* 1 EXPUNGE\n* 2 EXISTS\nd OK "), "{said}");
    assert!(said.contains("* LSUB () \"/\" \"Gone\"\ne OK "), "{said}");
    server.refuse(1, "[LIMIT] enough");
    let said = talk(&server, "a LOGIN alice \"correct horse\"\nb NOOP\nc LOGOUT\n");
    assert!(said.contains("b NO [LIMIT] enough\n"), "{said}");
}

#[test]
fn mischief_comes_at_its_octet_and_once() {
    let server = SimulatedServer::start(PLAIN).unwrap();
    let whole = talk(&server, "a LOGOUT\n");
    let with = |octets, mischief| {
        server.misbehave_after(octets, mischief);
        let said = talk(&server, "a LOGOUT\n");
        assert_eq!(talk(&server, "a LOGOUT\n"), whole);
        said
    };
    assert_eq!(with(4, Mischief::Cut), whole[..4]);
    assert_eq!(with(0, Mischief::Reset), "");
    assert_eq!(
        with(2, Mischief::Insert(b"oops".to_vec())),
        format!("* oops{}", &whole[2..])
    );
    assert_eq!(with(2, Mischief::PartWith(b"BYE".to_vec())), "* BYE");
}

#[test]
fn a_maildir_changes_as_dovecot_changes_it() {
    let home = tempfile::tempdir().unwrap();
    let mut maildir = Maildir::new(home.path().join("Maildir"));
    assert!(!maildir.deliver("INBOX", b"early"));
    for folder in ["cur", "new", "tmp", ".A.B/cur", ".A.B/new", ".A.B/tmp"] {
        std::fs::create_dir_all(maildir.path().join(folder)).unwrap();
    }
    assert!(maildir.deliver("INBOX", b"one") && maildir.deliver("INBOX", b"two"));
    let new = maildir.read().remove("INBOX").unwrap();
    assert!(new.numbers.is_none() && new.messages.iter().all(|message| message.is_new));
    maildir.look("INBOX");
    let one = new.messages[0].base.clone();
    maildir.flag("INBOX", &one, "\\Seen", true);
    maildir.flag("INBOX", &one, "work", true);
    maildir.flag("INBOX", &one, "\\Seen", false);
    let inbox = maildir.read().remove("INBOX").unwrap();
    let shown: Vec<_> = inbox
        .messages
        .iter()
        .map(|message| (message.uid, message.bytes.as_slice(), message.flags.len()))
        .collect();
    assert_eq!(shown, [(Some(1), &b"one"[..], 1), (Some(2), b"two", 0)]);
    assert!(inbox.messages[0].flags.contains("work"));
    assert!(maildir.remove("INBOX", &inbox.messages[1].base));
    maildir.look("INBOX");
    let numbers = maildir.read()["INBOX"].numbers;
    assert_eq!(numbers.map(|(_, next)| next), Some(3), "UIDs are given once");
    assert!(maildir.read().contains_key("A/B"));
    assert!(maildir.remove_mailbox("A/B") && !maildir.has("A/B") && !maildir.remove_mailbox("INBOX"));
    std::fs::write(maildir.path().join("subscriptions"), "V\t2\n\nA\tB\nC\n").unwrap();
    assert!(maildir.unsubscribe("A/B") && !maildir.unsubscribe("A/B"));
    assert_eq!(maildir.subscriptions().into_iter().collect::<Vec<_>>(), ["C"]);
}
