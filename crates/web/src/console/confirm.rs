//! Is somebody sure? With script, a dialog has asked already (`sure=yes` is sent along); without, this page does.

use askama::Template;

use super::answer::{Answer, page};
use super::form::Sent;
use super::frame::Frame;

/// A question before something grave.
#[derive(Template)]
#[template(path = "sure.html")]
pub(super) struct Confirm {
    pub(super) frame: Frame,
    /// Where the answer goes.
    pub(super) action: String,
    pub(super) question: String,
    /// What the button says.
    pub(super) yes: &'static str,
    /// Where no answer leads.
    pub(super) back: String,
    /// What was sent, and is sent again.
    pub(super) kept: Vec<(String, String)>,
}

impl Confirm {
    pub(super) fn ask(self) -> Answer {
        page(&self)
    }
}

/// Whether they have said that they are.
pub(super) fn is_sure(sent: &Sent) -> bool {
    sent.is_on("sure")
}
