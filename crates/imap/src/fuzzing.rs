//! What must hold for any bytes that a server sends. Ordinary tests try it with the corpus, `cargo xtask fuzz` with
//! whatever else can be thought of. Not part of the library.

use bytes::BytesMut;
use transhume_model::mail::{InternalDate, Uid, UidSet, mutf7};

use crate::session::{Dialogue, Examine, Exchange, FetchBodies, FetchRows, List, Login, Running};
use crate::wire::{Capabilities, Decoder, Event, MAX_RESPONSE, WireName, internal_date};

/// The reader makes the same of bytes however they are cut, and holds on to no more than a response.
pub fn wire(bytes: &[u8]) {
    let whole = decoded(bytes, &[usize::MAX]);
    assert_eq!(decoded(bytes, &[1]), whole, "octet by octet");
    assert_eq!(decoded(bytes, &sizes(bytes)), whole, "in pieces");
}

/// Exchanges come to the same however a server's bytes are cut, and end or wait, but do nothing else.
pub fn exchanges(bytes: &[u8]) {
    let capabilities = Capabilities::from_text(b"IMAP4rev1 LIST-EXTENDED LIST-STATUS SPECIAL-USE CONDSTORE");
    let everything = UidSet::range(Uid::FIRST, Uid::LAST);
    let plain = || List::new(&Capabilities::default());
    let extended = || List::new(&capabilities);
    same(bytes, &|| Some(plain()));
    same(bytes, &|| Some(extended()));
    same(bytes, &|| Some(Examine::new(WireName::new(&b"\xff"[..]))));
    same(bytes, &|| Some(FetchRows::new(everything.clone())));
    same(bytes, &|| Login::new(&capabilities, "bob", b"\xffpw").ok());
}

/// A date that is read is one that a calendar has: written in the usual way, it is read as the same instant.
pub fn date(bytes: &[u8]) {
    if let Some(date) = internal_date(bytes)
        && let Some(text) = written(date)
    {
        assert_eq!(internal_date(text.as_bytes()), Some(date), "{text}");
    }
}

/// What can be decoded as a mailbox's name is encoded to ASCII that decodes to the same; and any name comes back.
pub fn mutf7(bytes: &[u8]) {
    let names = [mutf7::decode(bytes), String::from_utf8(bytes.to_vec()).ok()];
    for name in names.into_iter().flatten() {
        let encoded = mutf7::encode(&name);
        assert!(encoded.is_ascii(), "{encoded}");
        assert_eq!(mutf7::decode(encoded.as_bytes()), Some(name), "{encoded}");
    }
}

/// Sizes of pieces that depend on the bytes only, so that a finding can be repeated.
fn sizes(bytes: &[u8]) -> Vec<usize> {
    let mut state = bytes.iter().fold(0x9e37_79b9_u32, |state, byte| {
        (state ^ u32::from(*byte)).wrapping_mul(0x0100_0193)
    });
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 27) as usize + 1
    };
    (0..8).map(|_| next()).collect()
}

fn pieces<'a>(mut bytes: &'a [u8], sizes: &[usize]) -> Vec<&'a [u8]> {
    let mut pieces = Vec::new();
    for size in sizes.iter().cycle() {
        if bytes.is_empty() {
            break;
        }
        let (piece, rest) = bytes.split_at((*size).min(bytes.len()));
        pieces.push(piece);
        bytes = rest;
    }
    pieces
}

/// All events, pieces of texts joined, and what ended them.
fn decoded(bytes: &[u8], sizes: &[usize]) -> (Vec<Event>, String) {
    let mut decoder = Decoder::default();
    let mut input = BytesMut::new();
    let mut events: Vec<Event> = Vec::new();
    for piece in pieces(bytes, sizes) {
        input.extend_from_slice(piece);
        loop {
            match decoder.next(&mut input) {
                Ok(Some(Event::BodyChunk(chunk))) => match events.last_mut() {
                    Some(Event::BodyChunk(before)) => {
                        *before = [before.as_ref(), chunk.as_ref()].concat().into();
                    }
                    _ => events.push(Event::BodyChunk(chunk)),
                },
                Ok(Some(event)) => events.push(event),
                Ok(None) => break,
                Err(error) => return (events, error.to_string()),
            }
        }
        assert!(
            decoder.held() <= MAX_RESPONSE + 64,
            "{} octets held",
            decoder.held()
        );
    }
    (events, format!("{:?}", decoder.body_progress()))
}

/// How an exchange ends; `still waiting` where it does not.
fn same<E: Exchange>(bytes: &[u8], exchange: &impl Fn() -> Option<E>)
where
    E::Output: std::fmt::Debug,
{
    let ended = |sizes: &[usize]| exchange().map(|exchange| ended(bytes, sizes, exchange));
    let whole = ended(&[usize::MAX]);
    assert_eq!(ended(&[1]), whole, "octet by octet");
    assert_eq!(ended(&sizes(bytes)), whole, "in pieces");
}

fn ended<E: Exchange>(bytes: &[u8], sizes: &[usize], exchange: E) -> String
where
    E::Output: std::fmt::Debug,
{
    let mut dialogue = Dialogue::default();
    let mut running = Running::start(exchange, &mut dialogue);
    // Another command behind it, as there mostly is.
    dialogue.enqueue(&FetchBodies::command(&UidSet::range(Uid::FIRST, Uid::LAST)));
    for piece in pieces(bytes, sizes) {
        dialogue.input().extend_from_slice(piece);
        loop {
            let handled = match dialogue.next_event() {
                Ok(Some(event)) => running.event(&mut dialogue, event),
                Ok(None) => break,
                Err(error) => Err(error),
            };
            if let Err(error) = handled {
                return format!("{:?}", running.redact(error));
            }
            if running.is_done() {
                return format!("{:?}", running.finish());
            }
        }
    }
    format!("still waiting, {}", dialogue.doing())
}

/// The date as RFC 9051 section 9 writes it; `None` for years that it has no four digits for.
fn written(date: InternalDate) -> Option<String> {
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let (mut days, seconds) = (date.unix().div_euclid(86_400), date.unix().rem_euclid(86_400));
    // Counted year by year and month by month: slow, and plainly right.
    let leap = |year: i64| year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let mut year = 1970;
    while days < 0 {
        year -= 1;
        days += if leap(year) { 366 } else { 365 };
    }
    while days >= if leap(year) { 366 } else { 365 } {
        days -= if leap(year) { 366 } else { 365 };
        year += 1;
    }
    let lengths = [
        31,
        if leap(year) { 29 } else { 28 },
        31,
        30,
        31,
        30,
        31,
        31,
        30,
        31,
        30,
        31,
    ];
    let mut month = 0;
    while days >= lengths[month] {
        days -= lengths[month];
        month += 1;
    }
    (0..=9999).contains(&year).then(|| {
        format!(
            "{:02}-{}-{year:04} {:02}:{:02}:{:02} +0000",
            days + 1,
            MONTHS[month],
            seconds / 3600,
            seconds / 60 % 60,
            seconds % 60
        )
    })
}

#[cfg(test)]
mod tests {
    /// Runs a property over a folder of the corpus.
    fn over(folder: &str, property: fn(&[u8])) {
        let folder = format!("{}/../../fuzz/corpus/{folder}", env!("CARGO_MANIFEST_DIR"));
        let mut tried = 0;
        for entry in std::fs::read_dir(&folder).unwrap() {
            property(&std::fs::read(entry.unwrap().path()).unwrap());
            tried += 1;
        }
        assert!(tried > 0, "{folder} is empty");
    }

    #[test]
    fn the_corpus() {
        over("wire", super::wire);
        over("exchanges", super::exchanges);
        over("date", super::date);
        over("mutf7", super::mutf7);
    }
}
