//! One row, read into an entry of the directory.

use std::collections::BTreeSet;

use super::Options;
use super::complaint::Complaint;
use super::password::{self, ClearPassword, PasswordField};
use super::rows::{Cell, Place};
use super::value::{self, BY_MX};
use crate::directory::{
    Account, Address, Alias, AliasAddress, Domain, DomainAlias, DomainKind, DomainName, Entry, Login,
    Mailbox, NameProblem, Recipient, Relay, Role, StoredPassword,
};
use crate::plan::directory::Field;

/// What a row is about.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Domain,
    DomainAlias,
    RelayDomain,
    Account,
    Alias,
}

impl Kind {
    fn named(name: &str) -> Option<Self> {
        Some(match name.to_ascii_lowercase().as_str() {
            "domain" => Self::Domain,
            "domainalias" => Self::DomainAlias,
            "relaydomain" => Self::RelayDomain,
            "account" => Self::Account,
            "alias" | "forward" | "dlist" => Self::Alias,
            _ => return None,
        })
    }

    /// Fields that have to be there, how many there may be, and all of them in words.
    fn fields(self) -> (usize, usize, &'static str) {
        match self {
            Self::Domain => (5, 5, "domain; name; quota; default mailbox quota; enabled"),
            Self::DomainAlias => (4, 4, "domainalias; name; targeted domain; enabled"),
            Self::RelayDomain => (
                7,
                7,
                "relaydomain; name; target host; target port; service; enabled; verify recipients",
            ),
            Self::Account => (
                7,
                usize::MAX,
                "account; login; password; first name; last name; enabled; group; address; quota; domain; …",
            ),
            Self::Alias => (4, usize::MAX, "alias; address; enabled; recipient; …"),
        }
    }
}

/// What was made of a row.
pub(super) struct Reading {
    /// The entry, where nothing is wrong.
    pub(super) entry: Option<Entry>,
    /// An account's password, where it is still to be hashed.
    pub(super) clear: Option<ClearPassword>,
    /// What the row declares, where it could not be read: others that need it are not wrong for that.
    pub(super) names: Vec<String>,
    /// What is wrong.
    pub(super) errors: Vec<Complaint>,
    /// What was done otherwise than one might think.
    pub(super) notices: Vec<Complaint>,
}

/// Reads a row.
pub(super) fn read(cells: &[Cell<'_>], options: Options, guessed: bool) -> Reading {
    let mut row = Row {
        cells,
        clear: None,
        names: Vec::new(),
        errors: Vec::new(),
        notices: Vec::new(),
    };
    let entry = row.entry(options, guessed).filter(|_| row.errors.is_empty());
    Reading {
        entry,
        clear: row.clear,
        names: row.names,
        errors: row.errors,
        notices: row.notices,
    }
}

/// What others may need of a row that cannot be read: a domain or an address, in one spelling.
pub(super) fn names(text: &str) -> Vec<String> {
    let domain = DomainName::parse(text).map(|name| name.to_string());
    let address = AliasAddress::parse(text).map(|address| address.to_string());
    domain.into_iter().chain(address).collect()
}

/// Where a part of the row's entry stands.
pub(super) fn place_of(cells: &[Cell<'_>], field: &Field) -> Place {
    let kind = Kind::named(kind_text(cells));
    let from = |first: usize, is_it: &dyn Fn(&str) -> bool| {
        let mut behind = cells.iter().enumerate().skip(first);
        behind
            .find(|(_, cell)| is_it(cell.trimmed()))
            .map_or(0, |(number, _)| number)
    };
    let number = match field {
        Field::Name => 1,
        Field::Quota if kind == Some(Kind::Account) => 8,
        Field::Quota | Field::Target => 2,
        Field::DefaultQuota => 3,
        Field::Address => 7,
        Field::Administers(name) => from(9, &|text| DomainName::parse(text).as_ref() == Ok(name)),
        Field::Recipient(recipient) => from(3, &|text| {
            Recipient::parse(unguarded(text)).is_ok_and(|read| read.folded() == recipient.folded())
        }),
    };
    place(cells, number)
}

fn place(cells: &[Cell<'_>], number: usize) -> Place {
    let cell = cells.get(number).or(cells.last());
    cell.map_or(Place { line: 1, column: 1 }, |cell| cell.place)
}

fn kind_text<'r>(cells: &'r [Cell<'_>]) -> &'r str {
    let text = cells.first().map_or("", |cell| cell.trimmed());
    // Files that were put together by hand have byte order marks in the middle.
    text.trim_start_matches('\u{feff}').trim()
}

/// An address without the apostrophe that spreadsheet programs and other exports put before a leading `@`.
fn unguarded(text: &str) -> &str {
    text.strip_prefix('\'')
        .filter(|rest| rest.starts_with('@'))
        .unwrap_or(text)
}

struct Row<'r, 't> {
    cells: &'r [Cell<'t>],
    clear: Option<ClearPassword>,
    names: Vec<String>,
    errors: Vec<Complaint>,
    notices: Vec<Complaint>,
}

impl<'r> Row<'r, '_> {
    fn text(&self, number: usize) -> &'r str {
        self.cells.get(number).map_or("", |cell| cell.trimmed())
    }

    /// The text with the blanks that stood in quotes.
    fn raw(&self, number: usize) -> &'r str {
        self.cells.get(number).map_or("", |cell| cell.text.as_ref())
    }

    fn error(&mut self, number: usize, wrong: impl Into<String>, right: impl Into<String>) {
        let place = place(self.cells, number);
        self.errors.push(Complaint::new(place, wrong, right));
    }

    fn notice(&mut self, number: usize, wrong: impl Into<String>, right: impl Into<String>) {
        let place = place(self.cells, number);
        self.notices.push(Complaint::new(place, wrong, right));
    }

    fn entry(&mut self, options: Options, guessed: bool) -> Option<Entry> {
        let Some(kind) = Kind::named(kind_text(self.cells)) else {
            // Not quoted: where lines are broken, anything may stand here, a password too (I10).
            let right = match options.likelier_separator(kind_text(self.cells)) {
                Some(other) => format!("--sepchar '{other}', as the fields seem to be separated by it"),
                None => "domain, domainalias, relaydomain, account, or alias (forward, dlist)".into(),
            };
            self.error(0, "the first field does not say what the line is", right);
            return None;
        };
        let (least, most, shape) = kind.fields();
        if self.cells.len() < least {
            self.names = names(self.text(1));
            let wrong = format!("there are {} fields, and {least} are needed", self.cells.len());
            self.error(usize::MAX, wrong, shape);
            return None;
        }
        if let Some(extra) = (most..self.cells.len()).find(|number| !self.text(*number).is_empty()) {
            self.error(
                extra,
                format!("there is text behind the last of {most} fields"),
                shape,
            );
        }
        if let Some(number) = (0..self.cells.len())
            .filter(|number| (kind, *number) != (Kind::Account, 2))
            .find(|number| self.raw(*number).chars().any(char::is_control))
        {
            let wrong = "this field holds a line end or another control character";
            self.error(number, wrong, "one without; is a quote out of place?");
        }
        match kind {
            Kind::Domain => self.domain(),
            Kind::DomainAlias => self.domain_alias(),
            Kind::RelayDomain => self.relay_domain(),
            Kind::Account => self.account(options, guessed),
            Kind::Alias => self.alias(),
        }
    }

    fn domain_name(&mut self, number: usize) -> Option<DomainName> {
        match DomainName::parse(self.text(number)) {
            Ok(name) => Some(name),
            Err(problem) => {
                self.error(number, problem.to_string(), "a domain name, like example.org");
                None
            }
        }
    }

    fn switch(&mut self, number: usize) -> bool {
        let (yes, usual) = value::switch(self.text(number));
        if !usual {
            // Not quoted: where a separator is missing or too many, this may be anything.
            let right = "true, 1, yes or y for yes; false, 0, no or n for no";
            self.notice(number, "this word is taken for “no”", right);
        }
        yes
    }

    fn size(&mut self, number: usize) -> Option<u64> {
        let size = value::size(self.text(number));
        if size.is_none() {
            self.error(
                number,
                "this is no quota",
                "MB in digits (0 is unlimited); 500000B for octets",
            );
        }
        size
    }

    fn domain(&mut self) -> Option<Entry> {
        let name = self.domain_name(1);
        self.names.extend(name.iter().map(DomainName::to_string));
        let (quota, default) = (self.size(2), self.size(3));
        let enabled = self.switch(4);
        let mut domain = Domain::local(name?);
        domain.quota = Some(quota?).filter(|octets| *octets > 0);
        domain.default_mailbox_quota = Some(default?).filter(|octets| *octets > 0);
        domain.enabled = enabled;
        Some(Entry::Domain(domain))
    }

    fn domain_alias(&mut self) -> Option<Entry> {
        let name = self.domain_name(1);
        self.names.extend(name.iter().map(DomainName::to_string));
        let target = self.domain_name(2);
        let enabled = self.switch(3);
        Some(Entry::DomainAlias(DomainAlias {
            name: name?,
            target: target?,
            enabled,
            description: String::new(),
        }))
    }

    fn relay_domain(&mut self) -> Option<Entry> {
        let name = self.domain_name(1);
        self.names.extend(name.iter().map(DomainName::to_string));
        let host = if self.text(2) == BY_MX {
            None
        } else {
            let host = value::host(self.text(2));
            if host.is_none() {
                let right = "the next server's name or address; (MX) to follow the domain's MX records";
                self.error(2, "this is no host", right);
            }
            host
        };
        let port = self.text(3).parse().ok();
        if port.is_none() {
            self.error(3, "this is no port", "a number from 1 to 65535; 25 is usual");
        }
        let service = self.text(4).to_ascii_lowercase();
        if !["relay", "smtp"].contains(&service.as_str()) {
            self.error(4, "this service is not known", "relay or smtp");
        }
        let enabled = self.switch(5);
        let relay = Relay {
            service,
            host,
            port: Some(port?),
            verify_recipients: self.switch(6),
        };
        let domain = Domain::local(name?);
        Some(Entry::Domain(Domain {
            kind: DomainKind::Relay(relay),
            enabled,
            ..domain
        }))
    }

    /// In rows of accounts nothing is quoted that could not be read: it may be the password (I10).
    fn account(&mut self, options: Options, guessed: bool) -> Option<Entry> {
        let login = Login::parse(self.text(1));
        match &login {
            Ok(login) => self.names.push(login.to_string()),
            Err(problem) => self.error(
                1,
                unquoted(problem, "a login"),
                "an address; or for administrators, a word",
            ),
        }
        let password = self.password(options, guessed);
        let role = Role::named(self.text(6));
        if role.is_none() {
            self.error(6, "this is no group", Role::ALL.map(Role::as_str).join(", "));
        }
        let mailbox = self.mailbox();
        if let (Some(Role::SimpleUsers), Ok(login)) = (role, &login) {
            match mailbox.as_ref().map(|mailbox| mailbox.as_ref()) {
                None => self.error(
                    7,
                    "SimpleUsers need an address",
                    format!("{login}, if that is one"),
                ),
                Some(Ok(mailbox)) if mailbox.address.as_str() != login.as_str() => {
                    self.error(7, "the address of SimpleUsers is their login", login.to_string());
                }
                Some(_) => {}
            }
        }
        let administers = self.administers(role?);
        let mut account = Account::new(login.ok()?);
        if let Some(Ok(mailbox)) = &mailbox
            && mailbox.address.as_str() == account.login.as_str()
        {
            // One text in memory, not two.
            account.login = Login::from(&mailbox.address);
        }
        account.password = password.ok()?;
        self.raw(3).clone_into(&mut account.first_name);
        self.raw(4).clone_into(&mut account.last_name);
        account.enabled = self.switch(5);
        account.role = role?;
        account.administers = administers;
        account.mailbox = mailbox.transpose().ok()?;
        Some(Entry::Account(Box::new(account)))
    }

    fn password(&mut self, options: Options, guessed: bool) -> Result<Option<StoredPassword>, ()> {
        let Some(cell) = self.cells.get(2) else {
            return Err(());
        };
        match password::read(cell, options.crypt_passwords, guessed) {
            Ok(PasswordField::Locked) => Ok(None),
            Ok(PasswordField::Stored(stored)) => {
                if password::plain(&stored).is_some() {
                    self.notice(
                        2,
                        "this password is stored in clear, as {PLAIN} says",
                        "--crypt-passwords to hash it",
                    );
                }
                Ok(Some(stored))
            }
            Ok(PasswordField::Clear(clear)) => {
                if clear.as_str().trim().len() < clear.as_str().len() {
                    self.notice(
                        2,
                        "the blanks in the quotes are part of the password",
                        "no quotes, if they are not",
                    );
                }
                self.clear = Some(clear);
                Ok(None)
            }
            Err((wrong, right)) => {
                self.error(2, wrong, right);
                Err(())
            }
        }
    }

    /// The mailbox, where the row has an address; an error where that cannot be read.
    fn mailbox(&mut self) -> Option<Result<Mailbox, ()>> {
        let quota = value::quota(self.text(8));
        if quota.is_none() {
            let right = "MB in digits; nothing or 0 for the domain's default; unlimited";
            self.error(8, "this is no quota", right);
        }
        if self.text(7).is_empty() {
            if !matches!(self.text(8), "" | "0") {
                self.notice(
                    8,
                    "without an address there is no mailbox that this quota could be of",
                    "an address before it",
                );
            }
            return quota.is_none().then_some(Err(()));
        }
        let address = match Address::parse(self.text(7)) {
            Ok(address) => address,
            Err(problem) => {
                self.error(
                    7,
                    unquoted(&problem, "an address"),
                    "an address, like name@example.org",
                );
                return Some(Err(()));
            }
        };
        self.names.push(address.to_string());
        let mut mailbox = Mailbox::new(address);
        Some(quota.ok_or(()).map(|quota| {
            mailbox.quota = quota;
            mailbox
        }))
    }

    fn administers(&mut self, role: Role) -> BTreeSet<DomainName> {
        let mut names = BTreeSet::new();
        for number in 9..self.cells.len() {
            if self.text(number).is_empty() {
                continue;
            }
            match DomainName::parse(self.text(number)) {
                Ok(_) if !matches!(role, Role::DomainAdmins | Role::Resellers) => {
                    let wrong = format!("{role} administer no domain of their own: this one is passed over");
                    self.notice(number, wrong, "DomainAdmins, if they should");
                }
                Ok(name) => {
                    names.insert(name);
                }
                Err(problem) => self.error(
                    number,
                    unquoted(&problem, "a domain name"),
                    "a domain, like example.org",
                ),
            }
        }
        names
    }

    fn alias(&mut self) -> Option<Entry> {
        let address = match AliasAddress::parse(unguarded(self.text(1))) {
            Ok(address) => {
                self.names.push(address.to_string());
                Some(address)
            }
            Err(problem) => {
                self.error(
                    1,
                    problem.to_string(),
                    "an address, or @ and a domain for all of its addresses",
                );
                None
            }
        };
        let enabled = self.switch(2);
        let mut recipients = BTreeSet::new();
        let mut is_empty = true;
        for number in 3..self.cells.len() {
            let text = unguarded(self.text(number));
            if text.is_empty() {
                continue;
            }
            is_empty = false;
            match Recipient::parse(text) {
                Ok(recipient) => {
                    recipients.insert(recipient);
                }
                Err(problem) => self.error(number, problem.to_string(), "an address, or @ and a domain"),
            }
        }
        if is_empty {
            self.error(3, "there is no recipient", "at least one address");
        }
        Some(Entry::Alias(Alias {
            address: address?,
            recipients,
            enabled,
            description: String::new(),
            created: None,
        }))
    }
}

/// What is wrong with a name, without the name.
fn unquoted(problem: &NameProblem, what: &str) -> String {
    match problem {
        NameProblem::Empty | NameProblem::TooLong { .. } => problem.to_string(),
        _ => format!("this cannot be {what}"),
    }
}
