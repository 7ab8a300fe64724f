//! What is changed in somebody's name: what they may, and what is kept of it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on must fail")]

mod office;

use std::collections::BTreeSet;

use transhume_db::directory::{AuditSearch, MigrationSearch, Paging};
use transhume_model::directory::{
    Account, AliasAddress, Domain, DomainAlias, Login, Mailbox, Quota, Recipient, Role, Secret,
};
use transhume_model::import::csv::Part;
use transhume_model::migration::{Hold, MigrationId, Phase};
use transhume_model::rights::Scope;
use transhume_ops::ChangeError;
use transhume_ops::change_account::{AccountChange, add_account, change_account, remove_account};
use transhume_ops::change_alias::{AliasChange, change_alias, remove_alias};
use transhume_ops::change_domain::{
    DomainChange, add_domain, add_domain_alias, change_domain, remove_domain, remove_domain_alias,
};
use transhume_ops::change_provider::{change_provider, remove_provider};
use transhume_ops::change_settings::change_settings;
use transhume_ops::first_start::{First, FirstStart};
use transhume_ops::own_profile::{Profile, change_password, change_profile};
use transhume_ops::sign_in::{self, SignInError, SignIns};
use transhume_ops::steer::{Chosen, Steered, Steering, steer, steer_one};
use transhume_ops::upload::{Upload, export, import};

use office::{Office, PASSWORD, address, domain, login, secret, wait};

/// What became of a change, in a word.
fn word<T>(outcome: &Result<T, ChangeError>) -> &'static str {
    match outcome {
        Ok(_) => "done",
        Err(ChangeError::Unknown(_)) => "unknown",
        Err(ChangeError::Denied(_)) => "denied",
        Err(ChangeError::Refused(_)) => "refused",
        Err(ChangeError::Conflict(_)) => "conflict",
        Err(ChangeError::Directory(_) | ChangeError::Internal(_)) => "trouble",
    }
}

const EVERYBODY: [Role; 4] = [
    Role::SuperAdmins,
    Role::Resellers,
    Role::DomainAdmins,
    Role::SimpleUsers,
];

#[test]
fn nobody_changes_what_is_not_theirs() {
    // Of “a”, which the administrators administer, and of “b”: what becomes of it for each role.
    let table = [
        (
            "account",
            ["done done", "done unknown", "done unknown", "unknown unknown"],
        ),
        (
            "removal",
            ["done done", "done unknown", "done unknown", "unknown unknown"],
        ),
        (
            "administrator",
            ["done done", "done unknown", "denied unknown", "unknown unknown"],
        ),
        (
            "new account",
            ["done done", "done denied", "done denied", "denied denied"],
        ),
        (
            "domain",
            ["done done", "done unknown", "unknown unknown", "unknown unknown"],
        ),
        (
            "domain alias",
            ["done done", "done denied", "denied denied", "denied denied"],
        ),
        (
            "other name",
            ["done done", "done unknown", "unknown unknown", "unknown unknown"],
        ),
        (
            "alias",
            ["done done", "done unknown", "done unknown", "unknown unknown"],
        ),
        (
            "no alias",
            ["done done", "done unknown", "done unknown", "unknown unknown"],
        ),
        (
            "pause",
            ["done done", "done unknown", "done unknown", "unknown unknown"],
        ),
        (
            "delete",
            [
                "done done",
                "unknown unknown",
                "unknown unknown",
                "unknown unknown",
            ],
        ),
        (
            "provider",
            ["done done", "denied denied", "denied denied", "denied denied"],
        ),
    ];
    for (what, expected) in table {
        for (role, expected) in EVERYBODY.into_iter().zip(expected) {
            let outcomes = ["a.example", "b.example"].map(|place| {
                // What one changes is not there for the next.
                wait(async {
                    let office = Office::new().await;
                    let outcome = attempt(&office, role, what, place).await;
                    office.close().await;
                    outcome
                })
            });
            assert_eq!(outcomes.join(" "), expected, "{what} by {role}");
        }
    }
}

async fn attempt(office: &Office, role: Role, what: &str, place: &str) -> &'static str {
    let asked = office.asked(role);
    let user = login(&format!("user@{place}"));
    let administrator = login(&format!("second@{place}"));
    let alias = AliasAddress::parse(&format!("info@{place}")).unwrap();
    let id = office.migration(&user).await;
    let disable = || AccountChange {
        enabled: Some(false),
        ..AccountChange::default()
    };
    match what {
        "account" => word(&change_account(asked, &user, disable()).await),
        "removal" => word(&remove_account(asked, &user, true).await),
        "administrator" => word(&change_account(asked, &administrator, disable()).await),
        "new account" => {
            let new = address(&format!("new@{place}"));
            let account = Account {
                mailbox: Some(Mailbox::new(new.clone())),
                ..Account::new(Login::from(&new))
            };
            word(&add_account(asked, account, Some(&secret("long enough"))).await)
        }
        "domain" => {
            let change = DomainChange {
                enabled: Some(false),
                ..DomainChange::default()
            };
            word(&change_domain(asked, &domain(place), change).await)
        }
        "domain alias" => {
            let alias = DomainAlias {
                name: domain("new.example"),
                target: domain(place),
                enabled: true,
                description: String::new(),
            };
            word(&add_domain_alias(asked, alias).await)
        }
        "other name" => word(&remove_domain_alias(asked, &domain(&format!("also-{place}"))).await),
        "alias" => {
            let change = AliasChange {
                recipients: Some([Recipient::parse("x@else.where").unwrap()].into()),
                ..AliasChange::default()
            };
            word(&change_alias(asked, &alias, change).await)
        }
        "no alias" => word(&remove_alias(asked, &alias).await),
        "pause" => word(&steer_one(asked, id, Steering::Pause).await),
        "delete" => word(&steer_one(asked, id, Steering::Delete { force: true }).await),
        _ => {
            let provider = office.provider(place).await;
            word(&change_provider(asked, provider, |provider| provider, None).await)
        }
    }
}

#[test]
fn nobody_gives_more_than_they_have() {
    wait(async {
        let office = Office::new().await;
        let user = login("user@a.example");
        let give = |role, domains: &[&str]| AccountChange {
            role: Some(role),
            administers: Some(domains.iter().map(|name| domain(name)).collect()),
            ..AccountChange::default()
        };
        for (who, change, expected) in [
            (
                Role::DomainAdmins,
                give(Role::DomainAdmins, &["a.example"]),
                "denied",
            ),
            (Role::DomainAdmins, give(Role::SuperAdmins, &[]), "denied"),
            (Role::Resellers, give(Role::Resellers, &[]), "denied"),
            (
                Role::Resellers,
                give(Role::DomainAdmins, &["b.example"]),
                "denied",
            ),
            (Role::Resellers, give(Role::DomainAdmins, &["a.example"]), "done"),
            (
                Role::SuperAdmins,
                give(Role::Resellers, &["a.example", "b.example"]),
                "done",
            ),
            // From then on it is above them.
            (Role::Resellers, give(Role::SimpleUsers, &[]), "denied"),
            (
                Role::SuperAdmins,
                give(Role::DomainAdmins, &["nowhere.example"]),
                "refused",
            ),
        ] {
            let outcome = change_account(office.asked(who), &user, change.clone()).await;
            assert_eq!(word(&outcome), expected, "{who} {change:?}: {outcome:?}");
        }
        // Nobody locks themselves out.
        let boss = office.asked(Role::SuperAdmins);
        let boss_login = login("boss");
        let off = AccountChange {
            enabled: Some(false),
            ..AccountChange::default()
        };
        assert_eq!(word(&change_account(boss, &boss_login, off).await), "conflict");
        assert_eq!(word(&remove_account(boss, &boss_login, true).await), "conflict");
        office.close().await;
    });
}

#[test]
fn faults_have_the_names_of_fields() {
    wait(async {
        let office = Office::new().await;
        let boss = office.asked(Role::SuperAdmins);
        let fields = |outcome: Result<(), ChangeError>| match outcome {
            Err(ChangeError::Refused(faults)) => faults.into_iter().map(|fault| fault.field).collect(),
            other => vec![word(&other)],
        };
        let account = |text: &str| {
            let address = address(text);
            Account {
                mailbox: Some(Mailbox::new(address.clone())),
                ..Account::new(Login::from(&address))
            }
        };
        let long = secret("long enough");
        let added = add_account(boss, account("x@nowhere.example"), Some(&long)).await;
        assert_eq!(fields(added), ["address"]);
        let added = add_account(boss, account("user@a.example"), Some(&long)).await;
        assert!(fields(added).contains(&"name"));
        let added = add_account(boss, account("x@a.example"), Some(&secret("short"))).await;
        assert_eq!(fields(added), ["password"]);
        let added = add_domain(boss, Domain::local(domain("a.example"))).await;
        assert_eq!(fields(added), ["name"]);
        assert_eq!(word(&remove_domain(boss, &domain("a.example")).await), "conflict");
        let change = AliasChange {
            recipients: Some([Recipient::parse("nobody@a.example").unwrap()].into()),
            ..AliasChange::default()
        };
        let alias = AliasAddress::parse("info@a.example").unwrap();
        assert_eq!(
            fields(change_alias(boss, &alias, change).await.map(drop)),
            ["recipients"]
        );
        let small = DomainChange {
            quota: Some(Some(100)),
            default_mailbox_quota: Some(Some(200)),
            ..DomainChange::default()
        };
        let changed = change_domain(boss, &domain("a.example"), small).await;
        assert_eq!(fields(changed.map(drop)), ["default_mailbox_quota"]);
        let limits = DomainChange {
            limits: Some(transhume_model::directory::Limits {
                mailbox_quota: Some(1000),
                ..Default::default()
            }),
            ..DomainChange::default()
        };
        change_domain(boss, &domain("a.example"), limits).await.unwrap();
        let large = AccountChange {
            quota: Some(Quota::Octets(std::num::NonZeroU64::new(2000).unwrap())),
            ..AccountChange::default()
        };
        let changed = change_account(boss, &login("user@a.example"), large).await;
        assert_eq!(fields(changed.map(drop)), ["quota"]);
        let provider = office.provider("a.example").await;
        assert_eq!(word(&remove_provider(boss, provider, false).await), "conflict");
        assert_eq!(remove_provider(boss, provider, true).await.unwrap(), 1);
        office.close().await;
    });
}

#[test]
fn many_are_steered_and_each_refusal_is_told() {
    wait(async {
        let office = Office::new().await;
        let own = office.migration(&login("user@a.example")).await;
        let foreign = office.migration(&login("user@b.example")).await;
        let nobody = MigrationId(999);
        let admin = office.asked(Role::DomainAdmins);
        let chosen = || Chosen::Ids(vec![own, foreign, nobody]);
        let steered = steer(admin, chosen(), Steering::Pause).await.unwrap();
        assert_eq!(steered.done, [own]);
        let refused: Vec<MigrationId> = steered.refused.iter().map(|(id, _)| *id).collect();
        assert_eq!(refused, [foreign, nobody]);
        assert!(
            steered.refused[0].1.contains("there is no migration"),
            "{steered:?}"
        );
        let record = office.pool.migration(own).await.unwrap().unwrap();
        let by = "admin@a.example".to_owned();
        assert_eq!(record.migration.hold, Some(Hold::Paused { by }));
        // What cannot be keeps none of the others.
        let boss = office.asked(Role::SuperAdmins);
        let steered = steer(boss, chosen(), Steering::Resume).await.unwrap();
        assert_eq!((steered.done.len(), steered.refused.len()), (1, 2), "{steered:?}");
        let all = Chosen::Search(MigrationSearch::default());
        assert_eq!(steer(boss, all, Steering::Stop).await.unwrap().done.len(), 2);
        let phase = office
            .pool
            .migration(foreign)
            .await
            .unwrap()
            .unwrap()
            .migration
            .phase;
        assert_eq!(phase, Phase::Cancelled);
        let all = Chosen::Search(MigrationSearch::default());
        assert_eq!(
            steer(admin, all, Steering::Delete { force: true }).await.unwrap(),
            Steered::default()
        );
        let search = AuditSearch::default();
        let kept = office.pool.search_audit(&search, Paging::ALL).await.unwrap();
        let kept: Vec<_> = kept
            .rows
            .iter()
            .map(|row| (row.login.as_str(), row.did.as_str(), row.what.as_str()))
            .collect();
        assert_eq!(
            kept,
            [
                ("boss", "stopped", "user@b.example"),
                ("boss", "stopped", "user@a.example"),
                ("boss", "resumed", "user@a.example"),
                ("admin@a.example", "paused", "user@a.example"),
            ]
        );
        office.close().await;
    });
}

#[test]
fn files_bring_what_somebody_may_add_and_tell_the_rest_by_line() {
    let text = "domain; new.example; 0; 0; true\n\
                account; x@new.example; long enough; X; Y; true; SimpleUsers; x@new.example; 0\n\
                account; y@b.example; long enough; X; Y; true; SimpleUsers; y@b.example; 0\n\
                account; z@a.example; long enough; X; Y; true; SuperAdmins; z@a.example; 0\n\
                alias; y@a.example; true; user@a.example\n";
    for (role, lines) in [
        (Role::SuperAdmins, &[][..]),
        (Role::Resellers, &[3, 4][..]),
        (Role::DomainAdmins, &[1, 2, 3, 4][..]),
        (Role::SimpleUsers, &[1, 2, 3, 4, 5][..]),
    ] {
        wait(async {
            let office = Office::new().await;
            let upload = |text: &str| Upload {
                bytes: text.as_bytes().to_vec(),
                separator: ';',
                continue_if_exists: false,
                crypt_passwords: true,
                encoding: None,
            };
            let before = office.pool.read().await.unwrap();
            let tried = import(office.asked(role), upload(text), true).await.unwrap();
            let told: Vec<u64> = tried
                .errors
                .iter()
                .map(|error| u64::try_from(error.place.line).unwrap())
                .collect();
            assert_eq!(told, lines, "{role}: {:?}", tried.errors);
            assert_eq!(office.pool.read().await.unwrap(), before, "it was a trial");
            // Without the lines that they may not have, the rest comes.
            let kept = text
                .lines()
                .zip(1_u64..)
                .filter(|(_, line)| !lines.contains(line));
            let kept: String = kept.map(|(row, _)| format!("{row}\n")).collect();
            let done = import(office.asked(role), upload(&kept), false).await.unwrap();
            assert!(done.errors.is_empty(), "{role}: {:?}", done.errors);
            let reseller = office
                .pool
                .account(&login("reseller@a.example"))
                .await
                .unwrap()
                .unwrap();
            let is_theirs = reseller.administers.contains(&domain("new.example"));
            assert_eq!(is_theirs, role == Role::Resellers, "{role}");
            office.close().await;
        });
    }
}

#[test]
fn a_domain_that_is_there_does_not_become_ones_own_by_a_file() {
    wait(async {
        let office = Office::new().await;
        let upload = Upload {
            bytes: b"domain; b.example; 0; 0; true\nalias; mine@b.example; true; x@else.where\n".to_vec(),
            separator: ';',
            continue_if_exists: true,
            crypt_passwords: false,
            encoding: None,
        };
        let report = import(office.asked(Role::Resellers), upload, false)
            .await
            .unwrap();
        assert_eq!(report.errors.len(), 1, "{:?}", report.errors);
        let reseller = office
            .pool
            .account(&login("reseller@a.example"))
            .await
            .unwrap()
            .unwrap();
        assert_eq!(reseller.administers, BTreeSet::from([domain("a.example")]));
        office.close().await;
    });
}

#[test]
fn an_export_has_no_hash_of_whoever_is_above() {
    wait(async {
        let office = Office::new().await;
        for (role, rows, hashes) in [
            (Role::SuperAdmins, 9, 7),
            (Role::Resellers, 5, 3),
            (Role::DomainAdmins, 5, 1),
            (Role::SimpleUsers, 0, 0),
        ] {
            let text = export(office.asked(role), Part::Identities, ';').await.unwrap();
            let counted = (text.lines().count(), text.matches(PASSWORD).count());
            assert_eq!(counted, (rows, hashes), "{role}\n{text}");
        }
        office.close().await;
    });
}

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
        // Guesses end; from elsewhere, the same person comes in nevertheless.
        let mut refused = 0;
        let wait = loop {
            match sign_in("boss", "guess").await {
                Err(SignInError::Refused(_)) => refused += 1,
                Err(SignInError::TooMany(seconds)) => break seconds,
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(refused, 10);
        assert!(matches!(
            sign_in("BOSS", PASSWORD).await,
            Err(SignInError::TooMany(_))
        ));
        let elsewhere = sign_in::sign_in(
            &office.around,
            &admission,
            &tries,
            "boss",
            office::secret(PASSWORD),
            None,
        )
        .await;
        assert!(elsewhere.is_ok(), "{elsewhere:?}");
        office.pass(i64::try_from(wait).unwrap() + 1);
        assert!(sign_in("boss", PASSWORD).await.is_ok());
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
fn settings_are_changed_by_super_admins_and_what_changed_is_kept() {
    wait(async {
        let office = Office::new().await;
        let off = |mut settings: transhume_model::directory::Settings| {
            settings.imap_migration = false;
            settings
        };
        for role in EVERYBODY.into_iter().skip(1) {
            assert_eq!(
                word(&change_settings(office.asked(role), off).await),
                "denied",
                "{role}"
            );
        }
        assert!(
            !change_settings(office.asked(Role::SuperAdmins), off)
                .await
                .unwrap()
                .imap_migration
        );
        let kept = office
            .pool
            .search_audit(&AuditSearch::default(), Paging::ALL)
            .await
            .unwrap();
        assert_eq!(kept.rows[0].details, "imap_migration true → false");
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
