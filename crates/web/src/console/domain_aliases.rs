//! Domain aliases, the other names of domains: listed, added, changed, removed.

use axum::extract::{Path, State};
use transhume_db::directory::{Numbered, Paging};
use transhume_model::directory::{DomainAlias, DomainName};
use transhume_model::rights::{Right, permits};
use transhume_ops::change_domain::{
    DomainAliasChange, add_domain_alias, change_domain_alias, remove_domain_alias,
};

use super::answer::{Answer, Question, Refused, lead_to, mendable, not_found, page, wrong_page};
use super::confirm::{Confirm, is_sure};
use super::form::{Faults, Field, Form, Sent};
use super::frame::Frame;
use super::list::{FormPage, Line, List, Removal, acts, cells, yes_or_no};
use super::pages::{self, Pages, ROWS};
use super::said::said;
use crate::WebState;
use crate::gate::Visitor;

const PATH: &str = "/domain-aliases";
const COLUMNS: [&str; 3] = ["Name", "Targeted domain", "Description"];

/// `GET /domain-aliases`.
pub(super) async fn list(
    State(state): State<WebState>,
    visitor: Visitor,
    Question(question): Question,
) -> Answer {
    let text = question.text("text");
    let number = pages::number(question.text("page"));
    let paging = Paging {
        page: number,
        size: ROWS,
    };
    let sought = (!text.is_empty()).then_some(text);
    let found = state
        .directory()
        .search_domain_aliases(&visitor.scope, sought, paging)
        .await?;
    let may_change = permits(&visitor.actor, Right::ChangeDomains).is_some();
    let line = |row: &Numbered<DomainAlias>| Line {
        name: row.entry.name.to_unicode(),
        href: may_change.then(|| format!("{PATH}/{}", row.id)),
        is_enabled: row.entry.enabled,
        cells: cells(
            &COLUMNS,
            [row.entry.target.to_unicode(), row.entry.description.clone()],
        ),
    };
    let frame = Frame::of(&visitor.actor, &visitor.csrf, PATH, "Domain aliases");
    page(&List {
        frame: frame.saying(said(question.text("said"), "")),
        path: PATH,
        text: text.to_owned(),
        acts: acts(&[("New domain alias", "/domain-aliases/new", true, may_change)]),
        columns: COLUMNS.to_vec(),
        rows: found.rows.iter().map(line).collect(),
        pages: Pages::new(number, found.total, PATH, &[("text", text)]),
        nothing: "No domain has another name.",
    })
}

fn form(sent: &Sent, is_new: bool) -> Form {
    let mut fields = vec![
        Field::text("target", "Targeted domain", sent.text("target"))
            .required()
            .help("The local domain that it leads to."),
        Field::switch("enabled", "Enabled", sent.is_on("enabled")),
        Field::text("description", "Description", sent.text("description")),
    ];
    if is_new {
        fields.insert(0, Field::text("name", "Name", sent.text("name")).required());
    }
    Form::new(fields)
}

fn form_page(visitor: &Visitor, row: Option<&Numbered<DomainAlias>>, form: Form) -> FormPage {
    let title = row.map_or_else(
        || "New domain alias".to_owned(),
        |row| row.entry.name.to_unicode(),
    );
    let frame = Frame::of(&visitor.actor, &visitor.csrf, PATH, title);
    FormPage {
        frame: frame.below("Domain aliases", PATH),
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

fn question(row: &Numbered<DomainAlias>) -> String {
    format!("Delete the domain alias {}?", row.entry.name.to_unicode())
}

async fn find(state: &WebState, visitor: &Visitor, id: &str) -> Result<Numbered<DomainAlias>, Refused> {
    let id = id.parse().map_err(|_| not_found())?;
    let found = state.directory().domain_alias_within(&visitor.scope, id).await?;
    found.ok_or_else(not_found)
}

/// `GET /domain-aliases/new`.
pub(super) async fn new(visitor: Visitor) -> Answer {
    let sent = Sent::of([("enabled", "yes".to_owned())]);
    page(&form_page(&visitor, None, form(&sent, true)))
}

/// `POST /domain-aliases/new`.
pub(super) async fn add(State(state): State<WebState>, visitor: Visitor, sent: Sent) -> Answer {
    let mut faults = Faults::default();
    let name = faults.take("name", DomainName::parse(sent.text("name")));
    let target = faults.take("target", DomainName::parse(sent.text("target")));
    if let (Some(name), Some(target)) = (name, target) {
        let alias = DomainAlias {
            name,
            target,
            enabled: sent.is_on("enabled"),
            description: sent.text("description").to_owned(),
        };
        match add_domain_alias(visitor.asked(&state), alias).await {
            Ok(()) => return lead_to("/domain-aliases?said=alias-created"),
            Err(error) => faults = mendable(error)?,
        }
    }
    wrong_page(&form_page(&visitor, None, form(&sent, true).blamed(faults)))
}

/// `GET /domain-aliases/{id}`.
pub(super) async fn show(State(state): State<WebState>, visitor: Visitor, Path(id): Path<String>) -> Answer {
    let row = find(&state, &visitor, &id).await?;
    let sent = Sent::of([
        ("target", row.entry.target.to_string()),
        ("enabled", yes_or_no(row.entry.enabled)),
        ("description", row.entry.description.clone()),
    ]);
    page(&form_page(&visitor, Some(&row), form(&sent, false)))
}

/// `POST /domain-aliases/{id}`.
pub(super) async fn change(
    State(state): State<WebState>,
    visitor: Visitor,
    Path(id): Path<String>,
    sent: Sent,
) -> Answer {
    let row = find(&state, &visitor, &id).await?;
    let mut faults = Faults::default();
    if let Some(target) = faults.take("target", DomainName::parse(sent.text("target"))) {
        let change = DomainAliasChange {
            target: Some(target),
            enabled: Some(sent.is_on("enabled")),
            description: Some(sent.text("description").to_owned()),
        };
        match change_domain_alias(visitor.asked(&state), &row.entry.name, change).await {
            Ok(_) => return lead_to("/domain-aliases?said=alias-updated"),
            Err(error) => faults = mendable(error)?,
        }
    }
    let form = form(&sent, false).blamed(faults);
    wrong_page(&form_page(&visitor, Some(&row), form))
}

/// `POST /domain-aliases/{id}/delete`.
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
            frame: frame.below("Domain aliases", PATH),
            action: format!("{PATH}/{}/delete", row.id),
            question: question(&row),
            yes: "Delete",
            back: PATH.to_owned(),
            kept: Vec::new(),
        }
        .ask();
    }
    remove_domain_alias(visitor.asked(&state), &row.entry.name).await?;
    lead_to("/domain-aliases?said=alias-deleted")
}
