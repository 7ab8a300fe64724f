//! A directory in lines that people can compare.

use transhume_model::directory::{Account, Directory, Domain, DomainKind, DomainName, Quota};

const MEGABYTE: u64 = 1 << 20;

/// Everything in the directory that a file can say.
pub(crate) fn lines(directory: &Directory) -> Vec<String> {
    let mut lines: Vec<String> = directory.domains.values().map(domain).collect();
    for alias in directory.domain_aliases.values() {
        let (name, target) = (alias.name.to_unicode(), alias.target.to_unicode());
        lines.push(format!(
            "domain alias {name} {} → {target}",
            enabled(alias.enabled)
        ));
    }
    for account in directory.accounts.values() {
        lines.push(of_account(account));
        if let Some(mailbox) = &account.mailbox {
            let quota = match mailbox.quota {
                Quota::OfDomain => "quota of the domain".to_owned(),
                Quota::Unlimited => "unlimited".to_owned(),
                Quota::Octets(octets) => megabytes(Some(octets.get())),
            };
            let (address, login) = (
                readable(mailbox.address.as_str()),
                readable(account.login.as_str()),
            );
            lines.push(format!("mailbox {address} of {login}, {quota}"));
        }
    }
    for alias in directory.aliases.values() {
        let recipients: Vec<String> = alias.recipients.iter().map(|to| readable(to.as_str())).collect();
        let address = readable(&alias.address.to_string());
        lines.push(format!(
            "alias {address} {} → {}",
            enabled(alias.enabled),
            recipients.join(" ")
        ));
    }
    lines.sort();
    lines
}

/// The directory as a dry run can know it.
pub(crate) fn without_passwords(directory: &Directory) -> Directory {
    let mut directory = directory.clone();
    for account in directory.accounts.values_mut() {
        account.password = None;
    }
    directory
}

fn domain(domain: &Domain) -> String {
    let (name, enabled) = (domain.name.to_unicode(), enabled(domain.enabled));
    match &domain.kind {
        DomainKind::Local => {
            let (quota, default) = (megabytes(domain.quota), megabytes(domain.default_mailbox_quota));
            format!("domain {name} {enabled}, {quota}, mailboxes {default}")
        }
        DomainKind::Relay(relay) => {
            let host = relay.host.as_deref().unwrap_or("MX");
            let port = relay.port.unwrap();
            let verified = if relay.verify_recipients {
                "verified"
            } else {
                "not verified"
            };
            let service = &relay.service;
            format!("relay domain {name} {enabled}, {service} [{host}]:{port}, recipients {verified}")
        }
    }
}

fn of_account(account: &Account) -> String {
    let password = account.password.as_ref().map_or("", |password| password.as_str());
    let mut line = format!(
        "account {} {}, {}, “{}” “{}”, password {}",
        readable(account.login.as_str()),
        enabled(account.enabled),
        account.role,
        account.first_name,
        account.last_name,
        password.strip_prefix("{PLAIN}").unwrap_or(password),
    );
    if !account.administers.is_empty() {
        let domains: Vec<&str> = account.administers.iter().map(DomainName::as_str).collect();
        line += ", administers ";
        line += &domains.join(" ");
    }
    line
}

fn enabled(is: bool) -> &'static str {
    if is { "enabled" } else { "disabled" }
}

fn megabytes(octets: Option<u64>) -> String {
    octets.map_or_else(
        || "unlimited".into(),
        |octets| format!("{} MB", octets / MEGABYTE),
    )
}

/// An address with its domain as people read it.
fn readable(address: &str) -> String {
    match address.rsplit_once('@') {
        Some((local, domain)) => format!("{local}@{}", DomainName::parse(domain).unwrap().to_unicode()),
        None => address.to_owned(),
    }
}
