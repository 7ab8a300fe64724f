//! What the console changes and keeps: entries, numbers, who signed in, who did what.

use std::collections::BTreeSet;

use transhume_db::directory::{AuditSearch, DirectoryPool, NewAudit, NewSignIn, Paging};
use transhume_model::directory::{Account, AliasAddress, Entry, Login, Recipient, Role, StoredPassword};
use transhume_model::plan::directory::Change;
use transhume_model::rights::Scope;

use crate::migrations::{domain, name};
use crate::places::{each_engine, wait};
use crate::search::fill;

#[test]
fn numbers_of_a_providers_domains_stay() {
    each_engine("numbers", |place| {
        wait(async {
            let pool = DirectoryPool::open(&place.fresh()).await.unwrap();
            fill(&pool, 1).await;
            let before = pool.providers_within(&Scope::All).await.unwrap().remove(0);
            let mut changed = before.provider.clone();
            changed.name = name("Renamed");
            changed.domains.remove(&domain("older-a.example"));
            changed.domains.insert(domain("third.example"), None);
            changed.domains.insert(domain("old-a.example"), None);
            let mut transaction = pool.begin().await.unwrap();
            assert!(
                transaction
                    .change_provider(&before.provider.name, &changed)
                    .await
                    .unwrap()
            );
            transaction.commit().await.unwrap();
            let after = pool
                .provider_within(&Scope::All, before.id)
                .await
                .unwrap()
                .unwrap();
            assert_eq!(after.provider, changed);
            let old = domain("old-a.example");
            assert_eq!(after.domain_ids[&old], before.domain_ids[&old]);
            assert_eq!((after.domain_ids.len(), after.migrations), (2, 1));
            pool.close().await;
        });
    });
}

#[test]
fn the_console_keeps_who_signed_in_tokens_and_who_did_what() {
    each_engine("kept", |place| {
        wait(async {
            let pool = DirectoryPool::open(&place.fresh()).await.unwrap();
            fill(&pool, 2).await;
            let login = Login::parse("p0001@a.example").unwrap();
            assert!(!pool.has_super_admin().await.unwrap());
            let digest = |letter: char| letter.to_string().repeat(64);
            let mut transaction = pool.begin().await.unwrap();
            let sign_in = |digest, begun, ends| NewSignIn {
                digest,
                login: &login,
                begun,
                ends,
                network: Some("192.0.2.1"),
            };
            let (a, b, c) = (digest('a'), digest('b'), digest('c'));
            transaction.add_sign_in(sign_in(&a, 1, 5)).await.unwrap();
            transaction.add_sign_in(sign_in(&b, 2, 50)).await.unwrap();
            // Whoever has to sign in again is forgotten when the next one does.
            transaction.add_sign_in(sign_in(&c, 5, 50)).await.unwrap();
            let token = transaction
                .add_token(&digest('d'), &login, "für Skripte", 7)
                .await
                .unwrap();
            for (at, did) in [(1, "paused"), (2, "resumed")] {
                let new = NewAudit {
                    at,
                    login: "Boss",
                    network: None,
                    did,
                    what: "x\0y",
                    details: "",
                };
                transaction.note(new).await.unwrap();
            }
            transaction.commit().await.unwrap();
            assert_eq!(pool.sign_in(&a).await.unwrap(), None);
            pool.use_sign_in(&b, 9).await.unwrap();
            assert_eq!(pool.sign_in(&b).await.unwrap().unwrap().used, 9);
            let mut transaction = pool.begin().await.unwrap();
            transaction.remove_sign_ins(&login, Some(&c)).await.unwrap();
            assert!(
                !transaction
                    .remove_token(&Login::parse("p0000@a.example").unwrap(), token)
                    .await
                    .unwrap()
            );
            transaction.commit().await.unwrap();
            assert_eq!(pool.sign_in(&b).await.unwrap(), None);
            assert!(pool.remove_sign_in(&c).await.unwrap() && !pool.remove_sign_in(&c).await.unwrap());

            pool.use_token(token, 8).await.unwrap();
            let found = pool.token(&digest('d')).await.unwrap().unwrap();
            assert_eq!(
                (found.login.clone(), found.used, found.label.as_str()),
                (login.clone(), Some(8), "für Skripte")
            );
            assert_eq!(pool.tokens_of(&login).await.unwrap(), [found]);

            for (text, did, total) in [
                (None, None, 2),
                (Some("boss"), None, 2),
                (Some("z"), None, 0),
                (None, Some("paused"), 1),
            ] {
                let search = AuditSearch {
                    text: text.map(str::to_owned),
                    did: did.map(str::to_owned),
                };
                let found = pool.search_audit(&search, Paging::first(1)).await.unwrap();
                assert_eq!(found.total, total, "{search:?}");
            }
            // An account takes its tokens with it.
            let account = pool.account(&login).await.unwrap().unwrap();
            let mut transaction = pool.begin().await.unwrap();
            transaction.remove_account(&account).await.unwrap();
            transaction.commit().await.unwrap();
            assert_eq!(pool.token(&digest('d')).await.unwrap(), None);
            pool.close().await;
        });
    });
}

#[test]
fn what_is_changed_is_read_again_and_nothing_else_has_changed() {
    each_engine("changed", |place| {
        wait(async {
            let pool = DirectoryPool::open(&place.fresh()).await.unwrap();
            fill(&pool, 2).await;
            let mut expected = pool.read().await.unwrap();
            let login = Login::parse("p0001@a.example").unwrap();
            let account = expected.accounts.get_mut(&login).unwrap();
            account.first_name = "Ümit".to_owned();
            account.role = Role::Resellers;
            account.enabled = false;
            account.administers = BTreeSet::from([domain("b.example"), domain("a.example")]);
            account.mailbox.as_mut().unwrap().keeps_copy = false;
            account.mailbox.as_mut().unwrap().quota = transhume_model::directory::Quota::Unlimited;
            let account = account.clone();
            let changed_domain = expected.domains.get_mut(&domain("a.example")).unwrap();
            changed_domain.quota = Some(1 << 30);
            changed_domain.description = "x".to_owned();
            let changed_domain = changed_domain.clone();
            let other_name = expected
                .domain_aliases
                .get_mut(&domain("also-a.example"))
                .unwrap();
            other_name.target = domain("b.example");
            other_name.enabled = false;
            let other_name = other_name.clone();
            let alias_address = AliasAddress::parse("alias0000@a.example").unwrap();
            let alias = expected.aliases.get_mut(&alias_address).unwrap();
            alias.recipients = [
                Recipient::parse("x@else.example").unwrap(),
                Recipient::parse("p0001@a.example").unwrap(),
            ]
            .into();
            alias.enabled = false;
            let alias = alias.clone();
            let gone = AliasAddress::parse("alias0001@a.example").unwrap();
            expected.aliases.remove(&gone);
            expected.domain_aliases.remove(&domain("also-b.example"));

            let mut transaction = pool.begin().await.unwrap();
            assert!(transaction.change_account(&account).await.unwrap());
            assert!(transaction.change_domain(&changed_domain).await.unwrap());
            assert!(transaction.change_domain_alias(&other_name).await.unwrap());
            assert!(transaction.change_alias(&alias).await.unwrap());
            assert_eq!(transaction.alias(&alias_address).await.unwrap(), Some(alias));
            assert!(transaction.remove_alias(&gone).await.unwrap());
            assert!(!transaction.remove_alias(&gone).await.unwrap());
            assert!(
                transaction
                    .remove_domain_alias(&domain("also-b.example"))
                    .await
                    .unwrap()
            );
            let nobody = Account::new(Login::parse("nobody").unwrap());
            assert!(!transaction.change_account(&nobody).await.unwrap());
            transaction.commit().await.unwrap();
            assert_eq!(pool.read().await.unwrap(), expected);

            let mut transaction = pool.begin().await.unwrap();
            let boss = Account {
                role: Role::SuperAdmins,
                password: StoredPassword::from_stored("{PLAIN}x"),
                ..Account::new(Login::parse("boss").unwrap())
            };
            transaction
                .apply(&[Change::Add(Entry::Account(Box::new(boss)))])
                .await
                .unwrap();
            assert!(transaction.has_super_admin().await.unwrap());
            drop(transaction);
            pool.close().await;
        });
    });
}
