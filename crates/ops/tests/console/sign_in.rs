//! Who signs in, and for how long; passwords, tokens, the first start.

use transhume_model::directory::{Role, Secret};
use transhume_model::rights::Scope;
use transhume_ops::change_account::{AccountChange, change_account};
use transhume_ops::first_start::{First, FirstStart};
use transhume_ops::own_profile::{Profile, change_password, change_profile};
use transhume_ops::sign_in::{self, SignInError, SignIns};

use crate::office::{Office, PASSWORD, login, secret, wait};
use crate::word;

#[test]
fn people_sign_in_for_a_time_and_guesses_are_counted() {
    wait(async {
        let office = Office::new().await;
        let tries = SignIns::new();
        let admission = office.admission();
        let sign_in = async |name: &str, password: &str| {
            sign_in::sign_in(
                &office.around,
                &admission,
                &tries,
                name,
                secret(password),
                Some("192.0.2.1"),
            )
            .await
        };
        let text = |secret: &Secret| String::from_utf8(secret.reveal().to_vec()).unwrap();
        let signed_in = sign_in(" Admin@A.example", PASSWORD).await.unwrap();
        let token = text(&signed_in.token);
        let whose = async |token: &str| {
            let account = sign_in::by_session(&office.around, token, true).await.unwrap();
            account.map(|account| account.login.to_string())
        };
        assert_eq!(whose(&token).await.as_deref(), Some("admin@a.example"));
        assert_eq!(whose("other").await, None);
        // What stands in the directory is not what a browser shows.
        assert_eq!(office.pool.sign_in(&token).await.unwrap(), None);
        // Another one, two hours without a word later.
        for (passed, is_in) in [
            (3_600, true),
            (7_000, true),
            (7_100, true),
            (7_200, false),
            (0, false),
        ] {
            office.pass(passed);
            assert_eq!(
                whose(&token).await.is_some(),
                is_in,
                "after {passed} more seconds"
            );
        }
        // A day later, whatever they do.
        let token = text(&sign_in("admin@a.example", PASSWORD).await.unwrap().token);
        for hour in 1..=24 {
            office.pass(3_600);
            assert_eq!(whose(&token).await.is_some(), hour < 24, "hour {hour}");
        }
        let token = text(&sign_in("admin@a.example", PASSWORD).await.unwrap().token);
        sign_in::sign_out(&office.around, &token).await.unwrap();
        assert_eq!(whose(&token).await, None);
        // Disabled, they are out at once, with their tokens.
        let token = text(&sign_in("user@a.example", PASSWORD).await.unwrap().token);
        let (_, secret) = sign_in::add_token(office.asked(Role::SimpleUsers), "mine")
            .await
            .unwrap();
        let program = text(&secret);
        assert!(
            sign_in::by_token(&office.around, &program)
                .await
                .unwrap()
                .is_some()
        );
        assert!(
            sign_in::by_token(&office.around, &token).await.unwrap().is_none(),
            "one for the other"
        );
        assert_eq!(whose(&program).await, None);
        let off = AccountChange {
            enabled: Some(false),
            ..AccountChange::default()
        };
        let boss = office.asked(Role::SuperAdmins);
        change_account(boss, &login("user@a.example"), off).await.unwrap();
        assert_eq!(whose(&token).await, None);
        assert!(
            sign_in::by_token(&office.around, &program)
                .await
                .unwrap()
                .is_none()
        );
        office.close().await;
    });
}

#[test]
fn guesses_end_and_keep_nobody_else_out() {
    wait(async {
        let office = Office::new().await;
        let tries = SignIns::new();
        let admission = office.admission();
        let sign_in = async |name: &str, password: &str, network: Option<&str>| {
            sign_in::sign_in(
                &office.around,
                &admission,
                &tries,
                name,
                secret(password),
                network,
            )
            .await
        };
        let there = Some("192.0.2.1");
        let mut refused = 0;
        let wait = loop {
            match sign_in("boss", "guess", there).await {
                Err(SignInError::Refused(_)) => refused += 1,
                Err(SignInError::TooMany(seconds)) => break seconds,
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(refused, 10);
        // In whatever way the name is typed, and with the right password too.
        let again = sign_in(" BOSS", PASSWORD, there).await;
        assert!(matches!(again, Err(SignInError::TooMany(_))), "{again:?}");
        assert!(sign_in("boss", PASSWORD, None).await.is_ok());
        office.pass(i64::try_from(wait).unwrap() + 1);
        assert!(sign_in("boss", PASSWORD, there).await.is_ok());
        office.close().await;
    });
}

#[test]
fn one_changes_ones_own_password_by_knowing_it() {
    wait(async {
        let office = Office::new().await;
        let me = office.asked(Role::SimpleUsers);
        let admission = office.admission();
        let tries = SignIns::new();
        let sign_in = async |password: &str| {
            let user = "user@a.example";
            sign_in::sign_in(&office.around, &admission, &tries, user, secret(password), None).await
        };
        let text = |secret: &Secret| String::from_utf8(secret.reveal().to_vec()).unwrap();
        let here = text(&sign_in(PASSWORD).await.unwrap().token);
        let elsewhere = text(&sign_in(PASSWORD).await.unwrap().token);
        let new = secret("a new one, longer");
        for (old, new, expected) in [
            ("wrong", &new, "refused"),
            (PASSWORD, &secret("short"), "refused"),
            (PASSWORD, &new, "done"),
        ] {
            let outcome = change_password(me, &secret(old), new, Some(&here)).await;
            assert_eq!(word(&outcome), expected, "{outcome:?}");
        }
        let is_in = async |token: &str| {
            sign_in::by_session(&office.around, token, true)
                .await
                .unwrap()
                .is_some()
        };
        assert!(is_in(&here).await && !is_in(&elsewhere).await);
        assert!(sign_in(PASSWORD).await.is_err() && sign_in("a new one, longer").await.is_ok());
        let profile = Profile {
            first_name: Some("Ümit".to_owned()),
            ..Profile::default()
        };
        let account = change_profile(me, profile).await.unwrap();
        assert_eq!(
            (account.first_name.as_str(), account.role),
            ("Ümit", Role::SimpleUsers)
        );
        office.close().await;
    });
}

#[test]
fn the_first_one_needs_the_code_and_there_is_only_one_first() {
    wait(async {
        let office = Office::new().await;
        let folder = office.folder();
        // There is a SuperAdmin.
        let closed = FirstStart::begin(&office.around, folder).await.unwrap();
        assert!(!closed.is_open(&office.around).await.unwrap());
        office.without_super_admin().await;
        let start = FirstStart::begin(&office.around, folder).await.unwrap();
        assert!(start.is_open(&office.around).await.unwrap());
        let file = folder.join("first-start-code");
        let code = std::fs::read_to_string(&file).unwrap();
        let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&file).unwrap().permissions());
        assert_eq!(mode & 0o777, 0o600);
        assert!(office.log().contains(code.trim()), "{}", office.log());
        let password = secret("long enough for all");
        let first = |code, login, password| First {
            code,
            login,
            password,
            network: None,
        };
        for (code, login, password, expected) in [
            ("0000-0000", "root", &password, "refused"),
            (code.as_str(), "no body", &password, "refused"),
            (code.as_str(), "root", &secret("short one"), "refused"),
            (code.as_str(), "user@a.example", &password, "refused"),
            (code.as_str(), "root", &password, "done"),
            (code.as_str(), "second", &password, "conflict"),
        ] {
            // Codes are tried a few times only.
            office.pass(60);
            let outcome = start
                .make_super_admin(&office.around, first(code, login, password))
                .await;
            assert_eq!(word(&outcome), expected, "{login}: {outcome:?}");
        }
        assert!(!file.exists() && !start.is_open(&office.around).await.unwrap());
        let root = office.pool.account(&login("root")).await.unwrap().unwrap();
        assert_eq!((root.role, root.mailbox), (Role::SuperAdmins, None));
        // The next start is as any other.
        let again = FirstStart::begin(&office.around, folder).await.unwrap();
        assert!(!again.is_open(&office.around).await.unwrap());
        assert!(office.pool.providers_within(&Scope::All).await.is_ok());
        office.close().await;
    });
}
