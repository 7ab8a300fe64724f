//! The account that is copied: sizes as real mail has them, many small and few large.

use transhume_testkit::{Body, MailboxSpec, MessageSpec};

/// Mailboxes, and the share of the messages that each holds, in percent.
const MAILBOXES: [(&[&str], u32); 24] = [
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
];

/// Half of all messages are smaller than this.
const MEDIAN: f64 = 8192.0;
/// The mean, before the cap.
const MEAN: f64 = 51_200.0;
const SMALLEST: f64 = 700.0;
const LARGEST: f64 = 20.0 * 1024.0 * 1024.0;

const KEYWORDS: [&str; 4] = ["$Forwarded", "NonJunk", "$label1", "work"];

/// An account of about this many messages.
pub(super) fn log_normal(messages: u32, seed: u64) -> Vec<MailboxSpec> {
    let mut rng = Rng(seed);
    let mut mailboxes: Vec<MailboxSpec> = MAILBOXES
        .iter()
        .zip(1_600_000_000..)
        .map(|(&(name, share), uid_validity)| {
            let mut mailbox = MailboxSpec::new(name, uid_validity);
            fill(&mut mailbox, messages * share / 100, &mut rng);
            mailbox
        })
        .collect();
    // What rounding left over.
    let given: usize = mailboxes.iter().map(|mailbox| mailbox.messages.len()).sum();
    let missing = messages.saturating_sub(u32::try_from(given).unwrap_or(messages));
    if let Some(inbox) = mailboxes.first_mut() {
        fill(inbox, missing, &mut rng);
    }
    mailboxes
}

fn fill(mailbox: &mut MailboxSpec, count: u32, rng: &mut Rng) {
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
                size: rng.size(),
            },
            flags,
            internal_date: 1_325_376_000 + i64::from(rng.below(390_000_000)),
        });
    }
}

/// Splitmix64: small, and the same everywhere.
struct Rng(u64);

impl Rng {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, limit: u32) -> u32 {
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
    fn the_account_is_the_same_every_time_and_has_the_shape_it_claims() {
        let account = log_normal(4000, 1);
        assert_eq!(account, log_normal(4000, 1));
        assert_eq!(
            account
                .iter()
                .map(|mailbox| mailbox.messages.len())
                .sum::<usize>(),
            4000
        );
        let mut sizes: Vec<u64> = account
            .iter()
            .flat_map(|mailbox| &mailbox.messages)
            .map(|message| message.body.len())
            .collect();
        sizes.sort_unstable();
        assert!((7000..9500).contains(&sizes[2000]), "median {}", sizes[2000]);
        let total: u64 = sizes.iter().sum();
        assert!((130_000_000..280_000_000).contains(&total), "total {total}");
        assert_eq!(MAILBOXES.iter().map(|(_, share)| share).sum::<u32>(), 100);
    }
}
