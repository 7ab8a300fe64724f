//! The two ends of a pass: the source, which offers nothing that writes (I1), and the target.

mod source;
mod target;

pub use source::{Source, SourceAddress};
pub use target::{Claim, Durability, Owner, Target, TargetOptions};
pub(crate) use target::{How, Look, Place, Twins, blocking, mailbox_tag};
