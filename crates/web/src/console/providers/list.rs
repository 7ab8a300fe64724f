//! The list of providers.

use askama::Template;
use axum::extract::State;
use transhume_db::directory::ProviderRow;
use transhume_model::rights::{Right, permits};

use super::{domains, general};
use crate::WebState;
use crate::console::answer::{Answer, Question, page};
use crate::console::frame::Frame;
use crate::console::pages::address;
use crate::console::said::said;
use crate::console::words;
use crate::gate::Visitor;

#[derive(Template)]
#[template(path = "providers/list.html")]
struct Page {
    frame: Frame,
    may_change: bool,
    text: String,
    providers: Vec<Line>,
}

struct Line {
    name: String,
    href: String,
    is_enabled: bool,
    host: String,
    port: String,
    secured: &'static str,
    secured_tone: &'static str,
    domains_said: String,
    domains: Vec<String>,
    migrations: String,
    migrations_href: String,
    delete_question: String,
}

/// `GET /providers`.
pub(crate) async fn list(
    State(state): State<WebState>,
    visitor: Visitor,
    Question(question): Question,
) -> Answer {
    let rows = state.directory().providers_within(&visitor.scope).await?;
    let text = question.text("text").to_lowercase();
    let providers = rows.iter().filter(|row| fits(row, &text)).map(Line::new);
    let frame = Frame::of(&visitor.actor, &visitor.csrf, "/providers", "Email providers");
    page(&Page {
        frame: frame.saying(said(question.text("said"), "")),
        may_change: permits(&visitor.actor, Right::ChangeProviders).is_some(),
        text: question.text("text").to_owned(),
        providers: providers.collect(),
    })
}

/// There are few of them: what is looked for is looked for here.
fn fits(row: &ProviderRow, text: &str) -> bool {
    let provider = &row.provider;
    let mut domains = provider.domains.iter();
    provider.name.folded().contains(text)
        || provider.host.as_str().contains(text)
        || domains.any(|(old, new)| domains::value(old, new.as_ref()).contains(text))
}

/// What is asked before a provider is deleted.
pub(super) fn delete_question(row: &ProviderRow) -> String {
    let name = row.provider.name.as_str();
    match row.migrations {
        0 => format!("Delete the provider “{name}”?"),
        number => format!(
            "Delete the provider “{name}”, and with it {} with all history? Accounts and mail stay.",
            words::so_many(number, "migration", "migrations")
        ),
    }
}

impl Line {
    fn new(row: &ProviderRow) -> Self {
        let provider = &row.provider;
        let (secured, secured_tone) = general::secured(provider.security);
        let name = provider.name.as_str();
        let domains = provider.domains.iter();
        Self {
            name: name.to_owned(),
            href: format!("/providers/{}", row.id),
            is_enabled: provider.enabled,
            host: provider.host.to_string(),
            port: provider.port.to_string(),
            secured,
            secured_tone,
            domains_said: match provider.domains.len() {
                0 => "No associated domain".to_owned(),
                1 => "1 associated domain".to_owned(),
                number => format!("{number} associated domains"),
            },
            domains: domains
                .map(|(old, new)| domains::chip(old, new.as_ref()))
                .collect(),
            migrations: words::count(row.migrations),
            migrations_href: address("/migrations", [("provider", name)], None),
            delete_question: delete_question(row),
        }
    }
}
