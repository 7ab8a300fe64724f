//! Domains: listed, added, changed, removed.

use std::num::NonZeroU16;

use axum::extract::{Path, State};
use transhume_db::directory::{DomainRow, DomainSearch, Paging};
use transhume_model::directory::{Domain, DomainKind, DomainName, HostName, Limit, Limits, Relay};
use transhume_model::rights::{Right, permits};
use transhume_ops::change_domain::{DomainChange, add_domain, change_domain, remove_domain};

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

const PATH: &str = "/domains";
const COLUMNS: [&str; 6] = [
    "Name",
    "Kind",
    "Mailboxes",
    "Aliases",
    "Quota",
    "Quota of a mailbox",
];
/// Octets of the unit in which quotas are written.
const MEGABYTE: u64 = 1 << 20;
/// The largest number of that unit.
const MOST: u64 = u64::MAX / MEGABYTE;
/// The largest limit.
const MOST_THINGS: u64 = u32::MAX as u64;

/// `GET /domains`.
pub(super) async fn list(
    State(state): State<WebState>,
    visitor: Visitor,
    Question(question): Question,
) -> Answer {
    let text = question.text("text");
    let search = DomainSearch {
        text: (!text.is_empty()).then(|| text.to_owned()),
        ..DomainSearch::default()
    };
    let number = pages::number(question.text("page"));
    let paging = Paging {
        page: number,
        size: ROWS,
    };
    let found = state
        .directory()
        .search_domains(&visitor.scope, &search, paging)
        .await?;
    let may = |right| permits(&visitor.actor, right).is_some();
    let frame = Frame::of(&visitor.actor, &visitor.csrf, PATH, "Domains");
    page(&List {
        frame: frame.saying(said(question.text("said"), "")),
        path: PATH,
        text: text.to_owned(),
        acts: acts(&[
            ("New domain", "/domains/new", true, may(Right::ChangeDomains)),
            (
                "Import domains and aliases from CSV file",
                "/domains/import",
                false,
                may(Right::ImportDomains),
            ),
            (
                "Export domains and aliases to CSV",
                "/domains/export",
                false,
                may(Right::Export),
            ),
        ]),
        columns: COLUMNS.to_vec(),
        rows: found.rows.iter().map(line).collect(),
        pages: Pages::new(number, found.total, PATH, &[("text", text)]),
        nothing: "No domains yet. They come with providers' people, from a file, or from here.",
    })
}

fn line(row: &DomainRow) -> Line {
    let domain = &row.domain;
    let kind = match &domain.kind {
        DomainKind::Local => "local".to_owned(),
        DomainKind::Relay(relay) => match &relay.host {
            Some(host) => format!("relay to {host}"),
            None => "relay".to_owned(),
        },
    };
    let quota = |octets: Option<u64>| match octets {
        None => "unlimited".to_owned(),
        Some(octets) => format!("{} MB", words::count(octets / MEGABYTE)),
    };
    Line {
        name: domain.name.to_unicode(),
        href: Some(format!("/domains/{}", row.id)),
        is_enabled: domain.enabled,
        cells: cells(
            &COLUMNS,
            [
                kind,
                words::count(row.mailboxes),
                words::count(row.aliases),
                quota(domain.quota),
                quota(domain.default_mailbox_quota),
            ],
        ),
    }
}

/// The form, with what was sent.
fn form(sent: &Sent, is_new: bool) -> Form {
    let number = |name, label, most, help: &str| {
        let mut field = Field::new(name, label, Kind::Number(0, most)).help(help);
        sent.text(name).clone_into(&mut field.value);
        field
    };
    let mut fields = vec![
        Field::switch("enabled", "Enabled", sent.is_on("enabled"))
            .help("Whether mail for it is accepted, and its people may log in to their mail."),
        number(
            "quota",
            "Quota (MB)",
            MOST,
            "All mailboxes together. 0 is unlimited.",
        ),
        number(
            "default_mailbox_quota",
            "Default mailbox quota (MB)",
            MOST,
            "Of a mailbox that has none of its own. 0 is unlimited.",
        ),
        number(
            "mailbox_quota",
            "Largest quota of a mailbox (MB)",
            MOST,
            "What one mailbox may be given at most. 0 is unlimited.",
        ),
        number(
            "mailboxes",
            "Mailboxes at most",
            MOST_THINGS,
            "Empty is unlimited.",
        ),
        number("aliases", "Aliases at most", MOST_THINGS, "Empty is unlimited."),
        Field::text("description", "Description", sent.text("description")),
        Field::choice(
            "kind",
            "Kind",
            sent.text("kind"),
            [
                ("local", "Local: its mail ends here"),
                ("relay", "Relay: its mail goes on to another server"),
            ],
        ),
        Field::text("target_host", "Target host", sent.text("target_host"))
            .help("Of a relay domain. Empty follows the domain's MX records."),
        number(
            "target_port",
            "Target port",
            65535,
            "Of a relay domain. Empty is 25.",
        ),
        Field::choice(
            "service",
            "Service",
            sent.text("service"),
            [("relay", "relay"), ("smtp", "smtp")],
        )
        .help("Postfix's transport to a relay domain."),
        Field::switch(
            "verify_recipients",
            "Verify recipients",
            sent.is_on("verify_recipients"),
        )
        .help(
            "Whether the target of a relay domain is asked for each recipient before a message is accepted.",
        ),
    ];
    if is_new {
        fields.insert(0, Field::text("name", "Name", sent.text("name")).required());
    }
    Form::new(fields)
}

/// What was sent, as a domain.
fn read(sent: &Sent, name: DomainName, faults: &mut Faults) -> Option<Domain> {
    let mut megabytes = |field| {
        let number = match sent.text(field) {
            "" => Ok(0),
            text => text
                .parse::<u64>()
                .ok()
                .filter(|number| *number <= MOST)
                .ok_or("a number of MB is needed"),
        };
        let number = faults.take(field, number)?;
        Some((number > 0).then_some(number * MEGABYTE))
    };
    let quota = megabytes("quota");
    let default_mailbox_quota = megabytes("default_mailbox_quota");
    let mailbox_quota = megabytes("mailbox_quota");
    let mut limit = |field| match sent.text(field) {
        "" => Some(Limit::Unlimited),
        text => {
            let read = text.parse().map(Limit::At).map_err(|_| "a number is needed");
            faults.take(field, read)
        }
    };
    let (mailboxes, aliases) = (limit("mailboxes"), limit("aliases"));
    let kind = if sent.text("kind") == "relay" {
        relay(sent, faults).map(DomainKind::Relay)
    } else {
        Some(DomainKind::Local)
    };
    Some(Domain {
        kind: kind?,
        enabled: sent.is_on("enabled"),
        quota: quota?,
        default_mailbox_quota: default_mailbox_quota?,
        limits: Limits {
            mailboxes: mailboxes?,
            aliases: aliases?,
            mailbox_quota: mailbox_quota?,
        },
        description: sent.text("description").to_owned(),
        ..Domain::local(name)
    })
}

fn relay(sent: &Sent, faults: &mut Faults) -> Option<Relay> {
    let host = match sent.text("target_host") {
        "" => Some(None),
        text => faults
            .take("target_host", HostName::parse(text))
            .map(|host| Some(host.to_string())),
    };
    let port = match sent.text("target_port") {
        "" => Some(None),
        text => {
            let read = text.parse::<NonZeroU16>();
            faults
                .take("target_port", read.map_err(|_| "invalid port number"))
                .map(Some)
        }
    };
    Some(Relay {
        service: if sent.text("service") == "smtp" {
            "smtp"
        } else {
            "relay"
        }
        .to_owned(),
        host: host?,
        port: port?,
        verify_recipients: sent.is_on("verify_recipients"),
    })
}

/// What a form would have sent that says what a domain is now.
fn as_sent(domain: &Domain) -> Sent {
    let megabytes = |octets: Option<u64>| (octets.unwrap_or(0) / MEGABYTE).to_string();
    let limit = |limit: Limit| limit.most().map_or_else(String::new, |most| most.to_string());
    let mut pairs = vec![
        ("enabled", yes_or_no(domain.enabled)),
        ("quota", megabytes(domain.quota)),
        ("default_mailbox_quota", megabytes(domain.default_mailbox_quota)),
        ("mailbox_quota", megabytes(domain.limits.mailbox_quota)),
        ("mailboxes", limit(domain.limits.mailboxes)),
        ("aliases", limit(domain.limits.aliases)),
        ("description", domain.description.clone()),
    ];
    match &domain.kind {
        DomainKind::Local => pairs.push(("kind", "local".to_owned())),
        DomainKind::Relay(relay) => pairs.extend([
            ("kind", "relay".to_owned()),
            ("target_host", relay.host.clone().unwrap_or_default()),
            (
                "target_port",
                relay.port.map_or_else(String::new, |port| port.to_string()),
            ),
            ("service", relay.service.clone()),
            ("verify_recipients", yes_or_no(relay.verify_recipients)),
        ]),
    }
    Sent::of(pairs)
}

fn form_page(visitor: &Visitor, row: Option<&DomainRow>, form: Form) -> FormPage {
    let title = row.map_or_else(|| "New domain".to_owned(), |row| row.domain.name.to_unicode());
    let may_change = permits(&visitor.actor, Right::ChangeDomains).is_some();
    let frame = Frame::of(&visitor.actor, &visitor.csrf, PATH, title);
    FormPage {
        frame: frame.below("Domains", PATH),
        form,
        action: row.map_or_else(|| "/domains/new".to_owned(), |row| format!("/domains/{}", row.id)),
        save: if row.is_some() { "Save" } else { "Create" },
        back: PATH,
        told: Vec::new(),
        may_save: may_change,
        see: None,
        remove: row.filter(|_| may_change).map(|row| Removal {
            action: format!("/domains/{}/delete", row.id),
            question: question(row),
        }),
    }
}

fn question(row: &DomainRow) -> String {
    format!("Delete the domain {}?", row.domain.name.to_unicode())
}

async fn find(state: &WebState, visitor: &Visitor, id: &str) -> Result<DomainRow, Refused> {
    let id = id.parse().map_err(|_| not_found())?;
    let found = state.directory().domain_within(&visitor.scope, id).await?;
    found.ok_or_else(not_found)
}

/// `GET /domains/new`.
pub(super) async fn new(visitor: Visitor) -> Answer {
    let sent = Sent::of([("enabled", "yes".to_owned())]);
    page(&form_page(&visitor, None, form(&sent, true)))
}

/// `POST /domains/new`.
pub(super) async fn add(State(state): State<WebState>, visitor: Visitor, sent: Sent) -> Answer {
    let mut faults = Faults::default();
    let name = faults.take("name", DomainName::parse(sent.text("name")));
    let domain = name.and_then(|name| read(&sent, name, &mut faults));
    if let Some(domain) = domain.filter(|_| faults.is_empty()) {
        match add_domain(visitor.asked(&state), domain).await {
            Ok(()) => return lead_to("/domains?said=domain-created"),
            Err(error) => faults = mendable(error)?,
        }
    }
    wrong_page(&form_page(&visitor, None, form(&sent, true).blamed(faults)))
}

/// `GET /domains/{id}`.
pub(super) async fn show(State(state): State<WebState>, visitor: Visitor, Path(id): Path<String>) -> Answer {
    let row = find(&state, &visitor, &id).await?;
    let form = form(&as_sent(&row.domain), false);
    page(&form_page(&visitor, Some(&row), form))
}

/// `POST /domains/{id}`.
pub(super) async fn change(
    State(state): State<WebState>,
    visitor: Visitor,
    Path(id): Path<String>,
    sent: Sent,
) -> Answer {
    let row = find(&state, &visitor, &id).await?;
    let mut faults = Faults::default();
    let read = read(&sent, row.domain.name.clone(), &mut faults);
    if let Some(domain) = read.filter(|_| faults.is_empty()) {
        let change = DomainChange {
            enabled: Some(domain.enabled),
            quota: Some(domain.quota),
            default_mailbox_quota: Some(domain.default_mailbox_quota),
            limits: Some(domain.limits),
            description: Some(domain.description),
            kind: Some(domain.kind),
        };
        match change_domain(visitor.asked(&state), &row.domain.name, change).await {
            Ok(_) => return lead_to("/domains?said=domain-updated"),
            Err(error) => faults = mendable(error)?,
        }
    }
    let form = form(&sent, false).blamed(faults);
    wrong_page(&form_page(&visitor, Some(&row), form))
}

/// `POST /domains/{id}/delete`.
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
            frame: frame.below("Domains", PATH),
            action: format!("/domains/{}/delete", row.id),
            question: question(&row),
            yes: "Delete",
            back: PATH.to_owned(),
            kept: Vec::new(),
        }
        .ask();
    }
    match remove_domain(visitor.asked(&state), &row.domain.name).await {
        Ok(()) => lead_to("/domains?said=domain-deleted"),
        Err(error) => {
            let form = form(&as_sent(&row.domain), false).blamed(mendable(error)?);
            wrong_page(&form_page(&visitor, Some(&row), form))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_is_what_was_shown() {
        let mut domain = Domain::local(DomainName::parse("a.example").unwrap());
        let mut relay = domain.clone();
        domain.quota = Some(5 * MEGABYTE);
        domain.limits.mailboxes = Limit::At(0);
        domain.limits.mailbox_quota = Some(MEGABYTE);
        domain.description = "Ours".to_owned();
        relay.enabled = false;
        relay.kind = DomainKind::Relay(Relay {
            service: "smtp".to_owned(),
            host: Some("next.example".to_owned()),
            port: NonZeroU16::new(2525),
            verify_recipients: true,
        });
        for domain in [domain, relay] {
            let mut faults = Faults::default();
            let read = read(&as_sent(&domain), domain.name.clone(), &mut faults);
            assert_eq!(read, Some(domain));
        }
    }

    #[test]
    fn what_is_no_number_is_told() {
        for (name, value) in [
            ("quota", "-1"),
            ("quota", "17592186044416"),
            ("mailboxes", "4294967296"),
            ("aliases", "many"),
        ] {
            let sent = Sent::of([(name, value.to_owned())]);
            let mut faults = Faults::default();
            let name = DomainName::parse("a.example").unwrap();
            assert_eq!(read(&sent, name, &mut faults), None, "{value}");
            assert!(!faults.is_empty());
        }
    }
}
