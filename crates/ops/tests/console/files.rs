//! Files that come and go in somebody's name.

use std::collections::BTreeSet;

use transhume_model::directory::Role;
use transhume_model::import::csv::Part;
use transhume_ops::upload::{Upload, export, import};

use crate::office::{Office, PASSWORD, domain, login, wait};

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
                .map(|error| u64::from(error.place.line))
                .collect();
            assert_eq!(told, lines, "{role}: {:?}", tried.errors);
            assert_eq!(office.pool.read().await.unwrap(), before, "it was a trial");
            // Without the lines that they may not have, the rest comes.
            let kept = text
                .lines()
                .zip(1_u64..)
                .filter(|(_, line)| !lines.contains(line));
            let kept: Vec<&str> = kept.map(|(row, _)| row).collect();
            let kept = kept.join("\n");
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
