//! Later runs: what changes on either side.

use transhume_e2e::run;
use transhume_testkit::{Body, MailboxSpec, MessageSpec, run_measured};

use super::scene::{Scene, WAYS, Way, mailbox, text, total};

fn small() -> Vec<MailboxSpec> {
    vec![
        mailbox(&["INBOX"], 6),
        mailbox(&["Work"], 3),
        mailbox(&["Work", "Old"], 0),
    ]
}

/// I3: new messages, flags and mailboxes come over.
#[test]
fn what_changes_on_the_old_side_comes_over() {
    for way in WAYS {
        let scene = Scene::start(way, &small());
        scene.complete();
        let mut source = scene.old_side();
        source
            .append(
                &["INBOX"],
                &["\\Flagged", "fresh"],
                Some(1_600_000_000),
                &text("late"),
            )
            .unwrap();
        source.create(&["Später", "Äußerst"]).unwrap();
        source.subscribe(&["Später", "Äußerst"]).unwrap();
        source
            .append(&["Später", "Äußerst"], &[], Some(0), &text("first"))
            .unwrap();
        source.select(&["INBOX"]).unwrap();
        source.store("1", "-FLAGS", &["\\Seen"]).unwrap();
        source.store("2,4", "+FLAGS", &["\\Answered", "todo"]).unwrap();
        source.logout().unwrap();
        let json = scene.complete();
        assert_eq!(
            (total(&json, "carried"), total(&json, "flags_set")),
            (2, 3),
            "{json}"
        );
        scene.assert_same();
        scene.finds_nothing();
    }
}

/// What the old side calls by another name is called so on the new side too, with all that lies below, and comes once.
#[test]
fn a_renamed_mailbox_is_not_brought_twice() {
    for way in WAYS {
        let mut mailboxes = small();
        mailboxes[2] = mailbox(&["Work", "Old"], 4);
        mailboxes.push(mailbox(&["Other"], 5));
        for (number, spec) in (1_700_000_001..).zip(&mut mailboxes) {
            spec.uid_validity = number;
        }
        let scene = Scene::start(way, &mailboxes);
        scene.complete();
        let mut source = scene.old_side();
        source.rename(&["Work"], &["Büro"]).unwrap();
        source.append(&["Büro"], &[], None, &text("late")).unwrap();
        source.select(&["Büro", "Old"]).unwrap();
        source.store("2", "+FLAGS", &["\\Answered"]).unwrap();
        source.logout().unwrap();

        let before = scene.new_view().to_text();
        let (code, json, stderr) = run(scene.command().arg("--dry-run"));
        assert_eq!((code, total(&json, "carried")), (0, 1), "{json}\n{stderr}");
        assert_eq!(scene.new_view().to_text(), before);

        let json = scene.complete();
        assert_eq!(total(&json, "carried"), 1, "{json}");
        scene.assert_same();
        scene.finds_nothing();

        // I7: its owner has renamed it himself, and it stays what he calls it.
        let mut owner = scene.new_side();
        owner.rename(&["Other"], &["Mine"]).unwrap();
        owner.logout().unwrap();
        let mut source = scene.old_side();
        source.rename(&["Other"], &["Another"]).unwrap();
        source.logout().unwrap();
        scene.finds_nothing();
    }
}

/// I7, I14: what its owner did on the new side stays.
#[test]
fn what_its_owner_does_on_the_new_side_stays() {
    for way in WAYS {
        let scene = Scene::start(way, &small());
        scene.complete();
        let mut owner = scene.new_side();
        owner
            .append(&["INBOX"], &[], None, &text("delivered-here"))
            .unwrap();
        owner.select(&["INBOX"]).unwrap();
        let uids: Vec<String> = owner
            .fetch_all()
            .unwrap()
            .iter()
            .map(|m| m.uid.to_string())
            .collect();
        owner.store(&uids[0], "+FLAGS", &["\\Flagged", "mine"]).unwrap();
        owner.expunge(&uids[1]).unwrap();
        owner.create(&["Filed"]).unwrap();
        owner.move_to(&uids[2], &["Filed"]).unwrap();
        owner.delete(&["Work", "Old"]).unwrap();
        owner.logout().unwrap();
        let edited = scene.new_view();
        scene.complete();
        assert_eq!(scene.new_view().to_text(), edited.to_text());

        let mut source = scene.old_side();
        source.select(&["INBOX"]).unwrap();
        source.store("1:4", "+FLAGS", &["\\Answered"]).unwrap();
        source.append(&["INBOX"], &[], None, &text("late")).unwrap();
        source
            .append(&["Work", "Old"], &[], None, &text("after-all"))
            .unwrap();
        source.logout().unwrap();
        let json = scene.complete();
        assert_eq!(total(&json, "carried"), 2, "{json}");
        assert_eq!(total(&json, "removed_by_owner"), 2, "{json}");
        let view = scene.new_view();
        let inbox = view.folder(&["INBOX"]);
        assert_eq!(inbox.messages.len(), 6, "4 of 6, the delivered one, the late one");
        let first = inbox.messages.values().next().unwrap();
        let flags: Vec<&str> = first.flags.iter().map(String::as_str).collect();
        assert_eq!(flags, ["\\Answered", "\\Flagged", "\\Seen", "mine"]);
        assert_eq!(view.folder(&["Filed"]).messages.len(), 1);
        let removed = view.folder(&["Work", "Old"]);
        assert_eq!(
            removed.messages.len(),
            1,
            "what had been in it is not brought back"
        );
        scene.finds_nothing();
    }
}

/// I7: a subscription that was ended on the new side stays ended.
#[test]
fn subscriptions_that_were_ended_stay_so() {
    for way in WAYS {
        let scene = Scene::start(way, &small());
        scene.old_side().subscribe(&["Work"]).unwrap();
        let json = scene.complete();
        assert!(json["subscribed"].as_u64().unwrap() >= 1, "{json}");
        scene.new_side().unsubscribe(&["Work"]).unwrap();
        scene
            .old_side()
            .append(&["INBOX"], &[], None, &text("late"))
            .unwrap();
        scene.complete();
        assert!(!scene.new_view().folder(&["Work"]).subscribed);
    }
}

/// I6, I7: the old server numbers a mailbox anew: nothing comes twice, and what was removed here does not return.
#[test]
fn a_mailbox_numbered_anew_on_the_old_side_is_recognised() {
    for way in WAYS {
        let scene = Scene::start(way, &[mailbox(&["INBOX"], 1), mailbox(&["Box"], 5)]);
        scene.complete();
        let mut owner = scene.new_side();
        owner.select(&["Box"]).unwrap();
        let uid = owner.fetch_all().unwrap()[1].uid;
        owner.expunge(&uid.to_string()).unwrap();
        owner.logout().unwrap();
        let before = scene.new_view();
        let mut source = scene.old_side();
        source.rename(&["Box"], &["Aside"]).unwrap();
        source.create(&["Box"]).unwrap();
        source.select(&["Aside"]).unwrap();
        source.move_to("1:*", &["Box"]).unwrap();
        source.select(&["INBOX"]).unwrap();
        source.delete(&["Aside"]).unwrap();
        source.logout().unwrap();
        let json = scene.complete();
        assert_eq!(total(&json, "removed_by_owner"), 1, "{json}");
        assert_eq!(scene.new_view().to_text(), before.to_text());
        scene.finds_nothing();
    }
}

/// I6, I7: the new server numbers a mailbox anew: what is there is known by its bytes, and what was removed does not return.
#[test]
fn a_mailbox_numbered_anew_on_the_new_side_is_recognised() {
    for way in WAYS.into_iter().filter(|way| *way != Way::Maildir) {
        let scene = Scene::start(way, &[mailbox(&["INBOX"], 1), mailbox(&["Box"], 5)]);
        scene.complete();
        let mut owner = scene.new_side();
        owner.select(&["Box"]).unwrap();
        owner.expunge("2").unwrap();
        owner.rename(&["Box"], &["Aside"]).unwrap();
        owner.create(&["Box"]).unwrap();
        owner.select(&["Aside"]).unwrap();
        owner.move_to("1:*", &["Box"]).unwrap();
        owner.select(&["INBOX"]).unwrap();
        owner.delete(&["Aside"]).unwrap();
        owner.logout().unwrap();
        let before = scene.new_view();
        let mut source = scene.old_side();
        source.select(&["Box"]).unwrap();
        source.store("1:2", "+FLAGS", &["\\Answered"]).unwrap();
        source.append(&["Box"], &[], None, &text("late")).unwrap();
        source.logout().unwrap();
        let json = scene.complete();
        assert_eq!(
            (total(&json, "carried"), total(&json, "flags_set")),
            (1, 1),
            "{json}"
        );
        let after = scene.new_view();
        let box_before = before.folder(&["Box"]);
        assert_eq!(
            after.folder(&["Box"]).messages.len(),
            box_before.messages.len() + 1
        );
        scene.finds_nothing();
    }
}

/// ADR 6: another mailbox in the place of the one that was filled gets everything; what is there stays.
#[test]
fn another_mailbox_of_the_same_name_is_filled_again() {
    for way in WAYS {
        let scene = Scene::start(way, &[mailbox(&["INBOX"], 1), mailbox(&["Box"], 5)]);
        scene.complete();
        let mut owner = scene.new_side();
        owner.delete(&["Box"]).unwrap();
        owner.create(&["Box"]).unwrap();
        owner.append(&["Box"], &[], None, &text("own")).unwrap();
        owner.logout().unwrap();
        let json = scene.complete();
        assert_eq!(total(&json, "carried"), 5, "{json}");
        assert_eq!(scene.new_view().folder(&["Box"]).messages.len(), 6);
        scene.finds_nothing();
    }
}

/// I9: long texts and many, in windows and groups.
#[test]
fn long_messages_and_many() {
    for way in WAYS {
        let mut many = mailbox(
            &["INBOX"],
            if matches!(way, Way::Maildir | Way::Imap("")) {
                2_300
            } else {
                260
            },
        );
        let first = many.messages.last().unwrap().uid + 1;
        for (uid, size) in (first..).zip([5_000_000, 70_000, 3_000_000, 130_000, 9_000_000]) {
            many.messages.push(MessageSpec {
                uid,
                body: Body::Generated {
                    seed: u64::from(uid),
                    size,
                },
                flags: Vec::new(),
                internal_date: 1_300_000_000,
            });
        }
        let scene = Scene::start(way, &[many, mailbox(&["Next"], 130)]);
        scene.complete();
        scene.assert_same();
        scene.assert_same_order();
        scene.finds_nothing();
    }
}

/// I9: what waits to be sent is bounded, whatever comes: one huge message, or very many short ones.
#[test]
fn memory_is_bounded_on_the_way_to_a_server() {
    const LIMIT_KIB: u64 = 72 * 1024;
    for way in WAYS.into_iter().filter(|way| *way != Way::Maildir).take(2) {
        let mut inbox = mailbox(&["INBOX"], 1);
        let sizes = std::iter::repeat_n(90_000, 700).chain([80_000_000]);
        inbox
            .messages
            .extend((10..).zip(sizes).map(|(uid, size)| MessageSpec {
                uid,
                body: Body::Generated {
                    seed: u64::from(uid),
                    size,
                },
                flags: Vec::new(),
                internal_date: 1_300_000_000,
            }));
        let scene = Scene::start(way, &[inbox]);
        let measured = run_measured(&mut scene.command()).unwrap();
        let stderr = String::from_utf8_lossy(&measured.stderr);
        assert!(measured.status.success(), "{stderr}");
        println!("at most {} KiB in {:?}", measured.peak_rss_kib, measured.wall);
        assert!(measured.peak_rss_kib < LIMIT_KIB, "{} KiB", measured.peak_rss_kib);
        scene.assert_same();
    }
}
