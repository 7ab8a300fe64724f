//! Absence texts.

use std::collections::HashSet;

use super::aliases::Aliases;
use super::ledger::{Ledger, RowOf};
use super::preferred;
use super::rows::{Table, VacationRow};
use crate::directory::{Address, Vacation, VacationInterval};

/// PostfixAdmin's way to say “for ever”, as a default of its columns: 2038-01-18.
const FOR_EVER: i64 = 2_147_385_600;

/// Reads the table. A text answers when it is switched on, and the mailbox's own alias leads to the absence program.
pub(super) fn vacations(
    rows: Vec<VacationRow>,
    aliases: &Aliases,
    ledger: &mut Ledger,
) -> Vec<(RowOf, Vacation)> {
    let mut read = Vec::new();
    let mut seen = HashSet::new();
    let order = preferred(
        rows.len(),
        |place| rows[place].email.as_deref(),
        |name| Address::parse(name).is_ok_and(|address| address.as_str() == name),
    );
    let mut rows: Vec<_> = rows.into_iter().map(Some).collect();
    for place in order {
        let row = RowOf {
            table: Table::Vacation,
            place,
        };
        let Some(from) = rows.get_mut(place).and_then(Option::take) else {
            continue;
        };
        let text = from.email.as_deref().unwrap_or_default();
        let address = match Address::parse(text) {
            Ok(address) => address,
            Err(problem) => {
                ledger.skip(row, text, "its name is not an address", problem);
                continue;
            }
        };
        if !seen.insert(address.clone()) {
            ledger.skip(row, text, "another row has the same name", &address);
            continue;
        }
        ledger.note_unreadable(row, text, &from.unreadable);
        let active = from.active.unwrap_or(true);
        let enabled = active && aliases.answering.contains(&address);
        if active && !enabled {
            let what =
                "it is switched on, but mail did not reach the absence program: it stays silent here, too";
            ledger.note(row, text, what, "");
        }
        let interval = match from.interval_time {
            None | Some(..=0) => VacationInterval::Once,
            Some(seconds) => VacationInterval::Seconds(u32::try_from(seconds).unwrap_or(u32::MAX)),
        };
        if matches!(interval, VacationInterval::Seconds(seconds) if seconds < 86_400) {
            ledger.note(
                row,
                text,
                "it answered the same person more than once a day; Sieve allows one day at least",
                "",
            );
        }
        let vacation = Vacation {
            address,
            subject: from.subject.unwrap_or_default(),
            body: from.body.unwrap_or_default(),
            enabled,
            from: from.activefrom,
            until: from.activeuntil.and_then(last_second),
            interval,
        };
        read.push((row, vacation));
    }
    read
}

/// The last second of the minute that is stored; `None` where that is for ever.
fn last_second(until: i64) -> Option<i64> {
    // A day's room, since the default was written in the server's own time.
    let is_for_ever = until >= FOR_EVER - 86_400;
    let rest = if until % 60 == 0 { 59 } else { 0 };
    (!is_for_ever).then_some(until + rest)
}
