//! The acceptance account is served exactly as it was built.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

use transhume_testkit::{
    AccountView, CompareOptions, Dovecot, Oracle, compare, compare_with, corpus, snapshot, write_account,
};

fn server() -> Dovecot {
    let mut builder = Dovecot::builder()
        .separator('/')
        .user("alice", "x")
        .user("bob", "x");
    for (folder, attribute) in corpus::acceptance_special_use() {
        builder = builder.special_use(folder, attribute);
    }
    builder.start().unwrap()
}

#[test]
fn served_exactly_as_built() {
    let server = server();
    let specs = corpus::acceptance();
    write_account(&server.maildir("alice"), server.chown_to(), &specs).unwrap();
    let expected = AccountView::expected(&specs, &corpus::acceptance_special_use(), '/');
    let view = snapshot(&mut Oracle::login(&server, "alice").unwrap()).unwrap();
    let differences = compare(&expected, &view);
    let names = corpus::edge_messages();
    for difference in &differences {
        let name = names
            .iter()
            .find(|(_, message)| Some(message.uid) == difference.uid && difference.folder == ["Edge"]);
        println!("{difference} {}", name.map_or("", |(name, _)| name));
    }
    assert!(differences.is_empty());
    assert_eq!(
        view.message_count(),
        specs.iter().map(|spec| spec.messages.len()).sum::<usize>()
    );
    // A parent that is not a folder, and a subscription to nothing.
    assert!(!view.folder(&["Empty"]).selectable);
    assert!(view.folder(&["Empty", "Nothing"]).selectable);
    let gone = view.folder(&["Gone", "Long ago"]);
    assert!(gone.subscribed && !gone.selectable);

    let again = snapshot(&mut Oracle::login(&server, "alice").unwrap()).unwrap();
    assert_eq!(compare(&view, &again), []);
    assert_eq!(
        compare_with(
            &view,
            &again,
            CompareOptions {
                uids: false,
                special_use: false
            }
        ),
        []
    );
    assert_eq!(server.log_problems(), Vec::<String>::new());
}

#[test]
fn believable_accounts_are_served_as_built() {
    use corpus::Language::{English, French, German, JapaneseRussian};
    let mut builder = Dovecot::builder().separator('/');
    for language in [English, French, German, JapaneseRussian] {
        builder = builder.user(&format!("{language:?}"), "x");
    }
    let server = builder.start().unwrap();
    for language in [English, French, German, JapaneseRussian] {
        let user = format!("{language:?}");
        let specs = corpus::believable(language, 120, 5);
        write_account(&server.maildir(&user), server.chown_to(), &specs).unwrap();
        let view = snapshot(&mut Oracle::login(&server, &user).unwrap()).unwrap();
        assert_eq!(compare(&AccountView::expected(&specs, &[], '/'), &view), []);
    }
    assert_eq!(server.log_problems(), Vec::<String>::new());
}
