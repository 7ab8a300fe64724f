//! What is put on record of each message, and who takes it down.

use std::io;

use transhume_model::report::{Fate, Section, Spot, Whereabouts};
use transhume_model::verify::{Counterpart, Difference, Finding, Known, MessageSight, Text};

use super::mailbox::Comparison;
use crate::error::SyncError;

/// Takes down a comparison, message by message: to write a report of it, or to hold it against one.
///
/// Mailboxes come one after the other, each with its messages ascending by UID. What cannot be taken down ends the comparison.
pub trait Recorder {
    /// A mailbox begins. What was taken down since the last [`Recorder::keep`] is void: the connection was lost meanwhile, and it
    /// is read once more.
    fn begin(&mut self, section: &Section) -> io::Result<()>;

    /// A message of the mailbox.
    fn message(&mut self, message: &Whereabouts) -> io::Result<()>;

    /// The mailbox is read to its end.
    fn keep(&mut self) -> io::Result<()>;
}

/// Takes nothing down.
impl Recorder for () {
    fn begin(&mut self, _: &Section) -> io::Result<()> {
        Ok(())
    }

    fn message(&mut self, _: &Whereabouts) -> io::Result<()> {
        Ok(())
    }

    fn keep(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A message that was seen, with what was found of it.
pub(super) struct Seen<'a> {
    pub(super) sight: MessageSight<'a>,
    pub(super) findings: Vec<Finding>,
    /// Where it is, when its owner has put it elsewhere.
    pub(super) elsewhere: Option<Spot>,
}

impl<'a> Seen<'a> {
    /// What the base knows of it, where it was carried once and is not in its place: it may be elsewhere.
    pub(super) fn is_missed(&self) -> Option<&'a Known> {
        let is_removed = |finding: &Finding| finding.difference == Difference::RemovedHere;
        self.sight.known.filter(|_| self.findings.iter().any(is_removed))
    }

    /// It is there after all.
    pub(super) fn is_at(&mut self, spot: Spot) {
        self.findings
            .retain(|finding| finding.difference != Difference::RemovedHere);
        let place = spot.uid.map_or_else(String::new, |uid| format!(", UID {uid}"));
        let detail = format!("in “{}”{place}", spot.mailbox);
        self.findings.push(Difference::MovedHere.with(detail));
        let known = self.sight.known.map(|known| known.digest);
        if spot.digest.is_some() && spot.digest != known {
            self.findings.push(Difference::BytesDiffer.into());
        }
        self.elsewhere = Some(spot);
    }

    /// What is said of it. `source_is_read` says whether a message that the source does not list is not there.
    pub(super) fn whereabouts(self, comparison: &Comparison<'_>, source_is_read: bool) -> Whereabouts {
        let MessageSight {
            uid,
            row,
            known,
            here,
            text,
            ..
        } = self.sight;
        let spot = here.map(|here| comparison.spot(known, here));
        let served = match text {
            Some(Text::Served(digest)) => Some(digest),
            _ => None,
        };
        Whereabouts {
            uid,
            on_source: match row {
                Some(_) => Some(true),
                None if source_is_read => Some(false),
                None => None,
            },
            digest: known.map(|known| known.digest).or(served),
            size: row.map(|row| row.size).or(known.map(|known| known.size)),
            internal_date: row
                .and_then(|row| row.internal_date)
                .or(known.map(|known| known.internal_date)),
            flags: row
                .map(|row| row.flags.clone())
                .or_else(|| known.map(|known| known.flags.clone()))
                .unwrap_or_default(),
            fate: Fate::of(spot.is_some(), &self.findings),
            spot: spot.or(self.elsewhere),
            findings: self.findings,
        }
    }
}

impl Comparison<'_> {
    fn spot(&self, known: Option<&Known>, here: &Counterpart) -> Spot {
        let reads = self.depth.reads_files();
        // What leaves no trace was read, and is just what the base says.
        let as_known = known.filter(|_| reads && here.file.is_none());
        let file_digest = here
            .file
            .map(|file| file.digest_beside(known.map(|known| known.digest)));
        Spot {
            mailbox: self.subject.target.clone(),
            uid: here.uid,
            flags: here.flags.clone(),
            digest: file_digest.or(as_known.map(|known| known.digest)),
            date: here
                .file
                .map(|file| file.date)
                .or(as_known.map(|known| known.internal_date)),
        }
    }

    /// What is said of the mailbox.
    pub(super) fn section(&self) -> Section {
        let is_there = self.subject.there.is_some();
        Section {
            source: self.subject.source.clone(),
            target: Some(self.subject.target.clone()),
            uid_validity: self.life().1,
            on_source: self.depth.asks_source().then_some(is_there),
        }
    }
}

/// What the recorder could not do ends the comparison.
pub(super) fn taken(outcome: io::Result<()>) -> Result<(), SyncError> {
    outcome.map_err(SyncError::Record)
}
