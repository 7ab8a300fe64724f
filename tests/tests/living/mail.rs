//! Letters and folders as clients see them.

use std::collections::{BTreeMap, BTreeSet};

use transhume_testkit::Oracle;

/// One letter in a list.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) uid: u32,
    pub(crate) subject: String,
    pub(crate) flags: BTreeSet<String>,
}

/// The letters of all folders, by their names.
pub(crate) type Listing = BTreeMap<String, Vec<Row>>;

/// A letter with a subject to know it by.
pub(crate) fn text(subject: &str) -> Vec<u8> {
    format!("From: a@example.org\r\nSubject: {subject}\r\nMessage-ID: <{subject}@example.org>\r\n\r\nThis is {subject}.\r\n")
        .into_bytes()
}

/// The letters of a folder, which is selected then.
pub(crate) fn rows(client: &mut Oracle, folder: &str) -> Vec<Row> {
    if client.select(&[folder]).unwrap().exists == 0 {
        return Vec::new();
    }
    let lines = client.ok("UID FETCH 1:* (UID FLAGS BODY.PEEK[HEADER.FIELDS (SUBJECT)])");
    lines
        .unwrap()
        .iter()
        .filter_map(|line| row(&line.text()))
        .collect()
}

/// `None` for what is no row: flags that somebody else changed, the end of the list.
fn row(line: &str) -> Option<Row> {
    let (_, subject) = line.split_once("Subject: ")?;
    let (_, uid) = line.split_once("UID ")?;
    let (_, flags) = line.split_once("FLAGS (")?;
    let digits: String = uid.chars().take_while(char::is_ascii_digit).collect();
    let flags = flags.split(')').next()?.split_whitespace();
    Some(Row {
        uid: digits.parse().ok()?,
        subject: subject.lines().next()?.to_owned(),
        flags: flags
            .filter(|flag| *flag != "\\Recent")
            .map(str::to_owned)
            .collect(),
    })
}

/// All folders that hold letters.
pub(crate) fn names(client: &mut Oracle) -> Vec<String> {
    let folders = client.list_all().unwrap().into_iter();
    let folders = folders.filter(|folder| folder.selectable);
    folders.map(|folder| folder.name.join("/")).collect()
}

pub(crate) fn listing(client: &mut Oracle) -> Listing {
    let names = names(client);
    names
        .into_iter()
        .map(|name| (name.clone(), rows(client, &name)))
        .collect()
}
