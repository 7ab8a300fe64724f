//! The Maildir++ format and Dovecot's files in it, read and written as Dovecot does it itself, while Dovecot and
//! deliveries are at work in the same Maildir.
//!
//! Knows nothing of IMAP, of records about a migration, or of what to do when: it is told. All calls
//! block.
//!
//! A message takes two steps. It is *staged*: streamed into `tmp/` of its mailbox, without any lock, by as
//! many threads as one likes ([`Stage`]). Then it is *committed*: under Dovecot's lock, renamed into `cur/` and entered
//! in `dovecot-uidlist` with its UID ([`Commit`]). Between the two it is made durable ([`MaildirRoot::sync`]).
//!
//! Every file name says which message of the source the file holds ([`Origin`]). So whatever a run that was
//! killed has left undone, the next one finds what is there, and neither loses nor doubles anything.

mod commit;
mod content;
mod disk;
mod error;
mod flags;
mod flush;
#[doc(hidden)]
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
mod handles;
mod index;
mod keywords;
mod layout;
mod letters;
mod lock;
mod mailbox;
mod making;
mod name;
mod open;
mod removal;
mod root;
mod seam;
mod stage;
mod subscriptions;
#[cfg(test)]
mod testing;
mod uidlist;

pub use commit::{Commit, CommitKind, CommitReport, Placed, ToPlace};
pub use content::Contents;
pub use disk::Owner;
pub use error::{ErrorKind, MaildirError};
pub use flags::{FileName, FlagOutcome, FlagUpdate, MessageKey};
pub use index::{ForeignMessage, Found, Scan};
pub use keywords::{KEYWORDS_MAX, KeywordTable};
pub use layout::{DIRECTORY_NAME_MAX, FoundMailbox, NameProblem, representable};
pub use letters::Letters;
pub use mailbox::MailboxDir;
pub use name::{Entry, Origin};
pub use removal::Removal;
pub use root::{Durability, MaildirRoot, Options, RootLock};
#[cfg(feature = "power-cut")]
pub use seam::{Gate, Supply, supply};
pub use stage::{Stage, Staged, StagedFile};
pub use uidlist::UidListHeader;
