//! What everybody meant, on both sides: what must be on the new side when all is quiet.

use std::collections::{BTreeMap, BTreeSet};

use crate::mail::{Listing, Row};

/// How often a letter has to be in a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Want {
    Once,
    /// It came and went on the old server, perhaps before a pass has seen it.
    AtMostOnce,
    /// Its owner has put a copy beside one that may have come from the old server.
    OnceOrTwice,
    /// Its owner has removed it here, or filed it elsewhere.
    Never,
}

/// A letter in a folder.
#[derive(Debug)]
struct Copy {
    want: Want,
    /// When it came, and whether a whole pass has begun since and ended well.
    since: u64,
    is_sure: bool,
    /// Whether the old server has it there still, and whether it has ever had.
    is_on_old: bool,
    has_left_old: bool,
    /// Flags that its owner has set here.
    own_flags: BTreeSet<String>,
}

/// A folder has a name on each side, which may change. It is known by the letters that nobody touches (`f3.0`): its number, and
/// how often it was made.
pub(crate) type Folder = String;

/// The book of all that was done.
#[derive(Debug)]
pub(crate) struct Intents {
    now: u64,
    follows_removals: bool,
    copies: BTreeMap<(Folder, String), Copy>,
    /// All flags that were ever set, by letter.
    flags: BTreeMap<String, BTreeSet<String>>,
}

/// The folder that a letter which marks one stands for.
pub(crate) fn marked(subject: &str) -> Option<Folder> {
    let (folder, _) = subject.split_once('.')?;
    Some(folder.to_owned())
}

/// The folders that lie under a name: two, where the old server has made one anew.
pub(crate) fn folders_of(rows: &[Row]) -> BTreeSet<Folder> {
    rows.iter().filter_map(|row| marked(&row.subject)).collect()
}

impl Intents {
    pub(crate) fn new(follows_removals: bool) -> Self {
        Self {
            now: 0,
            follows_removals,
            copies: BTreeMap::new(),
            flags: BTreeMap::new(),
        }
    }

    /// A moment that comes after all others so far.
    pub(crate) fn tick(&mut self) -> u64 {
        self.now += 1;
        self.now
    }

    /// The old server has a letter.
    pub(crate) fn arrives(&mut self, folder: &str, letter: &str) {
        let since = self.tick();
        let copy = Copy {
            want: Want::Once,
            since,
            is_sure: false,
            is_on_old: true,
            has_left_old: false,
            own_flags: BTreeSet::new(),
        };
        let place = (folder.to_owned(), letter.to_owned());
        match self.copies.get_mut(&place) {
            Some(known) if known.want != Want::Never => known.is_on_old = true,
            // Filed there anew, it comes, though its owner had removed here what was there before.
            _ => drop(self.copies.insert(place, copy)),
        }
    }

    /// The old server has it no longer. `surely`: in a way in which a pass can tell removed from renumbered.
    pub(crate) fn leaves(&mut self, folder: &str, letter: &str, surely: bool) {
        let follows = self.follows_removals;
        let Some(copy) = self.copies.get_mut(&(folder.to_owned(), letter.to_owned())) else {
            return;
        };
        copy.is_on_old = false;
        copy.has_left_old |= surely;
        let is_doubtful = !copy.is_sure || (follows && !surely);
        if is_doubtful && copy.want == Want::Once && copy.own_flags.is_empty() {
            copy.want = Want::AtMostOnce;
        }
    }

    /// A pass that began then has ended well.
    pub(crate) fn passed(&mut self, began: u64) {
        for copy in self.copies.values_mut() {
            copy.is_sure |= copy.since < began && copy.is_on_old;
        }
    }

    /// A flag is set, on either side.
    pub(crate) fn flagged(&mut self, letter: &str, flag: &str) {
        self.flags
            .entry(letter.to_owned())
            .or_default()
            .insert(flag.to_owned());
    }

    /// The owner has set a flag here.
    pub(crate) fn owner_flags(&mut self, folder: &str, letter: &str, flag: &str) {
        self.flagged(letter, flag);
        if let Some(copy) = self.copies.get_mut(&(folder.to_owned(), letter.to_owned())) {
            copy.own_flags.insert(flag.to_owned());
            if copy.want == Want::AtMostOnce {
                copy.want = Want::Once;
            }
        }
    }

    /// The owner has written or filed a letter here; the flags that it has are his.
    pub(crate) fn owner_puts(&mut self, folder: &str, letter: &str, flags: BTreeSet<String>) {
        let since = self.tick();
        let known = self.copies.remove(&(folder.to_owned(), letter.to_owned()));
        let want = match &known {
            Some(known) if known.want != Want::Never => Want::OnceOrTwice,
            _ => Want::Once,
        };
        let copy = Copy {
            want,
            since,
            is_sure: true,
            is_on_old: false,
            has_left_old: false,
            own_flags: flags,
        };
        self.copies.insert((folder.to_owned(), letter.to_owned()), copy);
    }

    /// Whether a letter has ever been put into a folder.
    pub(crate) fn knows(&self, folder: &str, letter: &str) -> bool {
        self.copies.contains_key(&(folder.to_owned(), letter.to_owned()))
    }

    /// Whether the folder may have it, or get it.
    pub(crate) fn may_hold(&self, folder: &str, letter: &str) -> bool {
        let copy = self.copies.get(&(folder.to_owned(), letter.to_owned()));
        copy.is_some_and(|copy| copy.want != Want::Never || copy.is_on_old)
    }

    /// The owner has removed a letter here, or filed it elsewhere. Where a pass was killed after it had put the letter there and
    /// before it could note that, it may come once more.
    pub(crate) fn owner_removes(&mut self, folder: &str, letter: &str) {
        if let Some(copy) = self.copies.get_mut(&(folder.to_owned(), letter.to_owned())) {
            copy.want = if copy.is_sure {
                Want::Never
            } else {
                Want::AtMostOnce
            };
        }
    }

    /// The owner has removed a whole folder here.
    pub(crate) fn owner_removes_folder(&mut self, folder: &str) {
        let in_it = self.copies.iter_mut().filter(|((place, _), _)| place == folder);
        for (_, copy) in in_it {
            copy.want = match copy.want {
                _ if !copy.is_sure => Want::AtMostOnce,
                _ => Want::Never,
            };
        }
    }

    /// All that is not as everybody meant it, when all is quiet.
    pub(crate) fn differences(&self, old: &Listing, new: &Listing) -> Vec<String> {
        let mut wrong = Vec::new();
        let mut places: BTreeMap<Folder, &str> = BTreeMap::new();
        for (name, rows) in new {
            for folder in folders_of(rows) {
                if let Some(other) = places.insert(folder.clone(), name)
                    && other != name
                {
                    wrong.push(format!("folder {folder} is both {other} and {name}"));
                }
            }
        }
        for ((folder, letter), copy) in &self.copies {
            let ever = self.flags.get(letter).cloned().unwrap_or_default();
            let place = places.get(folder);
            let there: Vec<&Row> = place
                .and_then(|name| new.get(*name))
                .into_iter()
                .flatten()
                .filter(|row| row.subject == *letter)
                .collect();
            let range = self.wanted(copy, !ever.is_empty());
            if !range.contains(&there.len()) {
                let place = place.unwrap_or(&"nowhere");
                wrong.push(format!(
                    "{letter} is {} times in {folder} ({place}) instead of {range:?}: {copy:?}",
                    there.len()
                ));
            }
            for row in there {
                let missing: Vec<&String> = copy.own_flags.difference(&row.flags).collect();
                if !missing.is_empty() && copy.want == Want::Once {
                    wrong.push(format!("{letter} in {folder} has lost its owner's {missing:?}"));
                }
                let strange: Vec<&String> = row.flags.difference(&ever).collect();
                if !strange.is_empty() {
                    wrong.push(format!(
                        "{letter} in {folder} has {strange:?}, which nobody has set"
                    ));
                }
            }
        }
        for (name, rows) in new {
            let here = folders_of(rows);
            for row in rows {
                let is_meant = here
                    .iter()
                    .any(|folder| self.copies.contains_key(&(folder.clone(), row.subject.clone())));
                if !is_meant {
                    wrong.push(format!("nobody has put {} into {name}", row.subject));
                }
            }
        }
        wrong.extend(self.flags_left_behind(old, new, &places));
        wrong
    }

    /// Flags of letters that have come from the old server, and are there still.
    fn flags_left_behind(
        &self,
        old: &Listing,
        new: &Listing,
        places: &BTreeMap<Folder, &str>,
    ) -> Vec<String> {
        let mut wrong = Vec::new();
        for rows in old.values() {
            for folder in folders_of(rows) {
                for row in rows {
                    let copy = self.copies.get(&(folder.clone(), row.subject.clone()));
                    let is_ours = copy.is_some_and(|copy| copy.want == Want::Once && copy.is_on_old);
                    let there = places.get(&folder).and_then(|name| new.get(*name));
                    let there = there
                        .into_iter()
                        .flatten()
                        .find(|there| there.subject == row.subject);
                    if let (true, Some(there)) = (is_ours, there) {
                        let missing: Vec<&String> = row.flags.difference(&there.flags).collect();
                        if !missing.is_empty() {
                            wrong.push(format!("{} in {folder} lacks {missing:?}", row.subject));
                        }
                    }
                }
            }
        }
        wrong
    }

    fn wanted(&self, copy: &Copy, was_flagged: bool) -> std::ops::RangeInclusive<usize> {
        let is_followed = self.follows_removals && copy.has_left_old && copy.own_flags.is_empty();
        match copy.want {
            // A pass that was killed after it had set a flag here has not noted whose that is: such a letter stays.
            Want::Once if is_followed && !copy.is_on_old => 0..=usize::from(was_flagged),
            Want::Once => 1..=1,
            Want::AtMostOnce => 0..=1,
            Want::OnceOrTwice => 1..=2,
            Want::Never => 0..=0,
        }
    }
}
