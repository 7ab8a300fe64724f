//! A migration's own page: how far it is, its folders on both sides, its passes; and what can be done with it.

use askama::Template;
use axum::extract::{Path, State};
use transhume_db::directory::{MigrationRow, PassRecord};
use transhume_model::migration::{Hold, MigrationId, PassOutcome, Phase};
use transhume_model::rights::{Right, permits};
use transhume_ops::folders::Folder;
use transhume_ops::steer::{Steering, steer_one};

use super::many::question;
use super::row::Row;
use crate::WebState;
use crate::console::answer::{Answer, Question, Refused, lead_to, not_found, page};
use crate::console::confirm::{Confirm, is_sure};
use crate::console::form::Sent;
use crate::console::frame::{Frame, Said};
use crate::console::pages::address;
use crate::console::said::said;
use crate::console::words;
use crate::gate::Visitor;

/// Passes that are shown; those that say the same are one.
const PASSES: u32 = 50;
/// Folders that are shown; the report has all of them.
const FOLDERS: usize = 200;
/// Messages that stay behind of which one folder tells; the report has all of them.
const BEHIND: usize = 20;

#[derive(Template)]
#[template(path = "migrations/one.html")]
struct Page {
    frame: Frame,
    row: Row,
    facts: Vec<Fact>,
    acts: Vec<Act>,
    folders: Vec<FolderLine>,
    /// What is said where there are none.
    folders_said: String,
    folders_more: Option<String>,
    passes: Vec<PassLine>,
}

/// Something that is known.
pub(in crate::console) struct Fact {
    pub(in crate::console) name: &'static str,
    pub(in crate::console) text: String,
    pub(in crate::console) href: Option<String>,
    /// The name by which the live stream tells it.
    pub(in crate::console) shows: Option<&'static str>,
}

/// What can be done with it.
struct Act {
    word: &'static str,
    name: &'static str,
    /// What is asked before.
    ask: Option<String>,
    is_grave: bool,
}

struct FolderLine {
    source: String,
    target: String,
    is_renamed: bool,
    there: String,
    here: String,
    behind: Vec<String>,
    behind_number: String,
}

struct PassLine {
    outcome: &'static str,
    tone: &'static str,
    at: String,
    at_iso: String,
    more: String,
    error: Option<String>,
}

impl Fact {
    fn new(name: &'static str, text: impl Into<String>) -> Self {
        Self {
            name,
            text: text.into(),
            href: None,
            shows: None,
        }
    }

    fn shown(self, shows: &'static str) -> Self {
        Self {
            shows: Some(shows),
            ..self
        }
    }

    fn leading_to(self, href: Option<String>) -> Self {
        Self { href, ..self }
    }
}

/// The migration of that number, where it is one that they may see.
pub(super) async fn find(state: &WebState, visitor: &Visitor, id: &str) -> Result<MigrationRow, Refused> {
    let id = id.parse().map(MigrationId).map_err(|_| not_found())?;
    let found = state.directory().migration_within(&visitor.scope, id).await?;
    found.ok_or_else(not_found)
}

/// `GET /migrations/{id}`.
pub(crate) async fn show(
    State(state): State<WebState>,
    visitor: Visitor,
    Path(id): Path<String>,
    Question(question): Question,
) -> Answer {
    let row = find(&state, &visitor, &id).await?;
    let migration = &row.record.migration;
    let passes = state.directory().passes(migration.id, PASSES).await?;
    let (folders, folders_said) = match super::report::folders_of(&state, &row).await {
        Ok(folders) if folders.is_empty() => (
            folders,
            "What the folders hold is told after the first pass on this machine.".to_owned(),
        ),
        Ok(folders) => (folders, String::new()),
        // The rest of the page does not depend on it.
        Err(error) => (
            Vec::new(),
            format!("What the folders hold cannot be told now: {error}."),
        ),
    };
    let said = match question.text("refused") {
        "" => said(question.text("said"), ""),
        // Not what the address says: it may be anybody's words.
        _ => Some(Said {
            tone: "wait",
            text: "That makes no sense as the migration stands now.".to_owned(),
        }),
    };
    let frame = Frame::of(
        &visitor.actor,
        &visitor.csrf,
        "/migrations",
        migration.address.as_str(),
    );
    page(&Page {
        frame: frame
            .below("Migrations", "/migrations")
            .saying(said)
            .live(format!("/live?ids={}", migration.id)),
        facts: facts(&row, &visitor, state.now()),
        acts: acts(&row, &visitor),
        folders_more: (folders.len() > FOLDERS).then(|| {
            format!(
                "{} folders more are in the report.",
                folders.len().saturating_sub(FOLDERS)
            )
        }),
        folders: folders.iter().take(FOLDERS).map(FolderLine::new).collect(),
        folders_said,
        passes: passes.iter().map(PassLine::new).collect(),
        row: Row::new(&row.record),
    })
}

/// `POST /migrations/{id}/{act}`.
pub(crate) async fn steer(
    State(state): State<WebState>,
    visitor: Visitor,
    Path((id, act)): Path<(String, String)>,
    sent: Sent,
) -> Answer {
    let what = Steering::named(&act).ok_or_else(not_found)?;
    carry_out(&state, &visitor, &id, what, &sent).await
}

/// `POST /migrations/{id}/delete`.
pub(crate) async fn delete(
    State(state): State<WebState>,
    visitor: Visitor,
    Path(id): Path<String>,
    sent: Sent,
) -> Answer {
    carry_out(&state, &visitor, &id, Steering::Delete { force: true }, &sent).await
}

async fn carry_out(state: &WebState, visitor: &Visitor, id: &str, what: Steering, sent: &Sent) -> Answer {
    let row = find(state, visitor, id).await?;
    let migration = &row.record.migration;
    let own = format!("/migrations/{}", migration.id);
    let (word, done, is_grave) = match what {
        Steering::Pause => ("pause", "migration-paused", false),
        Steering::Resume => ("resume", "migration-resumed", false),
        Steering::Retry => ("retry", "migration-retried", false),
        Steering::CutOver => ("cut-over", "migration-cut-over", true),
        Steering::Stop => ("stop", "migration-stopped", true),
        Steering::Delete { .. } => ("delete", "migration-deleted", true),
    };
    if is_grave && !is_sure(sent) {
        let (yes, question) = question(what, &format!("the migration of {}", migration.address));
        let frame = Frame::of(&visitor.actor, &visitor.csrf, "/migrations", "Are you sure?");
        return Confirm {
            frame: frame.below("Migrations", "/migrations"),
            action: format!("{own}/{word}"),
            question,
            yes,
            back: own,
            kept: Vec::new(),
        }
        .ask();
    }
    match steer_one(visitor.asked(state), migration.id, what).await {
        Ok(()) if matches!(what, Steering::Delete { .. }) => {
            lead_to(&address("/migrations", [("said", done)], None))
        }
        Ok(()) => lead_to(&address(&own, [("said", done)], None)),
        Err(transhume_ops::ChangeError::Conflict(_)) => lead_to(&address(&own, [("refused", word)], None)),
        Err(error) => Err(error.into()),
    }
}

fn acts(row: &MigrationRow, visitor: &Visitor) -> Vec<Act> {
    let migration = &row.record.migration;
    let may_steer = permits(&visitor.actor, Right::SteerMigrations).is_some();
    let may_delete = permits(&visitor.actor, Right::DeleteMigrations).is_some();
    let is_under_way = migration.phase.is_under_way();
    let is_paused = matches!(migration.hold, Some(Hold::Paused { .. }));
    let steerings = [
        (Steering::Pause, "pause", is_under_way && !is_paused),
        (Steering::Resume, "resume", is_paused),
        (Steering::Retry, "retry", is_under_way && !is_paused),
        (Steering::CutOver, "cut-over", migration.phase == Phase::Following),
        (Steering::Stop, "stop", is_under_way),
    ];
    let whom = format!("the migration of {}", migration.address);
    let act = |what, word, is_grave| {
        let (name, ask) = question(what, &whom);
        Act {
            word,
            name,
            ask: (is_grave || word == "cut-over").then_some(ask),
            is_grave,
        }
    };
    let steered = steerings
        .into_iter()
        .filter(|(_, _, makes_sense)| may_steer && *makes_sense);
    let mut acts: Vec<Act> = steered
        .map(|(what, word, _)| act(what, word, word == "stop"))
        .collect();
    if may_delete {
        acts.push(act(Steering::Delete { force: true }, "delete", true));
    }
    acts
}

fn facts(row: &MigrationRow, visitor: &Visitor, now: i64) -> Vec<Fact> {
    let record = &row.record;
    let migration = &record.migration;
    let may = |right| permits(&visitor.actor, right).is_some();
    let provider = may(Right::ChangeProviders).then(|| format!("/providers/{}", row.provider_id));
    let account = may(Right::ChangeIdentities).then(|| format!("/accounts/{}", row.account_id));
    let mut facts = vec![
        Fact::new("Last error", Row::new(&row.record).trouble).shown("trouble"),
        Fact::new("Rate", Row::new(&row.record).rate).shown("rate"),
        Fact::new("Time left", Row::new(&row.record).left).shown("left"),
        Fact::new("New account", migration.address.as_str()).leading_to(account),
        Fact::new("Old account", migration.old_address.as_str()),
        Fact::new("Provider", migration.provider.as_str()).leading_to(provider),
        Fact::new("Begun", words::moment(migration.created)),
    ];
    if let Some(seeded) = migration.seeded {
        facts.push(Fact::new("All mail here since", words::moment(seeded)));
    }
    if migration.phase.is_under_way() {
        facts.push(Fact::new("Next pass", next_pass(row, now)));
    }
    if record.failures > 0 {
        facts.push(Fact::new(
            "Passes without success",
            format!("{} in a row", record.failures),
        ));
    }
    if let Some((worker, _)) = &record.leased {
        facts.push(Fact::new("Carried by", worker));
    }
    facts
}

fn next_pass(row: &MigrationRow, now: i64) -> String {
    match (&row.record.leased, &row.record.migration.hold) {
        (Some(_), _) => "under way".to_owned(),
        (None, Some(hold)) if !hold.is_tried_again() => "none while it is held".to_owned(),
        (None, _) if row.record.due <= now => "as soon as there is a place".to_owned(),
        (None, _) => words::from_now(row.record.due, now),
    }
}

/// What the owner of the mail is told.
pub(in crate::console) fn facts_for_owner(row: &MigrationRow, now: i64) -> Vec<Fact> {
    let migration = &row.record.migration;
    let mut facts = vec![
        Fact::new("From", migration.old_address.as_str()),
        Fact::new("To", migration.address.as_str()),
        Fact::new("Rate", Row::new(&row.record).rate).shown("rate"),
        Fact::new("Time left", Row::new(&row.record).left).shown("left"),
    ];
    if migration.phase.is_under_way() {
        facts.push(Fact::new("Next pass", next_pass(row, now)));
    }
    if matches!(
        migration.hold,
        Some(Hold::CredentialRejected | Hold::CredentialUnreadable)
    ) {
        facts.push(Fact::new(
            "What you can do",
            "Log in to your mail once with the password of the old server: then it goes on.",
        ));
    }
    facts
}

impl FolderLine {
    fn new(folder: &Folder) -> Self {
        let behind = folder.behind.iter().take(BEHIND);
        let source = path(folder.source.components());
        let target = path(folder.target.components());
        Self {
            is_renamed: source != target,
            source,
            target,
            there: folder.there.map_or_else(|| "?".to_owned(), words::count),
            here: words::count(folder.here),
            behind_number: words::count(u64::try_from(folder.behind.len()).unwrap_or(u64::MAX)),
            behind: behind
                .map(|message| format!("UID {}: {}", message.uid, message.reason))
                .collect(),
        }
    }
}

/// A folder's levels in one line.
pub(super) fn path(components: &[String]) -> String {
    components.join(" / ")
}

impl PassLine {
    fn new(record: &PassRecord) -> Self {
        let report = &record.report;
        let (outcome, tone) = match report.outcome {
            PassOutcome::Complete => ("Complete", "good"),
            PassOutcome::Partial => ("Partial", "wait"),
            PassOutcome::Failed => ("Failed", "bad"),
            PassOutcome::Interrupted => ("Interrupted", "wait"),
        };
        let took = u64::try_from(report.ended - report.began).unwrap_or_default();
        let times = (record.times > 1)
            .then(|| format!("{} times until {}", record.times, words::moment(report.ended)));
        let carried = if report.messages == 0 {
            "nothing new".to_owned()
        } else {
            format!(
                "{}, {}",
                words::so_many(report.messages, "message", "messages"),
                words::octets(report.octets)
            )
        };
        let took = if times.is_none() {
            Some(format!("took {}", words::span(took)))
        } else {
            times
        };
        let more: Vec<String> = [Some(carried), took].into_iter().flatten().collect();
        Self {
            outcome,
            tone,
            at: words::moment(report.began),
            at_iso: words::machine_moment(report.began),
            more: more.join(" · "),
            error: report.error.as_deref().map(words::sentence),
        }
    }
}
