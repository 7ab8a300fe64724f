//! One pass over one account: survey, plan, carry, confirm, verify.
//!
//! [`Pass`] is where to begin. It reads a [`Source`], writes a [`Target`], and keeps what both last agreed on in a base.
//! There is no `if` here about *whether* to do something: that is decided in `transhume_model::plan`, and carried out
//! here.
//!
//! ```text
//! survey ─▶ carry ─▶ stage (threads) ─▶ keeper ─▶ confirm
//!   what     rows      bytes into        durable,    into the mailbox,
//!   changed  planned,  the staging       into the    under Dovecot's lock
//!            texts     place             base
//!            fetched
//! ```

mod carry;
mod confirm;
mod doveadm;
mod endpoint;
mod error;
mod fence;
mod keeper;
mod pass;
mod pipe;
mod progress;
mod quarantine;
mod renames;
mod report;
mod stage;
mod stop;
mod survey;
mod verify;
mod window;
mod work;

pub use doveadm::{Doveadm, Raise};
pub use endpoint::{
    AnyTarget, Claim, Durability, ImapTarget, ImapTargetOptions, MAILBOXES_AT_A_TIME, MaildirTarget, Owner,
    Source, SourceAddress, TargetOptions,
};
pub use error::{Cause, SyncError};
pub use fence::Fence;
pub use pass::Pass;
pub use progress::{Observer, Progress};
pub use report::{Counts, FailedMessage, MailboxReport, MailboxState, Report};
pub use stop::{Stop, StopSwitch, stop_switch};
pub use transhume_db::Quarantined;
pub use transhume_imap::{CertificateFault, CertificateRule, Fingerprint, Security};
pub use transhume_model::plan::Deletions;
pub use verify::{Depth, Group, MailboxVerification, Recorder, Verification};
