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

/// What stays behind is on record for as long as it stays behind.
#[tokio::test]
async fn quarantine_counts_tries_and_lets_out_what_came() {
    let base = Base::open(Store::in_memory().await.unwrap(), "u@old", "/x")
        .await
        .unwrap();
    let inbox = base.add_mailbox(&name("INBOX"), &name("INBOX")).await.unwrap();
    let other = base.add_mailbox(&name("A"), &name("A")).await.unwrap();
    let at = InternalDate::from_unix;
    let shown = async |mailbox| -> Vec<(u32, String, i64, i64, u32)> {
        let found = base.quarantined(mailbox).await.unwrap();
        found
            .into_iter()
            .map(|message| {
                let (first, last) = (message.first_seen.unix(), message.last_tried.unix());
                (message.uid.get(), message.reason, first, last, message.tries)
            })
            .collect()
    };
    let failed = |uids: &[u32], words: &str| -> Vec<(Uid, String)> {
        uids.iter().map(|value| (uid(*value), words.to_owned())).collect()
    };
    base.quarantine(other, &failed(&[5], "no"), at(10)).await.unwrap();
    base.quarantine(inbox, &failed(&[9, 5, 7], "no"), at(10))
        .await
        .unwrap();
    base.suspect(inbox, uid(7), 3).await.unwrap();
    assert_eq!(
        base.suspects(inbox).await.unwrap(),
        [(uid(5), 0), (uid(7), 3), (uid(9), 0)],
        "they are asked for last, whatever the reason"
    );
    base.quarantine(inbox, &failed(&[5], "never"), at(20))
        .await
        .unwrap();
    base.stage(inbox, &[message(9, "")]).await.unwrap();
    base.release_what_came().await.unwrap();
    assert_eq!(
        shown(inbox).await,
        [
            (5, "never".to_owned(), 10, 20, 2),
            (7, "no".to_owned(), 10, 10, 1)
        ]
    );
    base.renumber(inbox, UidValidity::new(2)).await.unwrap();
    assert_eq!(shown(inbox).await, []);
    assert_eq!(shown(other).await.len(), 1);
}

/// What is opened to be read is neither changed nor brought up to date, and leaves nothing beside it.
#[tokio::test]
async fn a_base_is_read_without_a_trace() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("base.db");
    let first = base(&path).await;
    let mailbox = first.add_mailbox(&name("A"), &name("A")).await.unwrap();
    first
        .stage(mailbox, &[message(3, "\\Seen"), message(4, "")])
        .await
        .unwrap();
    first
        .place(
            mailbox,
            &[Placed {
                uid: uid(3),
                target_uid: Some(uid(8)),
                target_name: Some("1.x".to_owned()),
            }],
        )
        .await
        .unwrap();
    let read = async || {
        let store = Store::open_to_read(&path).await.unwrap();
        assert!(Base::find(store.clone(), "u@old", "/x").await.unwrap().is_none());
        let base = Base::find(store, "u@old:993", "maildir:/x")
            .await
            .unwrap()
            .unwrap();
        let known = base.known(mailbox, (Uid::FIRST, Uid::LAST), 9).await.unwrap();
        assert_eq!(known.len(), 2);
        assert!(known[0].was_there && known[0].target_uid == Some(uid(8)));
        assert_eq!(
            base.known(mailbox, (uid(4), uid(9)), 9).await.unwrap(),
            known[1..]
        );
        assert_eq!(
            base.known(mailbox, (uid(1), uid(9)), 1).await.unwrap(),
            known[..1]
        );
        assert_eq!(
            base.known_among(mailbox, &[uid(4), uid(5)]).await.unwrap(),
            known[1..]
        );
        assert_eq!(base.named(mailbox).await.unwrap(), [(uid(3), "1.x".to_owned())]);
        let of = base.of_digests(mailbox, &[known[1].digest]).await.unwrap();
        assert_eq!(of, [(known[1].digest, uid(4))]);
        assert!(
            base.forget(mailbox, &[uid(4)]).await.is_err(),
            "it cannot be written"
        );
        base.close().await;
    };
    // While another run has it open its last records are in a file of their own.
    read().await;
    first.close().await;
    let traces = || {
        let mut found: Vec<_> = std::fs::read_dir(dir.path())
            .unwrap()
            .map(|entry| {
                let entry = entry.unwrap();
                let metadata = entry.metadata().unwrap();
                (entry.file_name(), metadata.len(), metadata.modified().unwrap())
            })
            .collect();
        found.sort();
        found
    };
    let before = traces();
    assert_eq!(before.len(), 1);
    read().await;
    assert_eq!(traces(), before);
    let store = Store::open(&path).await.unwrap();
    drop(store);
    assert!(matches!(
        Store::open_to_read(&dir.path().join("none")).await,
        Err(DbError::Sqlite { .. })
    ));
}
