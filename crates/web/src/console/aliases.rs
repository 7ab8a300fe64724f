//! Aliases, forwards, lists and catch-alls: listed, added, changed, removed.

use std::collections::BTreeSet;

use axum::extract::{Path, State};
use transhume_db::directory::{AliasSearch, Numbered, Paging};
use transhume_model::directory::{Alias, AliasAddress, Recipient};
use transhume_model::rights::{Right, permits};
use transhume_ops::change_alias::{AliasChange, add_alias, change_alias, remove_alias};

use super::answer::{Answer, Question, Refused, lead_to, mendable, not_found, page, wrong_page};
use super::confirm::{Confirm, is_sure};
use super::form::{Faults, Field, Form, Kind, Sent};
use super::frame::Frame;
use super::list::{FormPage, Line, List, Removal, acts, cells, yes_or_no};
use super::pages::{self, Pages, ROWS};
use super::said::said;
use crate::WebState;
use crate::gate::Visitor;

const PATH: &str = "/aliases";
const COLUMNS: [&str; 3] = ["Address", "Recipients", "Description"];
/// Recipients that a line of the list shows.
const SHOWN: usize = 5;

/// `GET /aliases`.
pub(super) async fn list(
    State(state): State<WebState>,
    visitor: Visitor,
    Question(question): Question,
) -> Answer {
    let text = question.text("text");
    let search = AliasSearch {
        text: (!text.is_empty()).then(|| text.to_owned()),
        ..AliasSearch::default()
    };
    let number = pages::number(question.text("page"));
    let paging = Paging {
        page: number,
        size: ROWS,
    };
    let found = state
        .directory()
        .search_aliases(&visitor.scope, &search, paging)
        .await?;
    let may = |right| permits(&visitor.actor, right).is_some();
    let frame = Frame::of(&visitor.actor, &visitor.csrf, PATH, "Aliases");
    page(&List {
        frame: frame.saying(said(question.text("said"), "")),
        path: PATH,
        text: text.to_owned(),
        acts: acts(&[
            ("New alias", "/aliases/new", true, may(Right::ChangeIdentities)),
            (
                "Import accounts and aliases from CSV file",
                "/identities/import",
                false,
                may(Right::ImportIdentities),
            ),
        ]),
        columns: COLUMNS.to_vec(),
        rows: found.rows.iter().map(line).collect(),
        pages: Pages::new(number, found.total, PATH, &[("text", text)]),
        nothing: "No aliases yet.",
    })
}

fn line(row: &Numbered<Alias>) -> Line {
    let alias = &row.entry;
    let shown: Vec<&str> = alias
        .recipients
        .iter()
        .take(SHOWN)
        .map(Recipient::as_str)
        .collect();
    let more = match alias.recipients.len().saturating_sub(SHOWN) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    Line {
        name: alias.address.to_string(),
        href: Some(format!("{PATH}/{}", row.id)),
        is_enabled: alias.enabled,
        cells: cells(&COLUMNS, [shown.join(", ") + &more, alias.description.clone()]),
    }
}

fn form(sent: &Sent, is_new: bool) -> Form {
    let mut recipients = Field::new("recipients", "Recipients", Kind::Lines)
        .required()
        .help("One on each line.");
    sent.raw("recipients").clone_into(&mut recipients.value);
    let mut fields = vec![
        recipients,
        Field::switch("enabled", "Enabled", sent.is_on("enabled")),
        Field::text("description", "Description", sent.text("description")),
    ];
    if is_new {
        let address = Field::text("address", "Address", sent.text("address"))
            .required()
            .help("What it answers to; @example.org is the catch-all of a domain.");
        fields.insert(0, address);
    }
    Form::new(fields)
}

fn recipients(sent: &Sent, faults: &mut Faults) -> Option<BTreeSet<Recipient>> {
    let read: Vec<Option<Recipient>> = sent
        .lines("recipients")
        .map(|line| faults.take("recipients", Recipient::parse(line)))
        .collect();
    if read.is_empty() {
        faults.at("recipients", "at least one is needed");
        return None;
    }
    read.into_iter().collect()
}

fn form_page(visitor: &Visitor, row: Option<&Numbered<Alias>>, form: Form) -> FormPage {
    let title = row.map_or_else(|| "New alias".to_owned(), |row| row.entry.address.to_string());
    let frame = Frame::of(&visitor.actor, &visitor.csrf, PATH, title);
    FormPage {
        frame: frame.below("Aliases", PATH),
        form,
        action: row.map_or_else(|| format!("{PATH}/new"), |row| format!("{PATH}/{}", row.id)),
        save: if row.is_some() { "Save" } else { "Create" },
        back: PATH,
        may_save: true,
        see: None,
        told: Vec::new(),
        remove: row.map(|row| Removal {
            action: format!("{PATH}/{}/delete", row.id),
            question: question(row),
        }),
    }
}

fn question(row: &Numbered<Alias>) -> String {
    format!("Delete the alias {}?", row.entry.address)
}

async fn find(state: &WebState, visitor: &Visitor, id: &str) -> Result<Numbered<Alias>, Refused> {
    let id = id.parse().map_err(|_| not_found())?;
    let found = state.directory().alias_within(&visitor.scope, id).await?;
    found.ok_or_else(not_found)
}

/// `GET /aliases/new`.
pub(super) async fn new(visitor: Visitor) -> Answer {
    let sent = Sent::of([("enabled", "yes".to_owned())]);
    page(&form_page(&visitor, None, form(&sent, true)))
}

/// `POST /aliases/new`.
pub(super) async fn add(State(state): State<WebState>, visitor: Visitor, sent: Sent) -> Answer {
    let mut faults = Faults::default();
    let address = faults.take("address", AliasAddress::parse(sent.text("address")));
    let recipients = recipients(&sent, &mut faults);
    if let (Some(address), Some(recipients)) = (address, recipients) {
        let alias = Alias {
            address,
            recipients,
            enabled: sent.is_on("enabled"),
            description: sent.text("description").to_owned(),
            created: Some(state.now()),
        };
        match add_alias(visitor.asked(&state), alias).await {
            Ok(()) => return lead_to("/aliases?said=alias-created"),
            Err(error) => faults = mendable(error)?,
        }
    }
    wrong_page(&form_page(&visitor, None, form(&sent, true).blamed(faults)))
}

/// `GET /aliases/{id}`.
pub(super) async fn show(State(state): State<WebState>, visitor: Visitor, Path(id): Path<String>) -> Answer {
    let row = find(&state, &visitor, &id).await?;
    let recipients: Vec<&str> = row.entry.recipients.iter().map(Recipient::as_str).collect();
    let sent = Sent::of([
        ("recipients", recipients.join("\n")),
        ("enabled", yes_or_no(row.entry.enabled)),
        ("description", row.entry.description.clone()),
    ]);
    page(&form_page(&visitor, Some(&row), form(&sent, false)))
}

/// `POST /aliases/{id}`.
pub(super) async fn change(
    State(state): State<WebState>,
    visitor: Visitor,
    Path(id): Path<String>,
    sent: Sent,
) -> Answer {
    let row = find(&state, &visitor, &id).await?;
    let mut faults = Faults::default();
    if let Some(recipients) = recipients(&sent, &mut faults) {
        let change = AliasChange {
            recipients: Some(recipients),
            enabled: Some(sent.is_on("enabled")),
            description: Some(sent.text("description").to_owned()),
        };
        match change_alias(visitor.asked(&state), &row.entry.address, change).await {
            Ok(_) => return lead_to("/aliases?said=alias-updated"),
            Err(error) => faults = mendable(error)?,
        }
    }
    let form = form(&sent, false).blamed(faults);
    wrong_page(&form_page(&visitor, Some(&row), form))
}

/// `POST /aliases/{id}/delete`.
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
            frame: frame.below("Aliases", PATH),
            action: format!("{PATH}/{}/delete", row.id),
            question: question(&row),
            yes: "Delete",
            back: PATH.to_owned(),
            kept: Vec::new(),
        }
        .ask();
    }
    remove_alias(visitor.asked(&state), &row.entry.address).await?;
    lead_to("/aliases?said=alias-deleted")
}
