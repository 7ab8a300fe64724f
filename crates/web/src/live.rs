//! Pages that follow what goes on (server-sent events): `GET /live`.
//!
//! One task watches for all pages, and only while somebody looks: once a second it asks the database which migrations have
//! become something else, says each of them once, and every page is handed what lies within its scope and what it shows.

mod told;
mod watch;

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::fmt::Write as _;
use std::time::Duration;

use axum::extract::{Query, State};
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::stream::{self, Stream};
use serde::Deserialize;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{Instant, timeout_at};
use transhume_model::migration::MigrationId;
use transhume_model::rights::{Right, Scope, permits};

use crate::WebState;
use crate::gate::{Refusal, Route, Visitor};

pub(crate) use watch::Live;
use watch::{Following, Tick};

/// Where pages ask.
pub(crate) const PATH: &str = "/live";
/// How long a page is told before it has to ask again: whoever may no longer see what it shows is found out then.
const LONGEST: Duration = Duration::from_mins(5);
/// Migrations that one page shows at most.
const MOST: usize = 200;

pub(crate) fn route() -> Route {
    Route::page(PATH, Right::SeeOwnProgress, live)
}

/// What a page shows.
#[derive(Debug, Default, Deserialize)]
struct Shown {
    /// Numbers of migrations, with commas between them.
    #[serde(default)]
    ids: String,
    /// The migration of whoever looks, and nothing else.
    own: Option<String>,
}

async fn live(
    State(state): State<WebState>,
    visitor: Visitor,
    Query(shown): Query<Shown>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Refusal> {
    let mut page = Page {
        scope: visitor.scope,
        ids: BTreeSet::new(),
        shows_overview: false,
    };
    if shown.own.is_some() {
        let own = state.directory().migration_of(&visitor.actor.login).await;
        let own = own.map_err(|error| Refusal::Internal(error.to_string()))?;
        page.ids.extend(own.map(|record| record.migration.id));
    } else if let Some(scope) = permits(&visitor.actor, Right::SeeMigrations) {
        let ids = shown.ids.split(',').filter_map(|id| id.trim().parse().ok());
        page.ids.extend(ids.map(MigrationId).take(MOST));
        page.scope = scope;
        page.shows_overview = true;
    }
    let overview = page.shows_overview.then(|| page.scope.clone());
    let following = state.desk.live.follow(overview, &page.ids);
    let until = Instant::now() + LONGEST;
    let events = stream::unfold((following, page), move |(mut following, page)| async move {
        let event = next(&mut following, &page, until).await?;
        Some((Ok(event), (following, page)))
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(Duration::from_secs(30))))
}

/// A page that somebody looks at.
struct Page {
    scope: Scope,
    ids: BTreeSet<MigrationId>,
    shows_overview: bool,
}

/// The next thing that a page is told; `None` when it has to ask again.
async fn next(following: &mut Following, page: &Page, until: Instant) -> Option<Event> {
    loop {
        match timeout_at(until, following.ticks.recv()).await {
            Ok(Ok(tick)) => {
                let text = page.of(&tick);
                if !text.is_empty() {
                    return Some(Event::default().event("changes").data(text));
                }
            }
            // It fell behind by many seconds: asking again shows everything as it is.
            Err(_) | Ok(Err(RecvError::Lagged(_) | RecvError::Closed)) => return None,
        }
    }
}

impl Page {
    /// What of a tick this page is told: a JSON object of what it shows; nothing where there is none of that.
    fn of(&self, tick: &Tick) -> String {
        let wanted = tick
            .migrations
            .iter()
            .filter(|one| self.ids.contains(&one.id) && self.scope.has_migration(&one.migration));
        let migrations: Vec<&str> = wanted.map(|one| &*one.text).collect();
        let overview = tick.overviews.get(&self.scope).filter(|_| self.shows_overview);
        if migrations.is_empty() && overview.is_none() {
            return String::new();
        }
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = write!(text, "{{\"migrations\":[{}]", migrations.join(","));
        if let Some(overview) = overview {
            let _ = write!(text, ",\"overview\":{overview}");
        }
        text.push('}');
        text
    }
}
