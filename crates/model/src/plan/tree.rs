//! Which mailboxes are carried, and what each is called on the target.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::Selection;
use crate::mail::{MailboxName, SpecialUse, mutf7};

/// A mailbox as the source lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceMailbox {
    /// Its name, free of the source's delimiter and prefix.
    pub name: MailboxName,
    /// Whether it can hold messages (neither `\Noselect` nor `\NonExistent`).
    pub selectable: bool,
    /// Its role.
    pub special_use: Option<SpecialUse>,
}

/// What names a target can hold.
#[derive(Clone, Copy, Debug)]
pub struct NameRules {
    /// Characters that no component may contain, besides control characters.
    pub forbidden: &'static [char],
    /// Octets that the whole name may take in modified UTF-7, one for each level boundary included.
    pub max_octets: usize,
}

/// One mailbox to carry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailboxPlan {
    /// On the source.
    pub source: MailboxName,
    /// On the target.
    pub target: MailboxName,
}

/// The tree as it will be on the target.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TreePlan {
    /// Mailboxes to carry, in the source's order.
    pub mailboxes: Vec<MailboxPlan>,
    /// Target names to subscribe to.
    pub subscriptions: Vec<MailboxName>,
    /// What a person should know before anything is written.
    pub notes: Vec<Note>,
}

/// Something about the tree that a person should know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Note {
    /// The target cannot hold the name as it is.
    Renamed {
        /// On the source.
        source: MailboxName,
        /// On the target.
        target: MailboxName,
    },
    /// The mailbox shows messages that lie in others as well (`\All`, `\Flagged`).
    Virtual {
        /// On the source.
        source: MailboxName,
        /// Its role.
        role: SpecialUse,
    },
    /// Another mailbox shows the same name: this one is told apart by a number.
    SameName {
        /// As it is called here.
        source: MailboxName,
    },
    /// The source calls it by another name than when it was brought.
    Moved {
        /// On the source, then.
        before: MailboxName,
        /// On the source, now.
        now: MailboxName,
    },
    /// It belongs to somebody else, or to everybody, and is not part of the account.
    NotOwn {
        /// On the source.
        source: MailboxName,
    },
    /// Left out as asked.
    Excluded {
        /// On the source.
        source: MailboxName,
    },
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Renamed { source, target } => {
                write!(
                    f,
                    "“{source}” cannot be called so on the target and becomes “{target}”"
                )
            }
            Self::Virtual { source, role } => write!(
                f,
                "“{source}” ({role}) usually shows messages that lie in other folders too; \
                 --exclude leaves it out if it is a mere view"
            ),
            Self::SameName { source } => write!(
                f,
                "two mailboxes of the source show the same name; the second is called “{source}” here"
            ),
            Self::Moved { before, now } => write!(
                f,
                "“{before}” is called “{now}” on the old server now: it is renamed here too, unless its owner has \
                 renamed it or made another of that name; its messages are not brought again"
            ),
            Self::NotOwn { source } => {
                write!(
                    f,
                    "“{source}” is shared by others and not part of this account: it is left out"
                )
            }
            Self::Excluded { source } => write!(f, "“{source}” is left out, as asked"),
        }
    }
}

/// Decides names and membership. `known` are the names that earlier passes gave: they never change again.
///
/// Mailboxes that cannot hold messages are not created: on the target they exist by having children. No two
/// mailboxes get the same target name: the one whose name needed no change keeps it, others get a number.
pub fn plan_tree(
    source: &[SourceMailbox],
    subscribed: &[MailboxName],
    known: &BTreeMap<MailboxName, MailboxName>,
    selection: &Selection,
    rules: NameRules,
) -> TreePlan {
    let mut namer = Namer::new(source, known, rules);
    let mut plan = TreePlan::default();
    for mailbox in source {
        if !selection.takes(&mailbox.name) {
            plan.notes.push(Note::Excluded {
                source: mailbox.name.clone(),
            });
            continue;
        }
        if !mailbox.selectable {
            continue;
        }
        let target = namer.target(&mailbox.name);
        if target != mailbox.name {
            plan.notes.push(Note::Renamed {
                source: mailbox.name.clone(),
                target: target.clone(),
            });
        }
        if let Some(role) = mailbox.special_use.filter(|role| role.is_virtual()) {
            plan.notes.push(Note::Virtual {
                source: mailbox.name.clone(),
                role,
            });
        }
        plan.mailboxes.push(MailboxPlan {
            source: mailbox.name.clone(),
            target,
        });
    }
    plan.subscriptions = subscribed
        .iter()
        .filter(|name| selection.takes(name))
        .map(|name| namer.subscribed(name))
        .collect();
    plan
}

/// Gives target names, each only once, level by level, so that children stay below their parents.
struct Namer<'a> {
    rules: NameRules,
    given: BTreeMap<Vec<String>, Vec<String>>,
    taken: BTreeSet<Vec<String>>,
    /// Names that earlier passes gave to other mailboxes: one that appears now under such a name gets another.
    given_before: BTreeSet<Vec<String>>,
    known: &'a BTreeMap<MailboxName, MailboxName>,
    /// What the source has.
    listed: BTreeSet<&'a [String]>,
}

impl<'a> Namer<'a> {
    fn new(
        source: &'a [SourceMailbox],
        known: &'a BTreeMap<MailboxName, MailboxName>,
        rules: NameRules,
    ) -> Self {
        let given_before: BTreeSet<Vec<String>> = known
            .iter()
            .filter(|(source, target)| source != target)
            .map(|(_, target)| target.components().to_vec())
            .collect();
        let mut taken: BTreeSet<Vec<String>> =
            known.values().map(|name| name.components().to_vec()).collect();
        // Names that fit as they are come first, so that a mended name never takes the place of one of them.
        for mailbox in source {
            let components = mailbox.name.components();
            for levels in 1..=components.len() {
                if fits(&components[..levels], rules) {
                    taken.insert(components[..levels].to_vec());
                }
            }
        }
        Self {
            rules,
            given: BTreeMap::new(),
            taken,
            given_before,
            known,
            listed: source.iter().map(|mailbox| mailbox.name.components()).collect(),
        }
    }

    fn target(&mut self, source: &MailboxName) -> MailboxName {
        if let Some(target) = self.known.get(source) {
            return target.clone();
        }
        let components = self.components(source.components());
        MailboxName::from_components(components).unwrap_or_else(|| source.clone())
    }

    /// A subscription may be to a mailbox that does not exist: such a one takes nobody's name, and needs none of its own.
    fn subscribed(&mut self, source: &MailboxName) -> MailboxName {
        let exists = self.listed.contains(source.components());
        if !exists && fits(source.components(), self.rules) {
            return source.clone();
        }
        self.target(source)
    }

    fn components(&mut self, source: &[String]) -> Vec<String> {
        let is_given = (1..=source.len()).any(|levels| self.given_before.contains(&source[..levels]));
        if fits(source, self.rules) && !is_given {
            return source.to_vec();
        }
        if let Some(given) = self.given.get(source) {
            return given.clone();
        }
        let Some((last, above)) = source.split_last() else {
            return Vec::new();
        };
        let above = if above.is_empty() {
            Vec::new()
        } else {
            self.components(above)
        };
        let mended = mend(last, &above, self.rules);
        let target = (1..=u32::MAX)
            .map(|number| {
                let mut target = above.clone();
                target.push(if number == 1 {
                    mended.clone()
                } else {
                    format!("{mended}-{number}")
                });
                target
            })
            .find(|target| !self.taken.contains(target))
            .unwrap_or_default();
        self.taken.insert(target.clone());
        self.given.insert(source.to_vec(), target.clone());
        target
    }
}

fn is_forbidden(c: char, rules: NameRules) -> bool {
    c.is_control() || rules.forbidden.contains(&c)
}

fn octets(components: &[String]) -> usize {
    components
        .iter()
        .map(|component| mutf7::encode(component).len() + 1)
        .sum()
}

fn fits(components: &[String], rules: NameRules) -> bool {
    let plain = |component: &String| {
        !component.starts_with('~') && !component.chars().any(|c| is_forbidden(c, rules))
    };
    components.iter().all(plain) && octets(components) <= rules.max_octets
}

/// Room for the number and the mark of a shortened name.
const SHORTENING_ROOM: usize = 16;

fn mend(component: &str, above: &[String], rules: NameRules) -> String {
    let mut mended: String = component
        .chars()
        .map(|c| if is_forbidden(c, rules) { '_' } else { c })
        .collect();
    if mended.starts_with('~') {
        mended.replace_range(..1, "_");
    }
    let room = rules.max_octets.saturating_sub(octets(above));
    if mutf7::encode(&mended).len() < room {
        return mended;
    }
    // The mark keeps two long names apart that begin alike, and stays the same in every pass.
    let mark = format!("~{:08x}", fnv1a(component.as_bytes()));
    while !mended.is_empty() && mutf7::encode(&mended).len() + SHORTENING_ROOM > room {
        mended.pop();
    }
    mended + &mark
}

/// FNV-1a, 32 bits: a mark in a name, not a protection.
fn fnv1a(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811c_9dc5, |hash, &byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Pattern;
    use expect_test::{Expect, expect};

    const MAILDIR: NameRules = NameRules {
        forbidden: &['.', '/'],
        max_octets: 60,
    };

    fn name(path: &str) -> MailboxName {
        MailboxName::from_path(path, Some('|')).unwrap()
    }

    fn mailbox(path: &str) -> SourceMailbox {
        SourceMailbox {
            name: name(path),
            selectable: !path.ends_with('^'),
            special_use: None,
        }
    }

    fn check(paths: &[&str], known: &[(&str, &str)], expected: &Expect) {
        let source: Vec<SourceMailbox> = paths.iter().map(|path| mailbox(path)).collect();
        let known = known
            .iter()
            .map(|(source, target)| (name(source), name(target)))
            .collect();
        let plan = plan_tree(&source, &[], &known, &Selection::default(), MAILDIR);
        let lines: Vec<String> = plan
            .mailboxes
            .iter()
            .map(|mailbox| {
                format!(
                    "{} → {}",
                    mailbox.source.components().join("|"),
                    mailbox.target.components().join("|")
                )
            })
            .collect();
        expected.assert_eq(&lines.join("\n"));
    }

    #[test]
    fn plain_names_stay() {
        check(
            &["INBOX", "INBOX|Child", "R&D", "Клиенты|Иванов"],
            &[],
            &expect![[r#"
            INBOX → INBOX
            INBOX|Child → INBOX|Child
            R&D → R&D
            Клиенты|Иванов → Клиенты|Иванов"#]],
        );
    }

    #[test]
    fn names_the_target_cannot_hold_are_mended_with_their_children() {
        check(
            &["v1.0", "v1.0|notes", "a/b", "~root", "tab\there"],
            &[],
            &expect![[r#"
            v1.0 → v1_0
            v1.0|notes → v1_0|notes
            a/b → a_b
            ~root → _root
            tab	here → tab_here"#]],
        );
    }

    #[test]
    fn mended_names_never_collide() {
        check(
            &["a.b", "a/b", "a_b", "a.b|x"],
            &[],
            &expect![[r#"
            a.b → a_b-2
            a/b → a_b-3
            a_b → a_b
            a.b|x → a_b-2|x"#]],
        );
    }

    #[test]
    fn names_given_before_stay() {
        check(
            &["a.b", "a_b"],
            &[("a.b", "a_b-7")],
            &expect![[r#"
            a.b → a_b-7
            a_b → a_b"#]],
        );
    }

    #[test]
    fn a_name_given_before_is_not_given_again() {
        check(
            &["a.b", "a_b", "a_b|c"],
            &[("a.b", "a_b")],
            &expect![[r#"
                a.b → a_b
                a_b → a_b-2
                a_b|c → a_b-2|c"#]],
        );
    }

    #[test]
    fn long_names_are_shortened_and_stay_apart() {
        let long = "x".repeat(80);
        let other = format!("{}y", "x".repeat(79));
        check(
            &[&long, &other],
            &[],
            &expect![[r#"
                xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx → xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx~67b9d905
                xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxy → xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx~66b9d772"#]],
        );
    }

    #[test]
    fn what_cannot_hold_messages_or_is_excluded_is_not_carried() {
        let source = [mailbox("Parent^"), mailbox("A"), mailbox("Trash|Old")];
        let selection = Selection {
            include: Vec::new(),
            exclude: vec![Pattern::new("Trash")],
        };
        let subscribed = [name("A"), name("Missing"), name("Trash|Old")];
        let plan = plan_tree(&source, &subscribed, &BTreeMap::new(), &selection, MAILDIR);
        assert_eq!(
            plan.mailboxes,
            [MailboxPlan {
                source: name("A"),
                target: name("A")
            }]
        );
        assert_eq!(plan.subscriptions, [name("A"), name("Missing")]);
        assert_eq!(
            plan.notes,
            [Note::Excluded {
                source: name("Trash|Old")
            }]
        );
    }
}
