//! What servers in the field do otherwise than the RFCs say: a file for each deviation, which names the server, says
//! what we make of it, and proves it with the server's own words.
//!
//! Few of these servers can be tried here: what is said of them comes from their documentation, and from the notes and
//! public issues of other mail programs, as each file tells.
//!
//! There is no switch for any of them, and no list of servers: the reader in [`crate::wire`] and the exchanges in
//! [`crate::session`] forgive the same to everybody. A file is here to say why some line there must stay. What cannot be
//! had from a real server in a test is a transcript in its style.
//!
//! Not here, since it does not concern who only reads: APPENDUID, LITERAL-, MULTIAPPEND, TOOBIG. Not here, since it is
//! seen only by comparing: a source that shows a part of its mail (Yahoo ends at 10,000 messages in a mailbox) counts no
//! more than it shows.

mod answers_after_the_reply;
mod bye_within_a_text;
mod connection_limits;
mod continuation_without_a_blank;
mod courier_examine;
mod dates;
mod domino_parentheses;
mod eight_bit;
mod exchange_names;
mod exchange_not_connected;
mod exchange_throttling;
mod flags;
mod gmail_limits;
mod icloud_enable;
mod literal_plus_apart;
mod lower_case;
mod message_limit;
mod modseq_missing;
mod names_like_nil;
mod no_closed;
mod numbers;
mod sequence_numbers;
mod sizes_that_lie;
mod texts_as_they_are;
mod trailing_blanks;
mod uid_after_the_text;
mod uidvalidity;
mod xlist;
mod yahoo_limits;

use std::fmt::Debug;

use transhume_model::mail::{MessageRow, Uid, UidSet};

use crate::ImapError;
use crate::session::{
    BodyEvent, Dialogue, Examine, Examined, Exchange, FetchBodies, FetchRows, List, Listing, Running,
};
use crate::wire::{Capabilities, Event, Response, WireName};

/// How an exchange ends when the server says this, commands being answered as `A1`, `A2`, … What it leaves unanswered
/// is refused.
///
/// The bytes come line by line, and once more one by one: what is made of them must not depend on it.
fn outcome<E: Exchange>(exchange: impl Fn() -> E, server: impl AsRef<[u8]>) -> Result<E::Output, ImapError>
where
    E::Output: Debug,
{
    let server = server.as_ref();
    let play = |piece: usize| {
        let mut dialogue = Dialogue::default();
        let mut running = Running::start(exchange(), &mut dialogue);
        let mut replies = 0;
        let mut hear = |running: &mut Running<E>, bytes: &[u8]| {
            dialogue.input().extend_from_slice(bytes);
            while let Some(event) = dialogue.next_event()? {
                replies += u32::from(matches!(event, Event::Response(Response::Tagged(_))));
                running.event(&mut dialogue, event)?;
            }
            Ok(replies)
        };
        for line in server.split_inclusive(|byte| *byte == b'\n') {
            for bytes in line.chunks(piece) {
                hear(&mut running, bytes)?;
            }
        }
        while !running.is_done() {
            let replies = hear(&mut running, b"")?;
            hear(&mut running, format!("A{} NO\r\n", replies + 1).as_bytes())?;
        }
        running.finish()
    };
    let whole = play(usize::MAX);
    assert_eq!(format!("{whole:?}"), format!("{:?}", play(1)));
    whole
}

/// Rows in short: `3 [\Seen] @978307200 29`, with `?` for a date that is not known.
fn rows(server: impl AsRef<[u8]>) -> Vec<String> {
    let found = outcome(|| FetchRows::new(everything()), server).unwrap();
    let row = |row: &MessageRow| {
        let date = row
            .internal_date
            .map_or("?".to_owned(), |date| date.unix().to_string());
        format!("{} [{}] @{date} {}", row.uid, row.flags, row.size)
    };
    let mut lines: Vec<String> = found.rows.iter().map(row).collect();
    if found.unreadable > 0 {
        lines.push(format!("{} unreadable", found.unreadable));
    }
    lines
}

/// Texts in short: `7 "hi"`; what ends the conversation comes last.
fn texts(server: impl AsRef<[u8]>) -> Vec<String> {
    let server = server.as_ref();
    let play = |piece: usize| {
        let mut dialogue = Dialogue::default();
        dialogue.enqueue(&FetchBodies::command(&everything()));
        dialogue.enqueue(&FetchBodies::command(&everything()));
        let mut lines = Vec::new();
        let mut text = Vec::new();
        let uid = |uid: Option<Uid>| uid.map_or("?".to_owned(), |uid| uid.to_string());
        for bytes in server.chunks(piece) {
            dialogue.input().extend_from_slice(bytes);
            loop {
                let event = match dialogue.next_event() {
                    Ok(Some(event)) => event,
                    Ok(None) => break,
                    Err(error) => {
                        lines.push(error.to_string());
                        return lines;
                    }
                };
                match FetchBodies::read(event) {
                    BodyEvent::Started { .. } => text.clear(),
                    BodyEvent::Chunk(chunk) => text.extend_from_slice(&chunk),
                    BodyEvent::Complete { fetch, octets } => {
                        let whose = fetch.uid;
                        assert_eq!(octets, text.len() as u64);
                        lines.push(format!("{} \"{}\"", uid(whose), text.escape_ascii()));
                    }
                    BodyEvent::Withheld { uid: whose } => lines.push(format!("{} withheld", uid(whose))),
                    BodyEvent::Unreadable => lines.push("unreadable".to_owned()),
                    BodyEvent::Other | BodyEvent::Response(_) => {}
                }
            }
        }
        lines
    };
    let whole = play(usize::MAX);
    assert_eq!(whole, play(1));
    whole
}

/// What a server lists in these lines, from after `* LIST () `.
fn listing(lines: &[&[u8]]) -> Listing {
    let mut server = Vec::new();
    for line in lines {
        server.extend_from_slice(b"* LIST () ");
        server.extend_from_slice(line);
        server.extend_from_slice(b"\r\n");
    }
    server.extend_from_slice(b"A1 OK\r\nA2 OK\r\n");
    outcome(|| List::new(&Capabilities::default()), server).unwrap()
}

/// The names of a list in short, levels apart by `|`, ascending but for INBOX.
fn names(lines: &[&[u8]]) -> Vec<String> {
    let mailboxes = listing(lines).mailboxes;
    mailboxes
        .iter()
        .map(|mailbox| mailbox.name.components().join("|"))
        .collect()
}

/// How EXAMINE ends.
fn examined(server: impl AsRef<[u8]>) -> Result<Examined, ImapError> {
    outcome(|| Examine::new(WireName::encode("x")), server)
}

fn everything() -> UidSet {
    UidSet::range(Uid::FIRST, Uid::LAST)
}
