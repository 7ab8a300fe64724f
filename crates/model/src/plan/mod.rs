//! What is to be done: from what two surveys saw and what both sides last agreed on, to a plan. Pure.
//!
//! [`plan_tree`] decides which mailboxes are carried and what they are called on the target, [`certain`] which of them the source
//! has merely renamed;
//! [`decide_mailbox`] what one mailbox needs as a whole, [`decide_reading`] how it is read for that; [`plan_messages`] what each of its messages needs.
//! What an import does to a platform's accounts is decided in [`directory`].
//! Nothing here carries anything out, and nothing anywhere else decides *whether* to.

pub mod directory;
mod mailbox;
mod messages;
mod reading;
mod removals;
mod renames;
mod selection;
mod tree;

pub use mailbox::{
    MailboxBase, MailboxStep, TargetHeader, TargetState, decide_mailbox, decide_mailbox_by_content,
};
pub use messages::{Action, Pair, PairState, TargetView, plan_messages};
pub use reading::{Agreed, Known, Reading, decide_reading};
pub use removals::{Absent, Deletions, plan_removals};
pub use renames::{Sample, certain, holds_the_same, perhaps_renamed};
pub use selection::{Pattern, Selection};
pub use tree::{MailboxPlan, NameRules, Note, SourceMailbox, TreePlan, plan_tree};
