//! What must hold for whatever lies in a Maildir. Ordinary tests try it with the corpus, `cargo xtask fuzz` with whatever
//! else can be thought of. Not part of the library.

use std::path::Path;

use transhume_model::mail::{InternalDate, Uid, UidValidity};

use crate::keywords::KeywordTable;
use crate::letters::Letters;
use crate::name::{Entry, Origin, base_name, full_name, safe_host};
use crate::uidlist::{Line, Reader, UidListHeader, header_line};

/// A list that is read, written and read again is the same: UIDs, names, and the fields that are Dovecot's own.
pub fn uidlist(bytes: &[u8]) {
    let Some((header, lines)) = read_list(bytes) else {
        return;
    };
    let mut text = match &header.guid {
        Some(guid) => header_line(header.uid_validity, header.uid_next, guid),
        None => format!("3 V{} N{}\n", header.uid_validity, header.uid_next),
    }
    .into_bytes();
    for (uid, extensions, base) in &lines {
        Line {
            uid: *uid,
            extensions,
            base,
        }
        .write_to(&mut text);
    }
    assert_eq!(read_list(&text), Some((header, lines)), "{}", text.escape_ascii());
}

type Lines = Vec<(Uid, Vec<u8>, Vec<u8>)>;

fn read_list(bytes: &[u8]) -> Option<(UidListHeader, Lines)> {
    let mut reader = Reader::new(bytes, Path::new("dovecot-uidlist")).ok()??;
    let mut lines = Vec::new();
    while let Some(line) = reader.next_line().ok()? {
        assert!(!line.base.contains(&b'/') && !line.base.contains(&b'\n'));
        lines.push((line.uid, line.extensions.to_owned(), line.base.to_owned()));
    }
    let summary = reader.finish().ok()?;
    assert!(summary.end <= bytes.len() as u64);
    Some((summary.header, lines))
}

/// A message keeps what its file name says when its flags change; a name of ours says what was written into it.
pub fn file_name(name: &[u8]) {
    let entry = Entry::parse(name, false);
    let _ = (entry.size(), entry.virtual_size(), entry.arrival());
    if let Some(origin) = entry.origin {
        assert_eq!(Origin::parse_mark(origin.to_string().as_bytes()), Some(origin));
    }
    let same = entry.name_with(entry.letters);
    let again = Entry::parse(&same, false);
    assert_eq!(
        (again.base, again.origin, again.letters),
        (entry.base, entry.origin, entry.letters)
    );
    assert_eq!(again.name_with(entry.letters), same, "written twice");
    let other = entry.name_with(Letters::parse(b"FSa"));
    let other = Entry::parse(&other, false);
    assert_eq!((other.base, other.letters), (entry.base, Letters::parse(b"FSa")));
    // The same bytes as the host's name, which is as strange as its owner likes.
    let ours = Origin {
        tag: [7; 8],
        uid_validity: UidValidity::new(7),
        uid: Uid::FIRST,
    };
    let base = base_name(&ours, InternalDate::from_unix(1), &safe_host(name), 1, 2);
    let full = full_name(base.as_bytes(), entry.letters);
    let read = Entry::parse(&full, false);
    assert!(full.len() <= 255 && !full.contains(&b'/'));
    assert_eq!(
        (read.origin, read.size(), read.virtual_size()),
        (Some(ours), Some(1), Some(2))
    );
    assert_eq!(read.letters, entry.letters);
}

/// A table of keywords that is read is written as the same table.
pub fn keywords(bytes: &[u8]) {
    let Ok(table) = KeywordTable::parse(bytes) else {
        return;
    };
    let text = table.to_text();
    let again = KeywordTable::parse(&text).map(|again| again.to_text());
    assert_eq!(again, Ok(text));
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
        over("uidlist", super::uidlist);
        over("file_name", super::file_name);
        over("keywords", super::keywords);
    }
}
