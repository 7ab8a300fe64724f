//! Pages of long lists: which one is shown, and the way to those beside it.

/// Rows of a page.
pub(super) const ROWS: u32 = 50;

/// Which part of a list is shown.
pub(super) struct Pages {
    /// All that there is.
    pub(super) total: u64,
    /// Which of it is shown, for a person.
    pub(super) shown: String,
    /// The page before.
    pub(super) before: Option<String>,
    /// The page after.
    pub(super) after: Option<String>,
}

impl Pages {
    /// Page `page` (the first is 1) of `total` rows, below `path` with the other questions of its address.
    pub(super) fn new(page: u32, total: u64, path: &str, questions: &[(&str, &str)]) -> Self {
        let size = u64::from(ROWS);
        let first = u64::from(page.saturating_sub(1)) * size;
        let last = total.min(first + size);
        let to = |page: u32| address(path, questions.iter().copied(), Some(page));
        let shown = if first < last {
            format!(
                "{} to {} of {}",
                super::words::count(first + 1),
                super::words::count(last),
                super::words::count(total)
            )
        } else {
            format!("none of {}", super::words::count(total))
        };
        Self {
            total,
            shown,
            before: (page > 1).then(|| to(page - 1)),
            after: (last < total && first < last).then(|| to(page + 1)),
        }
    }
}

/// The number of a page, as it stands in an address; whatever is no such number is the first one.
pub(super) fn number(text: &str) -> u32 {
    text.parse().unwrap_or(1).clamp(1, 1_000_000)
}

/// An address with its questions; those that ask nothing are left out.
pub(super) fn address<'q>(
    path: &str,
    questions: impl IntoIterator<Item = (&'q str, &'q str)>,
    page: Option<u32>,
) -> String {
    let page = page
        .filter(|page| *page > 1)
        .map(|page| ("page", page.to_string()));
    let questions = questions.into_iter().filter(|(_, value)| !value.is_empty());
    let questions = questions.map(|(name, value)| (name, encoded(value)));
    let mut text = path.to_owned();
    for (place, (name, value)) in questions.chain(page).enumerate() {
        text.push(if place == 0 { '?' } else { '&' });
        text.push_str(name);
        text.push('=');
        text.push_str(&value);
    }
    text
}

/// A value as it may stand in an address (RFC 3986, section 2.3).
pub(super) fn encoded(value: &str) -> String {
    use std::fmt::Write as _;
    value.bytes().fold(String::new(), |mut text, octet| {
        if octet.is_ascii_alphanumeric() || b"-_.~".contains(&octet) {
            text.push(char::from(octet));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(text, "%{octet:02X}");
        }
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_know_their_neighbours() {
        for (page, total, shown, before, after) in [
            (1, 0, "none of 0", None, None),
            (1, 50, "1 to 50 of 50", None, None),
            (1, 51, "1 to 50 of 51", None, Some("/x?text=a%26b&page=2")),
            (2, 51, "51 to 51 of 51", Some("/x?text=a%26b"), None),
            (
                3,
                1200,
                "101 to 150 of 1,200",
                Some("/x?text=a%26b&page=2"),
                Some("/x?text=a%26b&page=4"),
            ),
            (9, 51, "none of 51", Some("/x?text=a%26b&page=8"), None),
        ] {
            let pages = Pages::new(page, total, "/x", &[("text", "a&b"), ("phase", "")]);
            assert_eq!(pages.shown, shown);
            assert_eq!(pages.before.as_deref(), before, "{page}/{total}");
            assert_eq!(pages.after.as_deref(), after, "{page}/{total}");
        }
        for (text, page) in [
            ("", 1),
            ("0", 1),
            ("-3", 1),
            ("7", 7),
            ("x", 1),
            ("99999999999", 1),
        ] {
            assert_eq!(number(text), page, "{text}");
        }
    }
}
