//! Which mailbox has which role.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::{Note, SourceMailbox};
use crate::mail::{Role, SpecialUse, suggested};

/// The roles of mailboxes, in their order, and what a person should know about the choice.
///
/// The server's word counts, and where it has none for a role, the name: one mailbox for each role. Of several the one
/// with the most usual name has it, then the one that is nearer to the top, then the first.
pub(super) fn assign(mailboxes: &[&SourceMailbox]) -> (Vec<Option<Role>>, Vec<Note>) {
    let mut claims: BTreeMap<SpecialUse, Vec<Claim>> = BTreeMap::new();
    for (index, mailbox) in mailboxes.iter().enumerate() {
        let by_name = suggested(&mailbox.name);
        let (role, guessed) = match (mailbox.special_use, by_name) {
            (Some(role), _) => (role, false),
            (None, Some((role, _))) => (role, true),
            (None, None) => continue,
        };
        claims.entry(role).or_default().push(Claim {
            index,
            guessed,
            rank: by_name.filter(|(named, _)| *named == role).map(|(_, rank)| rank),
            depth: mailbox.name.components().len(),
        });
    }
    let mut roles = vec![None; mailboxes.len()];
    let mut notes = Vec::new();
    for (special_use, mut claims) in claims {
        claims.sort_by_key(Claim::weight);
        let Some((holder, others)) = claims.split_first() else {
            continue;
        };
        let guessed = holder.guessed;
        roles[holder.index] = Some(Role { special_use, guessed });
        notes.extend(others.iter().map(|claim| Note::RoleTaken {
            source: mailboxes[claim.index].name.clone(),
            role: special_use,
            holder: mailboxes[holder.index].name.clone(),
        }));
    }
    (roles, notes)
}

struct Claim {
    index: usize,
    guessed: bool,
    /// How usual the name is for the role; `None` where it says nothing of it.
    rank: Option<usize>,
    depth: usize,
}

impl Claim {
    /// The least has the role.
    fn weight(&self) -> (bool, Reverse<bool>, Option<usize>, usize, usize) {
        let named = Reverse(self.rank.is_some());
        (self.guessed, named, self.rank, self.depth, self.index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::MailboxName;

    /// `Name` or `Name \Attribute`.
    fn assigned(lines: &[&str]) -> (Vec<String>, Vec<String>) {
        let mailboxes: Vec<SourceMailbox> = lines
            .iter()
            .map(|line| {
                let (path, attribute) = line.split_once(" \\").unwrap_or((line, ""));
                SourceMailbox {
                    name: MailboxName::from_path(path, Some('/')).unwrap(),
                    selectable: true,
                    special_use: SpecialUse::from_attribute(&format!("\\{attribute}")),
                }
            })
            .collect();
        let (roles, notes) = assign(&mailboxes.iter().collect::<Vec<_>>());
        let shown = roles.iter().zip(&mailboxes).filter_map(|(role, mailbox)| {
            let role = role.as_ref()?;
            Some(format!("{} {role}", mailbox.name))
        });
        (shown.collect(), notes.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn the_servers_word_counts_before_names() {
        for (lines, expected) in [
            (&["INBOX", "Sent", "Work"][..], &["Sent \\Sent by its name"][..]),
            (&["Sent", "Outgoing \\Sent"], &["Outgoing \\Sent"]),
            (&["Sent \\Trash"], &["Sent \\Trash"]),
            // The most usual name, whatever the order.
            (
                &["Éléments envoyés", "Sent Items", "Sent"],
                &["Sent \\Sent by its name"],
            ),
            (&["INBOX/Sent", "Gesendet"], &["INBOX/Sent \\Sent by its name"]),
            (&["INBOX/Sent", "Sent"], &["Sent \\Sent by its name"]),
            // Two by the server's word.
            (&["x \\Junk", "Spam \\Junk", "y \\Junk"], &["Spam \\Junk"]),
            (&["y \\Junk", "x \\Junk"], &["y \\Junk"]),
            (&["Projects/Sent", "a/Trash"], &[]),
            (
                &["All \\All", "Drafts"],
                &["All \\All", "Drafts \\Drafts by its name"],
            ),
        ] {
            assert_eq!(assigned(lines).0, expected, "{lines:?}");
        }
    }

    #[test]
    fn who_goes_without_is_told() {
        let (_, notes) = assigned(&["Sent", "Sent Items", "Gesendet \\Sent"]);
        assert_eq!(
            notes,
            [
                "“Sent” looks like \\Sent too; that role goes to “Gesendet”, and both are kept under their own names",
                "“Sent Items” looks like \\Sent too; that role goes to “Gesendet”, and both are kept under their own names",
            ]
        );
    }
}
