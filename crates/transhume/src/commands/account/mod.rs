//! What commands have in common: an account's two ends as they are typed, the password, what is told meanwhile, and
//! errors in words.

pub(crate) mod address;
mod ends;
pub(crate) mod owner;
pub(crate) mod password;
mod progress;
mod run;
pub(crate) mod state_file;
mod trouble;

use std::path::PathBuf;

use clap::Args;

pub(crate) use ends::{Ends, Rules, ask_password, certificate_rule, now};
pub(crate) use run::{listen_for_signals, run};
pub(crate) use trouble::Trouble;

/// The options that all of them take.
#[derive(Debug, Args)]
#[allow(
    clippy::doc_markdown,
    rustdoc::bare_urls,
    reason = "these comments are the help text"
)]
pub(crate) struct Options {
    /// The old account: imaps://USER@HOST[:PORT] (TLS), imap://… (STARTTLS), or imap+insecure://… (no encryption)
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) from: String,

    /// The new mailbox: maildir:/PATH, as Dovecot's mail_location names it (move takes an account on a server too)
    #[arg(long, value_name = "TARGET")]
    pub(crate) to: String,

    /// File that holds the password on its only line (- for standard input)
    #[arg(long, value_name = "FILE")]
    pub(crate) password_file: Option<PathBuf>,

    /// Where to remember what was moved [default: beside the Maildir, PATH.transhume.db; for an account on a server,
    /// transhume/USER@HOST.db in $XDG_STATE_HOME or ~/.local/state]
    #[arg(long, value_name = "FILE")]
    pub(crate) state: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) manner: Manner,
}

// The options of every command, be it about one account or about many. (A doc comment would take the place of the command's
// own.)
#[derive(Clone, Debug, Args)]
#[allow(clippy::doc_markdown, reason = "these comments are the help text")]
pub(crate) struct Manner {
    /// Believe the old server's certificate if this is its SHA-256, whoever issued it (for self-signed servers)
    #[arg(long, value_name = "sha256:HEX")]
    pub(crate) pin: Option<String>,

    /// Print the outcome as JSON on standard output
    #[arg(long)]
    pub(crate) json: bool,

    /// Only mailboxes that match, and those below them (* any characters, % any but /); may be repeated
    #[arg(long, value_name = "PATTERN")]
    pub(crate) include: Vec<String>,

    /// Not mailboxes that match, nor those below them; stronger than --include; may be repeated
    #[arg(long, value_name = "PATTERN")]
    pub(crate) exclude: Vec<String>,

    /// New connections in a row that may bring nothing before giving up
    #[arg(long, value_name = "N", default_value_t = 3)]
    pub(crate) retries: u32,

    /// Seconds for which a server may be silent
    #[arg(long, value_name = "SECONDS", default_value_t = 120, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub(crate) timeout: u64,

    /// Say nothing but errors and the outcome
    #[arg(long, short)]
    pub(crate) quiet: bool,
}
