//! Accounts: listed, added, changed, removed.

use std::collections::BTreeSet;
use std::num::NonZeroU64;

use axum::extract::{Path, State};
use transhume_db::directory::{AccountRow, AccountSearch, Paging};
use transhume_model::directory::{Account, Address, DomainName, Login, Mailbox, Quota, Role, Secret};
use transhume_model::rights::{Right, permits};
use transhume_ops::change_account::{AccountChange, add_account, change_account, remove_account};

use super::answer::{Answer, Question, Refused, lead_to, mendable, not_found, page, wrong_page};
use super::confirm::{Confirm, is_sure};
use super::form::{Faults, Field, Form, Kind, Sent};
use super::frame::Frame;
use super::list::{FormPage, Line, List, Removal, acts, cells, yes_or_no};
use super::pages::{self, Pages, ROWS};
use super::said::said;
use super::words;
use crate::WebState;
use crate::gate::Visitor;

const PATH: &str = "/accounts";
const COLUMNS: [&str; 5] = ["Account", "Name", "Role", "Quota", "Administers"];
/// Octets of the unit in which quotas are written.
const MEGABYTE: u64 = 1 << 20;

/// `GET /accounts`.
pub(super) async fn list(
    State(state): State<WebState>,
    visitor: Visitor,
    Question(question): Question,
) -> Answer {
    let text = question.text("text");
    let search = AccountSearch {
        text: (!text.is_empty()).then(|| text.to_owned()),
        ..AccountSearch::default()
    };
    let number = pages::number(question.text("page"));
    let paging = Paging {
        page: number,
        size: ROWS,
    };
    let found = state
        .directory()
        .search_accounts(&visitor.scope, &search, paging)
        .await?;
    let may = |right| permits(&visitor.actor, right).is_some();
    let frame = Frame::of(&visitor.actor, &visitor.csrf, PATH, "Accounts");
    page(&List {
        frame: frame.saying(said(question.text("said"), "")),
        path: PATH,
        text: text.to_owned(),
        acts: acts(&[
            ("New account", "/accounts/new", true, may(Right::ChangeIdentities)),
            (
                "Import accounts and aliases from CSV file",
                "/identities/import",
                false,
                may(Right::ImportIdentities),
            ),
            (
                "Export accounts and aliases to CSV",
                "/identities/export",
                false,
                may(Right::Export),
            ),
        ]),
        columns: COLUMNS.to_vec(),
        rows: found.rows.iter().map(line).collect(),
        pages: Pages::new(number, found.total, PATH, &[("text", text)]),
        nothing: "No accounts yet. They come when people of a provider log in, from a file, or from here.",
    })
}

fn line(row: &AccountRow) -> Line {
    let account = &row.account;
    let quota = match account.mailbox.as_ref().map(|mailbox| mailbox.quota) {
        None => "no mailbox".to_owned(),
        Some(Quota::OfDomain) => "as its domain says".to_owned(),
        Some(Quota::Unlimited) => "unlimited".to_owned(),
        Some(Quota::Octets(octets)) => format!("{} MB", words::count(octets.get() / MEGABYTE)),
    };
    let domains: Vec<String> = account.administers.iter().map(DomainName::to_unicode).collect();
    Line {
        name: account.login.to_string(),
        href: Some(format!("{PATH}/{}", row.id)),
        is_enabled: account.enabled,
        cells: cells(
            &COLUMNS,
            [
                format!("{} {}", account.first_name, account.last_name)
                    .trim()
                    .to_owned(),
                account.role.to_string(),
                quota,
                domains.join(", "),
            ],
        ),
    }
}

fn form(sent: &Sent, is_new: bool) -> Form {
    let roles = Role::ALL.map(|role| (role.as_str(), role.as_str()));
    let mut domains = Field::new("administers", "Domains to administer", Kind::Lines)
        .help("For DomainAdmins and Resellers: one on each line.");
    sent.raw("administers").clone_into(&mut domains.value);
    let password = Field::new("password", "Password", Kind::Password("new-password"));
    let mut fields = vec![
        if is_new {
            password.required()
        } else {
            password.help("Left empty, it stays as it is.")
        },
        Field::text("first_name", "First name", sent.text("first_name")),
        Field::text("last_name", "Last name", sent.text("last_name")),
        Field::switch("enabled", "Enabled", sent.is_on("enabled"))
            .help("Whether they may log in. Mail for a disabled account is refused."),
        Field::choice("role", "Role", sent.text("role"), roles),
        domains,
        Field::text("quota", "Quota of the mailbox (MB)", sent.text("quota"))
            .help("Empty is what the domain says. 0 is unlimited."),
        Field::switch("may_send", "May send mail", sent.is_on("may_send")),
        Field::text("secondary_email", "Secondary email", sent.text("secondary_email")),
        Field::text("phone", "Phone number", sent.text("phone")),
    ];
    if is_new {
        let login = Field::text("login", "Account", sent.text("login"))
            .required()
            .help("An address, which gets a mailbox; or a word, for an administrator without one.");
        fields.insert(0, login);
    }
    Form::new(fields)
}

/// What was sent of a quota.
fn quota(text: &str) -> Result<Quota, &'static str> {
    if text.is_empty() {
        return Ok(Quota::OfDomain);
    }
    let megabytes = text
        .parse::<u64>()
        .ok()
        .and_then(|number| number.checked_mul(MEGABYTE));
    let octets = megabytes.filter(|octets| i64::try_from(*octets).is_ok());
    match octets.ok_or("a number of MB is needed, or nothing")? {
        0 => Ok(Quota::Unlimited),
        octets => NonZeroU64::new(octets)
            .map(Quota::Octets)
            .ok_or("a number is needed"),
    }
}

/// What was sent besides login and password.
fn read(sent: &Sent, faults: &mut Faults) -> Option<AccountChange> {
    let role = faults.take("role", Role::named(sent.text("role")).ok_or("choose one"));
    let quota = faults.take("quota", quota(sent.text("quota")));
    let domains: Vec<Option<DomainName>> = sent
        .lines("administers")
        .map(|line| faults.take("administers", DomainName::parse(line)))
        .collect();
    let domains: Option<BTreeSet<DomainName>> = domains.into_iter().collect();
    let text = |name| Some(sent.text(name).to_owned());
    Some(AccountChange {
        first_name: text("first_name"),
        last_name: text("last_name"),
        secondary_email: text("secondary_email"),
        phone: text("phone"),
        enabled: Some(sent.is_on("enabled")),
        role: Some(role?),
        administers: Some(domains?),
        quota: Some(quota?),
        may_send: Some(sent.is_on("may_send")),
        ..AccountChange::default()
    })
}

fn as_sent(account: &Account) -> Sent {
    let mailbox = account.mailbox.as_ref();
    let quota = match mailbox.map_or(Quota::OfDomain, |mailbox| mailbox.quota) {
        Quota::OfDomain => String::new(),
        Quota::Unlimited => "0".to_owned(),
        Quota::Octets(octets) => (octets.get() / MEGABYTE).to_string(),
    };
    let domains: Vec<&str> = account.administers.iter().map(DomainName::as_str).collect();
    Sent::of([
        ("first_name", account.first_name.clone()),
        ("last_name", account.last_name.clone()),
        ("enabled", yes_or_no(account.enabled)),
        ("role", account.role.to_string()),
        ("administers", domains.join("\n")),
        ("quota", quota),
        (
            "may_send",
            yes_or_no(mailbox.is_none_or(|mailbox| mailbox.may_send)),
        ),
        ("secondary_email", account.secondary_email.clone()),
        ("phone", account.phone.clone()),
    ])
}

fn form_page(visitor: &Visitor, row: Option<&AccountRow>, form: Form) -> FormPage {
    let title = row.map_or_else(|| "New account".to_owned(), |row| row.account.login.to_string());
    let frame = Frame::of(&visitor.actor, &visitor.csrf, PATH, title);
    FormPage {
        frame: frame.below("Accounts", PATH),
        form,
        action: row.map_or_else(|| format!("{PATH}/new"), |row| format!("{PATH}/{}", row.id)),
        save: if row.is_some() { "Save" } else { "Create" },
        back: PATH,
        told: Vec::new(),
        may_save: true,
        see: None,
        remove: row.map(|row| Removal {
            action: format!("{PATH}/{}/delete", row.id),
            question: question(row),
        }),
    }
}

fn question(row: &AccountRow) -> String {
    let login = &row.account.login;
    match row.migration {
        None => format!("Delete the account {login}? Its mail stays on the disk."),
        Some(_) => {
            format!("Delete the account {login}, and its migration with it? Its mail stays on the disk.")
        }
    }
}

async fn find(state: &WebState, visitor: &Visitor, id: &str) -> Result<AccountRow, Refused> {
    let id = id.parse().map_err(|_| not_found())?;
    let found = state.directory().account_within(&visitor.scope, id).await?;
    found.ok_or_else(not_found)
}

fn password(sent: &Sent) -> Option<Secret> {
    let text = sent.raw("password");
    (!text.is_empty()).then(|| Secret::new(text.as_bytes().to_vec()))
}

/// `GET /accounts/new`.
pub(super) async fn new(visitor: Visitor) -> Answer {
    let yes = || "yes".to_owned();
    let sent = Sent::of([("enabled", yes()), ("may_send", yes())]);
    page(&form_page(&visitor, None, form(&sent, true)))
}

/// `POST /accounts/new`.
pub(super) async fn add(State(state): State<WebState>, visitor: Visitor, sent: Sent) -> Answer {
    let mut faults = Faults::default();
    let login = faults.take("login", Login::parse(sent.text("login")));
    let read = read(&sent, &mut faults);
    if let (Some(login), Some(read)) = (login, read) {
        let mailbox = Address::parse(login.as_str()).ok().map(|address| Mailbox {
            quota: read.quota.unwrap_or_default(),
            may_send: read.may_send.unwrap_or(true),
            ..Mailbox::new(address)
        });
        let account = Account {
            first_name: read.first_name.unwrap_or_default(),
            last_name: read.last_name.unwrap_or_default(),
            secondary_email: read.secondary_email.unwrap_or_default(),
            phone: read.phone.unwrap_or_default(),
            enabled: read.enabled.unwrap_or(true),
            role: read.role.unwrap_or_default(),
            administers: read.administers.unwrap_or_default(),
            mailbox,
            ..Account::new(login)
        };
        match add_account(visitor.asked(&state), account, password(&sent).as_ref()).await {
            Ok(()) => return lead_to("/accounts?said=account-created"),
            Err(error) => faults = mendable(error)?,
        }
    }
    wrong_page(&form_page(&visitor, None, form(&sent, true).blamed(faults)))
}

/// `GET /accounts/{id}`.
pub(super) async fn show(State(state): State<WebState>, visitor: Visitor, Path(id): Path<String>) -> Answer {
    let row = find(&state, &visitor, &id).await?;
    let mut shown = form_page(&visitor, Some(&row), form(&as_sent(&row.account), false));
    if let Some(migration) = row
        .migration
        .filter(|_| permits(&visitor.actor, Right::SeeMigrations).is_some())
    {
        shown.see = Some((format!("/migrations/{migration}"), "Its migration"));
    }
    page(&shown)
}

/// `POST /accounts/{id}`.
pub(super) async fn change(
    State(state): State<WebState>,
    visitor: Visitor,
    Path(id): Path<String>,
    sent: Sent,
) -> Answer {
    let row = find(&state, &visitor, &id).await?;
    let mut faults = Faults::default();
    if let Some(read) = read(&sent, &mut faults) {
        let has_mailbox = row.account.mailbox.is_some();
        let change = AccountChange {
            password: password(&sent),
            quota: read.quota.filter(|_| has_mailbox),
            may_send: read.may_send.filter(|_| has_mailbox),
            ..read
        };
        match change_account(visitor.asked(&state), &row.account.login, change).await {
            Ok(_) => return lead_to("/accounts?said=account-updated"),
            Err(error) => faults = mendable(error)?,
        }
    }
    let form = form(&sent, false).blamed(faults);
    wrong_page(&form_page(&visitor, Some(&row), form))
}

/// `POST /accounts/{id}/delete`.
pub(super) async fn delete(
    State(state): State<WebState>,
    visitor: Visitor,
    Path(id): Path<String>,
    sent: Sent,
) -> Answer {
    let row = find(&state, &visitor, &id).await?;
    if !is_sure(&sent) {
        let frame = Frame::of(&visitor.actor, &visitor.csrf, PATH, "Are you sure?");
        return Confirm {
            frame: frame.below("Accounts", PATH),
            action: format!("{PATH}/{}/delete", row.id),
            question: question(&row),
            yes: "Delete",
            back: PATH.to_owned(),
            kept: Vec::new(),
        }
        .ask();
    }
    match remove_account(visitor.asked(&state), &row.account.login, true).await {
        Ok(_) => lead_to("/accounts?said=account-deleted"),
        Err(error) => {
            let form = form(&as_sent(&row.account), false).blamed(mendable(error)?);
            wrong_page(&form_page(&visitor, Some(&row), form))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotas_as_people_write_them() {
        for (text, read) in [
            ("", Ok(Quota::OfDomain)),
            ("0", Ok(Quota::Unlimited)),
            ("5", Ok(Quota::Octets(NonZeroU64::new(5 << 20).unwrap()))),
            ("-1", Err(())),
            ("5 GB", Err(())),
            ("9999999999999", Err(())),
        ] {
            assert_eq!(quota(text).map_err(|_| ()), read, "{text}");
        }
    }

    #[test]
    fn what_is_read_is_what_was_shown() {
        let mut account = Account::new(Login::parse("boss@a.example").unwrap());
        account.role = Role::DomainAdmins;
        account.administers = ["a.example", "b.example"]
            .map(|name| DomainName::parse(name).unwrap())
            .into();
        account.enabled = false;
        account.first_name = "Büro".to_owned();
        let mut faults = Faults::default();
        let read = read(&as_sent(&account), &mut faults).unwrap();
        assert!(faults.is_empty());
        assert_eq!(read.role, Some(account.role));
        assert_eq!(read.administers, Some(account.administers));
        assert_eq!(read.enabled, Some(false));
        assert_eq!(read.first_name.as_deref(), Some("Büro"));
        assert_eq!(read.quota, Some(Quota::OfDomain));
    }
}
