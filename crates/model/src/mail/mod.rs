//! The words of mail, as RFC 3501/9051 use them, each as a type that cannot hold a wrong value.

mod checkpoint;
mod date;
mod digest;
mod flag;
pub mod mutf7;
mod name;
mod special_use;
mod uid;
mod uid_set;

pub use checkpoint::{Checkpoint, MessageRow};
pub use date::InternalDate;
pub use digest::{Digest, Hasher};
pub use flag::{FlagSet, Keyword, SystemFlag};
pub use name::{HierarchyDelimiter, MailboxName, folded};
pub use special_use::{Role, SpecialUse, suggested};
pub use uid::{ModSeq, Uid, UidValidity};
pub use uid_set::UidSet;
