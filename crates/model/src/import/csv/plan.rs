//! What a file changes.

use std::collections::HashMap;

use super::complaint::Complaint;
use super::entry::{self, Reading};
use super::password::ClearPassword;
use super::rows::{Place, Rows};
use super::text::Text;
use super::{Cell, Options};
use crate::directory::{Directory, Entry, Login};
use crate::plan::directory::{Change, Fault, Field, Kept, Outcome, Planner, Recipients};

/// What a file changes in a directory; or, where there are errors, what of it is wrong: then nothing of it may be carried out.
#[derive(Debug, Default)]
pub struct FilePlan {
    /// The changes, in their order.
    pub changes: Vec<Change>,
    /// Passwords of accounts among the changes that are still to be hashed: the accounts have none yet.
    pub to_hash: HashMap<Login, ClearPassword>,
    /// What is wrong.
    pub errors: Vec<Complaint>,
    /// Rows that need something with an error, and have none of their own.
    pub held_up: u64,
    /// What was read otherwise than it may have been meant.
    pub notices: Vec<Complaint>,
    /// Rows that are not blank.
    pub rows: u64,
    /// Rows of which all is there already.
    pub kept: u64,
}

/// Plans a file's rows in their order. Tells after each row how many octets of the text have been read.
pub fn plan_file(
    text: &Text<'_>,
    directory: &Directory,
    options: Options,
    progress: impl FnMut(usize),
) -> FilePlan {
    plan_file_of(text, directory, options, |_| Ok(()), progress)
}

/// The same, where not everybody may add everything: `may` says of each entry why not.
pub fn plan_file_of(
    text: &Text<'_>,
    directory: &Directory,
    options: Options,
    mut may: impl FnMut(&Entry) -> Result<(), String>,
    mut progress: impl FnMut(usize),
) -> FilePlan {
    let mut planner = Planner::new(directory, options.rules);
    let mut file = FilePlan::default();
    let mut aliases = HashMap::new();
    let mut rows = Rows::new(&text.text, options.separator);
    while let Some(row) = rows.next() {
        progress(rows.octets());
        file.rows += 1;
        match row {
            Ok(cells) => {
                let mut reading = entry::read(&cells, options, text.guessed.is_some());
                if let Some(Err(why)) = reading.entry.as_ref().map(&mut may) {
                    let place = entry::place_of(&cells, &Field::Name);
                    reading.entry = None;
                    let right = "leave the line out, or ask somebody who may";
                    reading.errors.push(Complaint::new(place, why, right));
                }
                if let Some(Entry::Alias(alias)) = &reading.entry
                    && options.rules.recipients == Recipients::Any
                {
                    aliases.insert(alias.address.clone(), entry::place_of(&cells, &Field::Name));
                }
                file.take(reading, &cells, &mut planner);
            }
            Err(misquoted) => {
                let names = entry::names(misquoted.name.as_deref().unwrap_or_default());
                for name in names {
                    planner.note_refused(&name);
                }
                let right = "quotes around the whole field, and each quote within it twice";
                file.errors
                    .push(Complaint::new(misquoted.place, misquoted.wrong, right));
            }
        }
    }
    let (changes, dead_ends) = planner.finish();
    file.changes = changes;
    for (alias, recipient) in dead_ends {
        let place = aliases
            .get(&alias)
            .copied()
            .unwrap_or(Place { line: 1, column: 1 });
        let wrong = format!("{alias} leads to {recipient}, which does not exist");
        let right = "an account or alias of that address";
        file.notices.push(Complaint::new(place, wrong, right));
    }
    file
}

impl FilePlan {
    fn take(&mut self, reading: Reading, cells: &[Cell<'_>], planner: &mut Planner<'_>) {
        self.errors.extend(reading.errors);
        self.notices.extend(reading.notices);
        let Some(entry) = reading.entry else {
            reading.names.iter().for_each(|name| planner.note_refused(name));
            return;
        };
        let login = match &entry {
            Entry::Account(account) if reading.clear.is_some() => Some(account.login.clone()),
            _ => None,
        };
        match planner.declare(entry) {
            Outcome::Planned => self.to_hash.extend(login.zip(reading.clear)),
            Outcome::Kept(Kept::Same) => self.kept += 1,
            Outcome::Kept(Kept::Differs) => {
                self.kept += 1;
                let place = entry::place_of(cells, &Field::Name);
                let wrong = "this is there already, and stays as it is; the line says otherwise";
                self.notices
                    .push(Complaint::new(place, wrong, "change it where it is"));
            }
            Outcome::Refused(problems) => {
                let own = problems
                    .iter()
                    .filter(|problem| !matches!(problem.fault, Fault::NeedsRefused(_)));
                let before = self.errors.len();
                self.errors.extend(own.map(|problem| {
                    let place = entry::place_of(cells, &problem.field);
                    Complaint::new(place, problem.fault.to_string(), problem.fault.remedy())
                }));
                self.held_up += u64::from(self.errors.len() == before);
            }
        }
    }
}
