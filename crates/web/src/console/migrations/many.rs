//! Something is done with many migrations at once: those that are ticked, or all that are found.

use axum::extract::State;
use transhume_model::migration::MigrationId;
use transhume_ops::steer::{Chosen, Steering, steer};

use super::list::{QUESTIONS, search};
use crate::WebState;
use crate::console::answer::{Answer, lead_to, not_found};
use crate::console::confirm::{Confirm, is_sure};
use crate::console::form::Sent;
use crate::console::frame::Frame;
use crate::console::pages::address;
use crate::console::words;
use crate::gate::Visitor;

/// `POST /migrations/bulk`.
pub(crate) async fn bulk(State(state): State<WebState>, visitor: Visitor, sent: Sent) -> Answer {
    let word = sent.text("do");
    let what = Steering::named(word).ok_or_else(not_found)?;
    // Whoever is sure has been asked about a migration under way, too.
    let what = match what {
        Steering::Delete { .. } => Steering::Delete { force: true },
        other => other,
    };
    let search = search(&sent);
    let is_all = sent.is_on("all");
    let ids: Vec<MigrationId> = sent
        .all("id")
        .filter_map(|id| id.parse().ok())
        .map(MigrationId)
        .collect();
    let questions = || QUESTIONS.map(|name| (name, sent.text(name)));
    if !is_all && ids.is_empty() {
        return lead_to(&address("/migrations", questions(), None));
    }
    if !is_sure(&sent) {
        let number = if is_all {
            let one = transhume_db::directory::Paging { page: 1, size: 1 };
            let found = state.directory().search_migrations(&visitor.scope, &search, one);
            found.await?.total
        } else {
            u64::try_from(ids.len()).unwrap_or(u64::MAX)
        };
        let many = words::so_many(number, "migration", "migrations");
        let (yes, question) = question(what, &many);
        let names: Vec<&str> = QUESTIONS.into_iter().chain(["id", "all", "do"]).collect();
        let frame = Frame::of(&visitor.actor, &visitor.csrf, "/migrations", "Are you sure?");
        return Confirm {
            frame: frame.below("Migrations", "/migrations"),
            action: "/migrations/bulk".to_owned(),
            question,
            yes,
            back: address("/migrations", questions(), None),
            kept: sent.kept(&names),
        }
        .ask();
    }
    let chosen = if is_all {
        Chosen::Search(search)
    } else {
        Chosen::Ids(ids)
    };
    let steered = steer(visitor.asked(&state), chosen, what).await?;
    let word = if steered.refused.is_empty() {
        "bulk-done"
    } else {
        "bulk-some"
    };
    let number = steered.done.len().to_string();
    let told = [("said", word), ("number", number.as_str())];
    lead_to(&address("/migrations", questions().into_iter().chain(told), None))
}

/// What is asked before it is done, and what the button says.
pub(super) fn question(what: Steering, whom: &str) -> (&'static str, String) {
    match what {
        Steering::Pause => ("Pause", format!("Pause {whom}?")),
        Steering::Resume => ("Resume", format!("Resume {whom}?")),
        Steering::Retry => ("Retry", format!("Try {whom} again now?")),
        Steering::CutOver => (
            "Cut over",
            format!("Cut over {whom}? After one more pass the old server is not asked any more."),
        ),
        Steering::Stop => (
            "Stop",
            format!("Stop {whom} for good? What is here stays; nothing more follows."),
        ),
        Steering::Delete { .. } => (
            "Delete",
            format!(
                "Delete {whom} with all history, and what is known of old passwords? Accounts and mail stay."
            ),
        ),
    }
}
