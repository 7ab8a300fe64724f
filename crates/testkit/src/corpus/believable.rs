//! Accounts that look like those of an office, to show a move to people.

use std::fmt::Write as _;

use super::attachments;
use super::phrases::{ENGLISH, FRENCH, GERMAN, JAPANESE_RUSSIAN, Phrases};
use crate::encode;
use crate::mailbox::{Body, MailboxSpec, MessageSpec};
use crate::rng::Rng;

/// Language of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// English.
    English,
    /// French.
    French,
    /// German.
    German,
    /// Japanese and Russian mixed.
    JapaneseRussian,
}

impl Language {
    fn phrases(self) -> &'static Phrases {
        match self {
            Self::English => &ENGLISH,
            Self::French => &FRENCH,
            Self::German => &GERMAN,
            Self::JapaneseRussian => &JAPANESE_RUSSIAN,
        }
    }

    /// The account's folders with a special use, hierarchy with `/`.
    pub fn special_use(self) -> Vec<(&'static str, &'static str)> {
        let phrases = self.phrases();
        vec![
            (phrases.sent, "Sent"),
            (phrases.drafts, "Drafts"),
            (phrases.trash, "Trash"),
            (phrases.archive, "Archive"),
            ("Spam", "Junk"),
        ]
    }
}

/// First of January 2016, and eight years.
const FIRST: i64 = 1_451_606_400;
const SPAN: u64 = 252_460_800;

/// An account of an office, with about this many messages.
pub fn believable(language: Language, messages: usize, seed: u64) -> Vec<MailboxSpec> {
    let phrases = language.phrases();
    let mut rng = Rng::new(seed);
    let mut names: Vec<(String, usize)> = vec![
        ("INBOX".to_owned(), 34),
        (phrases.sent.to_owned(), 18),
        (phrases.drafts.to_owned(), 2),
        (phrases.trash.to_owned(), 6),
        ("Spam".to_owned(), 4),
        (phrases.archive.to_owned(), 2),
    ];
    names.extend((2019..2022).map(|year| (format!("{}/{year}", phrases.archive), 6)));
    names.extend(phrases.folders.iter().map(|name| ((*name).to_owned(), 2)));
    let total: usize = names.iter().map(|(_, share)| share).sum();
    names
        .iter()
        .map(|(name, share)| {
            let parts: Vec<&str> = name.split('/').collect();
            let mut mailbox = MailboxSpec::new(
                &parts,
                1_450_000_000 + u32::try_from(rng.below(100_000_000)).unwrap(),
            );
            let count = (messages * share).div_ceil(total);
            let mut uid = u32::try_from(rng.below(40)).unwrap();
            for number in 0..count {
                uid += 1 + u32::try_from(rng.below(10)).unwrap() / 9 * 3;
                let step = SPAN / count as u64;
                let internal_date = FIRST + i64::try_from(step * number as u64 + rng.below(step)).unwrap();
                let outgoing = name == phrases.sent || name == phrases.drafts;
                let body = Body::Bytes(message(phrases, &mut rng, internal_date, outgoing));
                let flags = flags(&mut rng, name == phrases.drafts);
                mailbox.messages.push(MessageSpec {
                    uid,
                    body,
                    flags,
                    internal_date,
                });
            }
            mailbox
        })
        .collect()
}

fn flags(rng: &mut Rng, draft: bool) -> Vec<String> {
    let mut flags = vec![];
    if draft {
        flags.push("\\Draft");
    }
    if rng.percent(88) {
        flags.push("\\Seen");
    }
    if rng.percent(20) {
        flags.push("\\Answered");
    }
    if rng.percent(7) {
        flags.push("\\Flagged");
    }
    if rng.percent(8) {
        flags.push(rng.pick(&["$Forwarded", "$label1", "NonJunk"]));
    }
    flags.into_iter().map(str::to_owned).collect()
}

/// A name and an address for a header.
fn mailbox(name: &str, address: &str) -> String {
    format!("{} <{address}>", encode::encoded_word(name).replace("\n ", " "))
}

/// Base64 in lines of 76.
fn base64_lines(bytes: &[u8]) -> String {
    let text = encode::base64(bytes);
    let lines: Vec<&str> = (0..text.len())
        .step_by(76)
        .map(|at| &text[at..text.len().min(at + 76)])
        .collect();
    lines.join("\n") + "\n"
}

/// Quoted-printable, soft breaks included.
fn quoted_printable(text: &str) -> String {
    let mut out = String::new();
    for line in text.lines() {
        let mut column = 0;
        for byte in line.bytes() {
            let token = match byte {
                b' '..=b'~' if byte != b'=' => char::from(byte).to_string(),
                _ => format!("={byte:02X}"),
            };
            if column + token.len() > 75 {
                out.push_str("=\n");
                column = 0;
            }
            column += token.len();
            out.push_str(&token);
        }
        // A space at the end of a line may get lost on the way.
        if out.ends_with(' ') {
            out.pop();
            out.push_str("=20");
        }
        out.push('\n');
    }
    out
}

fn message(phrases: &Phrases, rng: &mut Rng, date: i64, outgoing: bool) -> Vec<u8> {
    let owner_address = format!("{}@office.example.org", phrases.owner.1);
    let owner = (phrases.owner.0, owner_address.as_str());
    let other = rng.pick(phrases.people);
    let (from, to) = if outgoing { (owner, other) } else { (other, owner) };
    let number = 1000 + rng.below(9000);
    let mut subject = rng.pick(phrases.subjects).replace('#', &number.to_string());
    if rng.percent(30) {
        subject.insert_str(0, "Re: ");
    }
    let mut text = format!("{}\n\n", phrases.greeting);
    for _ in 0..=rng.below(9) {
        text.push_str(rng.pick(phrases.sentences));
        text.push('\n');
    }
    write!(text, "\n{}\n-- \n{}\n", phrases.closing, from.0).unwrap();
    let id = rng.next();
    let domain = from.1.split('@').nth(1).unwrap();
    let mut head = format!(
        "Return-Path: <{}>\nReceived: from mail.example.org (mail.example.org [192.0.2.{}])\n\
         \tby mail.office.example.org with ESMTPS id {:x};\n\t{}\nFrom: {}\nTo: {}\nSubject: {}\nDate: {}\n\
         Message-ID: <{id:016x}@{domain}>\nMIME-Version: 1.0\n",
        from.1,
        1 + rng.below(250),
        rng.next(),
        encode::rfc2822_date(date),
        mailbox(from.0, from.1),
        mailbox(to.0, to.1),
        encode::encoded_word(&subject),
        encode::rfc2822_date(date - i64::try_from(rng.below(600)).unwrap()),
    );
    let plain = format!(
        "Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n\n{}",
        quoted_printable(&text)
    );
    if !rng.percent(25) {
        return (head + &plain).into_bytes();
    }
    let boundary = format!("=_part_{id:016x}");
    let (ending, kind, content) = match rng.below(3) {
        0 => (
            "pdf",
            "application/pdf",
            attachments::pdf(&format!("No. {number}")),
        ),
        1 => ("png", "image/png", attachments::png(number)),
        _ => ("csv", "text/csv; charset=utf-8", table(phrases, rng).into_bytes()),
    };
    let file = format!("{} {number}.{ending}", phrases.document);
    // RFC 2231 for the name: the form all mail programs of these years write.
    let file: String = file
        .bytes()
        .map(|byte| {
            if byte.is_ascii_alphanumeric() || byte == b'.' {
                char::from(byte).to_string()
            } else {
                format!("%{byte:02X}")
            }
        })
        .collect();
    write!(
        head,
        "Content-Type: multipart/mixed; boundary=\"{boundary}\"\n\nThis is a message with several parts.\n\
         --{boundary}\n{plain}\n--{boundary}\nContent-Type: {kind}\nContent-Transfer-Encoding: base64\n\
         Content-Disposition: attachment;\n filename*=UTF-8''{file}\n\n{}\n--{boundary}--\n",
        base64_lines(&content)
    )
    .unwrap();
    head.into_bytes()
}

fn table(phrases: &Phrases, rng: &mut Rng) -> String {
    let separator = if phrases.columns.contains(';') { ";" } else { "," };
    let mut text = format!("{}\r\n", phrases.columns);
    for row in 1..=3 + rng.below(20) {
        let cells = [
            format!("{} {row}", phrases.document),
            (1 + rng.below(30)).to_string(),
            (5 + rng.below(900)).to_string(),
        ];
        text.push_str(&cells.join(separator));
        text.push_str("\r\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_differ_by_seed_and_language_only() {
        let once = believable(Language::French, 100, 1);
        assert!(once == believable(Language::French, 100, 1));
        assert!(once != believable(Language::French, 100, 2));
        let count: usize = once.iter().map(|mailbox| mailbox.messages.len()).sum();
        assert!((100..130).contains(&count), "{count}");
    }

    #[test]
    fn quoted_printable_lines_are_short_and_ascii() {
        let coded = quoted_printable(&"für = é ".repeat(40));
        assert!(coded.is_ascii());
        assert!(coded.lines().all(|line| line.len() <= 76));
    }
}
