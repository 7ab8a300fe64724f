//! Says what differs between two accounts, each difference by name. It has no opinion on which
//! differences matter; the options only leave out what a test cannot have.

use std::collections::BTreeMap;
use std::fmt;

use crate::encode;
use crate::error::TestkitError;
use crate::oracle::Oracle;
use crate::view::{AccountView, FolderName, FolderView, MessageView};

/// What to compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CompareOptions {
    /// UIDs, UIDVALIDITY and UIDNEXT. Without them messages are paired by their content.
    pub uids: bool,
    /// Special-use attributes, which some servers only have in their configuration.
    pub special_use: bool,
}

impl Default for CompareOptions {
    fn default() -> Self {
        Self {
            uids: true,
            special_use: true,
        }
    }
}

/// One difference; `source` is what should be, `target` what is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Where: the folder's components.
    pub folder: FolderName,
    /// Which message, by its UID on the source (on the target for an extra one).
    pub uid: Option<u32>,
    /// What differs.
    pub kind: DifferenceKind,
}

/// What differs.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    missing_docs,
    reason = "the variants are named after what they say; source first, target second"
)]
pub enum DifferenceKind {
    MissingFolder,
    ExtraFolder,
    Selectable {
        source: bool,
        target: bool,
    },
    UidValidity {
        source: u32,
        target: u32,
    },
    UidNextLower {
        source: u32,
        target: u32,
    },
    Subscribed {
        source: bool,
        target: bool,
    },
    SpecialUse {
        source: Vec<String>,
        target: Vec<String>,
    },
    MissingMessage,
    ExtraMessage,
    SystemFlags {
        source: Vec<String>,
        target: Vec<String>,
    },
    Keywords {
        source: Vec<String>,
        target: Vec<String>,
    },
    InternalDate {
        source: i64,
        target: i64,
    },
    Rfc822Size {
        source: u64,
        target: u64,
    },
    BodyLength {
        source: u64,
        target: u64,
    },
    BodySha256 {
        source: [u8; 32],
        target: [u8; 32],
    },
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use DifferenceKind as Kind;
        write!(f, "{}", self.folder.join("/").escape_debug())?;
        if let Some(uid) = self.uid {
            write!(f, " UID {uid}")?;
        }
        f.write_str(": ")?;
        match &self.kind {
            Kind::MissingFolder => f.write_str("the folder is missing"),
            Kind::ExtraFolder => f.write_str("a folder that should not be there"),
            Kind::Selectable { source, target } => write!(f, "selectable is {target}, should be {source}"),
            Kind::UidValidity { source, target } => write!(f, "UIDVALIDITY is {target}, should be {source}"),
            Kind::UidNextLower { source, target } => write!(f, "UIDNEXT is {target}, below {source}"),
            Kind::Subscribed { source, target } => write!(f, "subscribed is {target}, should be {source}"),
            Kind::SpecialUse { source, target } => {
                write!(f, "special use is {target:?}, should be {source:?}")
            }
            Kind::MissingMessage => f.write_str("the message is missing"),
            Kind::ExtraMessage => f.write_str("a message that should not be there"),
            Kind::SystemFlags { source, target } => write!(f, "flags are {target:?}, should be {source:?}"),
            Kind::Keywords { source, target } => write!(f, "keywords are {target:?}, should be {source:?}"),
            Kind::InternalDate { source, target } => {
                let (target, source) = (encode::imap_date(*target), encode::imap_date(*source));
                write!(f, "INTERNALDATE is {target}, should be {source}")
            }
            Kind::Rfc822Size { source, target } => write!(f, "RFC822.SIZE is {target}, should be {source}"),
            Kind::BodyLength { source, target } => {
                write!(f, "the body has {target} bytes, should have {source}")
            }
            Kind::BodySha256 { source, target } => {
                write!(
                    f,
                    "SHA-256 of the body is {}, should be {}",
                    encode::hex(target),
                    encode::hex(source)
                )
            }
        }
    }
}

/// Reads a whole account, changing nothing in it.
pub fn snapshot(oracle: &mut Oracle) -> Result<AccountView, TestkitError> {
    let mut view = AccountView::default();
    for listed in oracle.list_all()? {
        let mut folder = FolderView {
            selectable: listed.selectable,
            subscribed: listed.subscribed,
            special_use: listed.special_use,
            ..FolderView::default()
        };
        if listed.selectable {
            let selected = oracle.examine(&listed.name)?;
            folder.uid_validity = selected.uid_validity;
            folder.uid_next = selected.uid_next;
            if selected.exists > 0 {
                oracle.fetch_each(|message| {
                    folder.messages.insert(message.uid, message.into());
                })?;
            }
            if folder.messages.len() != selected.exists as usize {
                let (said, came) = (selected.exists, folder.messages.len());
                let name = listed.name.join("/");
                return Err(TestkitError::Protocol(format!(
                    "{name}: {said} messages announced, {came} came"
                )));
            }
        }
        view.folders.insert(listed.name, folder);
    }
    Ok(view)
}

/// All differences, UIDs and special uses included.
pub fn compare(source: &AccountView, target: &AccountView) -> Vec<Difference> {
    compare_with(source, target, CompareOptions::default())
}

/// All differences the options ask for.
pub fn compare_with(source: &AccountView, target: &AccountView, options: CompareOptions) -> Vec<Difference> {
    let mut report = Report {
        found: Vec::new(),
        options,
    };
    for (name, folder) in &source.folders {
        match target.folders.get(name) {
            Some(other) => report.folder(name, folder, other),
            None if is_shadow(folder) => {}
            None => report.add(name, None, DifferenceKind::MissingFolder),
        }
    }
    for (name, folder) in &target.folders {
        if !source.folders.contains_key(name) && !is_shadow(folder) {
            report.add(name, None, DifferenceKind::ExtraFolder);
        }
    }
    report.found
}

/// A name that is listed only because it has children: some servers list it, some do not.
fn is_shadow(folder: &FolderView) -> bool {
    !folder.selectable && !folder.subscribed
}

struct Report {
    found: Vec<Difference>,
    options: CompareOptions,
}

impl Report {
    fn add(&mut self, folder: &FolderName, uid: Option<u32>, kind: DifferenceKind) {
        self.found.push(Difference {
            folder: folder.clone(),
            uid,
            kind,
        });
    }

    fn folder(&mut self, name: &FolderName, source: &FolderView, target: &FolderView) {
        use DifferenceKind as Kind;
        if source.selectable != target.selectable {
            self.add(
                name,
                None,
                Kind::Selectable {
                    source: source.selectable,
                    target: target.selectable,
                },
            );
        }
        if source.subscribed != target.subscribed {
            self.add(
                name,
                None,
                Kind::Subscribed {
                    source: source.subscribed,
                    target: target.subscribed,
                },
            );
        }
        if self.options.special_use && source.special_use != target.special_use {
            let list = |folder: &FolderView| folder.special_use.iter().cloned().collect();
            self.add(
                name,
                None,
                Kind::SpecialUse {
                    source: list(source),
                    target: list(target),
                },
            );
        }
        if !self.options.uids {
            return self.by_content(name, source, target);
        }
        if source.uid_validity != target.uid_validity {
            let (source, target) = (source.uid_validity, target.uid_validity);
            self.add(name, None, Kind::UidValidity { source, target });
        }
        // Higher does no harm: clients only rely on it never falling.
        if target.uid_next < source.uid_next {
            let (source, target) = (source.uid_next, target.uid_next);
            self.add(name, None, Kind::UidNextLower { source, target });
        }
        for (uid, message) in &source.messages {
            match target.messages.get(uid) {
                Some(other) => self.message(name, *uid, message, other),
                None => self.add(name, Some(*uid), Kind::MissingMessage),
            }
        }
        for uid in target
            .messages
            .keys()
            .filter(|uid| !source.messages.contains_key(uid))
        {
            self.add(name, Some(*uid), Kind::ExtraMessage);
        }
    }

    fn message(&mut self, name: &FolderName, uid: u32, source: &MessageView, target: &MessageView) {
        use DifferenceKind as Kind;
        let flags = |message: &MessageView, system: bool| -> Vec<String> {
            message
                .flags
                .iter()
                .filter(|flag| flag.starts_with('\\') == system)
                .cloned()
                .collect()
        };
        let mut add = |different: bool, kind: Kind| {
            if different {
                self.add(name, Some(uid), kind);
            }
        };
        let (from, to) = (flags(source, true), flags(target, true));
        add(
            from != to,
            Kind::SystemFlags {
                source: from,
                target: to,
            },
        );
        let (from, to) = (flags(source, false), flags(target, false));
        add(
            from != to,
            Kind::Keywords {
                source: from,
                target: to,
            },
        );
        let (from, to) = (source.internal_date, target.internal_date);
        add(
            from != to,
            Kind::InternalDate {
                source: from,
                target: to,
            },
        );
        let (from, to) = (source.rfc822_size, target.rfc822_size);
        add(
            from != to,
            Kind::Rfc822Size {
                source: from,
                target: to,
            },
        );
        let (from, to) = (source.body_len, target.body_len);
        add(
            from != to,
            Kind::BodyLength {
                source: from,
                target: to,
            },
        );
        let (from, to) = (source.body_sha256, target.body_sha256);
        add(
            from != to,
            Kind::BodySha256 {
                source: from,
                target: to,
            },
        );
    }

    /// Pairs messages of equal content, those that agree in everything else first.
    fn by_content(&mut self, name: &FolderName, source: &FolderView, target: &FolderView) {
        let mut left: BTreeMap<[u8; 32], Vec<(u32, &MessageView)>> = BTreeMap::new();
        for (uid, message) in &target.messages {
            left.entry(message.body_sha256).or_default().push((*uid, message));
        }
        let mut unpaired = Vec::new();
        for (uid, message) in &source.messages {
            let twins = left.entry(message.body_sha256).or_default();
            match twins.iter().position(|(_, other)| *other == message) {
                Some(at) => drop(twins.remove(at)),
                None => unpaired.push((*uid, message)),
            }
        }
        for (uid, message) in unpaired {
            let twins = left.entry(message.body_sha256).or_default();
            if twins.is_empty() {
                self.add(name, Some(uid), DifferenceKind::MissingMessage);
            } else {
                let (_, other) = twins.remove(0);
                self.message(name, uid, message, other);
            }
        }
        for (uid, _) in left.into_values().flatten() {
            self.add(name, Some(uid), DifferenceKind::ExtraMessage);
        }
    }
}
