//! A report is written while both sides are compared: each message once, and nothing of it is kept.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use serde::Serialize;
use serde_json::{Map, Value, json};
use transhume_model::report::{Chain, Fate, Section, Whereabouts};
use transhume_model::verify::Standing;
use transhume_sync::{Depth, Recorder, Verification};

use super::files::{Names, Sheet, failure};
use super::line::{FORMAT, Head, Line, MailboxLine, MessageLine, written};
use super::{Seal, table};
use crate::commands::verify::html::{self, Title};
use crate::commands::verify::json as outcome;
use crate::exit::Failure;

/// Writes a report's lines and their table.
pub(crate) struct Writer {
    names: Names,
    lines: Sheet,
    table: Option<Sheet>,
    section: Option<Section>,
    now: Standings,
    kept: Standings,
}

/// How far it is.
#[derive(Clone, Debug, Default)]
struct Standings {
    chain: Chain,
    lines: u64,
    octets: u64,
    table_octets: u64,
    fates: BTreeMap<Fate, u64>,
    unproven: u64,
}

/// What the first line is made of.
pub(crate) struct About<'a> {
    /// The account on the old server.
    pub(crate) account: String,
    /// How it is reached, as `--from` takes it.
    pub(crate) source: String,
    /// The Maildir here.
    pub(crate) maildir: &'a Path,
    /// The address of the service's migration, where it is one.
    pub(crate) migration: Option<String>,
    /// Now, in seconds since 1970 UTC.
    pub(crate) made: i64,
    /// How much is read.
    pub(crate) depth: Depth,
}

impl Writer {
    /// Begins the files.
    pub(crate) fn begin(names: Names, about: About<'_>) -> Result<Self, Failure> {
        let path = names.lines.clone();
        Self::try_begin(names, about).map_err(|error| failure(&error, &path))
    }

    fn try_begin(names: Names, about: About<'_>) -> io::Result<Self> {
        let mut table = names.table.as_deref().map(Sheet::begin).transpose()?;
        if let Some(table) = &mut table {
            table.write(&table::heads()?)?;
        }
        let mut writer = Self {
            lines: Sheet::begin(&names.lines)?,
            names,
            table,
            section: None,
            now: Standings::default(),
            kept: Standings::default(),
        };
        let head = Head {
            format: FORMAT.to_owned(),
            transhume: env!("CARGO_PKG_VERSION").to_owned(),
            made: about.made,
            account: about.account,
            source: about.source,
            maildir: about.maildir.to_string_lossy().into_owned(),
            migration: about.migration,
            files_read: about.depth.reads_files(),
            texts_read: about.depth == Depth::Texts,
        };
        let why = format!("{} into {}", head.source, head.maildir);
        let link = writer.write(&Line::Report(head))?;
        writer.write_row(|| table::remark("report", "", &why, &link))?;
        writer.keep()?;
        Ok(writer)
    }

    /// Writes a line, and gives its link.
    fn write<T: Serialize>(&mut self, line: &T) -> io::Result<String> {
        let (mut text, chain) = written(line, self.now.chain)?;
        text.push(b'\n');
        self.lines.write(&text)?;
        self.now.chain = chain;
        self.now.lines += 1;
        Ok(chain.to_string())
    }

    fn write_row(&mut self, row: impl FnOnce() -> io::Result<Vec<u8>>) -> io::Result<()> {
        match &mut self.table {
            Some(table) => table.write(&row()?),
            None => Ok(()),
        }
    }

    /// Writes the last line, and gives the files their names. What is said of the whole is only said here.
    pub(crate) fn finish(self, verification: &Verification, title: &Title) -> Result<Seal, Failure> {
        let path = self.names.lines.clone();
        self.try_finish(verification, title)
            .map_err(|error| failure(&error, &path))
    }

    fn try_finish(mut self, verification: &Verification, title: &Title) -> io::Result<Seal> {
        self.back_to_kept()?;
        let is_complete = verification.is_good() && verification.has_base && self.now.unproven == 0;
        let end = self.end(verification, is_complete);
        let link = self.write(&end)?;
        let fate = if is_complete { "complete" } else { "not complete" };
        let why = format!(
            "unexplained: {}; not here: {}",
            verification.count(Standing::Unexplained),
            verification.count(Standing::Behind)
        );
        self.write_row(|| table::remark("end", fate, &why, &link))?;
        let Self {
            names,
            lines,
            table,
            now,
            ..
        } = self;
        let seal = Seal {
            is_complete,
            fates: now.fates,
            unproven: now.unproven,
            lines: now.lines,
            chain: now.chain,
            unexplained: verification.count(Standing::Unexplained),
            behind: verification.count(Standing::Behind),
            names: names.clone(),
        };
        if let Some(path) = &names.page {
            let mut page = Sheet::begin(path)?;
            page.write(html::page(title, verification, Some(&seal)).as_bytes())?;
            page.finish()?;
        }
        if let Some(table) = table {
            table.finish()?;
        }
        // The report itself comes last: where it is, all of it is.
        lines.finish()?;
        Ok(seal)
    }

    fn end(&self, verification: &Verification, is_complete: bool) -> Value {
        let mut compared = json!({});
        outcome::fill(&mut compared, verification);
        json!({
            "line": "end",
            "complete": is_complete,
            "unexplained": verification.count(Standing::Unexplained),
            "behind": verification.count(Standing::Behind),
            "settled": verification.count(Standing::Settled),
            "messages": self.now.fates.values().sum::<u64>(),
            "fates": fates(&self.now.fates),
            "unproven": self.now.unproven,
            "verification": compared,
        })
    }

    fn back_to_kept(&mut self) -> io::Result<()> {
        if self.lines.octets() > self.kept.octets {
            self.lines.cut(self.kept.octets)?;
            if let Some(table) = &mut self.table {
                table.cut(self.kept.table_octets)?;
            }
            self.now = self.kept.clone();
        }
        Ok(())
    }
}

/// How many messages are where.
pub(crate) fn fates(fates: &BTreeMap<Fate, u64>) -> Map<String, Value> {
    Fate::ALL
        .iter()
        .map(|fate| {
            let count = fates.get(fate).copied().unwrap_or_default();
            (fate.word().to_owned(), count.into())
        })
        .collect()
}

impl Recorder for Writer {
    fn begin(&mut self, section: &Section) -> io::Result<()> {
        self.back_to_kept()?;
        let mailbox = MailboxLine::from(section);
        let cells = mailbox.cells();
        let link = self.write(&Line::Mailbox(mailbox))?;
        self.section = Some(section.clone());
        self.write_row(|| table::line("mailbox", cells, &link))
    }

    fn message(&mut self, message: &Whereabouts) -> io::Result<()> {
        let Some(section) = &self.section else {
            return Err(io::Error::other("a message came before its mailbox"));
        };
        let told = MessageLine::from((section, message));
        let cells = self.table.is_some().then(|| told.cells());
        let link = self.write(&Line::Message(told))?;
        *self.now.fates.entry(message.fate).or_default() += 1;
        // Nobody vouches for the bytes of what was found by its mark, and was never read as it was carried.
        let is_unproven =
            message.fate.is_in_place() && message.on_source != Some(false) && message.digest.is_none();
        self.now.unproven += u64::from(is_unproven);
        self.write_row(|| table::line("message", cells.unwrap_or_default(), &link))
    }

    fn keep(&mut self) -> io::Result<()> {
        self.now.octets = self.lines.octets();
        self.now.table_octets = self.table.as_ref().map_or(0, Sheet::octets);
        self.kept = self.now.clone();
        Ok(())
    }
}
