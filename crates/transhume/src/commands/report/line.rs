//! A report's lines as JSON: written, and read again. The keys are documented in docs/report.md and only ever added to.

use serde::{Deserialize, Serialize};
use transhume_model::mail::{Digest, FlagSet, InternalDate, MailboxName, Uid, UidValidity};
use transhume_model::report::{Chain, Fate, Section, Spot, Whereabouts};

/// The form of the lines. Another would be another word.
pub(crate) const FORMAT: &str = "transhume report 1";

/// What stands between a line's own bytes and its link, and what ends the line.
const LINK: &str = ",\"chain\":\"";
const END: &str = "\"}";

/// The first line: what the report is about.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Head {
    pub(crate) format: String,
    /// The version of the program that has written it.
    pub(crate) transhume: String,
    /// When, in seconds since 1970 UTC.
    pub(crate) made: i64,
    /// The account on the old server.
    pub(crate) account: String,
    /// How it was reached, as `--from` takes it.
    pub(crate) source: String,
    /// The Maildir here.
    pub(crate) maildir: String,
    /// The address of the service's migration, where it is one.
    pub(crate) migration: Option<String>,
    /// Whether every file here was read, or those alone whose bytes were not known.
    pub(crate) files_read: bool,
    /// Whether the old server's texts were read again.
    pub(crate) texts_read: bool,
}

/// A mailbox begins.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct MailboxLine {
    mailbox: Vec<String>,
    target: Option<Vec<String>>,
    uid_validity: Option<u32>,
    on_source: Option<bool>,
}

/// One message.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct MessageLine {
    mailbox: Vec<String>,
    uid: u32,
    on_source: Option<bool>,
    digest: Option<String>,
    size: Option<u64>,
    date: Option<i64>,
    flags: Vec<String>,
    fate: String,
    target: Option<SpotPart>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    why: Vec<WhyPart>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct SpotPart {
    mailbox: Vec<String>,
    uid: Option<u32>,
    flags: Vec<String>,
    digest: Option<String>,
    date: Option<i64>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct WhyPart {
    difference: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
}

/// A line of a report. The last one is made by [`super::end`].
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "line", rename_all = "snake_case")]
pub(crate) enum Line {
    Report(Head),
    Mailbox(MailboxLine),
    Message(MessageLine),
    End(EndLine),
}

/// What is read of the last line.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct EndLine {
    pub(crate) complete: bool,
    pub(crate) unexplained: u64,
    pub(crate) messages: u64,
    #[serde(flatten)]
    pub(crate) more: serde_json::Map<String, serde_json::Value>,
}

/// Something that is no line of a report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NoLine;

/// Writes a line with its link, and gives both: the line without its end, and the chain with it.
pub(crate) fn written<T: Serialize>(line: &T, chain: Chain) -> Result<(Vec<u8>, Chain), serde_json::Error> {
    let mut text = serde_json::to_vec(line)?;
    // The object is closed after its link.
    text.pop();
    let chain = chain.with(&text);
    text.extend(format!("{LINK}{chain}{END}").bytes());
    Ok((text, chain))
}

/// Takes the link from a line: the chain with the line's own bytes, and whether the line says the same.
pub(crate) fn link(text: &[u8], chain: Chain) -> Result<(Chain, bool), NoLine> {
    let link_octets = LINK.len() + 64 + END.len();
    let begin = text.len().checked_sub(link_octets).ok_or(NoLine)?;
    let (own, told) = text.split_at(begin);
    let chain = chain.with(own);
    Ok((chain, told == format!("{LINK}{chain}{END}").as_bytes()))
}

/// Reads a line.
pub(crate) fn read(text: &[u8]) -> Result<Line, NoLine> {
    serde_json::from_slice(text).map_err(|_| NoLine)
}

fn levels(name: &MailboxName) -> Vec<String> {
    name.components().to_vec()
}

fn words(flags: &FlagSet) -> Vec<String> {
    let text = flags.to_string();
    text.split(' ')
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}

fn flags(words: &[String]) -> FlagSet {
    let mut flags = FlagSet::new();
    for word in words {
        flags.insert_word(word);
    }
    flags
}

/// A digest with the name of its function.
pub(crate) fn digest_text(digest: Digest) -> String {
    let hex = digest.as_bytes().iter().fold(String::new(), |mut hex, byte| {
        // Writing to a string cannot fail.
        let _ = std::fmt::Write::write_fmt(&mut hex, format_args!("{byte:02x}"));
        hex
    });
    format!("blake3:{hex}")
}

fn digest(text: &str) -> Result<Digest, NoLine> {
    let hex = text
        .strip_prefix("blake3:")
        .filter(|hex| hex.len() == 64 && hex.is_ascii());
    let hex = hex.ok_or(NoLine)?;
    let mut bytes = [0; 32];
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).map_err(|_| NoLine)?;
    }
    Ok(Digest::from_bytes(bytes))
}

fn name(levels: &[String]) -> Result<MailboxName, NoLine> {
    MailboxName::from_components(levels.iter().cloned()).ok_or(NoLine)
}

fn uid(number: Option<u32>) -> Result<Option<Uid>, NoLine> {
    number.map(|number| Uid::new(number).ok_or(NoLine)).transpose()
}

impl From<&Section> for MailboxLine {
    fn from(section: &Section) -> Self {
        Self {
            mailbox: levels(&section.source),
            target: section.target.as_ref().map(levels),
            uid_validity: section.uid_validity.map(UidValidity::get),
            on_source: section.on_source,
        }
    }
}

impl TryFrom<&MailboxLine> for Section {
    type Error = NoLine;

    fn try_from(line: &MailboxLine) -> Result<Self, NoLine> {
        let uid_validity = line
            .uid_validity
            .map(|number| UidValidity::new(number).ok_or(NoLine));
        Ok(Self {
            source: name(&line.mailbox)?,
            target: line.target.as_deref().map(name).transpose()?,
            uid_validity: uid_validity.transpose()?,
            on_source: line.on_source,
        })
    }
}

impl From<(&Section, &Whereabouts)> for MessageLine {
    fn from((section, message): (&Section, &Whereabouts)) -> Self {
        Self {
            mailbox: levels(&section.source),
            uid: message.uid.get(),
            on_source: message.on_source,
            digest: message.digest.map(digest_text),
            size: message.size,
            date: message.internal_date.map(InternalDate::unix),
            flags: words(&message.flags),
            fate: message.fate.word().to_owned(),
            target: message.spot.as_ref().map(|spot| SpotPart {
                mailbox: levels(&spot.mailbox),
                uid: spot.uid.map(Uid::get),
                flags: words(&spot.flags),
                digest: spot.digest.map(digest_text),
                date: spot.date.map(InternalDate::unix),
            }),
            why: message
                .findings
                .iter()
                .map(|finding| WhyPart {
                    difference: finding.difference.word().to_owned(),
                    detail: finding.detail.clone(),
                })
                .collect(),
        }
    }
}

/// Without what was found of it: that is for people.
impl TryFrom<&MessageLine> for Whereabouts {
    type Error = NoLine;

    fn try_from(line: &MessageLine) -> Result<Self, NoLine> {
        let spot = |part: &SpotPart| -> Result<Spot, NoLine> {
            Ok(Spot {
                mailbox: name(&part.mailbox)?,
                uid: uid(part.uid)?,
                flags: flags(&part.flags),
                digest: part.digest.as_deref().map(digest).transpose()?,
                date: part.date.map(InternalDate::from_unix),
            })
        };
        Ok(Self {
            uid: Uid::new(line.uid).ok_or(NoLine)?,
            on_source: line.on_source,
            digest: line.digest.as_deref().map(digest).transpose()?,
            size: line.size,
            internal_date: line.date.map(InternalDate::from_unix),
            flags: flags(&line.flags),
            fate: Fate::named(&line.fate).ok_or(NoLine)?,
            spot: line.target.as_ref().map(spot).transpose()?,
            findings: Vec::new(),
        })
    }
}

impl MessageLine {
    /// The cells of a table, in the order of [`super::table::COLUMNS`] from the second on.
    pub(crate) fn cells(&self) -> Vec<String> {
        let date = |seconds: Option<i64>| seconds.map(|at| InternalDate::from_unix(at).to_string());
        let spot = self.target.as_ref();
        let why: Vec<String> = self
            .why
            .iter()
            .map(|part| match &part.detail {
                Some(detail) => format!("{}: {detail}", part.difference),
                None => part.difference.clone(),
            })
            .collect();
        vec![
            self.mailbox.join("/"),
            self.uid.to_string(),
            self.on_source
                .map_or_else(String::new, |is_there| is_there.to_string()),
            self.digest.clone().unwrap_or_default(),
            self.size.map_or_else(String::new, |size| size.to_string()),
            date(self.date).unwrap_or_default(),
            self.flags.join(" "),
            self.fate.clone(),
            spot.map(|spot| spot.mailbox.join("/")).unwrap_or_default(),
            spot.and_then(|spot| spot.uid)
                .map_or_else(String::new, |uid| uid.to_string()),
            spot.map(|spot| spot.flags.join(" ")).unwrap_or_default(),
            why.join("; "),
        ]
    }
}

impl MailboxLine {
    /// As [`MessageLine::cells`].
    pub(crate) fn cells(&self) -> Vec<String> {
        let mut cells = vec![String::new(); super::table::COLUMNS.len() - 2];
        cells[0] = self.mailbox.join("/");
        cells[2] = self
            .on_source
            .map_or_else(String::new, |is_there| is_there.to_string());
        cells[8] = self
            .target
            .as_ref()
            .map(|target| target.join("/"))
            .unwrap_or_default();
        cells
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use transhume_model::verify::Difference;

    fn one() -> (Section, Whereabouts) {
        let archive = MailboxName::from_components(["a/\"b\"", "ü"]).unwrap();
        let mut set = FlagSet::new();
        set.insert_word("\\Seen");
        set.insert_word("$Phishing\"");
        let section = Section {
            source: archive.clone(),
            target: Some(MailboxName::inbox()),
            uid_validity: UidValidity::new(7),
            on_source: Some(true),
        };
        let message = Whereabouts {
            uid: Uid::new(3).unwrap(),
            on_source: None,
            digest: Some(Digest::of(b"x")),
            size: Some(1),
            internal_date: Some(InternalDate::from_unix(-5)),
            flags: set.clone(),
            fate: Fate::Moved,
            spot: Some(Spot {
                mailbox: archive,
                uid: Uid::new(9),
                flags: set,
                digest: Some(Digest::of(b"y")),
                date: None,
            }),
            findings: Vec::new(),
        };
        (section, message)
    }

    #[test]
    fn what_is_written_is_read_again() {
        let (section, message) = one();
        let line = Line::Message(MessageLine::from((&section, &message)));
        let (text, _) = written(&line, Chain::default()).unwrap();
        let Ok(Line::Message(line)) = read(&text) else {
            panic!("{}", String::from_utf8_lossy(&text));
        };
        assert_eq!(Whereabouts::try_from(&line), Ok(message));
        let (text, _) = written(&Line::Mailbox((&section).into()), Chain::default()).unwrap();
        let Ok(Line::Mailbox(line)) = read(&text) else {
            panic!("{}", String::from_utf8_lossy(&text));
        };
        assert_eq!(Section::try_from(&line), Ok(section));
    }

    #[test]
    fn a_link_tells_of_every_octet_before_it() {
        let (section, mut message) = one();
        message
            .findings
            .push(Difference::MovedHere.with("in “,\"chain\":\"” }"));
        let line = Line::Message(MessageLine::from((&section, &message)));
        let (text, chain) = written(&line, Chain::default()).unwrap();
        assert_eq!(link(&text, Chain::default()), Ok((chain, true)));
        for at in 0..text.len() {
            let mut other = text.clone();
            other[at] ^= 1;
            assert!(!matches!(link(&other, Chain::default()), Ok((_, true))), "{at}");
        }
        assert!(matches!(
            link(&text, Chain::default().with(b"more")),
            Ok((_, false))
        ));
        assert_eq!(link(b"{}", Chain::default()), Err(NoLine));
    }

    #[test]
    fn what_is_no_line_is_refused() {
        for text in [
            "",
            "{}",
            "{\"line\":\"other\"}",
            "{\"line\":\"message\",\"mailbox\":[\"INBOX\"]}",
        ] {
            assert_eq!(read(text.as_bytes()).err(), Some(NoLine), "{text}");
        }
        assert_eq!(digest("blake3:00"), Err(NoLine));
        assert_eq!(digest(&format!("sha256:{}", "0".repeat(64))), Err(NoLine));
        assert_eq!(name(&[]), Err(NoLine));
    }
}
