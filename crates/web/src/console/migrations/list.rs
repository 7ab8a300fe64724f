//! The list of migrations: looked for, sieved, sorted.

use askama::Template;
use axum::extract::State;
use transhume_db::directory::{MigrationSearch, MigrationSort, Paging};
use transhume_model::directory::{DomainName, ProviderName};
use transhume_model::migration::{Hold, Phase};
use transhume_model::rights::{Right, permits};

use super::row::Row;
use crate::WebState;
use crate::console::answer::{Answer, Question, page};
use crate::console::form::{Choice, Sent};
use crate::console::frame::Frame;
use crate::console::pages::{self, Pages, ROWS};
use crate::console::said::said;
use crate::console::words;
use crate::gate::Visitor;

#[derive(Template)]
#[template(path = "migrations/list.html")]
struct Page {
    frame: Frame,
    /// Whether they may pause and the like.
    may_steer: bool,
    may_add: bool,
    may_delete: bool,
    sieve: Sieve,
    columns: Vec<Column>,
    rows: Vec<Row>,
    pages: Pages,
}

/// What is looked for, and the choices there are.
struct Sieve {
    text: String,
    phase: String,
    hold: String,
    provider: String,
    domain: String,
    is_set: bool,
    phases: Vec<Choice>,
    holds: Vec<Choice>,
    providers: Vec<Choice>,
    /// The same once more, for those who want something done with all that is found.
    kept: Vec<(String, String)>,
}

/// A column, and how to sort by it.
struct Column {
    name: &'static str,
    href: Option<String>,
    order: Option<&'static str>,
}

/// The names of what is asked in the address.
pub(super) const QUESTIONS: [&str; 7] = ["text", "phase", "hold", "provider", "domain", "sort", "order"];

/// The columns, and the order that each stands for.
const COLUMNS: [(&str, Option<MigrationSort>); 7] = [
    ("Account", Some(MigrationSort::Address)),
    ("Provider", Some(MigrationSort::Provider)),
    ("State", Some(MigrationSort::Phase)),
    ("Progress", None),
    ("Rate", None),
    ("Time left", Some(MigrationSort::Left)),
    ("Last error", Some(MigrationSort::Changed)),
];

/// Reads what is looked for. What is no such word asks nothing.
pub(super) fn search(sent: &Sent) -> MigrationSearch {
    let text = sent.text("text");
    let hold = sent.text("hold");
    MigrationSearch {
        text: (!text.is_empty()).then(|| text.to_owned()),
        phase: Phase::named(sent.text("phase")),
        held: match hold {
            "any" => Some(true),
            "none" => Some(false),
            _ => None,
        },
        hold: Hold::named(hold, None).map(|hold| hold.as_str().to_owned()),
        failing: hold == "failing",
        provider: ProviderName::parse(sent.text("provider")).ok(),
        domain: DomainName::parse(sent.text("domain")).ok(),
        sort: MigrationSort::named(sent.text("sort")).unwrap_or(MigrationSort::Address),
        descending: sent.text("order") == "down",
    }
}

/// `GET /migrations`.
pub(crate) async fn list(
    State(state): State<WebState>,
    visitor: Visitor,
    Question(question): Question,
) -> Answer {
    let search = search(&question);
    let number = pages::number(question.text("page"));
    let paging = Paging {
        page: number,
        size: ROWS,
    };
    let found = state
        .directory()
        .search_migrations(&visitor.scope, &search, paging)
        .await?;
    let providers = state.directory().providers_within(&visitor.scope).await?;
    let providers = providers.iter().map(|row| row.provider.name.as_str());
    let questions = QUESTIONS.map(|name| (name, question.text(name)));
    let may = |right| permits(&visitor.actor, right).is_some();
    let frame = Frame::of(&visitor.actor, &visitor.csrf, "/migrations", "Migrations");
    let frame = frame.saying(said(question.text("said"), question.text("number")));
    let ids: Vec<String> = found
        .rows
        .iter()
        .map(|row| row.record.migration.id.to_string())
        .collect();
    page(&Page {
        frame: if ids.is_empty() {
            frame
        } else {
            frame.live(format!("/live?ids={}", ids.join(",")))
        },
        may_steer: may(Right::SteerMigrations),
        may_add: may(Right::AddMigrations),
        may_delete: may(Right::DeleteMigrations),
        sieve: Sieve::new(&question, providers),
        columns: columns(&search, &questions),
        rows: found.rows.iter().map(|row| Row::new(&row.record)).collect(),
        pages: Pages::new(number, found.total, "/migrations", &questions),
    })
}

impl Sieve {
    fn new<'p>(question: &Sent, providers: impl Iterator<Item = &'p str>) -> Self {
        let choice = |value: &str, name: String| Choice {
            value: value.to_owned(),
            name,
        };
        let all = || choice("", "all".to_owned());
        let phases = Phase::ALL.into_iter().map(|phase| {
            let name = match phase {
                Phase::Cancelled => "stopped",
                other => other.as_str(),
            };
            choice(phase.as_str(), name.to_owned())
        });
        let holds = Hold::ALL;
        let holds = holds
            .iter()
            .map(|hold| choice(hold.as_str(), hold.as_str().replace('-', " ")));
        let common = [
            choice("any", "held".to_owned()),
            choice("none", "not held".to_owned()),
            choice("failing", "failing".to_owned()),
        ];
        let text = |name| question.text(name).to_owned();
        Self {
            is_set: QUESTIONS[..5].iter().any(|name| !question.text(name).is_empty()),
            text: text("text"),
            phase: text("phase"),
            hold: text("hold"),
            provider: text("provider"),
            domain: text("domain"),
            phases: std::iter::once(all()).chain(phases).collect(),
            holds: std::iter::once(all()).chain(common).chain(holds).collect(),
            providers: std::iter::once(all())
                .chain(providers.map(|name| choice(name, name.to_owned())))
                .collect(),
            kept: question.kept(&QUESTIONS),
        }
    }
}

fn columns(search: &MigrationSearch, questions: &[(&str, &str)]) -> Vec<Column> {
    let column = |&(name, sort): &(&'static str, Option<MigrationSort>)| {
        let Some(sort) = sort else {
            return Column {
                name,
                href: None,
                order: None,
            };
        };
        let is_sorted = search.sort == sort;
        let order = if is_sorted && !search.descending {
            "down"
        } else {
            ""
        };
        let others = questions
            .iter()
            .copied()
            .filter(|(name, _)| !matches!(*name, "sort" | "order"));
        let asked = others.chain([("sort", sort.as_str()), ("order", order)]);
        Column {
            name,
            href: Some(pages::address("/migrations", asked, None)),
            order: match (is_sorted, search.descending) {
                (false, _) => None,
                (true, false) => Some("ascending"),
                (true, true) => Some("descending"),
            },
        }
    };
    COLUMNS.iter().map(column).collect()
}

impl Page {
    /// How many there are, for the question whether somebody is sure.
    fn all(&self) -> String {
        words::count(self.pages.total)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(pairs: &[(&str, &str)]) -> Sent {
        Sent::new(
            pairs
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
        )
    }

    #[test]
    fn what_is_asked_is_looked_for() {
        let asked = search(&sent(&[
            ("text", " alice "),
            ("phase", "seeding"),
            ("hold", "target-full"),
            ("provider", "Old"),
            ("domain", "A.example"),
            ("sort", "provider"),
            ("order", "down"),
        ]));
        assert_eq!(asked.text.as_deref(), Some("alice"));
        assert_eq!(asked.phase, Some(Phase::Seeding));
        assert_eq!(asked.hold.as_deref(), Some("target-full"));
        assert_eq!(asked.domain.as_ref().map(DomainName::as_str), Some("a.example"));
        assert!(asked.descending && asked.sort == MigrationSort::Provider);
        for (hold, held, is_failing) in [
            ("any", Some(true), false),
            ("none", Some(false), false),
            ("failing", None, true),
            ("nonsense", None, false),
        ] {
            let asked = search(&sent(&[("hold", hold)]));
            assert_eq!((asked.held, asked.failing), (held, is_failing), "{hold}");
        }
    }

    #[test]
    fn a_column_that_sorts_turns_round() {
        let asked = search(&sent(&[("text", "a&b")]));
        let columns = columns(&asked, &[("text", "a&b"), ("sort", ""), ("order", "")]);
        assert_eq!(
            columns[0].href.as_deref(),
            Some("/migrations?text=a%26b&sort=address&order=down")
        );
        assert_eq!(columns[0].order, Some("ascending"));
        assert_eq!(
            columns[1].href.as_deref(),
            Some("/migrations?text=a%26b&sort=provider")
        );
        assert_eq!(columns[1].order, None);
    }
}
