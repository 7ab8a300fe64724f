//! The base, against a real SQLite.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on must fail")]

use std::path::Path;

use transhume_db::{Base, DbError, MailboxId, Placed, StagedMessage, Store};
use transhume_model::mail::{
    Checkpoint, Digest, FlagSet, InternalDate, MailboxName, ModSeq, Uid, UidValidity,
};
use transhume_model::plan::{MailboxBase, PairState};

fn uid(value: u32) -> Uid {
    Uid::new(value).unwrap()
}

fn name(path: &str) -> MailboxName {
    MailboxName::from_path(path, Some('/')).unwrap()
}

fn message(value: u32, flags: &str) -> StagedMessage {
    StagedMessage {
        uid: uid(value),
        flags: flags.split_whitespace().collect(),
        internal_date: InternalDate::from_unix(-5),
        size: 1 << 40,
        line_feeds: 2,
        digest: Digest::from_bytes([u8::try_from(value % 250).unwrap(); 32]),
    }
}

async fn base(path: &Path) -> Base {
    Base::open(Store::open(path).await.unwrap(), "u@old:993", "maildir:/x")
        .await
        .unwrap()
}

async fn states(base: &Base, mailbox: MailboxId) -> Vec<(u32, PairState, String)> {
    let pairs = base.pairs(mailbox, Uid::FIRST, Uid::LAST).await.unwrap();
    pairs
        .into_iter()
        .map(|pair| (pair.uid.get(), pair.state, pair.flags.to_string()))
        .collect()
}

#[tokio::test]
async fn what_was_written_is_read_after_reopening() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("base.db");
    let checkpoint = Checkpoint {
        uid_validity: UidValidity::new(u32::MAX),
        uid_next: Some(uid(9)),
        highest_mod_seq: Some(ModSeq(u64::MAX)),
        messages: 2,
    };
    {
        let base = base(&path).await;
        let mailbox = base
            .add_mailbox(&name("Клиенты/R&D"), &name("Клиенты/R_D"))
            .await
            .unwrap();
        base.renumber(mailbox, checkpoint.uid_validity).await.unwrap();
        base.stage(mailbox, &[message(7, "\\Seen Work"), message(3, "")])
            .await
            .unwrap();
        let placed = Placed {
            uid: uid(7),
            target_uid: Some(uid(70)),
            target_name: None,
        };
        base.place(mailbox, &[placed]).await.unwrap();
        base.set_target(mailbox, UidValidity::new(5).unwrap(), uid(90))
            .await
            .unwrap();
        base.agree(mailbox, &checkpoint).await.unwrap();
        base.close().await;
    }
    let left: Vec<_> = std::fs::read_dir(dir.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(left, ["base.db"], "closing leaves one file");

    let base = base(&path).await;
    let mailboxes = base.mailboxes().await.unwrap();
    assert_eq!(mailboxes.len(), 1);
    assert_eq!(mailboxes[0].source, name("Клиенты/R&D"));
    assert_eq!(mailboxes[0].target, name("Клиенты/R_D"));
    let expected = MailboxBase {
        uid_validity: checkpoint.uid_validity,
        target_uid_validity: UidValidity::new(5),
        target_uid_next: Uid::new(90),
        agreed: Some(checkpoint),
    };
    assert_eq!(mailboxes[0].base, expected);
    let id = mailboxes[0].id;
    assert_eq!(
        states(&base, id).await,
        [
            (3, PairState::Staged, String::new()),
            (7, PairState::Placed, "\\Seen Work".to_owned())
        ]
    );
    assert_eq!(base.staged(id, None, 10).await.unwrap(), [message(3, "")]);
}

#[tokio::test]
async fn two_accounts_in_one_file_do_not_see_each_other() {
    let store = Store::in_memory().await.unwrap();
    let one = Base::open(store.clone(), "a@old:993", "maildir:/a")
        .await
        .unwrap();
    let two = Base::open(store.clone(), "b@old:993", "maildir:/b")
        .await
        .unwrap();
    let inbox = MailboxName::inbox();
    let mailbox = one.add_mailbox(&inbox, &inbox).await.unwrap();
    two.add_mailbox(&inbox, &inbox).await.unwrap();
    one.stage(mailbox, &[message(1, "")]).await.unwrap();
    two.forget_all().await.unwrap();
    let left = two.mailboxes().await.unwrap();
    assert_eq!(
        (left.len(), left[0].base.target_uid_validity),
        (1, None),
        "names are kept"
    );
    let again = Base::open(store, "a@old:993", "maildir:/a").await.unwrap();
    assert_eq!(again.counts(mailbox).await.unwrap(), (1, 0, 0));
}

#[tokio::test]
async fn thousands_of_rows_go_through_in_batches() {
    let store = Store::in_memory().await.unwrap();
    let base = Base::open(store, "u@old:993", "maildir:/x").await.unwrap();
    let mailbox = base
        .add_mailbox(&MailboxName::inbox(), &MailboxName::inbox())
        .await
        .unwrap();
    let all: Vec<StagedMessage> = (1..=3210).map(|value| message(value, "")).collect();
    base.stage(mailbox, &all).await.unwrap();
    let mut after = None;
    let mut seen = Vec::new();
    loop {
        let page = base.staged(mailbox, after, 1000).await.unwrap();
        let Some(last) = page.last() else { break };
        after = Some(last.uid);
        seen.extend(page);
    }
    assert_eq!(seen, all);
    let uids: Vec<Uid> = (1..=1600).map(uid).collect();
    base.unstage(mailbox, &uids).await.unwrap();
    let placed: Vec<Placed> = (1601..=3210)
        .map(|value| Placed {
            uid: uid(value),
            target_uid: None,
            target_name: None,
        })
        .collect();
    base.place(mailbox, &placed).await.unwrap();
    base.forget(mailbox, &(3001..=3210).map(uid).collect::<Vec<_>>())
        .await
        .unwrap();
    assert_eq!(base.counts(mailbox).await.unwrap(), (0, 1400, 210));
    // What is in its mailbox is never unstaged.
    base.unstage(mailbox, &(1601..=3210).map(uid).collect::<Vec<_>>())
        .await
        .unwrap();
    assert_eq!(base.counts(mailbox).await.unwrap(), (0, 1400, 210));
}

#[tokio::test]
async fn flags_are_agreed_and_keywords_counted() {
    let store = Store::in_memory().await.unwrap();
    let base = Base::open(store, "u@old:993", "maildir:/x").await.unwrap();
    let mailbox = base
        .add_mailbox(&MailboxName::inbox(), &MailboxName::inbox())
        .await
        .unwrap();
    base.stage(
        mailbox,
        &[message(1, "b a"), message(2, "a"), message(3, "\\Seen")],
    )
    .await
    .unwrap();
    let keywords = base.staged_keywords(mailbox).await.unwrap();
    assert_eq!(keywords, [("a".to_owned(), 2), ("b".to_owned(), 1)]);
    let flags: FlagSet = ["\\Flagged", "c"].into_iter().collect();
    base.agree_flags(mailbox, &[(uid(2), flags.clone()), (uid(3), FlagSet::new())])
        .await
        .unwrap();
    let texts: Vec<String> = states(&base, mailbox)
        .await
        .into_iter()
        .map(|(_, _, flags)| flags)
        .collect();
    assert_eq!(texts, ["a b", "\\Flagged c", ""]);
}

#[tokio::test]
async fn renumbering_keeps_as_many_copies_as_there_were() {
    let store = Store::in_memory().await.unwrap();
    let base = Base::open(store, "u@old:993", "maildir:/x").await.unwrap();
    let mailbox = base
        .add_mailbox(&MailboxName::inbox(), &MailboxName::inbox())
        .await
        .unwrap();
    let twin = StagedMessage {
        uid: uid(2),
        ..message(1, "")
    };
    base.stage(mailbox, &[message(1, ""), twin, message(3, ""), message(4, "")])
        .await
        .unwrap();
    let placed: Vec<Placed> = (1..=3)
        .map(|value| Placed {
            uid: uid(value),
            target_uid: None,
            target_name: None,
        })
        .collect();
    base.place(mailbox, &placed).await.unwrap();
    base.renumber(mailbox, UidValidity::new(8)).await.unwrap();
    assert_eq!(states(&base, mailbox).await, []);
    let (twice, once) = (message(1, "").digest, message(3, "").digest);
    let earlier = base.earlier(mailbox).await.unwrap();
    assert_eq!(earlier.get(&twice), Some(&2));
    assert_eq!(earlier.get(&once), Some(&1));
    assert_eq!(earlier.len(), 2, "what was only staged is not among them");
    base.stage(mailbox, &[message(11, ""), message(12, ""), message(13, "")])
        .await
        .unwrap();
    let placed = Placed {
        uid: uid(11),
        target_uid: None,
        target_name: Some("x".to_owned()),
    };
    base.recognise(mailbox, &[placed], &[uid(12)], &[twice, once])
        .await
        .unwrap();
    assert_eq!(base.counts(mailbox).await.unwrap(), (1, 1, 1));
    assert_eq!(base.earlier(mailbox).await.unwrap(), [(twice, 1)].into());
    assert!(base.has_earlier(mailbox).await.unwrap());
}

#[tokio::test]
async fn suspicion_adds_up() {
    let base = Base::open(Store::in_memory().await.unwrap(), "u@old", "/x")
        .await
        .unwrap();
    let mailbox = base
        .add_mailbox(&MailboxName::inbox(), &MailboxName::inbox())
        .await
        .unwrap();
    assert_eq!(base.suspect(mailbox, uid(7), 3).await.unwrap(), 3);
    assert_eq!(base.suspect(mailbox, uid(7), 1).await.unwrap(), 4);
    base.suspect(mailbox, uid(2), 1).await.unwrap();
    assert_eq!(base.suspects(mailbox).await.unwrap(), [(uid(2), 1), (uid(7), 4)]);
    base.ease_suspicion(4, 2).await.unwrap();
    assert_eq!(base.suspects(mailbox).await.unwrap(), [(uid(2), 1), (uid(7), 2)]);
}

#[tokio::test]
async fn a_file_of_a_newer_version_is_refused_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("base.db");
    Store::open(&path).await.unwrap().close().await;
    let before = std::fs::read(&path).unwrap();
    let mut newer = before.clone();
    // The user version stands at offset 60 of the file's header (SQLite file format, section 1.3.16).
    newer[60..64].copy_from_slice(&99u32.to_be_bytes());
    std::fs::write(&path, &newer).unwrap();
    let error = Store::open(&path).await.unwrap_err();
    assert!(matches!(error, DbError::Newer { found: 99, .. }), "{error}");
    assert_eq!(std::fs::read(&path).unwrap(), newer);
}

#[tokio::test]
async fn filling_places_all_that_is_staged_under_its_own_mark() {
    let store = Store::in_memory().await.unwrap();
    let base = Base::open(store, "u@old", "/x").await.unwrap();
    let mailbox = base
        .add_mailbox(&MailboxName::inbox(), &MailboxName::inbox())
        .await
        .unwrap();
    base.stage(mailbox, &[message(1, ""), message(2, ""), message(3, "")])
        .await
        .unwrap();
    let twin = Placed {
        uid: uid(2),
        target_uid: None,
        target_name: Some("other".to_owned()),
    };
    base.place(mailbox, &[twin]).await.unwrap();
    base.forget(mailbox, &[uid(3)]).await.unwrap();
    base.filled(mailbox, UidValidity::new(4).unwrap(), uid(9))
        .await
        .unwrap();
    assert_eq!(base.counts(mailbox).await.unwrap(), (0, 2, 1));
    assert_eq!(base.paired_names(mailbox).await.unwrap(), ["other"]);
    assert!(!base.has_renumbered(mailbox).await.unwrap());
    let moved = Placed {
        uid: uid(1),
        target_uid: Some(uid(8)),
        target_name: None,
    };
    base.place(mailbox, &[moved]).await.unwrap();
    assert!(base.has_renumbered(mailbox).await.unwrap());
}

#[tokio::test]
async fn names_with_control_characters_come_back() {
    let base = Base::open(Store::in_memory().await.unwrap(), "u@old", "/x")
        .await
        .unwrap();
    let strange = MailboxName::from_components(["a\u{1f}b\u{1e}1", "c\u{1e}"]).unwrap();
    base.add_mailbox(&strange, &name("a_b/c")).await.unwrap();
    assert_eq!(base.mailboxes().await.unwrap()[0].source, strange);
}
