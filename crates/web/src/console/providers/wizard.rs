//! The wizard that makes a provider, in three steps: General, Associated domains, Summary.
//!
//! What was said in one step is kept in the form of the next, so that nothing of it is written before the end. No password is
//! among it: a master user is said on the provider's page.

use std::collections::BTreeMap;

use askama::Template;
use axum::extract::State;
use transhume_db::directory::{DomainSearch, Paging};
use transhume_model::directory::{DomainName, Provider};
use transhume_model::rights::Scope;
use transhume_ops::change_provider::add_provider;

use super::check::{Check, check};
use super::domains::{self, Pair};
use super::general::{self, GENERAL};
use super::well_known::{WELL_KNOWN, WellKnown};
use crate::WebState;
use crate::console::answer::{Answer, Refused, lead_to, mendable, page, wrong_page};
use crate::console::form::{Faults, Field, Form, Kind, Sent};
use crate::console::frame::Frame;
use crate::gate::Visitor;

#[derive(Template)]
#[template(path = "providers/wizard.html")]
struct Page {
    frame: Frame,
    /// The word of the step that is shown.
    step: &'static str,
    steps: Vec<Step>,
    form: Form,
    known: Vec<Preset>,
    preset_help: &'static str,
    check: Option<Check>,
    pairs: Vec<Pair>,
    domain_fields: Vec<Field>,
    local_domains: Vec<String>,
    facts: Vec<(&'static str, String)>,
    /// What the steps that are not shown have said.
    kept: Vec<(String, String)>,
}

struct Step {
    name: &'static str,
    is_here: bool,
}

struct Preset {
    name: &'static str,
    host: &'static str,
    port: u16,
    security: &'static str,
}

const STEPS: [(&str, &str); 3] = [
    ("general", "General"),
    ("domains", "Associated domains"),
    ("summary", "Summary"),
];

/// All that a step knows.
struct Known<'s> {
    visitor: &'s Visitor,
    sent: &'s Sent,
    pairs: BTreeMap<DomainName, Option<DomainName>>,
    local: Vec<String>,
    faults: Faults,
    check: Option<Check>,
    was_added: bool,
}

/// `GET /providers/new`.
pub(crate) async fn wizard(visitor: Visitor) -> Answer {
    let sent = Sent::default();
    let known = Known {
        visitor: &visitor,
        sent: &sent,
        pairs: BTreeMap::new(),
        local: Vec::new(),
        faults: Faults::default(),
        check: None,
        was_added: false,
    };
    page(&known.page("general"))
}

/// `POST /providers/new`.
pub(crate) async fn wizard_step(State(state): State<WebState>, visitor: Visitor, sent: Sent) -> Answer {
    let sent = match (sent.text("do"), WellKnown::named(sent.text("preset"))) {
        ("fill", Some(known)) => filled(&sent, known),
        _ => sent,
    };
    let mut faults = Faults::default();
    let pairs = domains::read(&sent, &mut faults);
    let mut known = Known {
        visitor: &visitor,
        was_added: faults.is_empty(),
        sent: &sent,
        pairs,
        local: local_domains(&state).await?,
        faults,
        check: None,
    };
    match (sent.text("step"), sent.text("do")) {
        ("general", "fill") | ("domains", "back") => page(&known.page("general")),
        ("general", "check") => {
            if let Some(provider) = known.provider() {
                known.check = Some(check(&state, visitor.actor.role, &provider).await);
            }
            known.answer("general")
        }
        ("general", _) => match known.provider() {
            Some(_) => page(&known.page("domains")),
            None => wrong_page(&known.page("general")),
        },
        ("domains", "next") if known.faults.is_empty() && !known.pairs.is_empty() => {
            page(&known.page("summary"))
        }
        ("domains", "next") if known.faults.is_empty() => {
            let wrong = "you need to bind at least one domain to the provider";
            known.faults.at("new_domain", wrong);
            wrong_page(&known.page("domains"))
        }
        ("domains", _) => known.answer("domains"),
        ("summary", "create") => create(&state, known).await,
        _ => page(&known.page("domains")),
    }
}

async fn create(state: &WebState, mut known: Known<'_>) -> Answer {
    let Some(provider) = known.provider() else {
        return wrong_page(&known.page("general"));
    };
    let provider = Provider {
        domains: known.pairs.clone(),
        ..provider
    };
    match add_provider(known.visitor.asked(state), &provider, None).await {
        Ok(_) => lead_to("/providers?said=provider-created"),
        Err(error) => {
            known.faults = mendable(error)?;
            wrong_page(&known.page("summary"))
        }
    }
}

/// What was sent, with what a platform says of its server.
fn filled(sent: &Sent, known: &WellKnown) -> Sent {
    let others = sent.kept(&[
        "csrf",
        "step",
        "do",
        "name",
        "preset",
        "pin",
        "login_form",
        "domain",
    ]);
    let of_server = [
        ("address", known.host.to_owned()),
        ("port", WellKnown::port().to_string()),
        ("security", WellKnown::security().as_str().to_owned()),
    ];
    let of_server = of_server.map(|(name, value)| (name.to_owned(), value));
    Sent::new(others.into_iter().chain(of_server).collect())
}

/// The local domains, to choose from.
pub(super) async fn local_domains(state: &WebState) -> Result<Vec<String>, Refused> {
    let search = DomainSearch {
        local: Some(true),
        ..DomainSearch::default()
    };
    // More than one looks through.
    let paging = Paging { page: 1, size: 500 };
    let found = state
        .directory()
        .search_domains(&Scope::All, &search, paging)
        .await?;
    Ok(found.rows.iter().map(|row| row.domain.name.to_string()).collect())
}

impl Known<'_> {
    /// The provider, as the first step has said it; what is wrong is noted.
    fn provider(&mut self) -> Option<Provider> {
        let mut faults = std::mem::take(&mut self.faults);
        let provider = general::read(self.sent, None, &mut faults);
        self.faults = faults;
        provider
    }

    fn answer(self, step: &'static str) -> Answer {
        if self.faults.is_empty() {
            page(&self.page(step))
        } else {
            wrong_page(&self.page(step))
        }
    }

    fn page(self, step: &'static str) -> Page {
        let frame = Frame::of(
            &self.visitor.actor,
            &self.visitor.csrf,
            "/providers",
            "New provider",
        );
        let mut fields = general::fields(self.sent);
        let mut domain_fields = domains::fields(self.sent, self.was_added);
        // What is wrong is told where it can be mended.
        let shown = match step {
            "general" => &mut fields,
            _ => &mut domain_fields,
        };
        let form = Form::new(std::mem::take(shown)).blamed(self.faults);
        let (wrong, shown_now) = (form.wrong, form.fields);
        *shown = shown_now;
        let kept: &[&str] = match step {
            "general" => &["domain"],
            _ => &GENERAL,
        };
        Page {
            frame: frame.below("Email providers", "/providers"),
            step,
            steps: STEPS
                .iter()
                .map(|(word, name)| Step {
                    name,
                    is_here: *word == step,
                })
                .collect(),
            known: WELL_KNOWN
                .iter()
                .map(|known| Preset {
                    name: known.name,
                    host: known.host,
                    port: WellKnown::port(),
                    security: WellKnown::security().as_str(),
                })
                .collect(),
            preset_help: "Fills in what they publish of their servers.",
            check: self.check,
            pairs: domains::shown(&self.pairs, &self.local),
            facts: facts(self.sent),
            kept: self.sent.kept(kept),
            form: Form { fields, wrong },
            domain_fields,
            local_domains: self.local,
        }
    }
}

fn facts(sent: &Sent) -> Vec<(&'static str, String)> {
    let field = |name, label| -> (&'static str, String) {
        let fields = general::fields(sent);
        let found = fields.into_iter().find(|field| field.name == name);
        let text = found.map_or_else(String::new, |field| match &field.kind {
            Kind::Choice(choices) => choices
                .iter()
                .find(|choice| choice.value == field.value)
                .map_or_else(String::new, |choice| choice.name.clone()),
            _ => field.value,
        });
        (label, text)
    };
    let facts = [
        field("name", "Name"),
        field("address", "Address"),
        field("port", "Port"),
        field("security", "Secured"),
        field("pin", "Certificate fingerprint"),
        field("login_form", "People log in there with"),
    ];
    facts.into_iter().filter(|(_, text)| !text.is_empty()).collect()
}
