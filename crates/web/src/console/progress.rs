//! The page of those whose mail is being moved: how far that is.

use askama::Template;
use axum::extract::State;

use super::answer::{Answer, page};
use super::frame::Frame;
use super::migrations::{Fact, Row, facts_for_owner};
use crate::WebState;
use crate::gate::Visitor;

#[derive(Template)]
#[template(path = "progress.html")]
struct Page {
    frame: Frame,
    row: Option<Row>,
    facts: Vec<Fact>,
}

/// `GET /progress`.
pub(super) async fn show(State(state): State<WebState>, visitor: Visitor) -> Answer {
    let found = match state.directory().migration_of(&visitor.actor.login).await? {
        Some(record) => {
            let id = record.migration.id;
            state.directory().migration_within(&visitor.scope, id).await?
        }
        None => None,
    };
    let frame = Frame::of(&visitor.actor, &visitor.csrf, "/progress", "Your mail");
    page(&Page {
        frame: if found.is_some() {
            frame.live("/live?own")
        } else {
            frame
        },
        facts: found
            .as_ref()
            .map(|row| facts_for_owner(row, state.now()))
            .unwrap_or_default(),
        row: found.as_ref().map(|row| Row::new(&row.record)),
    })
}
