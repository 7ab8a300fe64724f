//! The overview: accounts by phase, how fast it goes, what needs a person.

use askama::Template;
use axum::extract::State;
use serde::Serialize;
use transhume_db::directory::Overview;
use transhume_model::migration::{Hold, Phase};
use transhume_model::rights::{Right, permits};

use super::answer::{Answer, lead_to, page};
use super::frame::Frame;
use super::migrations::hold_said;
use super::pages::address;
use super::words;
use crate::WebState;
use crate::gate::Visitor;

#[derive(Template)]
#[template(path = "overview.html")]
struct Page {
    frame: Frame,
    stack_label: String,
    phases: Vec<Part>,
    held: String,
    throughput: Vec<Number>,
    needs: Vec<Need>,
}

/// A phase, and its part of all accounts: where it begins in a bar of a thousand, and how much of that it takes.
struct Part {
    word: &'static str,
    name: String,
    count: String,
    from: u64,
    width: u64,
}

/// A number, and the name by which the live stream tells it.
struct Number {
    name: &'static str,
    shows: &'static str,
    text: String,
}

/// Something that waits for a person.
struct Need {
    what: &'static str,
    count: String,
    help: String,
    href: String,
}

/// The overview's numbers in words, as the live stream sends them.
#[derive(Serialize)]
pub(crate) struct Numbers {
    pending: String,
    seeding: String,
    following: String,
    finishing: String,
    finished: String,
    cancelled: String,
    held: String,
    running: String,
    rate: String,
    messages: String,
    octets: String,
    last_day: String,
}

impl Numbers {
    pub(crate) fn new(overview: &Overview) -> Self {
        let of = |phase| words::count(count(overview, phase));
        Self {
            pending: of(Phase::Pending),
            seeding: of(Phase::Seeding),
            following: of(Phase::Following),
            finishing: of(Phase::Finishing),
            finished: of(Phase::Finished),
            cancelled: of(Phase::Cancelled),
            held: words::count(overview.holds.values().sum()),
            running: words::count(overview.running),
            rate: format!("{}/s", words::octets(overview.rate)),
            messages: words::count(overview.messages.done),
            octets: words::octets(overview.octets.done),
            last_day: words::octets(overview.octets_last_day),
        }
    }
}

fn count(overview: &Overview, phase: Phase) -> u64 {
    overview.phases.get(&phase).copied().unwrap_or(0)
}

/// `GET /`: the page to begin with.
pub(super) async fn home(visitor: Visitor) -> Answer {
    match permits(&visitor.actor, Right::SeeOverview) {
        Some(_) => lead_to("/overview"),
        None => lead_to("/progress"),
    }
}

/// `GET /overview`.
pub(super) async fn show(State(state): State<WebState>, visitor: Visitor) -> Answer {
    let overview = state.directory().overview(&visitor.scope, state.now()).await?;
    let phases = parts(&overview);
    let named = phases.iter().map(|part| format!("{} {}", part.count, part.name));
    let stack_label = named.collect::<Vec<_>>().join(", ");
    let numbers = Numbers::new(&overview);
    let number = |name, shows, text: &String| Number {
        name,
        shows,
        text: text.clone(),
    };
    page(&Page {
        frame: Frame::of(&visitor.actor, &visitor.csrf, "/", "Overview").live("/live"),
        stack_label,
        phases,
        throughput: vec![
            number("Passes now", "running", &numbers.running),
            number("Now", "rate", &numbers.rate),
            number("Last 24 hours", "last_day", &numbers.last_day),
            number("Messages here", "messages", &numbers.messages),
            number("Mail here", "octets", &numbers.octets),
        ],
        needs: needs(&overview),
        held: numbers.held,
    })
}

fn parts(overview: &Overview) -> Vec<Part> {
    let total: u64 = Phase::ALL.into_iter().map(|phase| count(overview, phase)).sum();
    let thousandths = |number: u64| {
        let part = u128::from(number) * 1000 / u128::from(total.max(1));
        u64::try_from(part).unwrap_or(1000)
    };
    let mut before = 0;
    let part = |phase: Phase| {
        let number = count(overview, phase);
        let from = thousandths(before);
        before += number;
        Part {
            word: phase.as_str(),
            name: match phase {
                Phase::Cancelled => "Stopped".to_owned(),
                other => words::sentence(other.as_str()),
            },
            count: words::count(number),
            from,
            width: thousandths(before) - from,
        }
    };
    Phase::ALL.into_iter().map(part).collect()
}

fn needs(overview: &Overview) -> Vec<Need> {
    let held = overview.holds.iter().filter_map(|(word, number)| {
        let hold = Hold::named(word, None)?;
        // Whoever has paused something knows.
        let what = match hold {
            Hold::Paused { .. } => return None,
            Hold::CredentialRejected => "The old server refuses the password",
            Hold::CredentialUnreadable => "The stored password cannot be read",
            Hold::TargetFull => "No room here",
            Hold::TargetUnwritable => "The mailbox here cannot be written",
            Hold::CertificateChanged => "The old server's certificate is not believed",
            Hold::TooManyRefused => "The old server does not deliver many messages",
        };
        Some(Need {
            what,
            count: words::count(*number),
            help: hold_said(&hold),
            href: address("/migrations", [("hold", word.as_str())], None),
        })
    });
    let failing = (overview.failing > 0).then(|| Need {
        what: "Passes that come to nothing",
        count: words::count(overview.failing),
        help: "They are tried again by themselves; look at the last error of each.".to_owned(),
        href: "/migrations?hold=failing".to_owned(),
    });
    held.filter(|need| need.count != "0").chain(failing).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bar_is_full_and_has_no_gaps() {
        let overview = Overview {
            phases: [Phase::Pending, Phase::Seeding, Phase::Finished]
                .map(|phase| (phase, 1))
                .into(),
            ..Overview::default()
        };
        let parts = parts(&overview);
        let ends: Vec<(u64, u64)> = parts
            .iter()
            .map(|part| (part.from, part.from + part.width))
            .collect();
        assert_eq!(
            ends,
            [
                (0, 333),
                (333, 666),
                (666, 666),
                (666, 666),
                (666, 1000),
                (1000, 1000)
            ]
        );
        assert!(
            super::parts(&Overview::default())
                .iter()
                .all(|part| part.width == 0)
        );
    }

    #[test]
    fn a_pause_needs_nobody() {
        let overview = Overview {
            holds: [("paused".to_owned(), 4), ("target-full".to_owned(), 2)].into(),
            failing: 1,
            ..Overview::default()
        };
        let needs: Vec<_> = needs(&overview).into_iter().map(|need| need.href).collect();
        assert_eq!(
            needs,
            ["/migrations?hold=target-full", "/migrations?hold=failing"]
        );
    }
}
