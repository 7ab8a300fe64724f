//! What is changed in somebody's name: what they may, and what is kept of it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on must fail")]

mod files;
mod office;
mod sign_in;

use transhume_db::directory::{AuditSearch, MigrationSearch, Paging};
use transhume_model::directory::{
    Account, AliasAddress, Domain, DomainAlias, Login, Mailbox, Quota, Recipient, Role,
};
use transhume_model::migration::{Hold, MigrationId, Phase};
use transhume_ops::ChangeError;
use transhume_ops::change_account::{AccountChange, add_account, change_account, remove_account};
use transhume_ops::change_alias::{AliasChange, change_alias, remove_alias};
use transhume_ops::change_domain::{
    DomainChange, add_domain, add_domain_alias, change_domain, remove_domain, remove_domain_alias,
};
use transhume_ops::change_provider::{change_provider, remove_provider};
use transhume_ops::change_settings::change_settings;
use transhume_ops::steer::{Chosen, Steered, Steering, steer, steer_one};

use office::{Office, address, domain, login, secret, wait};

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
