//! The bytes of a file as text: in which encoding they are, and how certain that is.

use std::borrow::Cow;

use encoding_rs::Encoding;

use super::rows::Place;

/// A file's text.
#[derive(Debug)]
pub struct Text<'b> {
    /// The text, without a byte order mark.
    pub text: Cow<'b, str>,
    /// The encoding's name, where it was guessed from the bytes: whoever reads the report has to see it.
    pub guessed: Option<&'static str>,
}

/// A file whose bytes cannot be read as text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TextProblem {
    /// No such encoding.
    #[error("there is no encoding of the name “{0}” (try windows-1252, iso-8859-15, utf-16le …)")]
    UnknownEncoding(String),
    /// Bytes that the named encoding does not have.
    #[error("this is not {encoding}")]
    Malformed {
        /// The encoding's name.
        encoding: &'static str,
        /// The first such bytes.
        place: Place,
    },
    /// Not UTF-8, and what else it is cannot be told with certainty.
    #[error("this is not UTF-8{}", example.as_ref().map_or_else(String::new, |(name, text)| {
        format!("; it may be {name}, where the line would read “{text}”")
    }))]
    Doubtful {
        /// The first bytes that are not UTF-8.
        place: Place,
        /// The likeliest encoding, and what the first name beyond ASCII is in it.
        example: Option<(&'static str, String)>,
    },
}

/// Reads bytes as text: in the encoding that is named, else by their byte order mark, as UTF-8, or as what they look like.
pub fn decode<'b>(bytes: &'b [u8], named: Option<&str>) -> Result<Text<'b>, TextProblem> {
    if let Some(name) = named {
        let encoding = Encoding::for_label(name.trim().as_bytes());
        let encoding = encoding.ok_or_else(|| TextProblem::UnknownEncoding(name.to_owned()))?;
        return exactly(bytes, encoding);
    }
    if let Some((encoding, _)) = Encoding::for_bom(bytes) {
        return exactly(bytes, encoding);
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(Text {
            text: text.into(),
            guessed: None,
        }),
        Err(error) => guess(bytes, place_after(&bytes[..error.valid_up_to()])),
    }
}

fn exactly<'b>(bytes: &'b [u8], encoding: &'static Encoding) -> Result<Text<'b>, TextProblem> {
    let bytes = match Encoding::for_bom(bytes) {
        Some((marked, length)) if marked == encoding => &bytes[length..],
        _ => bytes,
    };
    match encoding.decode_without_bom_handling_and_without_replacement(bytes) {
        Some(text) => Ok(Text { text, guessed: None }),
        None => Err(TextProblem::Malformed {
            encoding: encoding.name(),
            place: first_malformed(bytes, encoding),
        }),
    }
}

/// How many letters beyond ASCII a file needs before a guess is taken for certain.
const LETTERS_FOR_CERTAINTY: usize = 6;

fn guess(bytes: &[u8], place: Place) -> Result<Text<'_>, TextProblem> {
    let mut detector = chardetng::EncodingDetector::new(chardetng::Iso2022JpDetection::Deny);
    detector.feed(bytes, true);
    let encoding = detector.guess(None, chardetng::Utf8Detection::Deny);
    let text = encoding.decode_without_bom_handling_and_without_replacement(bytes);
    let beyond = text
        .as_deref()
        .map_or(0, |text| text.chars().filter(|letter| !letter.is_ascii()).count());
    let strange = text
        .as_deref()
        .is_none_or(|text| text.split_whitespace().any(is_strange));
    match text {
        // A file that is UTF-8 but for some bytes is a damaged one, whatever else it might be.
        Some(text) if !strange && beyond >= LETTERS_FOR_CERTAINTY && !mostly_utf8(bytes) => Ok(Text {
            text,
            guessed: Some(encoding.name()),
        }),
        text => Err(TextProblem::Doubtful {
            place,
            example: text
                .as_deref()
                .and_then(example)
                .map(|text| (encoding.name(), text)),
        }),
    }
}

/// Whether a word holds something beyond ASCII that is no letter: what a wrong encoding makes of names.
fn is_strange(word: &str) -> bool {
    word.chars()
        .any(|letter| !letter.is_ascii() && !letter.is_alphabetic())
}

/// Whether more of what is beyond ASCII is UTF-8 than is not.
fn mostly_utf8(bytes: &[u8]) -> bool {
    let (mut good, mut bad) = (0_usize, 0_usize);
    for chunk in bytes.utf8_chunks() {
        good += chunk.valid().chars().filter(|letter| !letter.is_ascii()).count();
        bad += usize::from(!chunk.invalid().is_empty());
    }
    good > bad
}

/// The first name beyond ASCII: what stands between separators, where it is short and all letters. Anything else might be
/// a password (I10).
fn example(text: &str) -> Option<String> {
    let row = text.lines().find(|line| !line.is_ascii())?;
    let names = row.split([';', ',', '|', '\t']).skip(3).take(2).map(str::trim);
    let mut found = names.filter(|name| !name.is_ascii() && name.chars().all(char::is_alphabetic));
    found.next().map(str::to_owned)
}

fn first_malformed(bytes: &[u8], encoding: &'static Encoding) -> Place {
    let mut decoder = encoding.new_decoder_without_bom_handling();
    let mut text = String::with_capacity(decoder.max_utf8_buffer_length(bytes.len()).unwrap_or(0));
    let _ = decoder.decode_to_string_without_replacement(bytes, &mut text, true);
    place_after(text.as_bytes())
}

/// The place behind some text, in the octets of UTF-8 or an encoding whose line ends are the same.
fn place_after(text: &[u8]) -> Place {
    let lines = text.split(|byte| *byte == b'\n').count() - 1;
    let line = text.rsplit(|byte| *byte == b'\n').next().unwrap_or_default();
    let column = String::from_utf8_lossy(line).chars().count();
    let number = |count: usize| u32::try_from(count + 1).unwrap_or(u32::MAX);
    Place {
        line: number(lines),
        column: number(column),
    }
}

impl TextProblem {
    /// Where it is, if it is somewhere.
    pub fn place(&self) -> Option<Place> {
        match self {
            Self::UnknownEncoding(_) => None,
            Self::Malformed { place, .. } | Self::Doubtful { place, .. } => Some(*place),
        }
    }

    /// What would be right.
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::UnknownEncoding(_) => "name one that exists",
            Self::Malformed { .. } => "name the encoding of the file (--encoding), or correct these bytes",
            Self::Doubtful { .. } => {
                "save it as UTF-8, or name its encoding (--encoding windows-1252, for example)"
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8], named: Option<&str>) -> String {
        match decode(bytes, named) {
            Ok(Text { text, guessed: None }) => text.into_owned(),
            Ok(Text {
                text,
                guessed: Some(name),
            }) => format!("{name}? {text}"),
            Err(problem) => match problem.place() {
                Some(place) => format!("{}:{} {problem}", place.line, place.column),
                None => problem.to_string(),
            },
        }
    }

    #[test]
    fn encodings() {
        let names =
            "account; a; b; René; Lévêque\naccount; a; b; Hélène; Gonçalves\naccount; a; b; Zoë; Müller\n";
        let (latin, _, _) = encoding_rs::WINDOWS_1252.encode(names);
        let utf16: Vec<u8> = [0xff, 0xfe]
            .into_iter()
            .chain(names.encode_utf16().flat_map(u16::to_le_bytes))
            .collect();
        let guessed = format!("windows-1252? {names}");
        for (bytes, named, expected) in [
            ("é".as_bytes(), None, "é"),
            ("\u{feff}é".as_bytes(), None, "é"),
            ("\u{feff}é".as_bytes(), Some("utf8"), "é"),
            (&utf16, None, names),
            (&latin, None, guessed.as_str()),
            (&latin, Some("latin1"), names),
            (&latin, Some("utf-8"), "1:19 this is not UTF-8"),
            (b"a\nb\xff\xfec", None, "2:2 this is not UTF-8"),
            (
                b"a;b;c;Ren\xe9;d",
                None,
                "1:10 this is not UTF-8; it may be windows-1250, where the line would read “René”",
            ),
            (
                b"\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9 \xff",
                None,
                "1:8 this is not UTF-8",
            ),
            (
                b"a",
                Some("klingon"),
                "there is no encoding of the name “klingon” (try windows-1252, iso-8859-15, utf-16le …)",
            ),
        ] {
            let found = read(bytes, named);
            assert_eq!(found, expected, "{bytes:?}");
        }
    }
}
