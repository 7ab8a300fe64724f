//! Somebody logs in elsewhere, and a program there asks whether they may.

mod access;
mod dovecot;
mod form;
mod login;
mod network;

pub(crate) use dovecot::dovecot;
pub(crate) use form::{encoded, field};
pub(crate) use login::login;
pub(crate) use network::of as network;
