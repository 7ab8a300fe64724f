//! What each mailbox is called on the target.
//!
//! Every path of the source, mailbox or only a level above one, gets one path on the target, and no two get the same:
//! whose a path on the target is, is written down before another is looked for. So whatever the names are, the way
//! back from the target's name is known.

use std::collections::{BTreeMap, BTreeSet};

use super::{NameRules, SourceMailbox};
use crate::mail::{MailboxName, mutf7};

/// Levels, top first.
type Path = Vec<String>;

/// Gives target names, each only once, level by level, so that children stay below their parents.
pub(super) struct Namer {
    rules: NameRules,
    /// From a path of the source to that on the target.
    given: BTreeMap<Path, Path>,
    /// The paths on the target that are somebody's.
    taken: BTreeSet<Path>,
}

impl Namer {
    /// First come the names that earlier passes gave, then those that need no change, so that a mended name never takes
    /// the place of one of them.
    pub(super) fn new<'a>(
        source: &[SourceMailbox],
        subscribed: &[MailboxName],
        known: impl Iterator<Item = (&'a MailboxName, &'a MailboxName)> + Clone,
        rules: NameRules,
    ) -> Self {
        let mut namer = Self {
            rules,
            given: BTreeMap::new(),
            taken: BTreeSet::new(),
        };
        for (from, to) in known.clone() {
            // Two sources of one target cannot come out of this program; should it be so, both stay as they are.
            namer
                .given
                .insert(from.components().to_vec(), to.components().to_vec());
            namer.taken.insert(to.components().to_vec());
        }
        // What lies above a known name got its own name then, even if it is no mailbox.
        for (from, to) in known {
            let (from, to) = (from.components(), to.components());
            if from.len() == to.len() {
                for levels in 1..from.len() {
                    namer.give(&from[..levels], to[..levels].to_vec());
                }
            }
        }
        let all = source.iter().map(|mailbox| &mailbox.name).chain(subscribed);
        for name in all {
            for levels in 1..=name.components().len() {
                let path = &name.components()[..levels];
                // Below a name that changes, names change too.
                if !(fits(path, rules) && (namer.stays(path) || namer.give(path, path.to_vec()))) {
                    break;
                }
            }
        }
        namer
    }

    fn stays(&self, path: &[String]) -> bool {
        self.given.get(path).is_some_and(|given| given == path)
    }

    /// The name on the target: always the same for the same source.
    pub(super) fn target(&mut self, source: &MailboxName) -> MailboxName {
        let path = self.path(source.components());
        // Only names that are none come out as none.
        MailboxName::from_components(path).unwrap_or_else(|| source.clone())
    }

    /// A subscription may be to a mailbox that does not exist, any more or yet: such a one takes nobody's name, and needs none of
    /// its own.
    pub(super) fn subscribed(&mut self, source: &MailboxName, exists: bool) -> MailboxName {
        if !exists && fits(source.components(), self.rules) {
            return source.clone();
        }
        self.target(source)
    }

    fn path(&mut self, source: &[String]) -> Path {
        if let Some(given) = self.given.get(source) {
            return given.clone();
        }
        let Some((last, above)) = source.split_last() else {
            return Path::new();
        };
        let mut above = if above.is_empty() {
            Path::new()
        } else {
            self.path(above)
        };
        // Too deep for another level: it is hung higher up, where there is room.
        while octets(&above) + LEAST_ROOM > self.rules.max_octets && above.pop().is_some() {}
        let room = self.rules.max_octets.saturating_sub(octets(&above) + 1);
        let plain = plain(last, self.rules);
        let short = shortened(&plain, source, room);
        let whole = (1..=u32::MAX).map(|number| numbered(&plain, number));
        // Numbers grow longer than the room that they have: then the short form goes on.
        let whole = whole.take_while(|name| mutf7::encode(name).len() <= room);
        let candidates = whole.chain((1..=u32::MAX).map(|number| numbered(&short, number)));
        for candidate in candidates {
            let mut target = above.clone();
            target.push(candidate);
            // A level called Inbox that is hung at the top is still not INBOX.
            let is_inbox = target.len() == 1 && target[0].eq_ignore_ascii_case("INBOX");
            if !is_inbox && self.give(source, target.clone()) {
                return target;
            }
        }
        source.to_vec()
    }

    /// Whether the target's path was nobody's, and the source's path had none: it has now.
    fn give(&mut self, source: &[String], target: Path) -> bool {
        if self.given.contains_key(source) || self.taken.contains(&target) {
            return false;
        }
        self.taken.insert(target.clone());
        self.given.insert(source.to_vec(), target);
        true
    }
}

fn numbered(name: &str, number: u32) -> String {
    if number == 1 {
        name.to_owned()
    } else {
        format!("{name}-{number}")
    }
}

/// Line and paragraph separators are no control characters for Unicode, but no server lets them pass.
fn is_forbidden(c: char, rules: NameRules) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') || rules.forbidden.contains(&c)
}

/// The octets of a path, one for each level's boundary included.
fn octets(path: &[String]) -> usize {
    path.iter()
        .map(|component| mutf7::encode(component).len() + 1)
        .sum()
}

fn fits(path: &[String], rules: NameRules) -> bool {
    path.iter().all(|component| plain(component, rules) == *component) && octets(path) <= rules.max_octets
}

/// The name with another character for each that the target cannot hold.
fn plain(component: &str, rules: NameRules) -> String {
    let mut plain: String = component
        .chars()
        .map(|c| if is_forbidden(c, rules) { '_' } else { c })
        .collect();
    if plain.starts_with('~') {
        plain.replace_range(..1, "_");
    }
    plain
}

/// The octets of a mark, and of a number up to 99,999 that may have to follow it.
const MARK_ROOM: usize = 9 + 6;

/// The least that a level must have room for: a mark, a number, its boundary, and a few letters for people.
const LEAST_ROOM: usize = MARK_ROOM + 1 + 4;

/// As much of the name as there is room for, with a mark that keeps two long names apart that begin alike, and that is
/// the same in every pass.
fn shortened(plain: &str, source: &[String], room: usize) -> String {
    let mark = format!("~{:08x}", fnv1a(source.join("\0").as_bytes()));
    let mut short = String::new();
    for c in plain.chars() {
        short.push(c);
        if mutf7::encode(&short).len() + MARK_ROOM > room {
            short.pop();
            break;
        }
    }
    short.truncate(short.trim_end().len());
    // A name must not begin with the mark's tilde.
    if short.is_empty() {
        short.push('_');
    }
    short + &mark
}

/// FNV-1a, 32 bits: a mark in a name, not a protection.
fn fnv1a(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811c_9dc5, |hash, &byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::plan::{Note, Selection, TreePlan, plan_tree};
    use proptest::collection::{btree_set, vec};
    use proptest::prelude::*;

    const RULES: NameRules = NameRules {
        forbidden: &['.', '/'],
        max_octets: 50,
    };

    /// Levels that run into each other when they are mended, numbered, shortened or folded.
    fn level() -> impl Strategy<Value = String> {
        prop_oneof![
            4 => "[ab./_~]{1,3}",
            2 => "[a_][-_.][2-3~]",
            1 => "[aA\u{e9}\u{301}e\u{1}\u{2028}]{1,3}",
            1 => "x{20,22}[./_y]{0,2}",
            1 => "[\u{65e5}./_]{8,16}",
            1 => "INBOX|inbox|[^|]{1,30}",
        ]
    }

    fn names(most: usize) -> impl Strategy<Value = BTreeSet<MailboxName>> {
        let name = vec(level(), 1..5).prop_filter_map("an empty level", MailboxName::from_components);
        btree_set(name, 1..most)
    }

    type Names = BTreeMap<MailboxName, MailboxName>;

    fn plan(source: &BTreeSet<MailboxName>, known: &Names) -> (Names, TreePlan) {
        let source: Vec<SourceMailbox> = source
            .iter()
            .map(|name| SourceMailbox {
                name: name.clone(),
                selectable: true,
                special_use: None,
            })
            .collect();
        let plan = plan_tree(&source, &[], known, &Selection::default(), RULES);
        let names = plan
            .mailboxes
            .iter()
            .map(|mailbox| (mailbox.source.clone(), mailbox.target.clone()));
        (names.collect(), plan)
    }

    /// The way back; `None` where two sources have one target.
    fn reversed(names: &Names) -> Option<Names> {
        let back: Names = names
            .iter()
            .map(|(source, target)| (target.clone(), source.clone()))
            .collect();
        (back.len() == names.len()).then_some(back)
    }

    proptest! {
        #[test]
        fn whatever_the_names_no_two_become_one(source in names(12)) {
            let (names, plan) = plan(&source, &Names::new());
            let back = reversed(&names);
            prop_assert!(back.is_some(), "{names:?}");
            for (target, source) in back.unwrap_or_default() {
                prop_assert!(fits(target.components(), RULES), "{target:?}");
                prop_assert_eq!(target.is_inbox(), source.is_inbox());
                // What a name was before is told wherever it is not the same.
                let told = plan.notes.contains(&Note::Renamed { source: source.clone(), target: target.clone() });
                prop_assert_eq!(told, source != target);
                prop_assert!(!fits(source.components(), RULES) || source == target);
            }
        }

        /// A second pass, with more mailboxes, or fewer, or after one that was interrupted: what was given stays, and
        /// what is new takes nobody's place.
        #[test]
        fn what_was_given_stays(
            first in names(10),
            second in names(10),
            keep in vec(any::<bool>(), 10),
        ) {
            let (given, _) = plan(&first, &Names::new());
            let known: Names = given.into_iter().zip(keep).filter(|(_, keep)| *keep).map(|(pair, _)| pair).collect();
            let all: BTreeSet<MailboxName> = first.union(&second).cloned().collect();
            for source in [&all, &second] {
                let (again, _) = plan(source, &known);
                for (source, target) in &known {
                    prop_assert!(again.get(source).is_none_or(|name| name == target));
                }
                let together: Names = again.into_iter().chain(known.clone()).collect();
                prop_assert!(reversed(&together).is_some(), "{known:?} {together:?}");
                let (same, _) = plan(source, &together);
                prop_assert!(same.iter().all(|(source, target)| together[source] == *target));
            }
        }
    }
}
