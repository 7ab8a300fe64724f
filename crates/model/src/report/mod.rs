//! What a report says: for every message of the source where it is now, or why not; and the chain that holds its lines together.
//! Pure.
//!
//! [`Whereabouts`] are what is said of one message, a [`Section`] what is said of its mailbox. [`Fate`] is where a message is, in one
//! word; [`Chain`] makes later changes of a report show; [`changes`] says what has become of a message since a report was made.

mod chain;
mod fate;
mod since;
mod whereabouts;

pub use chain::Chain;
pub use fate::Fate;
pub use since::{Change, changes};
pub use whereabouts::{Section, Spot, Whereabouts};
