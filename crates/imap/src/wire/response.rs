//! Responses as types (RFC 9051 section 7).

use bytes::Bytes;
use transhume_model::mail::{FlagSet, HierarchyDelimiter, ModSeq, Uid, UidValidity};

use super::{Capabilities, Code, Fetch, Tag, WireName};

/// One whole response. The texts in it are free of control characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Response {
    /// The reply that ends a command.
    Tagged(Tagged),
    /// Untagged OK, NO, BAD, BYE or PREAUTH.
    Status(StatusResponse),
    /// `* CAPABILITY`
    Capability(Capabilities),
    /// `* LIST`
    List(ListItem),
    /// `* LSUB`
    Lsub(ListItem),
    /// `* STATUS`
    MailboxStatus {
        /// The mailbox, as the server spells it here.
        name: WireName,
        /// What is told of it.
        items: StatusItems,
    },
    /// `* n FETCH`
    Fetch(Fetch),
    /// `* n EXISTS`
    Exists(u32),
    /// `* n EXPUNGE`, a sequence number.
    Expunge(u32),
    /// `* VANISHED` (RFC 7162 section 3.2.10)
    Vanished(Vanished),
    /// `* FLAGS`: the flags in use in the mailbox.
    Flags(FlagSet),
    /// `* NAMESPACE` (RFC 2342)
    Namespace(Namespace),
    /// `* SEARCH`, its numbers as they came.
    Search(Bytes),
    /// `* ESEARCH`, its arguments as they came.
    ESearch(Bytes),
    /// `* ID`, its arguments as they came.
    Id(Bytes),
    /// `* ENABLED`
    Enabled(Capabilities),
    /// `+`: the server asks for the rest of a command.
    Continue(String),
    /// All else, among it what could not be read.
    Unknown(Unknown),
}

/// How a command ended, or what an untagged status is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Done.
    Ok,
    /// Refused or failed.
    No,
    /// Not understood.
    Bad,
    /// The server is closing the connection; only untagged.
    Bye,
    /// The connection is logged in already; only as a greeting.
    PreAuth,
}

/// The reply that ends a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tagged {
    /// The tag of the command.
    pub tag: Tag,
    /// How it ended.
    pub status: Status,
    /// The code in brackets.
    pub code: Option<Code>,
    /// The text for people.
    pub text: String,
}

/// An untagged status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusResponse {
    /// Which.
    pub status: Status,
    /// The code in brackets.
    pub code: Option<Code>,
    /// The text for people.
    pub text: String,
}

/// One line of LIST or LSUB.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListItem {
    /// Attributes, backslash included, in the server's spelling.
    pub attributes: Vec<String>,
    /// The delimiter; `None` for NIL.
    pub delimiter: HierarchyDelimiter,
    /// The mailbox's name, byte for byte.
    pub name: WireName,
}

impl ListItem {
    /// Whether the attribute is there, in any case.
    pub fn has(&self, attribute: &str) -> bool {
        self.attributes
            .iter()
            .any(|word| word.eq_ignore_ascii_case(attribute))
    }
}

/// The items of a STATUS response. Each is `None` where it is missing, zero where zero means none, or unreadable.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StatusItems {
    /// MESSAGES
    pub messages: Option<u32>,
    /// UIDNEXT
    pub uid_next: Option<Uid>,
    /// UIDVALIDITY
    pub uid_validity: Option<UidValidity>,
    /// HIGHESTMODSEQ (RFC 7162)
    pub highest_mod_seq: Option<ModSeq>,
    /// SIZE in octets (RFC 8438)
    pub size: Option<u64>,
    /// APPENDLIMIT in octets (RFC 7889); `None` where there is none.
    pub append_limit: Option<u64>,
}

/// Messages that are gone (RFC 7162 section 3.2.10).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vanished {
    /// `(EARLIER)`: gone before this session looked.
    pub earlier: bool,
    /// Ranges of UIDs, both ends included, as the server wrote them: there need not be messages in them.
    pub ranges: Vec<(Uid, Uid)>,
}

/// The namespaces of an account (RFC 2342): prefixes and delimiters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Namespace {
    /// The user's own.
    pub personal: Vec<(WireName, HierarchyDelimiter)>,
    /// Other users'.
    pub other: Vec<(WireName, HierarchyDelimiter)>,
    /// Everyone's.
    pub shared: Vec<(WireName, HierarchyDelimiter)>,
}

/// A response that has no type here, or that could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unknown {
    /// The response without its line end; a message text in it is left out.
    pub raw: Bytes,
    /// Why it could not be read; `None` when it is of a kind that is passed over on purpose.
    pub reason: Option<&'static str>,
    /// Whether it is a FETCH: something is then known to be missing.
    pub fetch: bool,
}
