//! People and programs at work on both servers, one thing at a time, chosen by chance.

use std::collections::{BTreeMap, BTreeSet};

use transhume_e2e::{Pair, Random};
use transhume_testkit::Oracle;

use crate::intents::{Intents, folders_of, marked};
use crate::mail::{Row, names, rows, text};

/// Flags that are set on the old server, and those that the owner sets on the new one: who has set what can be told.
const OLD_FLAGS: [&str; 3] = ["\\Seen", "\\Answered", "later"];
const NEW_FLAGS: [&str; 2] = ["\\Flagged", "mine"];
/// Folders that there may be on one side.
const MOST_FOLDERS: usize = 9;

pub(crate) struct People<'p> {
    pair: &'p Pair,
    pub(crate) random: Random,
    pub(crate) intents: Intents,
    numbers: u32,
    /// How often a folder was marked.
    marks: BTreeMap<String, u32>,
    /// The folders that a letter has been in on the old server, by the names that they had: it does not come back to one.
    been: BTreeMap<String, BTreeSet<String>>,
}

impl<'p> People<'p> {
    pub(crate) fn new(pair: &'p Pair, seed: u64, follows_removals: bool) -> Self {
        let mut people = Self {
            pair,
            random: Random::new(seed),
            intents: Intents::new(follows_removals),
            numbers: 0,
            marks: BTreeMap::new(),
            been: BTreeMap::new(),
        };
        let mut old = people.old();
        people.mark(&mut old, "INBOX", true);
        for name in ["Work", "Lists"] {
            old.create(&[name]).unwrap();
            people.mark(&mut old, name, true);
        }
        for _ in 0..12 {
            people.letter_arrives(&mut old);
        }
        people
    }

    fn old(&self) -> Oracle {
        Oracle::login(&self.pair.old, &self.pair.user).unwrap()
    }

    fn new_side(&self) -> Oracle {
        Oracle::login(&self.pair.new, &self.pair.user).unwrap()
    }

    fn one_of<'o, T>(&mut self, of: &'o [T]) -> Option<&'o T> {
        let at = self.random.below(of.len() as u64);
        of.get(usize::try_from(at).unwrap())
    }

    fn number(&mut self) -> u32 {
        self.numbers += 1;
        self.numbers
    }

    /// Puts a letter into a folder by which it is known from then on.
    fn mark(&mut self, client: &mut Oracle, name: &str, is_old: bool) -> String {
        let folder = format!("{}{}", if is_old { "f" } else { "t" }, self.number());
        self.mark_again(client, name, &folder, is_old);
        folder
    }

    fn mark_again(&mut self, client: &mut Oracle, name: &str, folder: &str, is_old: bool) {
        let marks = self.marks.entry(folder.to_owned()).or_default();
        let letter = format!("{folder}.{marks}");
        *marks += 1;
        self.append(client, name, &[], &letter);
        if is_old {
            self.intents.arrives(folder, &letter);
        } else {
            self.intents.owner_puts(folder, &letter, BTreeSet::new());
        }
    }

    fn append(&self, client: &mut Oracle, name: &str, flags: &[&str], letter: &str) {
        if let Err(error) = client.append(&[name], flags, None, &text(letter)) {
            let problems = [self.pair.old.log_problems(), self.pair.new.log_problems()];
            panic!("{letter} does not go into {name}: {error}; {problems:#?}");
        }
    }

    /// A letter of a folder that nobody keeps as its mark.
    fn some_letter(&mut self, client: &mut Oracle) -> Option<(String, Vec<Row>, Row)> {
        let names = names(client);
        let name = self.one_of(&names)?.clone();
        let rows = rows(client, &name);
        let letters: Vec<Row> = rows
            .iter()
            .filter(|row| marked(&row.subject).is_none())
            .cloned()
            .collect();
        let letter = self.one_of(&letters)?.clone();
        Some((name, rows, letter))
    }

    /// One thing on the old server.
    pub(crate) fn something_old(&mut self) {
        let mut old = self.old();
        match self.random.below(14) {
            0..=4 => self.letter_arrives(&mut old),
            5..=7 => drop(self.old_flag(&mut old)),
            8 | 9 => drop(self.old_removal(&mut old)),
            10 | 11 => drop(self.old_move(&mut old)),
            12 => drop(self.old_folder(&mut old)),
            _ => drop(self.old_rename_or_anew(&mut old)),
        }
        old.logout().unwrap();
    }

    fn letter_arrives(&mut self, old: &mut Oracle) {
        let names = names(old);
        let name = self.one_of(&names).unwrap().clone();
        let letter = format!("m{}", self.number());
        for folder in folders_of(&rows(old, &name)) {
            self.append(old, &name, &[], &letter);
            self.been.entry(letter.clone()).or_default().insert(name.clone());
            self.intents.arrives(&folder, &letter);
        }
    }

    fn old_flag(&mut self, old: &mut Oracle) -> Option<()> {
        let (.., letter) = self.some_letter(old)?;
        let flag = *self.one_of(&OLD_FLAGS)?;
        self.intents.flagged(&letter.subject, flag);
        old.store(&letter.uid.to_string(), "+FLAGS", &[flag]).unwrap();
        Some(())
    }

    fn old_removal(&mut self, old: &mut Oracle) -> Option<()> {
        let (_, rows, letter) = self.some_letter(old)?;
        old.expunge(&letter.uid.to_string()).unwrap();
        for folder in folders_of(&rows) {
            self.intents.leaves(&folder, &letter.subject, true);
        }
        Some(())
    }

    fn old_move(&mut self, old: &mut Oracle) -> Option<()> {
        let names = names(old);
        let (name, from, letter) = self.some_letter(old)?;
        let been = self.been.entry(letter.subject.clone()).or_default().clone();
        let others: Vec<String> = names.into_iter().filter(|other| !been.contains(other)).collect();
        let to = self.one_of(&others)?.clone();
        let there = folders_of(&rows(old, &to));
        old.select(&[&name]).unwrap();
        old.move_to(&letter.uid.to_string(), &[&to]).unwrap();
        self.been.entry(letter.subject.clone()).or_default().insert(to);
        for folder in folders_of(&from) {
            self.intents.leaves(&folder, &letter.subject, true);
        }
        for folder in there {
            self.intents.arrives(&folder, &letter.subject);
        }
        Some(())
    }

    fn old_folder(&mut self, old: &mut Oracle) -> Option<()> {
        if names(old).len() < MOST_FOLDERS {
            let name = format!("Old{}", self.number());
            old.create(&[&name]).unwrap();
            self.mark(old, &name, true);
        }
        Some(())
    }

    fn old_rename_or_anew(&mut self, old: &mut Oracle) -> Option<()> {
        let mut names = names(old);
        names.retain(|name| name != "INBOX");
        let name = self.one_of(&names)?.clone();
        if self.random.below(2) == 0 {
            let to = format!("Else{}", self.number());
            old.rename(&[&name], &[&to]).unwrap();
            for been in self.been.values_mut().filter(|been| been.contains(&name)) {
                been.insert(to.clone());
            }
            return Some(());
        }
        let had = rows(old, &name);
        old.select(&["INBOX"]).unwrap();
        old.delete(&[&name]).unwrap();
        for folder in folders_of(&had) {
            for row in &had {
                self.intents.leaves(&folder, &row.subject, false);
            }
        }
        old.create(&[&name]).unwrap();
        self.mark(old, &name, true);
        Some(())
    }

    /// One thing that the owner does on the new server. While a pass runs, folders are left as they are: a letter that comes into
    /// one while it is removed may go with it.
    pub(crate) fn something_new(&mut self, is_quiet: bool) {
        let mut new = self.new_side();
        match self.random.below(if is_quiet { 14 } else { 11 }) {
            0 | 1 => drop(self.new_letter(&mut new)),
            2..=5 => drop(self.new_flag(&mut new)),
            6 | 7 => drop(self.new_removal(&mut new)),
            8..=10 => drop(self.new_move(&mut new)),
            11 => drop(self.new_folder(&mut new)),
            12 => drop(self.new_rename(&mut new)),
            _ => drop(self.new_folder_removal(&mut new)),
        }
        new.logout().unwrap();
    }

    fn new_letter(&mut self, new: &mut Oracle) -> Option<()> {
        let names = names(new);
        let name = self.one_of(&names)?.clone();
        let folder = folders_of(&rows(new, &name)).pop_first()?;
        let letter = format!("n{}", self.number());
        self.intents.flagged(&letter, "\\Seen");
        self.append(new, &name, &["\\Seen"], &letter);
        self.intents
            .owner_puts(&folder, &letter, BTreeSet::from(["\\Seen".to_owned()]));
        Some(())
    }

    /// The folder that a letter which is seen here was put into: where two lie under one name, that which knows it.
    fn home(&self, rows: &[Row], letter: &str) -> Option<String> {
        let folders = folders_of(rows);
        folders
            .iter()
            .find(|folder| self.intents.knows(folder, letter))
            .cloned()
    }

    fn new_flag(&mut self, new: &mut Oracle) -> Option<()> {
        let (_, rows, letter) = self.some_letter(new)?;
        let flag = *self.one_of(&NEW_FLAGS)?;
        let folder = self.home(&rows, &letter.subject)?;
        self.intents.flagged(&letter.subject, flag);
        new.store(&letter.uid.to_string(), "+FLAGS", &[flag]).unwrap();
        if self.is_still_there(new, letter.uid) {
            self.intents.owner_flags(&folder, &letter.subject, flag);
        }
        Some(())
    }

    /// Whether a pass has not removed the letter meanwhile.
    fn is_still_there(&self, new: &mut Oracle, uid: u32) -> bool {
        let lines = new.ok(&format!("UID FETCH {uid} (UID)")).unwrap();
        lines.iter().any(|line| line.text().contains("FETCH"))
    }

    fn new_removal(&mut self, new: &mut Oracle) -> Option<()> {
        let (_, rows, letter) = self.some_letter(new)?;
        let folder = self.home(&rows, &letter.subject)?;
        // With two copies, which one it is cannot be told.
        if rows.iter().filter(|row| row.subject == letter.subject).count() > 1 {
            return None;
        }
        new.expunge(&letter.uid.to_string()).unwrap();
        self.intents.owner_removes(&folder, &letter.subject);
        Some(())
    }

    fn new_move(&mut self, new: &mut Oracle) -> Option<()> {
        let names = names(new);
        let (name, from, letter) = self.some_letter(new)?;
        let others: Vec<String> = names.into_iter().filter(|other| *other != name).collect();
        let to = self.one_of(&others)?.clone();
        let folder = self.home(&from, &letter.subject)?;
        let target = folders_of(&rows(new, &to)).pop_first()?;
        if from.iter().filter(|row| row.subject == letter.subject).count() > 1
            || self.intents.may_hold(&target, &letter.subject)
        {
            return None;
        }
        let now = rows(new, &name);
        let letter = now.into_iter().find(|row| row.uid == letter.uid)?;
        new.move_to(&letter.uid.to_string(), &[&to]).unwrap();
        let moved = rows(new, &to)
            .into_iter()
            .any(|row| row.subject == letter.subject);
        if moved {
            self.intents.owner_removes(&folder, &letter.subject);
            self.intents.owner_puts(&target, &letter.subject, letter.flags);
        }
        Some(())
    }

    fn new_folder(&mut self, new: &mut Oracle) -> Option<()> {
        if names(new).len() < MOST_FOLDERS {
            let name = format!("New{}", self.number());
            new.create(&[&name]).unwrap();
            self.mark(new, &name, false);
        }
        Some(())
    }

    fn new_rename(&mut self, new: &mut Oracle) -> Option<()> {
        let mut names = names(new);
        names.retain(|name| name != "INBOX");
        let name = self.one_of(&names)?.clone();
        let to = format!("Mine{}", self.number());
        new.rename(&[&name], &[&to]).unwrap();
        Some(())
    }

    fn new_folder_removal(&mut self, new: &mut Oracle) -> Option<()> {
        let mut names = names(new);
        names.retain(|name| name != "INBOX");
        let name = self.one_of(&names)?.clone();
        let folders = folders_of(&rows(new, &name));
        new.select(&["INBOX"]).unwrap();
        new.delete(&[&name]).unwrap();
        for folder in &folders {
            self.intents.owner_removes_folder(folder);
        }
        // Mail that comes for it makes it anew; it has to be known then.
        let mut old = self.old();
        let old_names = crate::mail::names(&mut old);
        for name in old_names {
            for folder in folders_of(&rows(&mut old, &name)).intersection(&folders) {
                self.mark_again(&mut old, &name, folder, true);
            }
        }
        old.logout().unwrap();
        Some(())
    }
}
