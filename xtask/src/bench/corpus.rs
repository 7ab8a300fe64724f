//! The accounts that are copied, the same every time: one as real mail is, many small messages and few large; one of
//! tiny messages only; many small accounts.

use transhume_testkit::{Body, MailboxSpec, MessageSpec};

use super::options::Section;

/// A mailbox's name, and the share of the messages that it holds, in percent.
type Share = (&'static [&'static str], u32);

/// Mailboxes of a typical account.
const TYPICAL: [Share; 25] = [
    (&["INBOX"], 30),
    (&["Sent Items"], 15),
    (&["Entwürfe"], 1),
    (&["Deleted Items"], 6),
    (&["Spam"], 5),
    (&["Archive"], 2),
    (&["Archive", "2018"], 3),
    (&["Archive", "2019"], 4),
    (&["Archive", "2020"], 5),
    (&["Archive", "2021"], 5),
    (&["Archive", "2022"], 5),
    (&["Archive", "2023"], 5),
    (&["Projects"], 1),
    (&["Projects", "Alpha"], 2),
    (&["Projects", "Alpha", "Design"], 1),
    (&["Projects", "Été 2023"], 1),
    (&["Клиенты"], 1),
    (&["Клиенты", "Иванов"], 1),
    (&["R&D"], 1),
    (&["Lists", "kernel"], 3),
    (&["Lists", "debian"], 1),
    (&["日本語"], 1),
    (&["With space (x)"], 1),
    (&["Empty"], 0),
    (&["Empty", "Nothing"], 0),
];

/// Mailboxes of the account of tiny messages.
const TINY: [Share; 3] = [(&["INBOX"], 50), (&["Lists"], 30), (&["Logs"], 20)];

/// Mailboxes of each of many accounts, and how many messages each of those holds in all.
const SMALL: [Share; 4] = [
    (&["INBOX"], 50),
    (&["Sent"], 30),
    (&["Trash"], 10),
    (&["Archive"], 10),
];
const SMALL_MESSAGES: u32 = 200;

/// Half of all messages are smaller than this.
const MEDIAN: f64 = 8192.0;
/// The mean, before the cap.
const MEAN: f64 = 51_200.0;
const SMALLEST: f64 = 700.0;
const LARGEST: f64 = 20.0 * 1024.0 * 1024.0;

const KEYWORDS: [&str; 4] = ["$Forwarded", "NonJunk", "$label1", "work"];

/// One account on the source.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Account {
    /// Who logs in.
    pub(super) user: String,
    /// What is there.
    pub(super) mailboxes: Vec<MailboxSpec>,
}

impl Account {
    /// How many messages.
    pub(super) fn messages(&self) -> usize {
        self.mailboxes.iter().map(|mailbox| mailbox.messages.len()).sum()
    }

    /// Octets as stored.
    pub(super) fn bytes(&self) -> u64 {
        let messages = self.mailboxes.iter().flat_map(|mailbox| &mailbox.messages);
        messages.map(|message| message.body.len()).sum()
    }
}

/// How message sizes are spread.
#[derive(Clone, Copy)]
enum Sizes {
    LogNormal,
    Between(u32, u32),
}

/// Who logs in, in a section of a benchmark in which corpus A has so many messages.
pub(super) fn users(section: Section, messages: u32) -> Vec<String> {
    match section {
        Section::A => vec!["alice".to_owned()],
        Section::B => vec!["bob".to_owned()],
        Section::Lat50 => vec!["lena".to_owned()],
        Section::C => (0..(messages / 100).max(2))
            .map(|number| format!("c{number:03}"))
            .collect(),
    }
}

/// The section's accounts.
pub(super) fn accounts(section: Section, messages: u32, seed: u64) -> Vec<Account> {
    let mut rng = Rng(seed);
    let (shares, count, sizes): (&[Share], u32, Sizes) = match section {
        Section::A => (&TYPICAL, messages, Sizes::LogNormal),
        Section::Lat50 => (&TYPICAL, (messages / 10).max(100), Sizes::LogNormal),
        Section::B => (&TINY, messages.saturating_mul(5), Sizes::Between(1_500, 2_500)),
        Section::C => (&SMALL, SMALL_MESSAGES, Sizes::Between(5_000, 15_000)),
    };
    users(section, messages)
        .into_iter()
        .map(|user| Account {
            user,
            mailboxes: mailboxes(shares, count, sizes, &mut rng),
        })
        .collect()
}

fn mailboxes(shares: &[Share], messages: u32, sizes: Sizes, rng: &mut Rng) -> Vec<MailboxSpec> {
    let mut mailboxes: Vec<MailboxSpec> = shares
        .iter()
        .zip(1_600_000_000..)
        .map(|(&(name, share), uid_validity)| {
            let mut mailbox = MailboxSpec::new(name, uid_validity);
            let count = u64::from(messages) * u64::from(share) / 100;
            fill(&mut mailbox, u32::try_from(count).unwrap_or(messages), sizes, rng);
            mailbox
        })
        .collect();
    // What rounding left over.
    let given: usize = mailboxes.iter().map(|mailbox| mailbox.messages.len()).sum();
    let missing = messages.saturating_sub(u32::try_from(given).unwrap_or(messages));
    if let Some(inbox) = mailboxes.first_mut() {
        fill(inbox, missing, sizes, rng);
    }
    mailboxes
}

fn fill(mailbox: &mut MailboxSpec, count: u32, sizes: Sizes, rng: &mut Rng) {
    for _ in 0..count {
        let after = mailbox.messages.last().map_or(0, |last| last.uid);
        // Gaps, as deleted messages leave them.
        let gap = if rng.chance(0.1) { 2 + rng.below(7) } else { 1 };
        let mut flags = Vec::new();
        for (flag, share) in [("\\Seen", 0.85), ("\\Answered", 0.15), ("\\Flagged", 0.05)] {
            if rng.chance(share) {
                flags.push(flag.to_owned());
            }
        }
        if rng.chance(0.1) {
            flags.push(KEYWORDS[rng.below(4) as usize].to_owned());
        }
        mailbox.messages.push(MessageSpec {
            uid: after + gap,
            body: Body::Generated {
                seed: rng.next(),
                size: match sizes {
                    Sizes::LogNormal => rng.size(),
                    Sizes::Between(low, high) => u64::from(low + rng.below(high - low)),
                },
            },
            flags,
            internal_date: 1_325_376_000 + i64::from(rng.below(390_000_000)),
        });
    }
}

/// Splitmix64: small, and the same everywhere.
pub(super) struct Rng(pub(super) u64);

impl Rng {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Below `limit`.
    pub(super) fn below(&mut self, limit: u32) -> u32 {
        u32::try_from(((self.next() >> 32) * u64::from(limit)) >> 32).unwrap_or(0)
    }

    /// In [0, 1).
    fn unit(&mut self) -> f64 {
        f64::from(self.below(u32::MAX)) / f64::from(u32::MAX)
    }

    fn chance(&mut self, share: f64) -> bool {
        self.unit() < share
    }

    /// A log-normal size.
    fn size(&mut self) -> u64 {
        let sigma = (2.0 * (MEAN / MEDIAN).ln()).sqrt();
        // Box and Muller; 1 − unit keeps the logarithm finite.
        let normal = (-2.0 * (1.0 - self.unit()).ln()).sqrt() * (std::f64::consts::TAU * self.unit()).cos();
        let size = (MEDIAN * (sigma * normal).exp()).clamp(SMALLEST, LARGEST);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "it was clamped to a small positive range just now"
        )]
        let size = size as u64;
        size
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_are_the_same_every_time_and_have_the_shape_they_claim() {
        // Section, messages of A; then accounts, mailboxes, messages of each, and between what the median size lies.
        for (section, scale, count, mailboxes, messages, median) in [
            (Section::A, 4000, 1, 25, 4000, 7000..9500),
            (Section::Lat50, 20_000, 1, 25, 2000, 7000..9500),
            (Section::B, 1000, 1, 3, 5000, 1900..2100),
            (Section::C, 700, 7, 4, 200, 9000..11_000),
        ] {
            let made = accounts(section, scale, 1);
            assert_eq!(made, accounts(section, scale, 1));
            assert_ne!(made, accounts(section, scale, 2));
            let names: Vec<&String> = made.iter().map(|account| &account.user).collect();
            assert_eq!(names, users(section, scale).iter().collect::<Vec<_>>());
            assert_eq!(made.len(), count, "{section:?}");
            assert!(made.iter().all(|account| account.messages() == messages));
            assert!(made.iter().all(|account| account.mailboxes.len() == mailboxes));
            let mut sizes: Vec<u64> = made
                .iter()
                .flat_map(|account| &account.mailboxes)
                .flat_map(|mailbox| &mailbox.messages)
                .map(|message| message.body.len())
                .collect();
            sizes.sort_unstable();
            let middle = sizes[sizes.len() / 2];
            assert!(median.contains(&middle), "{section:?}: median {middle}");
        }
        let bytes = accounts(Section::A, 4000, 1)[0].bytes();
        assert!((130_000_000..280_000_000).contains(&bytes), "{bytes}");
        for shares in [&TYPICAL[..], &TINY, &SMALL] {
            assert_eq!(shares.iter().map(|(_, share)| share).sum::<u32>(), 100);
        }
    }
}
