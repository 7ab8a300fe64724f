//! A run that is killed again and again, while a client looks on, and gets there in the end.

use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use transhume_maildir::{CommitKind, MaildirRoot, Options, Owner, Placed};
use transhume_model::mail::{FlagSet, InternalDate, MailboxName};

use crate::support::{Account, flags, origin, uid, validity};

const ENVIRONMENT: &str = "MAILDIR_TO_CARRY_TO";
const V: u32 = 4711;
const MESSAGES: u32 = 400;

fn text(number: u32) -> String {
    format!("Subject: carried {number}\r\n\r\n{}\r\n", "x".repeat(200))
}

/// Not a test by itself: the process that is killed.
#[test]
fn carry() {
    let Ok(target) = std::env::var(ENVIRONMENT) else {
        return;
    };
    let [path, user, group] = target.split('\n').collect::<Vec<_>>()[..] else {
        panic!("{target}");
    };
    let owner = user.parse().ok().map(|uid| Owner {
        uid,
        gid: group.parse().unwrap(),
    });
    let root = MaildirRoot::open(
        path,
        Options {
            owner,
            ..Options::default()
        },
    )
    .unwrap();
    let _alone = root.lock_exclusively().unwrap();
    let inbox = root.mailbox(&MailboxName::inbox()).unwrap();
    // The first half fills the mailbox, the second is added.
    let first_half = CommitKind::Fill {
        uid_validity: validity(V),
        uid_next: Some(uid(MESSAGES / 2 + 1)),
    };
    carry_all(&root, &inbox, first_half, 1..=MESSAGES / 2);
    let second_half = CommitKind::Add {
        uid_validity: validity(V),
    };
    for first in (MESSAGES / 2 + 1..=MESSAGES).step_by(20) {
        carry_all(&root, &inbox, second_half, first..=first + 19);
    }
}

fn carry_all(
    root: &MaildirRoot,
    inbox: &transhume_maildir::MailboxDir,
    kind: CommitKind,
    numbers: std::ops::RangeInclusive<u32>,
) {
    let stage = inbox.stage(origin(V, 1).tag);
    stage.sweep(|_| false).unwrap();
    let mut staged = Vec::new();
    for number in numbers {
        let mut file = stage.begin(Some(&origin(V, number))).unwrap();
        file.write(text(number).as_bytes()).unwrap();
        let date = InternalDate::from_unix(i64::from(number));
        staged.push((
            file.finish(origin(V, number), date).unwrap(),
            flags("\\Seen carried"),
        ));
    }
    root.sync().unwrap();
    let mut commit = inbox.begin_commit(kind, &[]).unwrap();
    for page in staged.chunks(50) {
        let placed = crate::support::place(&mut commit, page);
        assert!(!placed.contains(&Placed::Vanished));
    }
    commit.finish().unwrap();
}

fn spawn(account: &Account) -> Child {
    let owner = account.server.chown_to().map(|_| account.server.mail_owner());
    let (user, group) = owner.map_or_else(Default::default, |(user, group)| {
        (user.to_string(), group.to_string())
    });
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "kill::carry"])
        .env(
            ENVIRONMENT,
            format!("{}\n{user}\n{group}", account.root.path().display()),
        )
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

#[test]
fn a_run_that_is_killed_anywhere_is_completed_by_the_next() {
    let account = Account::start();
    account.lmtp("early");
    let mut killed = 0;
    for round in 0.. {
        let mut child = spawn(&account);
        // A little longer each time, so that it dies in all parts of its work, and gets to its end at last.
        sleep(Duration::from_micros(4000 + 5000 * round));
        child.kill().unwrap();
        if child.wait().unwrap().success() {
            break;
        }
        killed += 1;
        if round % 3 == 0 {
            let mut client = account.login();
            let _ = client.select(&["INBOX"]);
            let _ = client.store("1:*", "+FLAGS", &["\\Flagged"]);
        }
    }
    eprintln!("killed {killed} times");
    assert!(killed > 10, "killed {killed} times only");

    let mut client = account.login();
    let selected = client.select(&["INBOX"]).unwrap();
    assert_eq!((selected.uid_validity, selected.exists), (V, MESSAGES + 1));
    let mut lengths = vec![0; MESSAGES as usize];
    for message in client.fetch_all().unwrap() {
        let shown: FlagSet = message.flags.iter().map(String::as_str).collect();
        if !shown.keywords().is_empty() {
            // The date tells which message it is.
            let number = u32::try_from(message.internal_date).unwrap();
            lengths[number as usize - 1] += message.body_len;
            if number <= MESSAGES / 2 {
                assert_eq!(message.uid, number);
            }
        }
    }
    for (number, length) in (1..).zip(lengths) {
        assert_eq!(length, text(number).len() as u64, "{number}");
    }
    assert_eq!(crate::but_for_the_switch(&account.server.log_problems()), [""; 0]);
}
