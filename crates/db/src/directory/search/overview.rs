//! How everything stands, in numbers.

use std::collections::BTreeMap;

use transhume_model::migration::{Phase, Share};
use transhume_model::rights::Scope;

use super::super::link::Value;
use super::super::lookup::each;
use super::super::{DirectoryError, DirectoryPool, read};
use super::Conditions;
use super::migrations::{FAILING, within};

/// How everything within a scope stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overview {
    /// How many migrations there are.
    pub total: u64,
    /// How many are in each phase; those in which none is are here too.
    pub phases: BTreeMap<Phase, u64>,
    /// How many are held, by the hold's word.
    pub holds: BTreeMap<String, u64>,
    /// How many are not held, but came to nothing of late.
    pub failing: u64,
    /// How many are being worked on now.
    pub running: u64,
    /// Messages of all of them.
    pub messages: Share,
    /// Octets of all of them; only those whose number is known are counted.
    pub octets: Share,
    /// Octets that come each second now.
    pub rate: u64,
    /// Octets that passes brought which ended within the last day.
    pub octets_last_day: u64,
}

impl DirectoryPool {
    /// How everything within a scope stands. `now` is in seconds since 1970 UTC.
    pub async fn overview(&self, scope: &Scope, now: i64) -> Result<Overview, DirectoryError> {
        let mut overview = Overview {
            phases: Phase::ALL.into_iter().map(|phase| (phase, 0)).collect(),
            ..Overview::default()
        };
        let at = self.location();
        let mut conditions = Conditions::new();
        within(&mut conditions, scope);
        let here = conditions.values().len() + 1;
        let values = [conditions.values(), &[Value::number(now)]].concat();
        let sum = |what: &str| format!("CAST(COALESCE(SUM({what}), 0) AS BIGINT)");
        let is_running = format!("leased_until > ${here}");
        let columns = [
            "CAST(count(*) AS BIGINT)".to_owned(),
            sum(&format!("CASE WHEN {FAILING} THEN 1 ELSE 0 END")),
            sum(&format!("CASE WHEN {is_running} THEN 1 ELSE 0 END")),
            sum("messages_done"),
            sum("messages_all"),
            sum("octets_done"),
            sum("octets_all"),
            sum(&format!("CASE WHEN {is_running} THEN rate ELSE 0 END")),
        ];
        let question = format!(
            "SELECT phase, hold, {} FROM migration WHERE {} GROUP BY phase, hold",
            columns.join(", "),
            conditions.text()
        );
        let mut lent = self.lend().await?;
        let (mut messages, mut octets) = ([0, 0], [0, 0]);
        each(lent.link(), at, "migration", question, &values, |row| {
            let word = row.text(0)?;
            let phase = Phase::named(&word).ok_or_else(|| read::of(&word, "the phase is unknown"))?;
            let count = row.count(2)?;
            overview.total += count;
            *overview.phases.entry(phase).or_default() += count;
            if let Some(hold) = row.text_or_none(1)? {
                *overview.holds.entry(hold).or_default() += count;
            }
            overview.failing += row.count(3)?;
            overview.running += row.count(4)?;
            for (number, column) in messages.iter_mut().chain(&mut octets).zip(5..) {
                *number += row.count(column)?;
            }
            overview.rate += row.count(9)?;
            Ok(())
        })
        .await?;
        let share = |[done, all]: [u64; 2]| Share { done, all: Some(all) };
        (overview.messages, overview.octets) = (share(messages), share(octets));
        let of_scope = match scope {
            Scope::All => String::new(),
            _ => format!(
                " AND migration IN (SELECT id FROM migration WHERE {})",
                conditions.text()
            ),
        };
        let question = format!(
            "SELECT {} FROM pass WHERE ended > ${here} - 86400{of_scope}",
            sum("octets")
        );
        each(lent.link(), at, "pass", question, &values, |row| {
            overview.octets_last_day = row.count(0)?;
            Ok(())
        })
        .await?;
        Ok(overview)
    }
}
