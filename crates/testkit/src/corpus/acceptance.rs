//! The account a move must bring over whole.

use super::edges;
use crate::encode;
use crate::mailbox::{Body, MailboxSpec, MessageSpec};
use crate::rng::Rng;

const WORDS: [&str; 40] = [
    "the", "mail", "server", "moved", "over", "to", "a", "new", "machine", "and", "nobody", "noticed",
    "because", "every", "folder", "flag", "date", "was", "kept", "while", "old", "host", "still", "serving",
    "users", "in", "office", "please", "find", "attached", "report", "invoice", "meeting", "agenda",
    "regards", "budget", "plan", "größer", "été", "срок",
];

const KEYWORDS: [&str; 6] = [
    "$Forwarded",
    "NonJunk",
    "$label1",
    "work",
    "todo-later",
    "$MDNSent",
];

/// Components, messages, subscribed. All are listed and opened by a real Dovecot 2.3 with separator `/`.
///
/// It refuses, and so these are not here: a dot anywhere in a name (its own separator on disk), `~` at the
/// start, control characters, and names of more than about 250 bytes.
const FOLDERS: &[(&[&str], usize, bool)] = &[
    (&["INBOX"], 560, true),
    (&["INBOX", "Child"], 12, true),
    (&["INBOX", "Child", "Grandchild"], 8, true),
    (&["Sent Items"], 270, true),
    (&["Entwürfe"], 16, true),
    (&["Deleted Items"], 100, true),
    (&["Spam"], 90, true),
    (&["Archive"], 36, true),
    (&["Archive", "2018"], 60, true),
    (&["Archive", "2019"], 70, true),
    (&["Archive", "2020"], 80, true),
    (&["Archive", "2021"], 90, true),
    (&["Archive", "2022"], 90, true),
    (&["Archive", "2023"], 90, true),
    (&["archive"], 5, true),
    (&["Projects"], 20, true),
    (&["Projects", "Alpha"], 36, true),
    (&["Projects", "Alpha", "Design"], 18, false),
    (&["Projects", "Alpha", "Design", "Drawings"], 6, true),
    (&["Projects", "Été 2023"], 18, true),
    // The same letters as above, decomposed: another name.
    (&["Projects", "E\u{301}te\u{301} 2023"], 3, true),
    (&["Клиенты"], 18, true),
    (&["Клиенты", "Иванов"], 18, true),
    (&["R&D"], 14, true),
    (&["Lists", "kernel"], 80, true),
    (&["Lists", "debian"], 18, false),
    (&["日本語"], 18, true),
    (&["😀 party 🎉"], 4, true),
    (&["With space (x)"], 18, true),
    (&["trailing space "], 2, true),
    (&["Quote \"q\""], 10, true),
    (&["back\\slash"], 4, true),
    (&["100%"], 3, true),
    (&["star*"], 3, true),
    (&["{5}"], 3, true),
    (&["[square] & <angle>"], 3, true),
    (&[" leading space"], 2, true),
    (&["12345"], 5, true),
    (&["NIL"], 5, true),
    (&["-"], 2, false),
    (&["tilde~inside"], 2, true),
    (
        &[
            "A rather long name, as people give to folders they never open again, one hundred and twenty letters or \
        somewhat more of it",
        ],
        2,
        true,
    ),
    // Its parent is not a folder.
    (&["Empty", "Nothing"], 0, true),
];

/// Folders of [`acceptance`] with a special use, hierarchy with `/`.
pub fn acceptance_special_use() -> Vec<(&'static str, &'static str)> {
    vec![
        ("Sent Items", "Sent"),
        ("Entwürfe", "Drafts"),
        ("Deleted Items", "Trash"),
        ("Spam", "Junk"),
        ("Archive", "Archive"),
    ]
}

/// About 2,000 messages in more than 40 folders: ordinary mail with gaps between the UIDs, every oddity
/// of names, flags, dates and contents, and two messages of 30 MB. About 75 MB.
pub fn acceptance() -> Vec<MailboxSpec> {
    let mut mailboxes = Vec::new();
    for (index, (name, count, subscribed)) in FOLDERS.iter().enumerate() {
        let seed = index as u64;
        let mut mailbox = MailboxSpec::new(name, 1_600_000_001 + u32::try_from(seed).unwrap() * 7918);
        mailbox.subscribed = *subscribed;
        mailbox.messages = ordinary(&mut Rng::new(seed), name, *count);
        // Some messages were there and are gone.
        mailbox.uid_next = seed.is_multiple_of(3).then(|| mailbox.effective_uid_next() + 17);
        mailboxes.push(mailbox);
    }
    mailboxes.extend([
        edges::edges(),
        every_flag(),
        many_keywords(),
        large(),
        high_numbers(),
        lowest_validity(),
    ]);
    mailboxes.push(MailboxSpec {
        exists: false,
        ..MailboxSpec::new(&["Gone", "Long ago"], 0)
    });
    mailboxes
}

fn ordinary(rng: &mut Rng, folder: &[&str], count: usize) -> Vec<MessageSpec> {
    const FIRST: i64 = 1_325_376_000;
    const SPAN: u64 = 394_470_000;
    let mut uid = 0;
    (0..count)
        .map(|number| {
            uid += if rng.percent(90) {
                1
            } else {
                2 + u32::try_from(rng.below(7)).unwrap()
            };
            let step = SPAN / count as u64;
            let internal_date = FIRST + i64::try_from(step * number as u64 + rng.below(step)).unwrap();
            let size = usize::try_from(rng.log_normal(4096.0, 0.9).min(300_000)).unwrap();
            let body = Body::Bytes(message(rng, folder, number, internal_date, size));
            MessageSpec {
                uid,
                body,
                flags: flags(rng),
                internal_date,
            }
        })
        .collect()
}

fn flags(rng: &mut Rng) -> Vec<String> {
    let mut flags = Vec::new();
    for (flag, percent) in [
        ("\\Seen", 85),
        ("\\Answered", 15),
        ("\\Flagged", 5),
        ("\\Draft", 1),
        ("\\Deleted", 1),
    ] {
        if rng.percent(percent) {
            flags.push(flag.to_owned());
        }
    }
    if rng.percent(10) {
        flags.push(rng.pick(&KEYWORDS).to_owned());
    }
    flags
}

fn message(rng: &mut Rng, folder: &[&str], number: usize, date: i64, size: usize) -> Vec<u8> {
    let id = rng.next();
    let mut text = format!(
        "Return-Path: <list{}@example.org>\nReceived: from mx.example.org (mx.example.org [192.0.2.{}])\n\
         \tby old.example.org with ESMTP id {id:x};\n\t{}\nFrom: Sender {} <s{}@example.org>\n\
         To: account@example.org\nSubject: {} {number}\nDate: {}\nMessage-ID: <{id:x}.{number}@example.org>\n\
         MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n",
        rng.below(500),
        rng.below(255),
        encode::rfc2822_date(date),
        number % 97,
        number % 97,
        encode::encoded_word(&folder.join(" / ")),
        encode::rfc2822_date(date - i64::try_from(rng.below(3600)).unwrap()),
    );
    let mut column = 0;
    while text.len() < size {
        let word = rng.pick(&WORDS);
        text.push_str(word);
        column += word.len() + 1;
        text.push(if column > 70 { '\n' } else { ' ' });
        column %= 71;
    }
    text.push('\n');
    text.into_bytes()
}

fn small(uid: u32, subject: &str, flags: &[&str], internal_date: i64) -> MessageSpec {
    let text = format!(
        "From: a@example.org\nTo: b@example.org\nSubject: {subject}\nMessage-ID: <{uid}.{internal_date}@example.org>\n\
         Date: {}\n\n{subject}\n",
        encode::rfc2822_date(internal_date)
    );
    MessageSpec {
        uid,
        body: Body::Bytes(text.into_bytes()),
        flags: flags.iter().map(|flag| (*flag).to_owned()).collect(),
        internal_date,
    }
}

/// Each system flag alone, all of them, none, and every pair with `\Deleted`.
fn every_flag() -> MailboxSpec {
    const ALL: [&str; 5] = ["\\Seen", "\\Answered", "\\Flagged", "\\Deleted", "\\Draft"];
    let mut sets: Vec<Vec<&str>> = vec![Vec::new(), ALL.to_vec()];
    sets.extend(ALL.iter().map(|flag| vec![*flag]));
    sets.extend(
        ALL.iter()
            .filter(|flag| **flag != "\\Deleted")
            .map(|flag| vec![*flag, "\\Deleted"]),
    );
    let mut mailbox = MailboxSpec::new(&["Flags"], 1_700_000_003);
    mailbox.messages = (1u32..)
        .zip(&sets)
        .map(|(number, set)| {
            small(
                number * 3,
                &format!("flags {}", set.join(" ")),
                set,
                1_500_000_000 + i64::from(number),
            )
        })
        .collect();
    mailbox
}

/// As many keywords as a Maildir has letters for: on one message each, all on one, none on one.
fn many_keywords() -> MailboxSpec {
    let keywords: Vec<String> = (0..26)
        .map(|number| match number {
            0 => "$Forwarded".to_owned(),
            1 => "$Junk".to_owned(),
            2 => "$NotJunk".to_owned(),
            3 => "with-dash_and.dot".to_owned(),
            4 => "UPPER".to_owned(),
            _ => format!("keyword{number}"),
        })
        .collect();
    let all: Vec<&str> = keywords.iter().map(String::as_str).collect();
    let mut mailbox = MailboxSpec::new(&["Keywords"], 1_700_000_005);
    let mut sets: Vec<Vec<&str>> = all.iter().map(|keyword| vec![*keyword]).collect();
    sets.push(all.iter().copied().chain(["\\Seen"]).collect());
    sets.push(Vec::new());
    mailbox.messages = (1u32..)
        .zip(&sets)
        .map(|(uid, set)| {
            small(
                uid,
                &format!("{} keywords", set.len()),
                set,
                1_500_001_000 + i64::from(uid),
            )
        })
        .collect();
    mailbox
}

fn large() -> MailboxSpec {
    let mut mailbox = MailboxSpec::new(&["Large"], 1_700_000_007);
    mailbox.messages = [(4, 30_000_000), (9, 31_457_281)]
        .into_iter()
        .map(|(uid, size)| MessageSpec {
            uid,
            body: Body::Generated {
                seed: u64::from(uid),
                size,
            },
            flags: vec!["\\Seen".to_owned()],
            internal_date: 1_600_000_000 + i64::from(uid),
        })
        .collect();
    mailbox
}

/// Numbers a signed 32-bit integer cannot hold.
fn high_numbers() -> MailboxSpec {
    let mut mailbox = MailboxSpec::new(&["High numbers"], u32::MAX);
    let uids = [1, 2_147_483_647, 2_147_483_648, 4_294_960_000];
    mailbox.messages = uids
        .into_iter()
        .map(|uid| small(uid, &format!("UID {uid}"), &[], 1_400_000_000))
        .collect();
    mailbox
}

fn lowest_validity() -> MailboxSpec {
    let mut mailbox = MailboxSpec::new(&["Low numbers"], 1);
    mailbox.messages = vec![small(1, "UIDVALIDITY 1", &["\\Seen"], 1_400_000_001)];
    mailbox
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_large_enough_and_always_the_same() {
        let once = acceptance();
        assert!(once == acceptance());
        let messages: usize = once.iter().map(|mailbox| mailbox.messages.len()).sum();
        assert!((1900..2200).contains(&messages), "{messages}");
        assert!(once.len() >= 25);
        let gaps = once
            .iter()
            .flat_map(|mailbox| mailbox.messages.windows(2))
            .filter(|pair| pair[1].uid > pair[0].uid + 1);
        assert!(gaps.count() > 100);
    }
}
