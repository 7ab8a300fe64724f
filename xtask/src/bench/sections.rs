//! Measures one section: first copies, passes with nothing to do, and passes after small changes. The programs take turns,
//! each into fresh folders; nothing is removed in between, because file systems are slow for a while after a large removal.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use anyhow::{Context, bail};
use transhume_testkit::{DelayProxy, Dovecot, write_account};

use super::change::{self, Changed};
use super::load::Clock;
use super::options::{Options, Section};
use super::peers::{Contender, Place, Runner, Task};
use super::process::{self, Measured, Outcome};
use super::results::{Phase, Run, SectionResult};
use super::{corpus, report};
use crate::cargo::Workspace;

/// A program that takes longer than this for something does it once only.
const SLOW: Duration = Duration::from_secs(30);

/// What all sections share.
pub(super) struct Bench<'a> {
    pub(super) options: &'a Options,
    pub(super) workspace: &'a Workspace,
    /// The source.
    pub(super) old: &'a Dovecot,
    /// Its configuration tells doveadm who owns mail; nobody logs in to it.
    pub(super) new: &'a Dovecot,
    /// Where everything is written.
    pub(super) folder: &'a Path,
    /// Whether somebody wants it to end.
    pub(super) interrupted: &'a AtomicBool,
}

impl Bench<'_> {
    /// Makes the section's accounts and measures everything.
    pub(super) fn section(&self, section: Section) -> anyhow::Result<SectionResult> {
        let accounts = corpus::accounts(section, self.options.messages(), self.options.seed);
        let result = SectionResult {
            section,
            accounts: accounts.len(),
            mailboxes: accounts.iter().map(|account| account.mailboxes.len()).sum(),
            messages: accounts.iter().map(corpus::Account::messages).sum(),
            bytes: accounts.iter().map(corpus::Account::bytes).sum(),
            changed: Changed::default(),
            runs: Vec::new(),
            absent: Vec::new(),
        };
        eprintln!("{}", report::announce(section, result.messages, result.bytes));
        self.refuse_if_full(&result)?;
        for account in &accounts {
            let maildir = self.old.maildir(&account.user);
            write_account(&maildir, self.old.chown_to(), &account.mailboxes)?;
        }
        let users: Vec<String> = accounts.into_iter().map(|account| account.user).collect();
        let proxy = match section.each_way() {
            Some(each_way) => Some(DelayProxy::start(self.old.imap_port(), each_way)?),
            None => None,
        };
        let measuring = Measuring {
            bench: self,
            runner: Runner {
                workspace: self.workspace,
                port: proxy.as_ref().map_or(self.old.imap_port(), DelayProxy::port),
                new: self.new,
                users: &users,
            },
            proxy: proxy.as_ref(),
            places: BTreeMap::new(),
            slow: BTreeSet::new(),
            result,
        };
        measuring.all()
    }

    /// Everything that is written stays until the end.
    fn refuse_if_full(&self, result: &SectionResult) -> anyhow::Result<()> {
        // A block and an inode for each message on top of its bytes.
        let copy = result.bytes + 5_000 * result.messages as u64;
        let copies = u64::from(self.options.rounds()) * self.options.contenders.len() as u64 + 2;
        let system = rustix::fs::statvfs(self.folder).context("asking for free space")?;
        let free = system.f_bavail * system.f_frsize;
        if copy * copies > free {
            bail!(
                "section {} may need {} below {}, where {} are free: take --messages, --rounds or --only",
                result.section.key(),
                report::spell_bytes(copy * copies),
                self.folder.display(),
                report::spell_bytes(free)
            );
        }
        Ok(())
    }
}

struct Measuring<'a> {
    bench: &'a Bench<'a>,
    runner: Runner<'a>,
    proxy: Option<&'a DelayProxy>,
    /// Where each contender's last copy is, if it has come to its end.
    places: BTreeMap<Contender, Place>,
    /// Who does not do this a second time.
    slow: BTreeSet<(Phase, Contender)>,
    result: SectionResult,
}

impl Measuring<'_> {
    fn all(mut self) -> anyhow::Result<SectionResult> {
        let mut contenders = self.bench.options.contenders.clone();
        contenders.retain(|&contender| match self.runner.cannot(contender) {
            Some(why) => {
                self.result.absent.push((contender, why));
                false
            }
            None => true,
        });
        self.warm_up()?;
        let rounds = self.bench.options.rounds();
        for round in 1..=rounds {
            for contender in rotated(&contenders, round) {
                self.copy(contender, round)?;
            }
        }
        for round in 1..=rounds {
            for contender in rotated(&contenders, round) {
                self.update(Phase::Idle, contender, round)?;
            }
        }
        self.count(&contenders)?;
        // The floor knows no changes.
        contenders.retain(|&contender| contender != Contender::Floor);
        for round in 1..=rounds {
            self.result.changed = change::one_percent(self.bench.old, self.runner.users, round)?;
            for contender in rotated(&contenders, round) {
                self.update(Phase::Changed, contender, round)?;
            }
        }
        Ok(self.result)
    }

    /// The server reads the accounts once before anything counts, so that nobody pays for building its indexes.
    fn warm_up(&self) -> anyhow::Result<()> {
        let place = self.place("warm-up".to_owned())?;
        let near = Runner {
            port: self.bench.old.imap_port(),
            ..self.runner
        };
        let mut command = near.command(Contender::Floor, &place, Task::Copy)?;
        let measured = process::run(&mut command, &place.log(), Duration::MAX, self.bench.interrupted)?;
        let found = place.count(self.runner.users)?;
        if measured.outcome != Outcome::Done || found != self.result.messages {
            bail!(
                "the source serves {found} of {} messages ({:?})",
                self.result.messages,
                measured.outcome
            );
        }
        Ok(())
    }

    fn place(&self, name: String) -> anyhow::Result<Place> {
        let folder: PathBuf = self.bench.folder.join(self.result.section.key()).join(name);
        Place::create(folder, self.runner.users, self.bench.new.chown_to())
    }

    fn copy(&mut self, contender: Contender, round: u32) -> anyhow::Result<()> {
        if self.slow.contains(&(Phase::First, contender)) {
            return Ok(());
        }
        let place = self.place(format!("{}-{round}", contender.key()))?;
        let expected = self.result.messages;
        let outcome = self.run(Phase::First, contender, round, &place, expected)?;
        if outcome == Outcome::Done {
            self.places.insert(contender, place);
        } else {
            self.slow.insert((Phase::First, contender));
        }
        Ok(())
    }

    fn update(&mut self, phase: Phase, contender: Contender, round: u32) -> anyhow::Result<()> {
        let Some(place) = self.places.get(&contender).cloned() else {
            return Ok(());
        };
        if self.slow.contains(&(pace(phase), contender)) {
            return Ok(());
        }
        let expected = match phase {
            Phase::Changed => self.result.changed.messages as usize,
            _ => self.result.messages,
        };
        if self.run(phase, contender, round, &place, expected)? != Outcome::Done {
            self.slow.insert((pace(phase), contender));
        }
        Ok(())
    }

    /// Idle passes once more through a proxy that only counts, where there has been none.
    fn count(&mut self, contenders: &[Contender]) -> anyhow::Result<()> {
        if self.proxy.is_some() {
            return Ok(());
        }
        let counter = DelayProxy::start(self.bench.old.imap_port(), Duration::ZERO)?;
        let mut counting = Measuring {
            bench: self.bench,
            runner: Runner {
                port: counter.port(),
                ..self.runner
            },
            proxy: Some(&counter),
            places: self.places.clone(),
            slow: self.slow.clone(),
            result: SectionResult {
                runs: Vec::new(),
                ..self.result.clone()
            },
        };
        for &contender in contenders {
            counting.update(Phase::Counted, contender, 1)?;
        }
        self.result.runs.append(&mut counting.result.runs);
        Ok(())
    }

    fn run(
        &mut self,
        phase: Phase,
        contender: Contender,
        round: u32,
        place: &Place,
        expected: usize,
    ) -> anyhow::Result<Outcome> {
        let task = if phase == Phase::First {
            Task::Copy
        } else {
            Task::Update
        };
        let mut command = self.runner.command(contender, place, task)?;
        let servers = [self.bench.old, self.bench.new];
        // What others have written must not be paid for by who comes next.
        rustix::fs::sync();
        let traffic_before = self.proxy.map(DelayProxy::traffic);
        let clock = Clock::read(&servers)?;
        let limit = self.bench.options.limit;
        let mut measured = process::run(&mut command, &place.log(), limit, self.bench.interrupted)?;
        let others = Clock::read(&servers)?.others_since(&clock);
        let traffic = self.proxy.map(DelayProxy::traffic).zip(traffic_before);
        let traffic = traffic.map(|(now, before)| now.since(&before));
        check_count(&mut measured, place.count(self.runner.users)?, expected);
        let outcome = measured.outcome.clone();
        eprintln!(
            "{:20} {:14} round {round}: {:.3} s{}",
            phase.title(),
            contender.name(),
            measured.wall.as_secs_f64(),
            if outcome == Outcome::Done {
                String::new()
            } else {
                format!(", {outcome:?}")
            }
        );
        if measured.wall > SLOW {
            self.slow.insert((pace(phase), contender));
        }
        self.result.runs.push(Run {
            phase,
            contender,
            round,
            measured,
            traffic,
            others,
        });
        Ok(outcome)
    }
}

/// A run that brought less than there is has failed, whatever the program says. (More is right where a program keeps what
/// was removed on the source.)
fn check_count(measured: &mut Measured, found: usize, expected: usize) {
    if measured.outcome == Outcome::Done && found < expected {
        measured.outcome = Outcome::Failed(format!("{found} of {expected} messages are there"));
    }
}

/// The phase that tells how long this one will take.
fn pace(phase: Phase) -> Phase {
    match phase {
        Phase::Counted => Phase::Idle,
        other => other,
    }
}

/// Every contender once, each round beginning with another.
fn rotated(contenders: &[Contender], round: u32) -> Vec<Contender> {
    let mut all = contenders.to_vec();
    if !all.is_empty() {
        let by = round as usize % all.len();
        all.rotate_left(by);
    }
    all
}

#[cfg(test)]
mod tests {
    use super::super::results::tests::run;
    use super::*;

    #[test]
    fn every_round_runs_all_and_begins_with_another() {
        let all = Contender::ALL;
        let first: Vec<Contender> = (0..5).map(|round| rotated(&all, round)[0]).collect();
        assert_eq!(first, all);
        assert!((0..5).all(|round| rotated(&all, round).len() == 5));
        assert_eq!(rotated(&[], 1), []);
    }

    #[test]
    fn a_copy_that_lacks_something_is_no_copy() {
        for (found, outcome) in [
            (9, Outcome::Failed("9 of 10 messages are there".to_owned())),
            (10, Outcome::Done),
            (11, Outcome::Done),
        ] {
            let mut measured = run(Phase::First, Contender::Mbsync, 1, 1).measured;
            check_count(&mut measured, found, 10);
            assert_eq!(measured.outcome, outcome);
        }
    }
}
