//! NAMESPACE (RFC 2342, RFC 9051 section 6.3.10).

use transhume_model::mail::HierarchyDelimiter;

use crate::wire::{Namespace, WireName};

/// Where the user's own mailboxes are, and which are not the user's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PersonalNamespace {
    namespace: Namespace,
}

impl From<Namespace> for PersonalNamespace {
    fn from(namespace: Namespace) -> Self {
        Self { namespace }
    }
}

impl PersonalNamespace {
    /// What every personal mailbox but INBOX begins with; empty on most servers.
    pub fn prefix(&self) -> &[u8] {
        self.namespace
            .personal
            .first()
            .map_or(b"", |(prefix, _)| prefix.as_bytes())
    }

    /// The delimiter in the personal namespace; `None` for NIL, and where the server has no NAMESPACE.
    pub fn delimiter(&self) -> HierarchyDelimiter {
        self.namespace
            .personal
            .first()
            .and_then(|(_, delimiter)| *delimiter)
    }

    /// Whether a mailbox is the user's own: it is unless the longest prefix that it begins with is that of
    /// another namespace.
    pub fn owns(&self, name: &WireName) -> bool {
        if name.is_inbox() {
            return true;
        }
        let longest = |prefixes: &[(WireName, HierarchyDelimiter)]| {
            let begins = |(prefix, _): &&(WireName, _)| name.as_bytes().starts_with(prefix.as_bytes());
            prefixes
                .iter()
                .filter(begins)
                .map(|(prefix, _)| prefix.as_bytes().len())
                .max()
        };
        let own = longest(&self.namespace.personal);
        let others = longest(&self.namespace.other).max(longest(&self.namespace.shared));
        others.is_none() || own >= others
    }
}
