//! Reports: for every message of the old server where it is now, or why not, in a file whose lines hold each other. Written while
//! both sides are compared, and held against both again later.

pub(crate) mod check;
pub(crate) mod domain;
pub(crate) mod files;
pub(crate) mod line;
pub(crate) mod migration;
pub(crate) mod table;
pub(crate) mod write;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;

use clap::Args;
use indicatif::HumanCount;
use serde_json::{Value, json};
use transhume_model::report::{Chain, Fate};
use transhume_sync::{Security, SourceAddress};

use self::files::{Format, Names};
use crate::exit::{Exit, Failure};

/// Where a report goes.
#[derive(Clone, Debug, Args)]
pub(crate) struct Output {
    /// What the report's files are called, without their endings: NAME.jsonl, NAME.csv, NAME.html
    #[arg(long, value_name = "NAME")]
    pub(crate) output: PathBuf,

    /// In which forms it is written besides the report itself, which are lines of JSON
    #[arg(long, value_enum, value_delimiter = ',', default_value = "json,csv,html")]
    pub(crate) format: Vec<Format>,
}

impl Output {
    /// The files' names; none of them may be there.
    pub(crate) fn names(&self) -> Result<Names, Failure> {
        Names::new(&self.output, &self.format, "--output")
    }
}

/// A report that is written, and what it comes to.
#[derive(Clone, Debug)]
pub(crate) struct Seal {
    /// Whether all of the old server's mail is here, and nothing is unexplained.
    pub(crate) is_complete: bool,
    /// How many messages are where.
    pub(crate) fates: BTreeMap<Fate, u64>,
    /// Messages here for whose bytes nobody vouches.
    pub(crate) unproven: u64,
    /// Lines, the first and the last included.
    pub(crate) lines: u64,
    /// The link of the last line.
    pub(crate) chain: Chain,
    pub(crate) unexplained: u64,
    pub(crate) behind: u64,
    pub(crate) names: Names,
}

impl Seal {
    /// How a command ends that has written it.
    pub(crate) fn exit(&self) -> Exit {
        if self.is_complete {
            Exit::Complete
        } else {
            Exit::Partial
        }
    }

    /// What it comes to, in one sentence.
    pub(crate) fn verdict(&self) -> String {
        if self.is_complete {
            return "Complete: all of the old server's mail is here, or gone because its owner wanted it. Unexplained: 0."
                .to_owned();
        }
        let mut parts = Vec::new();
        if self.unexplained > 0 {
            parts.push(format!("unexplained: {}", HumanCount(self.unexplained)));
        }
        if self.behind > 0 {
            parts.push(format!("not here: {}", HumanCount(self.behind)));
        }
        if self.unproven > 0 {
            parts.push(format!(
                "{} messages here for whose bytes there is no record",
                HumanCount(self.unproven)
            ));
        }
        if parts.is_empty() {
            parts.push("there is no record of a move".to_owned());
        }
        format!("Not complete: {}.", parts.join(", "))
    }

    /// For a person.
    pub(crate) fn text(&self) -> String {
        let mut out = format!("{}\n", self.verdict());
        for (fate, count) in &self.fates {
            let _ = writeln!(out, "  {} {}", HumanCount(*count), fate.sentence());
        }
        for path in self.names.all() {
            let _ = writeln!(out, "  {}", path.display());
        }
        let _ = writeln!(
            out,
            "Chain: {} ({} lines). Note it where the report is not: it shows whether that was changed.",
            self.chain,
            HumanCount(self.lines)
        );
        out
    }

    /// For programs.
    pub(crate) fn json(&self) -> Value {
        json!({
            "complete": self.is_complete,
            "unexplained": self.unexplained,
            "behind": self.behind,
            "unproven": self.unproven,
            "messages": self.fates.values().sum::<u64>(),
            "fates": write::fates(&self.fates),
            "lines": self.lines,
            "chain": self.chain.to_string(),
            "files": self.names.all().map(|path| path.to_string_lossy()).collect::<Vec<_>>(),
        })
    }
}

/// An old account's address as `--from` takes it.
pub(crate) fn typed(address: &SourceAddress) -> String {
    let scheme = match address.security {
        Security::Tls => "imaps",
        Security::StartTls => "imap",
        Security::Insecure => "imap+insecure",
    };
    let host = if address.host.contains(':') {
        format!("[{}]", address.host)
    } else {
        address.host.clone()
    };
    let user = address.user.replace('%', "%25").replace(':', "%3A");
    format!("{scheme}://{user}@{host}:{}", address.port)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::account::address::parse_source;

    #[test]
    fn an_address_is_read_as_it_is_written() {
        for text in [
            "imaps://alice@old.example@mail.old.example:993",
            "imap://a%3Ab%25@[::1]:1143",
            "imap+insecure://bob@127.0.0.1:10143",
        ] {
            let address = parse_source(text).unwrap();
            assert_eq!(typed(&address), text);
        }
    }
}
