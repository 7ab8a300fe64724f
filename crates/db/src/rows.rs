//! How the words of the model stand in columns.

use transhume_model::mail::{Digest, FlagSet, InternalDate, Keyword, MailboxName, ModSeq, Uid, UidValidity};

/// Joins a name's components in one column. Where it stands in a name itself, it is escaped.
const LEVEL: char = '\u{1f}';
const ESCAPE: char = '\u{1e}';

pub(crate) fn name_to_column(name: &MailboxName) -> String {
    let escaped = name
        .components()
        .iter()
        .map(|component| component.replace(ESCAPE, "\u{1e}0").replace(LEVEL, "\u{1e}1"));
    escaped.collect::<Vec<_>>().join(&String::from(LEVEL))
}

pub(crate) fn name_from_column(column: &str) -> Option<MailboxName> {
    let components = column.split(LEVEL).map(|component| {
        component
            .replace("\u{1e}1", "\u{1f}")
            .replace("\u{1e}0", "\u{1e}")
    });
    MailboxName::from_components(components)
}

pub(crate) fn keywords_to_column(flags: &FlagSet) -> Option<String> {
    let words: Vec<&str> = flags.keywords().iter().map(Keyword::as_str).collect();
    (!words.is_empty()).then(|| words.join(" "))
}

pub(crate) fn flags_from_columns(system: i64, keywords: Option<&str>) -> FlagSet {
    let mut flags = FlagSet::from_system_bits(u8::try_from(system).unwrap_or_default());
    for word in keywords.unwrap_or_default().split(' ').filter_map(Keyword::new) {
        flags.insert_keyword(word);
    }
    flags
}

pub(crate) fn uid(column: i64) -> Option<Uid> {
    u32::try_from(column).ok().and_then(Uid::new)
}

pub(crate) fn uid_validity(column: Option<i64>) -> Option<UidValidity> {
    column
        .and_then(|column| u32::try_from(column).ok())
        .and_then(UidValidity::new)
}

/// SQLite's numbers are signed: the upper half of the range wraps, and back.
pub(crate) fn mod_seq(column: i64) -> ModSeq {
    ModSeq(column.cast_unsigned())
}

pub(crate) fn digest(column: &[u8]) -> Option<Digest> {
    column.try_into().ok().map(Digest::from_bytes)
}

pub(crate) fn date(column: i64) -> InternalDate {
    InternalDate::from_unix(column)
}
