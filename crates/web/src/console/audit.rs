//! The audit log: who did what, when, from where.

use askama::Template;
use axum::extract::State;
use transhume_db::directory::{AuditRecord, AuditSearch, Paging};

use super::answer::{Answer, Question, page};
use super::frame::Frame;
use super::pages::{self, Pages, ROWS};
use super::words;
use crate::WebState;
use crate::gate::Visitor;

#[derive(Template)]
#[template(path = "audit.html")]
struct Page {
    frame: Frame,
    text: String,
    rows: Vec<Line>,
    pages: Pages,
}

struct Line {
    at: String,
    at_iso: String,
    who: String,
    network: String,
    what: String,
    whom: String,
    details: String,
}

/// `GET /audit`.
pub(super) async fn list(
    State(state): State<WebState>,
    visitor: Visitor,
    Question(question): Question,
) -> Answer {
    let text = question.text("text");
    let search = AuditSearch {
        text: (!text.is_empty()).then(|| text.to_owned()),
        ..AuditSearch::default()
    };
    let number = pages::number(question.text("page"));
    let paging = Paging {
        page: number,
        size: ROWS,
    };
    let found = state.directory().search_audit(&search, paging).await?;
    page(&Page {
        frame: Frame::of(&visitor.actor, &visitor.csrf, "/audit", "Audit log"),
        text: text.to_owned(),
        rows: found.rows.iter().map(line).collect(),
        pages: Pages::new(number, found.total, "/audit", &[("text", text)]),
    })
}

fn line(record: &AuditRecord) -> Line {
    Line {
        at: words::moment(record.at),
        at_iso: words::machine_moment(record.at),
        who: record.login.clone(),
        network: record
            .network
            .clone()
            .unwrap_or_else(|| "this machine".to_owned()),
        what: record.did.replace('-', " "),
        whom: record.what.clone(),
        details: record.details.clone(),
    }
}
