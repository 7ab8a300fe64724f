//! Modoboa's two texts about folders, as patterns, and patterns as these texts.
//!
//! *Folder Filter Exclusions* is a regular expression of Python's that is looked for anywhere in a folder's name; *Folder Filter
//! Inclusions* are names, with commas between them, that come in spite of it. What patterns can say of that is taken; the rest is
//! refused, so that nobody's mail stays behind for a misunderstanding. A pattern also covers what lies below a folder.

use super::Settings;
use crate::mail::MailboxName;
use crate::plan::Pattern;

/// What a regular expression is that finds something in every name.
const EVERYTHING: [&str; 4] = [".*", "^.*$", "^.*", ".*$"];

/// Letters that mean something in a regular expression.
const SPECIAL: &str = ".^$*+?()[]{}|\\";

/// The two texts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FolderFilter {
    /// *Folder Filter Exclusions*.
    pub exclude: String,
    /// *Folder Filter Inclusions*.
    pub include: String,
}

/// Which of the two texts cannot be taken, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FilterProblem {
    /// The exclusions.
    Exclude(FilterFault),
    /// The inclusions.
    Include(FilterFault),
}

/// Why such a text cannot be taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FilterFault {
    /// What would end the text where Modoboa writes it.
    #[error("Quotes, backslashes and newlines are not allowed.")]
    Letters,
    /// No regular expression.
    #[error("Invalid regular expression.")]
    Invalid,
    /// More than patterns can say.
    #[error(
        "This expression says more than patterns over folders can: names are understood, with ^ and $ at their ends, .* within, | \
         between several of them, and [.] for a dot."
    )]
    TooMuch,
    /// What is left out cannot come nevertheless.
    #[error("The exclusions leave “{0}” out; let them not name it.")]
    LeftOut(String),
    /// A name that is no pattern.
    #[error("“{0}” is not the name of a folder.")]
    Name(String),
}

impl FolderFilter {
    /// The texts that say what settings do.
    pub fn of(settings: &Settings) -> Self {
        if settings.include.is_empty() {
            let alternatives: Vec<String> = settings.exclude.iter().map(|text| expression(text)).collect();
            return Self {
                exclude: alternatives.join("|"),
                include: String::new(),
            };
        }
        let is_other_spelling =
            |name: &str| name.contains('/') && settings.include.contains(&name.replace('/', "."));
        let names = settings.include.iter().filter(|name| !is_other_spelling(name));
        Self {
            exclude: EVERYTHING[0].to_owned(),
            include: names.map(String::as_str).collect::<Vec<_>>().join(", "),
        }
    }

    /// Settings that do what the texts say.
    pub fn apply(&self, settings: Settings) -> Result<Settings, FilterProblem> {
        for (text, problem) in [
            (
                &self.exclude,
                FilterProblem::Exclude as fn(FilterFault) -> FilterProblem,
            ),
            (&self.include, FilterProblem::Include),
        ] {
            if text.contains(['\'', '\\']) || text.contains(char::is_control) {
                return Err(problem(FilterFault::Letters));
            }
        }
        let names: Vec<&str> = self.include.split(',').map(str::trim).collect();
        let names: Vec<&str> = names.into_iter().filter(|name| !name.is_empty()).collect();
        let exclude = self.exclude.trim();
        if EVERYTHING.contains(&exclude) && !names.is_empty() {
            let include = names.into_iter().flat_map(spellings).collect::<Vec<_>>();
            let shown = self.include.clone();
            let include = Settings::patterns(include.iter().map(String::as_str))
                .map_err(|_| FilterProblem::Include(FilterFault::Name(shown)))?;
            return Ok(Settings {
                include,
                exclude: Vec::new(),
                ..settings
            });
        }
        let exclude = patterns(exclude).map_err(FilterProblem::Exclude)?;
        let exclude = Settings::patterns(exclude.iter().map(String::as_str))
            .map_err(|_| FilterProblem::Exclude(FilterFault::TooMuch))?;
        // What the exclusions do not name comes in any case, so that naming it again changes nothing.
        let is_left_out = |name: &&&str| {
            spellings(name)
                .iter()
                .filter_map(|spelling| MailboxName::from_path(spelling, Some('/')))
                .any(|name| exclude.iter().any(|text| Pattern::new(text).covers(&name)))
        };
        if let Some(name) = names.iter().find(is_left_out) {
            return Err(FilterProblem::Include(FilterFault::LeftOut((*name).to_owned())));
        }
        Ok(Settings {
            include: Vec::new(),
            exclude,
            ..settings
        })
    }
}

/// A name as servers write it whose levels are separated by a slash, or by a dot.
fn spellings(name: &str) -> Vec<String> {
    if name.contains('.') && !name.contains('/') {
        vec![name.to_owned(), name.replace('.', "/")]
    } else {
        vec![name.to_owned()]
    }
}

/// The expression of a pattern.
fn expression(pattern: &str) -> String {
    let (start, rest) = match pattern.strip_prefix('*') {
        Some(rest) => ("", rest),
        None => ("^", pattern),
    };
    let (rest, end) = match rest.strip_suffix('*') {
        Some(rest) => (rest, ""),
        None => (rest, "$"),
    };
    let middle: String = rest
        .chars()
        .map(|letter| match letter {
            '*' => ".*".to_owned(),
            '%' => "[^/]*".to_owned(),
            '^' => "\\^".to_owned(),
            special if SPECIAL.contains(special) => format!("[{special}]"),
            letter => letter.to_string(),
        })
        .collect();
    format!("{start}{middle}{end}")
}

/// The patterns of an expression.
fn patterns(expression: &str) -> Result<Vec<String>, FilterFault> {
    if expression.is_empty() {
        return Ok(Vec::new());
    }
    if !is_balanced(expression) {
        return Err(FilterFault::Invalid);
    }
    expression.split('|').map(pattern).collect()
}

fn pattern(alternative: &str) -> Result<String, FilterFault> {
    let (start, rest) = match alternative.strip_prefix('^') {
        Some(rest) => ("", rest),
        None => ("*", alternative),
    };
    let (mut rest, end) = match rest.strip_suffix('$') {
        Some(rest) => (rest, ""),
        None => (rest, "*"),
    };
    let mut middle = String::new();
    while let Some(letter) = rest.chars().next() {
        if let Some(after) = rest.strip_prefix("[^/]*") {
            middle.push('%');
            rest = after;
        } else if let Some(after) = rest.strip_prefix(".*") {
            middle.push('*');
            rest = after;
        } else if let Some((special, after)) = bracketed(rest) {
            middle.push(special);
            rest = after;
        } else if SPECIAL.contains(letter) || letter == '%' {
            return Err(FilterFault::TooMuch);
        } else {
            middle.push(letter);
            rest = &rest[letter.len_utf8()..];
        }
    }
    // An empty expression finds something in every name, which nobody means.
    if middle.is_empty() {
        return Err(FilterFault::TooMuch);
    }
    Ok(format!("{start}{middle}{end}"))
}

/// A letter in brackets, which stands for itself; but for those that mean something in a pattern.
fn bracketed(text: &str) -> Option<(char, &str)> {
    let mut letters = text.strip_prefix('[')?.chars();
    let special = letters.next()?;
    let rest = letters.as_str().strip_prefix(']')?;
    (!matches!(special, '*' | '^' | '%')).then_some((special, rest))
}

/// Whether brackets and parentheses are closed.
fn is_balanced(expression: &str) -> bool {
    let mut open = 0_u32;
    let mut rest = expression;
    while let Some(letter) = rest.chars().next() {
        rest = &rest[letter.len_utf8()..];
        match letter {
            // The first letter within may be a bracket itself.
            '[' => {
                let within = rest.strip_prefix('^').unwrap_or(rest);
                let skipped = within.chars().next().map_or(0, char::len_utf8);
                let Some(end) = within.get(skipped..).and_then(|within| within.find(']')) else {
                    return false;
                };
                rest = &within[skipped + end + 1..];
            }
            '(' => open += 1,
            ')' if open == 0 => return false,
            ')' => open -= 1,
            _ => {}
        }
    }
    open == 0 && !expression.starts_with(['*', '+', '?'])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(exclude: &str, include: &str) -> Result<Settings, FilterProblem> {
        let filter = FolderFilter {
            exclude: exclude.to_owned(),
            include: include.to_owned(),
        };
        filter.apply(Settings::default())
    }

    #[test]
    fn exclusions_become_patterns_and_are_told_as_they_were_said() {
        for (text, patterns) in [
            ("", &[][..]),
            ("^Trash$|Del", &["Trash", "*Del*"]),
            ("^Lists/", &["Lists/*"]),
            ("^Lists/[^/]*$", &["Lists/%"]),
            ("2019$", &["*2019"]),
            ("^a.*z$", &["a*z"]),
            ("x; import os", &["*x; import os*"]),
            ("ok\"double\"quote", &["*ok\"double\"quote*"]),
            ("^debian[.]user$", &["debian.user"]),
            ("^[(]old[)]$", &["(old)"]),
            ("^Entwürfe$", &["Entwürfe"]),
        ] {
            let settings = read(text, "").unwrap();
            assert_eq!(settings.exclude, patterns, "{text}");
            assert_eq!(FolderFilter::of(&settings).exclude, text);
        }
    }

    #[test]
    fn what_patterns_cannot_say_is_refused() {
        for (text, fault) in [
            ("it's", FilterFault::Letters),
            ("back\\slash", FilterFault::Letters),
            ("a\nb", FilterFault::Letters),
            ("(unclosed", FilterFault::Invalid),
            ("[", FilterFault::Invalid),
            ("[]", FilterFault::Invalid),
            ("*a", FilterFault::Invalid),
            ("^(?!INBOX)", FilterFault::TooMuch),
            ("(a)", FilterFault::TooMuch),
            ("a.b", FilterFault::TooMuch),
            ("a+", FilterFault::TooMuch),
            ("[ab]", FilterFault::TooMuch),
            ("50%", FilterFault::TooMuch),
            ("a||b", FilterFault::TooMuch),
            ("^$", FilterFault::TooMuch),
        ] {
            assert_eq!(read(text, ""), Err(FilterProblem::Exclude(fault)), "{text}");
        }
    }

    #[test]
    fn inclusions_are_names_that_come_in_spite_of_exclusions() {
        let only = read(".*", "INBOX, debian.user ,").unwrap();
        assert_eq!(only.include, ["INBOX", "debian.user", "debian/user"]);
        assert!(only.exclude.is_empty());
        let told = FolderFilter::of(&only);
        assert_eq!(
            (told.exclude.as_str(), told.include.as_str()),
            (".*", "INBOX, debian.user")
        );
        assert_eq!(told.apply(Settings::default()), Ok(only));
        // Nothing leaves them out, so they come.
        let all = read("^Trash$", "debian.user").unwrap();
        assert_eq!((all.include.len(), all.exclude), (0, vec!["Trash".to_owned()]));
        assert_eq!(
            read("^Lists", "Lists.debian"),
            Err(FilterProblem::Include(FilterFault::LeftOut(
                "Lists.debian".to_owned()
            )))
        );
        assert_eq!(read("", "a'b"), Err(FilterProblem::Include(FilterFault::Letters)));
    }
}
