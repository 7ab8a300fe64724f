//! Tables: rows, and what is told of them.

use super::*;
use crate::directory::{Directory, DomainName, Entry, StoredPassword};
use crate::plan::directory::{Change, IfExists, Recipients};

fn options(crypt_passwords: bool) -> Options {
    let (if_exists, recipients) = (IfExists::Refuse, Recipients::Known);
    Options {
        separator: ';',
        crypt_passwords,
        rules: Rules {
            if_exists,
            recipients,
        },
    }
}

/// What is told of a file whose first line is a domain.
fn told(rows: &str, crypt: bool) -> (Vec<String>, Vec<String>, FilePlan) {
    let text = format!("domain;a.org;0;0;true\n{rows}");
    let text = decode(text.as_bytes(), None).unwrap();
    let plan = plan_file(&text, &Directory::default(), options(crypt), |_| {});
    let shown = |complaints: &[Complaint]| complaints.iter().map(Complaint::to_string).collect();
    (shown(&plan.errors), shown(&plan.notices), plan)
}

#[test]
fn what_is_wrong_has_its_place() {
    for (row, wrong) in [
        ("relaydomain;b.org;m x;25;relay;1;1", "2:19: this is no host"),
        ("relaydomain;b.org;mx;0;relay;1;1", "2:22: this is no port"),
        ("relaydomain;b.org;mx;65536;relay;1;1", "2:22: this is no port"),
        (
            "relaydomain;b.org;mx;25;uucp;1;1",
            "2:25: this service is not known",
        ),
        ("account;boss;!;A;B;1;SuperUsers", "2:22: this is no group"),
        (
            "account;boss;!;A;B;1;DomainAdmins;;0;nodot",
            "2:38: this cannot be a domain name",
        ),
        (
            "account;boss;!;A;B;1;DomainAdmins;;0;a.org;b.org",
            "2:44: the domain b.org does not exist",
        ),
        ("account;boss;!;A;B;1;DomainAdmins;;x", "2:36: this is no quota"),
        (
            "account;u@a.org;!;A;B;1;SimpleUsers;v@a.org",
            "2:37: the address of SimpleUsers is their login",
        ),
        ("account;u v;!;A;B;1;DomainAdmins", "2:9: this cannot be a login"),
        ("alias;x@a.org;1;y@else.net;z", "2:28: “z” is not an address"),
        (
            "alias;x@a.org;1;y@else.net;Z@A.ORG",
            "2:28: the recipient Z@a.org does not exist",
        ),
        ("alias;x@a.org;1;;", "2:17: there is no recipient"),
        ("domain;b.org;1;2;true", "2:16: the default for a mailbox, 2 MB"),
        (
            "domain,b.org,0,0,true",
            "2:1: the first field does not say what the line is → --sepchar ','",
        ),
        (
            "mailbox;u@a.org;x",
            "2:1: the first field does not say what the line is → domain, domainalias",
        ),
        (
            "domain;b.org;\"0;0;true",
            "2:14: the quote that begins here is never closed",
        ),
    ] {
        let (errors, _, plan) = told(row, false);
        assert_eq!(errors.len(), 1, "{row}: {errors:?}");
        assert!(errors[0].starts_with(wrong), "{row}: {}", errors[0]);
        assert_eq!(plan.held_up, 0, "{row}");
    }
}

#[test]
fn what_needs_an_error_is_no_error() {
    for first in [
        "domain;b.org;x;0;true",
        "domain;b.org",
        "domain;b.org;\"0\"0;0;true",
    ] {
        let rows = format!("{first}\naccount;u@b.org;!;A;B;1;SimpleUsers;u@b.org\nalias;x@a.org;1;u@b.org");
        let (errors, _, plan) = told(&rows, false);
        // The alias leads elsewhere as long as b.org is not there.
        assert_eq!((errors.len(), plan.held_up), (1, 1), "{errors:?}");
    }
}

#[test]
fn what_is_read_otherwise_is_told() {
    for (row, note) in [
        ("domain;b.org;0;0;oui", "2:18: this word is taken for “no”"),
        (
            "account;boss;{PLAIN}x;A;B;1;SuperAdmins",
            "2:14: this password is stored in clear",
        ),
        (
            "account;boss;!;A;B;1;SuperAdmins;;5",
            "2:35: without an address there is no mailbox",
        ),
        (
            "account;boss;!;A;B;1;SuperAdmins;;;a.org",
            "2:36: SuperAdmins administer no domain",
        ),
    ] {
        let (errors, notices, _) = told(row, false);
        assert_eq!(errors, <[String; 0]>::default(), "{row}");
        assert_eq!(notices.len(), 1, "{row}: {notices:?}");
        assert!(notices[0].starts_with(note), "{row}: {}", notices[0]);
    }
}

#[test]
fn passwords() {
    const DES: &str = "abJnggxhB/yWI";
    // Hashed with --crypt-passwords, stored without, or refused.
    for (field, crypted, stored) in [
        ("secret", Some("secret"), None),
        ("\" two words \"", Some(" two words "), None),
        ("$ecret", Some("$ecret"), None),
        ("{PLAIN}secret", Some("secret"), Some("{PLAIN}secret")),
        ("{plain}{SHA}x", Some("{SHA}x"), Some("{PLAIN}{SHA}x")),
        (
            "{SHA}0DPiKuNIrrVmD8IUCuw1hQxNqZc=",
            None,
            Some("{SHA}0DPiKuNIrrVmD8IUCuw1hQxNqZc="),
        ),
        ("{SHA}cut", None, None),
        ("{NOSUCH}x", None, None),
        ("21232f297a57a5a743894a0e4a801fc3", None, None),
        // Thirteen letters may be anything.
        (DES, Some(DES), None),
        ("", None, None),
        ("a\u{7}b", None, None),
    ] {
        for crypt in [true, false] {
            let (errors, _, plan) = told(&format!("account;boss;{field};A;B;1;SuperAdmins"), crypt);
            let clear = plan.to_hash.values().map(ClearPassword::as_str).next();
            let kept = plan.changes.iter().find_map(|change| match change {
                Change::Add(Entry::Account(account)) => account.password.as_ref().map(StoredPassword::as_str),
                _ => None,
            });
            let is_hash = stored.is_some() && crypted.is_none();
            assert_eq!(clear, crypted.filter(|_| crypt), "{field} {crypt}");
            assert_eq!(kept, stored.filter(|_| !crypt || is_hash), "{field} {crypt}");
            assert_eq!(
                errors.is_empty(),
                clear.is_some() || kept.is_some(),
                "{field} {crypt}: {errors:?}"
            );
        }
    }
    for locked in ["!", "*", "{CRYPT}!", "{CRYPT}*"] {
        let (errors, _, plan) = told(&format!("account;boss;{locked};A;B;1;SuperAdmins"), true);
        assert_eq!((errors.len(), plan.to_hash.len()), (0, 0), "{locked}");
    }
}

// I10: whatever is wrong with a row, what may be the password is not told.
#[test]
fn passwords_are_never_told() {
    for row in [
        "account;u@a.org;Pa55;A;B;1;SimpleUsers;u@a.org",
        "account;u@a.org Pa55;A;B;1;SimpleUsers;u@a.org",
        "account;Pa55 word;x;A;B;1;SimpleUsers;Pa55 word",
        "account;u@a.org;!;A;B;Pa55;Pa55;Pa55;Pa55;Pa55",
        "account,u@a.org,Pa55,A,B,1,SimpleUsers,u@a.org",
        "Pa55;A;B;1;SimpleUsers;u@a.org",
        "account;u@a.org;{Pa55}x;A;B;1;SimpleUsers;u@a.org",
        "account;u@a.org; \"Pa55\";A;B;1;SimpleUsers;u@a.org",
    ] {
        let (errors, notices, plan) = told(row, false);
        assert!(!errors.is_empty(), "{row}");
        let all = format!("{errors:?} {notices:?} {:?}", plan.to_hash);
        assert!(!all.contains("Pa55"), "{row}: {all}");
    }
    let (.., plan) = told("account;boss;Pa55;A;B;1;SuperAdmins", true);
    assert!(plan.to_hash.len() == 1 && !format!("{plan:?}").contains("Pa55"));
}

#[test]
fn what_rows_cannot_say_is_counted() {
    let rows = "domain;b.org;0;0;true\nalias;x@a.org;1;y@else.net\n";
    let (.., plan) = told(rows, false);
    let mut directory = Directory::default();
    plan.changes
        .into_iter()
        .for_each(|change| change.apply_to(&mut directory));
    let domain = directory
        .domains
        .get_mut(&DomainName::parse("b.org").unwrap())
        .unwrap();
    domain.description = "Branch".into();
    let mut written = Vec::new();
    let unsaid = write(&directory, Part::Domains, '|', |row| written.push(row.to_owned()));
    assert_eq!(written, ["domain|a.org|0|0|true", "domain|b.org|0|0|true"]);
    assert_eq!(unsaid, Unsaid::from([("descriptions of domains", 1)]));
}
