//! Which mailboxes are carried, and what each is called on the target.

mod naming;
mod roles;

use std::collections::BTreeMap;
use std::fmt;

use super::Selection;
use crate::mail::{MailboxName, Role, SpecialUse, folded};
use naming::Namer;

/// A mailbox as the source lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceMailbox {
    /// Its name, free of the source's delimiter and prefix.
    pub name: MailboxName,
    /// Whether it can hold messages (neither `\Noselect` nor `\NonExistent`).
    pub selectable: bool,
    /// Its role, where the server says it.
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
    /// Its role. No two mailboxes of an account have the same.
    pub role: Option<Role>,
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
    /// Its owner calls it by another name on the target than when it was brought.
    RenamedHere {
        /// On the target, then.
        before: MailboxName,
        /// On the target, now.
        now: MailboxName,
    },
    /// Its name differs from another's in nothing but case, blanks at the ends, or how accents are put together.
    LooksAlike {
        /// On the target.
        target: MailboxName,
        /// The other, on the target.
        other: MailboxName,
    },
    /// Another mailbox has the role that this one might have had.
    RoleTaken {
        /// On the source.
        source: MailboxName,
        /// The role.
        role: SpecialUse,
        /// The mailbox that has it, on the source.
        holder: MailboxName,
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
            Self::RenamedHere { before, now } => write!(
                f,
                "“{before}” is called “{now}” on the new server now: what comes for it goes there"
            ),
            Self::LooksAlike { target, other } => write!(
                f,
                "“{target}” and “{other}” look alike: both are kept, but some programs take them for one"
            ),
            Self::RoleTaken { source, role, holder } => write!(
                f,
                "“{source}” looks like {role} too; that role goes to “{holder}”, and both are kept under their own names"
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

/// Decides names, membership and roles. `known` are the names that earlier passes gave: they never change again.
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
    let mut namer = Namer::new(source, subscribed, known.iter(), rules);
    let mut plan = TreePlan::default();
    let (taken, excluded): (Vec<&SourceMailbox>, Vec<_>) =
        source.iter().partition(|mailbox| selection.takes(&mailbox.name));
    let left_out = excluded.into_iter().map(|mailbox| Note::Excluded {
        source: mailbox.name.clone(),
    });
    plan.notes.extend(left_out);
    let carried: Vec<&SourceMailbox> = taken.into_iter().filter(|mailbox| mailbox.selectable).collect();
    let (given_roles, role_notes) = roles::assign(&carried);
    for (mailbox, role) in carried.into_iter().zip(given_roles) {
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
            role,
        });
    }
    plan.notes.extend(role_notes);
    plan.notes.extend(look_alikes(&plan.mailboxes));
    plan.subscriptions = subscribed
        .iter()
        .filter(|name| selection.takes(name))
        .map(|name| {
            let exists = source.iter().any(|mailbox| mailbox.name == *name);
            namer.subscribed(name, exists)
        })
        .collect();
    plan
}

/// Names that a person, a client or a file system may take for another: each is told with the first that looks so.
fn look_alikes(mailboxes: &[MailboxPlan]) -> Vec<Note> {
    let mut seen: BTreeMap<Vec<String>, &MailboxName> = BTreeMap::new();
    let mut notes = Vec::new();
    for MailboxPlan { target, .. } in mailboxes {
        let levels = target.components().iter();
        let looks = levels.map(|level| folded(level.trim())).collect();
        let other = *seen.entry(looks).or_insert(target);
        if other != target {
            notes.push(Note::LooksAlike {
                target: target.clone(),
                other: other.clone(),
            });
        }
    }
    notes
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
    fn children_stay_below_parents_that_earlier_passes_named() {
        check(
            &["a.b", "a.b|new", "c.d|old", "c.d|new", "c_d"],
            &[("a.b", "a_b-7"), ("c.d|old", "c_d-2|old")],
            &expect![[r#"
                a.b → a_b-7
                a.b|new → a_b-7|new
                c.d|old → c_d-2|old
                c.d|new → c_d-2|new
                c_d → c_d"#]],
        );
    }

    #[test]
    fn too_deep_a_level_is_hung_higher_up() {
        let deep = ["x".repeat(20), "y".repeat(20), "z".repeat(20)].join("|");
        check(
            &[&deep, &format!("{}|{}", "x".repeat(20), "y".repeat(20))],
            &[],
            &expect![[r#"
                xxxxxxxxxxxxxxxxxxxx|yyyyyyyyyyyyyyyyyyyy|zzzzzzzzzzzzzzzzzzzz → xxxxxxxxxxxxxxxxxxxx|zzzzzzzzzzzzzzzzzzzz
                xxxxxxxxxxxxxxxxxxxx|yyyyyyyyyyyyyyyyyyyy → xxxxxxxxxxxxxxxxxxxx|yyyyyyyyyyyyyyyyyyyy"#]],
        );
    }

    #[test]
    fn a_number_has_to_fit_too() {
        let name = "v.".to_owned() + &"x".repeat(57);
        let other = "v/".to_owned() + &"x".repeat(57);
        check(
            &[&name, &other],
            &[],
            &expect![[r#"
            v.xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx → v_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
            v/xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx → v_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx~e715f3de"#]],
        );
    }

    #[test]
    fn what_no_server_lets_pass_is_mended() {
        for (path, target) in [
            ("a\u{2028}b", "a_b"),
            ("a\u{85}b", "a_b"),
            ("~", "_"),
            ("a b ", "a b "),
        ] {
            let plan = plan_tree(
                &[mailbox(path)],
                &[],
                &BTreeMap::new(),
                &Selection::default(),
                MAILDIR,
            );
            assert_eq!(plan.mailboxes[0].target, name(target), "{path:?}");
        }
    }

    #[test]
    fn a_subscription_to_what_is_missing_keeps_its_name() {
        let subscribed = [name("a_b"), name("a.b")];
        let known = BTreeMap::new();
        let plan = plan_tree(
            &[mailbox("a.b")],
            &subscribed,
            &known,
            &Selection::default(),
            MAILDIR,
        );
        assert_eq!(plan.subscriptions, [name("a_b"), name("a_b-2")]);
    }

    #[test]
    fn names_that_look_alike_are_both_kept_and_told() {
        let source = [
            "Work",
            "work",
            "Cafe\u{301}|x ",
            "Café|X",
            "Sent",
            "Sent ",
            "Sents",
        ]
        .map(mailbox);
        let plan = plan_tree(&source, &[], &BTreeMap::new(), &Selection::default(), MAILDIR);
        assert!(
            plan.mailboxes
                .iter()
                .all(|mailbox| mailbox.source == mailbox.target)
        );
        let notes: Vec<String> = plan
            .notes
            .iter()
            .map(|note| note.to_string().replace('\u{301}', "◌́"))
            .collect();
        expect![[r#"
            “Sent ” looks like \Sent too; that role goes to “Sent”, and both are kept under their own names
            “work” and “Work” look alike: both are kept, but some programs take them for one
            “Café/X” and “Cafe◌́/x ” look alike: both are kept, but some programs take them for one
            “Sent ” and “Sent” look alike: both are kept, but some programs take them for one"#]]
        .assert_eq(&notes.join("\n"));
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
                target: name("A"),
                role: None
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
