//! Whole databases, as rows: what becomes of them, and that a second time nothing does.

mod odd;

use super::*;
use crate::directory::Directory;

fn some(text: &str) -> Option<String> {
    (text != "NULL").then(|| text.to_owned())
}

/// A row of these columns; all others are missing.
fn row<R: Row>(values: &[(&str, &str)]) -> R {
    for (name, _) in values {
        assert!(
            R::COLUMNS.iter().any(|(column, _)| column == name),
            "{name} is a column"
        );
    }
    let cells = R::COLUMNS.iter().map(|(column, _)| {
        let value = values.iter().find(|(name, _)| name == column);
        value.and_then(|(_, value)| some(value))
    });
    R::read(cells.collect())
}

/// Adds a row, written as `table column=value …`; values end at a `;`. What is not mentioned is as PostfixAdmin makes it.
fn add(source: &mut Source, line: &str) {
    let (table, rest) = line.trim().split_once(' ').unwrap();
    let values: Vec<(&str, &str)> = rest
        .split(';')
        .map(|pair| pair.trim().split_once('=').unwrap())
        .collect();
    match table {
        "domain" => source.domains.push(row(&values)),
        "alias_domain" => source.alias_domains.push(row(&values)),
        "mailbox" => source.mailboxes.push(row(&values)),
        "alias" => source.aliases.push(row(&values)),
        "admin" => source.admins.push(row(&values)),
        "domain_admins" => source.domain_admins.push(row(&values)),
        "vacation" => source.vacations.push(row(&values)),
        "fetchmail" => source.fetchmail.push(row(&values)),
        _ => panic!("{table} is no table"),
    }
}

fn source(lines: &str) -> Source {
    let mut source = Source::default();
    for line in lines.lines().filter(|line| !line.trim().is_empty()) {
        add(&mut source, line);
    }
    source
}

/// What is in the directory afterwards, what was skipped, and what is noted.
fn told(lines: &str, options: &Options) -> String {
    let planned = convert(source(lines), options).plan(&Directory::default(), &HashSet::new());
    assert!(planned.report.adds_up());
    assert_eq!(planned.report.unexplained(), 0);
    let mut directory = Directory::default();
    for change in planned.changes {
        change.apply_to(&mut directory);
    }
    // Again, with what is there now: nothing is new.
    let keys = planned.remote_mailboxes.iter().map(RemoteMailbox::key).collect();
    let again = convert(source(lines), options).plan(&directory, &keys);
    assert!(again.changes.is_empty(), "{:?}", again.changes);
    assert!(again.remote_mailboxes.is_empty());
    assert!(again.report.adds_up());

    let mut told = Vec::new();
    for domain in directory.domains.values() {
        let kind = if domain.is_local() { "local" } else { "relay" };
        let (quota, limits) = (domain.quota, &domain.limits);
        let numbers = format!(
            "{quota:?} {:?} {:?} {:?}",
            limits.mailbox_quota, limits.mailboxes, limits.aliases
        );
        told.push(format!("{kind} {}{} {numbers}", domain.name, off(domain.enabled)));
    }
    for other in directory.domain_aliases.values() {
        told.push(format!(
            "also {}{} → {}",
            other.name,
            off(other.enabled),
            other.target
        ));
    }
    for account in directory.accounts.values() {
        let mailbox = account
            .mailbox
            .as_ref()
            .map_or("no mailbox".to_owned(), |mailbox| {
                let copy = if mailbox.keeps_copy { "" } else { ", keeps no copy" };
                format!("{:?}{copy}", mailbox.quota)
            });
        let role = format!("{} {:?}", account.role, account.administers);
        let password = account
            .password
            .as_ref()
            .map_or("-".to_owned(), |password| format!("{password:?}"));
        told.push(format!(
            "account {}{} {mailbox} {role} {password}",
            account.login,
            off(account.enabled)
        ));
    }
    for alias in directory.aliases.values() {
        told.push(format!(
            "alias {}{} → {:?}",
            alias.address,
            off(alias.enabled),
            alias.recipients
        ));
    }
    for vacation in directory.vacations.values() {
        let period = (vacation.from, vacation.until, vacation.interval);
        told.push(format!(
            "absence {}{} {period:?}",
            vacation.address,
            off(vacation.enabled)
        ));
    }
    for remote in &planned.remote_mailboxes {
        let (host, port, security) = (&remote.host, remote.port, remote.security.as_str());
        told.push(format!(
            "remote {} {host}:{port} {security} {:?}",
            remote.mailbox, remote.password
        ));
    }
    let line = |kind: &str, note: &Note| {
        let (table, name) = (note.table.name(), &note.name);
        format!(
            "{kind} {table} “{name}”: {} [{}]",
            note.remark.what, note.remark.detail
        )
    };
    let skipped = planned.report.tables.iter().flat_map(|table| &table.skipped);
    told.extend(skipped.map(|note| line("skipped", note)));
    told.extend(planned.report.notes.iter().map(|note| line("note", note)));
    told.join("\n") + "\n"
}

fn off(enabled: bool) -> &'static str {
    if enabled { "" } else { " (off)" }
}

#[test]
fn only_the_operator_knows_what_is_not_hashed() {
    let lines = "
        domain domain=a.example
        mailbox username=a@a.example; password=secret
        mailbox username=b@a.example; password={SHA}no hash
        mailbox username=c@a.example; password={LDAP-MD5}Xr4ilOzQ4PCOq3aQ0qbuaQ==
    ";
    let mut found = Vec::new();
    for clear_text in [ClearText::None, ClearText::Unrecognised, ClearText::All] {
        let options = Options {
            clear_text,
            ..Options::new(0)
        };
        let planned = convert(source(lines), &options).plan(&Directory::default(), &HashSet::new());
        let passwords = planned.changes.iter().filter_map(|change| match change {
            crate::plan::directory::Change::Add(Entry::Account(account)) => Some(
                account
                    .password
                    .as_ref()
                    .map_or("-".to_owned(), |password| password.as_str().to_owned()),
            ),
            _ => None,
        });
        found.push(passwords.collect::<Vec<_>>().join(" "));
    }
    assert_eq!(
        found,
        [
            "- - {LDAP-MD5}Xr4ilOzQ4PCOq3aQ0qbuaQ==",
            "{PLAIN}secret {PLAIN}{SHA}no hash {LDAP-MD5}Xr4ilOzQ4PCOq3aQ0qbuaQ==",
            "{PLAIN}secret {PLAIN}{SHA}no hash {PLAIN}{LDAP-MD5}Xr4ilOzQ4PCOq3aQ0qbuaQ==",
        ]
    );
}

#[test]
fn what_is_there_already_stays() {
    let first = "
        domain domain=a.example
        mailbox username=a@a.example; password={PLAIN}x; name=One
        alias address=list@a.example; goto=a@a.example
    ";
    let mut directory = Directory::default();
    for change in convert(source(first), &Options::new(0))
        .plan(&directory, &HashSet::new())
        .changes
    {
        change.apply_to(&mut directory);
    }
    let later = "
        domain domain=a.example
        mailbox username=a@a.example; password={PLAIN}y; name=Two
        mailbox username=new@a.example; password={PLAIN}x
        alias address=list@a.example; goto=new@a.example
    ";
    let planned = convert(source(later), &Options::new(0)).plan(&directory, &HashSet::new());
    let mailboxes = planned
        .report
        .tables
        .iter()
        .find(|table| table.table == Table::Mailbox)
        .unwrap();
    assert_eq!((mailboxes.written, mailboxes.unchanged), (1, 1));
    let differs: Vec<_> = planned
        .report
        .notes
        .iter()
        .map(|note| note.name.as_str())
        .collect();
    assert_eq!(differs, ["a@a.example"]);
    for change in planned.changes {
        change.apply_to(&mut directory);
    }
    assert_eq!(directory.accounts["a@a.example"].first_name, "One");
    let list = crate::directory::AliasAddress::parse("list@a.example").unwrap();
    assert_eq!(directory.aliases[&list].recipients.len(), 2);
}
