//! Admission: what becomes of somebody who logs in, and of people of an old platform who do so for the first time.
//!
//! [`Attempt`] is what was typed, [`route`] whom it may be, [`decide`] what is to be done with what the directory knows of them,
//! and [`answered`] with what the old server says. All that [`Guard`] decides is how often old servers are asked.
//!
//! Nobody is let in by a guess: where something is not known, the answer is a refusal that says so.

mod attempt;
mod decide;
mod gate;
mod guard;
mod refusal;
mod route;
mod throttle;

pub use attempt::{Attempt, Door, Name};
pub use decide::{
    About, Consequence, Decision, Known, MailboxHere, Moving, Person, Question, Way, answered, decide,
};
pub use gate::{Experience, Gate};
pub use guard::{Asker, Counted, Denied, Finding, Guard, GuardRules, Trial, Visit};
pub use refusal::{Kind, Refusal};
pub use route::{Obstacles, Origin, Route, route};
pub use throttle::{Allowance, Throttle};

#[cfg(test)]
mod tests;
