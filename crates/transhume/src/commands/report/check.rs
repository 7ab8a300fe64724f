//! A report that was written before, held against what both sides have now: first its chain, then message by message.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use transhume_model::mail::{MailboxName, UidSet};
use transhume_model::report::{Chain, Change, Section, Whereabouts, changes};
use transhume_sync::Recorder;

use super::line::{EndLine, FORMAT, Head, Line, link, read};
use crate::exit::{Exit, Failure};

/// The longest line that is read: no mailbox's name, and no list of flags, is as long.
const LONGEST: u64 = 4 << 20;

const BROKEN: &str = "It is not the report that was written: use another copy of it, or make a new one.";

/// A report whose chain holds.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) path: PathBuf,
    pub(crate) head: Head,
    pub(crate) end: EndLine,
    pub(crate) chain: Chain,
    pub(crate) lines: u64,
    sections: Vec<Part>,
}

/// A mailbox, and where its messages begin in the file.
#[derive(Debug)]
struct Part {
    section: Section,
    at: u64,
}

impl Report {
    /// Reads the report to its end, and checks its chain; `noted` is what its last link is known to be.
    pub(crate) fn open(path: &Path, noted: Option<&str>) -> Result<Self, Failure> {
        let cannot = |error: io::Error| {
            Failure::usage(
                format!("--report: {} cannot be read: {error}", path.display()),
                "",
            )
        };
        let mut lines = Lines::open(path).map_err(cannot)?;
        let mut chain = Chain::default();
        let mut count = 0;
        let (mut head, mut end) = (None, None);
        let mut sections: Vec<Part> = Vec::new();
        let mut messages = 0;
        let broken = |line: u64, what: &str| {
            Failure::new(
                Exit::Partial,
                format!("{}, line {line}: {what}", path.display()),
                BROKEN,
            )
        };
        while let Some(text) = lines.next().map_err(cannot)? {
            count += 1;
            let no_line = || broken(count, "this is no line of a report");
            let (with, is_right) = link(text, chain).map_err(|_| no_line())?;
            if !is_right {
                return Err(broken(
                    count,
                    "its chain is broken: this line, or one before it, was changed",
                ));
            }
            chain = with;
            let line = read(text).map_err(|_| no_line())?;
            if end.is_some() {
                return Err(broken(count, "something follows the end"));
            }
            match line {
                Line::Report(found) if count == 1 => head = Some(found),
                Line::Report(_) => return Err(no_line()),
                Line::Mailbox(found) => sections.push(Part {
                    section: Section::try_from(&found).map_err(|_| no_line())?,
                    at: lines.at,
                }),
                Line::Message(found) => {
                    Whereabouts::try_from(&found).map_err(|_| no_line())?;
                    messages += 1;
                }
                Line::End(found) => end = Some(found),
            }
        }
        let head = head.filter(|head| head.format == FORMAT);
        let head = head.ok_or_else(|| broken(1, "this is no report, or one of another version"))?;
        let end = end.filter(|end| end.messages == messages);
        let end = end.ok_or_else(|| broken(count, "its end is missing: it was cut off"))?;
        if let Some(noted) = noted
            && !noted.trim().eq_ignore_ascii_case(&chain.to_string())
        {
            return Err(Failure::new(
                Exit::Partial,
                format!(
                    "{}: its chain ends with {chain}, which is not what was noted",
                    path.display()
                ),
                BROKEN,
            ));
        }
        Ok(Self {
            path: path.to_owned(),
            head,
            end,
            chain,
            lines: count,
            sections,
        })
    }
}

/// A file's lines, and where the next one begins.
struct Lines {
    file: BufReader<File>,
    text: Vec<u8>,
    at: u64,
}

impl Lines {
    fn open(path: &Path) -> io::Result<Self> {
        Ok(Self {
            file: BufReader::new(File::open(path)?),
            text: Vec::new(),
            at: 0,
        })
    }

    /// The next line, without its end. One that has none is part of what was cut off.
    fn next(&mut self) -> io::Result<Option<&[u8]>> {
        use std::io::Read as _;
        self.text.clear();
        let octets = self
            .file
            .by_ref()
            .take(LONGEST)
            .read_until(b'\n', &mut self.text)?;
        self.at += octets as u64;
        Ok(match self.text.as_slice() {
            [] => None,
            text => Some(text.strip_suffix(b"\n").unwrap_or(text)),
        })
    }

    fn go_to(&mut self, at: u64) -> io::Result<()> {
        self.file.seek(SeekFrom::Start(at))?;
        self.at = at;
        Ok(())
    }

    /// The next message of the mailbox whose part is being read; `None` where the next mailbox begins.
    fn next_message(&mut self) -> io::Result<Option<Whereabouts>> {
        let changed = |_| io::Error::other("the report was changed while it was read");
        let Some(text) = self.next()? else {
            return Ok(None);
        };
        match read(text).map_err(changed)? {
            Line::Message(line) => Whereabouts::try_from(&line).map(Some).map_err(changed),
            _ => Ok(None),
        }
    }
}

/// What has changed in one mailbox.
type Changes = BTreeMap<Change, UidSet>;

/// Holds a report against what is found.
pub(crate) struct Check {
    report: Report,
    lines: Lines,
    source_is_asked: bool,
    /// Which parts of the report have been compared.
    done: Vec<bool>,
    now: Option<Now>,
    found: Vec<(MailboxName, Changes)>,
}

/// The mailbox that is being compared.
struct Now {
    section: Section,
    /// Its part of the report; `None` where it has none.
    part: Option<usize>,
    /// Whether the source has numbered its messages anew.
    is_anew: bool,
    /// The next message of that part.
    next: Option<Whereabouts>,
    changes: Changes,
}

impl Check {
    pub(crate) fn new(report: Report, source_is_asked: bool) -> io::Result<Self> {
        Ok(Self {
            lines: Lines::open(&report.path)?,
            done: vec![false; report.sections.len()],
            report,
            source_is_asked,
            now: None,
            found: Vec::new(),
        })
    }

    /// What no mailbox was found for is gone, too. Gives all that has changed.
    pub(crate) fn finish(mut self) -> io::Result<Outcome> {
        for part in 0..self.done.len() {
            if !self.done[part] {
                let source = self.report.sections[part].section.source.clone();
                let changes = self.all_gone(part)?;
                self.found.push((source, changes));
            }
        }
        self.found.retain(|(_, changes)| !changes.is_empty());
        Ok(Outcome {
            report: self.report,
            found: self.found,
        })
    }

    fn all_gone(&mut self, part: usize) -> io::Result<Changes> {
        let mut gone = Changes::new();
        let Part { section, at } = &self.report.sections[part];
        self.lines.go_to(*at)?;
        while let Some(then) = self.lines.next_message()? {
            add(
                &mut gone,
                &then,
                changes((section, &then), None, self.source_is_asked),
            );
        }
        Ok(gone)
    }

    /// Goes through the report's messages of the mailbox up to one that is there now, or to the end. Says whether the report has that one.
    fn go_on(&mut self, to: Option<&Whereabouts>) -> io::Result<bool> {
        let Some(now) = &mut self.now else {
            return Ok(false);
        };
        let Some(part) = now.part else {
            return Ok(false);
        };
        let before = &self.report.sections[part].section;
        while let Some(then) = now.next.take_if(|then| to.is_none_or(|to| then.uid <= to.uid)) {
            now.next = self.lines.next_message()?;
            let same = to.filter(|to| to.uid == then.uid);
            // Where the numbers are others, none tells which message it was; that is what is then said of each.
            let counterpart = if now.is_anew { Some(&then) } else { same };
            let counterpart = counterpart.map(|message| (&now.section, message));
            let found = changes((before, &then), counterpart, self.source_is_asked);
            add(&mut now.changes, &then, found);
            if same.is_some() {
                return Ok(true);
            }
        }
        Ok(now.is_anew)
    }
}

fn add(found: &mut Changes, then: &Whereabouts, changes: Vec<Change>) {
    for change in changes {
        found.entry(change).or_default().insert(then.uid);
    }
}

impl Recorder for Check {
    fn begin(&mut self, section: &Section) -> io::Result<()> {
        let part = self
            .report
            .sections
            .iter()
            .position(|part| part.section.source == section.source);
        let next = match part {
            Some(part) => {
                self.lines.go_to(self.report.sections[part].at)?;
                self.lines.next_message()?
            }
            None => None,
        };
        let before = part.and_then(|part| self.report.sections[part].section.uid_validity);
        self.now = Some(Now {
            is_anew: before.is_some_and(|before| section.uid_validity.is_some_and(|after| after != before)),
            section: section.clone(),
            part,
            next,
            changes: Changes::new(),
        });
        Ok(())
    }

    fn message(&mut self, message: &Whereabouts) -> io::Result<()> {
        let is_known = self.go_on(Some(message))?;
        if !is_known
            && message.on_source == Some(true)
            && let Some(now) = &mut self.now
        {
            now.changes
                .entry(Change::CameThere)
                .or_default()
                .insert(message.uid);
        }
        Ok(())
    }

    fn keep(&mut self) -> io::Result<()> {
        self.go_on(None)?;
        if let Some(now) = self.now.take() {
            if let Some(part) = now.part {
                self.done[part] = true;
            }
            self.found.push((now.section.source, now.changes));
        }
        Ok(())
    }
}

/// What became of a report's messages.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) report: Report,
    found: Vec<(MailboxName, Changes)>,
}

impl Outcome {
    /// Whether what the report says still holds.
    pub(crate) fn holds(&self) -> bool {
        self.all().all(|(_, change, _)| !change.breaks())
    }

    fn all(&self) -> impl Iterator<Item = (&MailboxName, Change, &UidSet)> {
        self.found
            .iter()
            .flat_map(|(name, changes)| changes.iter().map(move |(change, uids)| (name, *change, uids)))
    }

    /// For a person.
    pub(crate) fn text(&self) -> String {
        use std::fmt::Write as _;
        let Report {
            path,
            end,
            chain,
            lines,
            ..
        } = &self.report;
        let said = if end.complete { "complete" } else { "not complete" };
        let mut out = format!(
            "Report {}: {lines} lines, each as it was written; its chain ends with {chain}. It says: {said}, unexplained: {}.\n",
            path.display(),
            end.unexplained
        );
        for breaks in [true, false] {
            let label = if breaks { "No longer so" } else { "Since then" };
            for (name, change, uids) in self.all().filter(|(_, change, _)| change.breaks() == breaks) {
                let (count, uids_text) = (uids.len(), crate::commands::verify::text::uids(uids));
                let _ = writeln!(
                    out,
                    "  {label}: “{name}”: {count} {}{uids_text}.",
                    change.sentence()
                );
            }
        }
        let verdict = if self.holds() {
            "What the report says of each message holds.\n"
        } else {
            "The report no longer holds: the messages above are not as it says.\n"
        };
        out + verdict
    }

    /// For programs.
    pub(crate) fn json(&self) -> Value {
        let Report {
            path,
            head,
            end,
            chain,
            lines,
            ..
        } = &self.report;
        let changes: Vec<Value> = self
            .all()
            .map(|(name, change, uids)| {
                json!({
                    "mailbox": name.components(),
                    "change": change.word(),
                    "breaks": change.breaks(),
                    "explanation": change.sentence(),
                    "count": uids.len(),
                    "uids": uids.to_string(),
                })
            })
            .collect();
        json!({
            "file": path.to_string_lossy(),
            "made": head.made,
            "complete": end.complete,
            "lines": lines,
            "chain": chain.to_string(),
            "holds": self.holds(),
            "changes": changes,
        })
    }
}
