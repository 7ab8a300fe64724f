//! One folder of messages that are not as messages should be. Each says in its Subject what it is,
//! where it can have one.

use crate::encode;
use crate::mailbox::{Body, MailboxSpec, MessageSpec};

const DAY: i64 = 86_400;

/// The messages with their names, by ascending UID.
pub fn edge_messages() -> Vec<(&'static str, MessageSpec)> {
    contents()
        .into_iter()
        .enumerate()
        .map(|(index, (name, bytes))| {
            let number = u32::try_from(index).unwrap();
            let internal_date = match name {
                "date-epoch" => 0,
                "date-1970" => 2 * DAY,
                "date-2038-last" => 2_147_483_647,
                "date-2038-first" => 2_147_483_648,
                "date-2040" => 2_208_988_800,
                _ => 1_500_000_000 + i64::from(number) * 977,
            };
            let flags = match name {
                "all-flags" => vec!["\\Seen", "\\Answered", "\\Flagged", "\\Deleted", "\\Draft"],
                "dup-a" => vec!["\\Seen"],
                "dup-b" => vec!["\\Flagged"],
                _ => vec![],
            };
            let flags = flags.into_iter().map(str::to_owned).collect();
            // A gap of one after every fifth.
            let uid = 1 + number + number / 5;
            (
                name,
                MessageSpec {
                    uid,
                    body: Body::Bytes(bytes),
                    flags,
                    internal_date,
                },
            )
        })
        .collect()
}

/// The folder.
pub(super) fn edges() -> MailboxSpec {
    let mut mailbox = MailboxSpec::new(&["Edge"], 1_700_000_001);
    mailbox.messages = edge_messages().into_iter().map(|(_, message)| message).collect();
    mailbox
}

/// A proper message with lines added to the header and a body.
fn with(subject: &str, id: Option<&str>, header: &[u8], body: &[u8]) -> Vec<u8> {
    let id = id
        .map(|id| format!("Message-ID: <{id}@edge.example.org>\n"))
        .unwrap_or_default();
    let mut out = format!(
        "From: a@example.org\nTo: b@example.org\nSubject: edge {subject}\n{id}Date: {}\n",
        encode::rfc2822_date(1_500_000_000)
    )
    .into_bytes();
    out.extend_from_slice(header);
    out.push(b'\n');
    out.extend_from_slice(body);
    out
}

fn crlf(bytes: &[u8]) -> Vec<u8> {
    bytes
        .iter()
        .flat_map(|byte| {
            if *byte == b'\n' {
                vec![b'\r', b'\n']
            } else {
                vec![*byte]
            }
        })
        .collect()
}

type Named = (&'static str, Vec<u8>);

fn plain(name: &'static str, body: &[u8]) -> Named {
    headed(name, b"", body)
}

fn headed(name: &'static str, header: &[u8], body: &[u8]) -> Named {
    (name, with(name, Some(name), header, body))
}

fn contents() -> Vec<Named> {
    [
        identity(),
        incomplete(),
        odd_bytes(),
        line_ends(),
        confusing(),
        dates(),
    ]
    .concat()
}

/// What must not be taken for the same message, and what is.
fn identity() -> Vec<Named> {
    let duplicate = with("dup", Some("dup"), b"", b"exactly the same twice\n");
    vec![
        ("dup-a", duplicate.clone()),
        ("dup-b", duplicate),
        (
            "same-id-other-body",
            with(
                "same-id-other-body",
                Some("dup"),
                b"",
                b"another body, the same Message-ID\n",
            ),
        ),
        ("no-id-1", with("no-id-1", None, b"", b"no Message-ID\n")),
        ("no-id-2", with("no-id-2", None, b"", b"no Message-ID\n")),
        plain("all-flags", b"all system flags\n"),
    ]
}

/// Something is not there.
fn incomplete() -> Vec<Named> {
    let mut headers_only = headed("headers-only", b"", b"");
    headers_only.1.pop();
    let no_date = b"From: a@example.org\nSubject: edge no-date\nMessage-ID: <nodate@edge.example.org>\n\nx\n";
    vec![
        headers_only,
        ("no-date", no_date.to_vec()),
        ("body-only", b"\njust a body, and not one header\n".to_vec()),
        (
            "text-only",
            b"neither a header nor an empty line before this text\n".to_vec(),
        ),
        (
            "header-without-line-end",
            b"Subject: edge header-without-line-end".to_vec(),
        ),
        ("empty-message", Vec::new()),
        ("one-line-end", b"\n".to_vec()),
        ("one-crlf", b"\r\n".to_vec()),
        plain("empty-body", b""),
        plain("no-final-line-end", b"the last line has no end"),
    ]
}

fn odd_bytes() -> Vec<Named> {
    let all: Vec<u8> = (1..=255).collect();
    let high: Vec<u8> = (128..=255).chain([b'\n']).collect();
    vec![
        headed("8bit-header", b"X-Raw: caf\xe9 \xff\xfe latin1\n", b"x\n"),
        headed("utf8-header", "X-Raw: Grüße 日本\n".as_bytes(), b"x\n"),
        plain("8bit-body", &high),
        plain("all-bytes-but-nul", &all),
        plain("nul-body", b"before\0after\0\0\nnext line\0\n"),
        headed("nul-header", b"X-Nul: a\0b\n", b"x\n"),
        plain("control-characters", b"one\x0ctwo\x0b\x1b[31m\x07\x08\n"),
    ]
}

fn line_ends() -> Vec<Named> {
    let mut mixed = headed("bare-lf-in-crlf", b"", b"crlf\n");
    mixed.1 = crlf(&mixed.1);
    mixed.1.extend_from_slice(b"bare lf\nagain crlf\r\n");
    let stored = headed("crlf-stored", b"", b"stored with crlf\nline\n");
    vec![
        mixed,
        (stored.0, crlf(&stored.1)),
        plain("bare-cr", b"one\rtwo\rthree\n"),
        plain("bare-cr-at-end", b"last\r"),
        plain("cr-cr-lf", b"one\r\r\ntwo\r\r\n\r\r\n"),
        plain("lf-cr", b"one\n\rtwo\n\r"),
        plain("trailing-blank-lines", b"text\n\n\n\n\n"),
        plain("trailing-spaces", b"text  \n\t\n  \n"),
    ]
}

/// Easily taken for something else, or too long for a buffer.
fn confusing() -> Vec<Named> {
    let mut mbox = headed("from-line-first", b"", b"as from an mbox\n");
    mbox.1.splice(
        0..0,
        b"From nobody@example.org Mon Jan  1 00:00:00 2001\n"
            .iter()
            .copied(),
    );
    let empty_boundary = b"MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=\"\"\n";
    vec![
        mbox,
        plain(
            "from-line",
            b"From nobody Mon Jan  1 00:00:00 2001\n>From quoted\nFrom \n",
        ),
        plain("dots", b".\n..\n...\n.hidden\n.\n"),
        plain(
            "literal-like",
            b"t1 OK {5}\n* BYE)\n* 1 FETCH (BODY[] {3}\nabc)\nt2 OK Fetch completed.\n",
        ),
        plain("literal-like-at-end", b"{100}"),
        plain("long-line", &[vec![b'x'; 150_000], b"\n".to_vec()].concat()),
        headed(
            "long-header",
            &[b"X-Long: ".to_vec(), vec![b'y'; 20_000], b"\n".to_vec()].concat(),
            b"x\n",
        ),
        headed(
            "folded-header",
            b"X-Folded: one\n two\n\tthree\n \n four\n",
            b"x\n",
        ),
        headed("space-before-colon", b"X-Odd : value\n", b"x\n"),
        headed("empty-boundary", empty_boundary, b"--\n\nx\n----\n"),
        plain(
            "unclosed-multipart",
            b"--x\nContent-Type: text/plain\n\nnever closed\n",
        ),
    ]
}

fn dates() -> Vec<Named> {
    vec![
        plain("date-epoch", b"INTERNALDATE 0\n"),
        plain("date-1970", b"INTERNALDATE in January 1970\n"),
        plain("date-2038-last", b"the last second of 31 bits\n"),
        plain("date-2038-first", b"the first second beyond 31 bits\n"),
        plain("date-2040", b"INTERNALDATE in 2040\n"),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_uids_ascend() {
        let messages = edge_messages();
        let mut names: Vec<_> = messages.iter().map(|(name, _)| *name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), messages.len());
        assert!(messages.windows(2).all(|pair| pair[0].1.uid < pair[1].1.uid));
    }
}
