//! What is measured, and how much of it.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, bail};
use serde_json::{Value, json};

use super::peers::Contender;

/// How the command line is used.
pub(crate) const HELP: &str = "\
cargo xtask bench [OPTIONS]                time first copies, idle passes and small changes beside peers and the
                                           physical limit, and hold them against what the project aims at
  --quick                                  a twentieth of everything, once: to see that it works
  --messages N                             messages of corpus A (20,000); the others grow and shrink with it
  --rounds N                               repetitions (3); a program that takes longer than 30 s has one
  --only A,B,C,lat50                       only these sections
  --programs floor,transhume,mbsync,…      only these programs
  --limit SECONDS                          when a run is ended (300)
  --seed N                                 other messages
  --json FILE                              every run, for programs
  --svg FILE                               the ratios as a picture
  --scale [--messages N] [--big MB]        instead: one mailbox of N messages (1,000,000), one message of MB (1,000)
  --directory [--accounts N]               instead: a CSV file of N accounts (100,000) into SQLite and PostgreSQL
  --console                                instead: pages of ten thousand migrations, and two hundred that follow them
";

/// A part of the benchmark.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Section {
    /// One typical account.
    A,
    /// One account of many tiny messages.
    B,
    /// Many accounts.
    C,
    /// A typical account, smaller, at a round-trip time of 50 ms.
    Lat50,
}

impl Section {
    pub(super) const ALL: [Self; 4] = [Self::A, Self::B, Self::C, Self::Lat50];

    /// As options and reports call it.
    pub(super) fn key(self) -> &'static str {
        match self {
            Self::A => "A",
            Self::B => "B",
            Self::C => "C",
            Self::Lat50 => "lat50",
        }
    }

    /// What it stands for.
    pub(super) fn title(self) -> &'static str {
        match self {
            Self::A => "one typical account",
            Self::B => "many tiny messages",
            Self::C => "many accounts",
            Self::Lat50 => "50 ms round-trip time",
        }
    }

    /// How long a byte is under way, where that is not at once.
    pub(super) fn each_way(self) -> Option<Duration> {
        (self == Self::Lat50).then_some(Duration::from_millis(25))
    }
}

/// What was asked for.
#[expect(clippy::struct_excessive_bools, reason = "each is a word of the command line")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Options {
    messages: Option<u32>,
    rounds: Option<u32>,
    big: Option<u64>,
    quick: bool,
    pub(super) seed: u64,
    pub(super) sections: Vec<Section>,
    pub(super) contenders: Vec<Contender>,
    pub(super) limit: Duration,
    pub(super) json: Option<PathBuf>,
    pub(super) svg: Option<PathBuf>,
    pub(super) scale: bool,
    pub(super) directory: bool,
    /// The console instead.
    pub(super) console: bool,
    accounts: Option<u32>,
}

impl Options {
    /// From the command line.
    pub(crate) fn parse(words: &[&str]) -> anyhow::Result<Self> {
        let mut options = Self {
            messages: None,
            rounds: None,
            big: None,
            quick: false,
            seed: 1,
            sections: Section::ALL.to_vec(),
            contenders: Contender::ALL.to_vec(),
            limit: Duration::from_mins(5),
            json: None,
            svg: None,
            scale: false,
            directory: false,
            console: false,
            accounts: None,
        };
        let mut words = words.iter();
        while let Some(&word) = words.next() {
            let mut value = || {
                words
                    .next()
                    .copied()
                    .with_context(|| format!("{word} needs a value"))
            };
            match word {
                "--quick" => options.quick = true,
                "--scale" => options.scale = true,
                "--directory" => options.directory = true,
                "--console" => options.console = true,
                "--accounts" => options.accounts = Some(number(word, value()?)?.max(1)),
                "--messages" => options.messages = Some(number(word, value()?)?.max(1)),
                "--rounds" => options.rounds = Some(number(word, value()?)?.max(1)),
                "--big" => options.big = Some(number(word, value()?)?.max(1).into()),
                "--seed" => options.seed = number(word, value()?)?.into(),
                "--limit" => options.limit = Duration::from_secs(number(word, value()?)?.max(1).into()),
                "--json" => options.json = Some(value()?.into()),
                "--svg" => options.svg = Some(value()?.into()),
                "--only" => options.sections = chosen(word, value()?, &Section::ALL, Section::key)?,
                "--programs" => options.contenders = chosen(word, value()?, &Contender::ALL, Contender::key)?,
                _ => bail!("bench does not know “{word}”\n\n{HELP}"),
            }
        }
        Ok(options)
    }

    /// Messages of corpus A, from which the sizes of the others follow.
    pub(super) fn messages(&self) -> u32 {
        self.messages.unwrap_or(if self.quick { 1_000 } else { 20_000 })
    }

    /// Repetitions.
    pub(super) fn rounds(&self) -> u32 {
        self.rounds.unwrap_or(if self.quick { 1 } else { 3 })
    }

    /// Messages of the one large mailbox.
    pub(super) fn scale_messages(&self) -> u32 {
        self.messages
            .unwrap_or(if self.quick { 50_000 } else { 1_000_000 })
    }

    /// Accounts of the CSV file.
    pub(super) fn accounts(&self) -> u32 {
        self.accounts.unwrap_or(if self.quick { 5_000 } else { 100_000 })
    }

    /// For programs: what one needs to measure the same again.
    pub(super) fn json(&self) -> Value {
        let keys: Vec<&str> = self.contenders.iter().map(|contender| contender.key()).collect();
        json!({
            "messages": if self.scale { self.scale_messages() } else { self.messages() },
            "accounts": self.accounts(),
            "rounds": self.rounds(),
            "seed": self.seed,
            "limit_seconds": self.limit.as_secs(),
            "programs": keys,
        })
    }

    /// Octets of the one large message.
    pub(super) fn big_octets(&self) -> u64 {
        self.big.unwrap_or(if self.quick { 50 } else { 1_000 }) * 1_000_000
    }
}

fn number(word: &str, value: &str) -> anyhow::Result<u32> {
    value.parse().with_context(|| format!("{word} {value}"))
}

/// The named ones, in their usual order.
fn chosen<T: Copy>(
    word: &str,
    value: &str,
    all: &[T],
    key: impl Fn(T) -> &'static str,
) -> anyhow::Result<Vec<T>> {
    let wanted: Vec<&str> = value.split(',').collect();
    let known: Vec<&str> = all.iter().map(|&one| key(one)).collect();
    if let Some(unknown) = wanted.iter().find(|name| !known.contains(name)) {
        bail!("{word} does not know “{unknown}”; there is {}", known.join(", "));
    }
    Ok(all
        .iter()
        .copied()
        .filter(|&one| wanted.contains(&key(one)))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read() {
        let options = Options::parse(&[
            "--messages",
            "10",
            "--only",
            "lat50,A",
            "--limit",
            "7",
            "--svg",
            "x.svg",
        ])
        .unwrap();
        assert_eq!(options.messages(), 10);
        assert_eq!(options.rounds(), 3);
        assert_eq!(options.sections, [Section::A, Section::Lat50]);
        assert_eq!(options.contenders, Contender::ALL);
        assert_eq!(options.limit, Duration::from_secs(7));
        assert_eq!(options.svg, Some("x.svg".into()));
        let quick = Options::parse(&["--quick", "--programs", "mbsync"]).unwrap();
        assert_eq!((quick.messages(), quick.rounds()), (1_000, 1));
        assert_eq!(quick.contenders, [Contender::Mbsync]);
        let scale = Options::parse(&["--scale", "--messages", "5000", "--big", "3"]).unwrap();
        assert_eq!((scale.scale_messages(), scale.big_octets()), (5_000, 3_000_000));
        assert_eq!(scale.json()["messages"], 5_000);
        let directory = Options::parse(&["--directory", "--accounts", "7"]).unwrap();
        assert_eq!((directory.directory, directory.accounts()), (true, 7));
        assert_eq!(quick.accounts(), 5_000);
    }

    #[test]
    fn mistakes_are_told() {
        for (words, told) in [
            (&["--rounds"][..], "--rounds needs a value"),
            (&["--rounds", "x"], "--rounds x"),
            (&["fast"], "does not know “fast”"),
            (&["--only", "A,D"], "does not know “D”; there is A, B, C, lat50"),
        ] {
            let error = Options::parse(words).unwrap_err().to_string();
            assert!(error.contains(told), "{error}");
        }
    }
}
