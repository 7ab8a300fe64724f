//! `subscriptions`: the mailboxes that clients show.
//!
//! Version 2 begins with `V<TAB>2` and an empty line; then a mailbox a line, its levels separated by TABs, each in
//! modified UTF-7. Version 1, which older Dovecots wrote, has names alone, their levels separated by dots. Lines
//! that make no name of ours are kept.

use std::collections::HashSet;
use std::io::Read as _;
use std::sync::Arc;

use transhume_model::mail::MailboxName;

use crate::disk::Dir;
use crate::error::MaildirError;
use crate::layout::{decoded, encoded};
use crate::lock::DotLock;
use crate::open::Scratch;
use crate::root::MaildirRoot;

const FILE: &[u8] = b"subscriptions";
const LOCK: &[u8] = b"subscriptions.lock";
const VERSION_2: &[u8] = b"V\t2\n\n";

/// The lines of the file, in the form of version 2.
fn lines(root: &Dir) -> Result<Vec<Vec<u8>>, MaildirError> {
    let mut text = Vec::new();
    if let Some(mut file) = root.read(FILE)? {
        file.read_to_end(&mut text)
            .map_err(|error| root.fail("reading", FILE, error))?;
    }
    parse(&text).map_err(|line| MaildirError::Corrupt {
        path: root.join(FILE),
        line,
        problem: "subscriptions of an unknown version",
    })
}

fn parse(text: &[u8]) -> Result<Vec<Vec<u8>>, u64> {
    let (names, separator) = match text.strip_prefix(VERSION_2) {
        Some(names) => (names, b'\t'),
        None if text.starts_with(b"V\t") => return Err(1),
        None => (text, b'.'),
    };
    let lines = names.split(|&byte| byte == b'\n').filter(|line| !line.is_empty());
    let in_version_2 = |&byte: &u8| if byte == separator { b'\t' } else { byte };
    Ok(lines
        .map(|line| line.iter().map(in_version_2).collect())
        .collect())
}

pub(crate) fn read(root: &Dir) -> Result<Vec<MailboxName>, MaildirError> {
    let lines = lines(root)?;
    Ok(lines
        .iter()
        .filter_map(|line| decoded(line.split(|&byte| byte == b'\t')))
        .collect())
}

pub(crate) fn add(root: &MaildirRoot, names: &[MailboxName]) -> Result<usize, MaildirError> {
    let wanted: Vec<Vec<u8>> = names
        .iter()
        .map(|name| encoded(name).join("\t").into_bytes())
        .collect();
    // Most often nothing is missing, and then nobody has to wait.
    if missing(&lines(&root.dir)?, &wanted).is_empty() {
        return Ok(0);
    }
    let tmp = Arc::new(root.dir.dir(b"tmp")?);
    let lock = DotLock::acquire(&root.dir, LOCK, &tmp, &root.settings)?;
    let known = lines(&root.dir)?;
    let missing = missing(&known, &wanted);
    if missing.is_empty() {
        return Ok(0);
    }
    let mut scratch = Scratch::new(&tmp, "subscriptions", &root.settings)?;
    scratch.write(VERSION_2)?;
    for line in known.iter().chain(missing.iter().copied()) {
        scratch.write(line)?;
        scratch.write(b"\n")?;
    }
    lock.check()?;
    scratch.replace(&root.dir, FILE, None)?;
    Ok(missing.len())
}

fn missing<'a>(known: &[Vec<u8>], wanted: &'a [Vec<u8>]) -> Vec<&'a Vec<u8>> {
    let mut seen: HashSet<&[u8]> = known.iter().map(Vec::as_slice).collect();
    wanted.iter().filter(|line| seen.insert(line)).collect()
}
