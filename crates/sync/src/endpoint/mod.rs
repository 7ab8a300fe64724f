//! The two ends of a pass: the source, which offers nothing that writes (I1), and the target.

mod imap;
mod maildir;
mod source;
mod target;

pub use imap::{ImapTarget, ImapTargetOptions};
pub use maildir::{Durability, MAILBOXES_AT_A_TIME, MaildirTarget, Owner, TargetOptions};
pub(crate) use maildir::{How, MaildirPlace, blocking, mailbox_tag};
pub use source::{Source, SourceAddress};
pub use target::{AnyTarget, Claim};
pub(crate) use target::{Counterpart, Draft, Look, Place, Received, Target, Wanted};
