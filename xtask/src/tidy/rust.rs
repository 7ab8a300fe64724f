//! Rust files, taken apart into code and comments: what stands in a string is neither.

use super::tree::Tree;

/// One Rust file, line by line.
pub(crate) struct Source<'a> {
    /// Its path.
    pub(crate) path: &'a str,
    /// The code of each line; strings are emptied.
    pub(crate) code: Vec<String>,
    /// The comments of each line, without the slashes.
    pub(crate) comments: Vec<String>,
    /// The first line, from 0, that only tests see; the number of lines when there is none.
    pub(crate) tests_from: usize,
}

/// All Rust files.
pub(crate) fn sources(tree: &Tree) -> Vec<Source<'_>> {
    tree.files()
        .filter(|(path, _)| ends_with(path, ".rs"))
        .map(|(path, text)| Source::new(path, text))
        .collect()
}

/// Like [`str::ends_with`]; the names of files here are lower-case, whatever clippy fears.
pub(crate) fn ends_with(path: &str, end: &str) -> bool {
    path.ends_with(end)
}

impl<'a> Source<'a> {
    /// Takes a file apart.
    pub(crate) fn new(path: &'a str, text: &str) -> Self {
        let (code, comments) = take_apart(text);
        let tests_from = if is_test_file(path) { 0 } else { test_module(&code) };
        Self {
            path,
            code,
            comments,
            tests_from,
        }
    }

    /// `path:line`, as editors understand it.
    pub(crate) fn place(&self, line: usize) -> String {
        format!("{}:{}", self.path, line + 1)
    }
}

/// Whether the whole file is a test: it lies in a folder `tests`, or is a module of that name.
fn is_test_file(path: &str) -> bool {
    path.split('/').any(|part| part == "tests" || part == "tests.rs")
}

/// Where the unit tests at the bottom begin.
fn test_module(code: &[String]) -> usize {
    (0..code.len())
        .find(|&line| {
            code[line].trim_end() == "#[cfg(test)]"
                && code[line + 1..]
                    .iter()
                    .find(|next| !next.trim().is_empty() && !next.starts_with("#["))
                    .is_some_and(|next| next.starts_with("mod "))
        })
        .unwrap_or(code.len())
}

/// Whether `word` stands in `line` with no letter, digit or `_` right before it.
pub(crate) fn mentions(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| {
        !line[..at]
            .chars()
            .next_back()
            .is_some_and(|before| before.is_alphanumeric() || before == '_')
    })
}

enum State {
    Code,
    LineComment,
    BlockComment(usize),
    Text,
    RawText(usize),
}

fn take_apart(text: &str) -> (Vec<String>, Vec<String>) {
    let (mut code, mut comments) = (Vec::new(), Vec::new());
    let mut state = State::Code;
    for line in text.lines() {
        let (mut code_line, mut comment_line) = (String::new(), String::new());
        if matches!(state, State::LineComment) {
            state = State::Code;
        }
        let mut rest = line;
        while let Some(next) = rest.chars().next() {
            let taken;
            match state {
                State::Code => {
                    (taken, state) = in_code(rest, next, &mut code_line);
                }
                State::LineComment => {
                    comment_line.push_str(rest);
                    taken = rest.len();
                }
                State::BlockComment(depth) => {
                    (taken, state) = in_block(rest, next, depth);
                    comment_line.push_str(&rest[..taken]);
                }
                State::Text => {
                    taken = match next {
                        '\\' => 1 + rest[1..].chars().next().map_or(0, char::len_utf8),
                        _ => next.len_utf8(),
                    };
                    if next == '"' {
                        code_line.push('"');
                        state = State::Code;
                    }
                }
                State::RawText(hashes) => {
                    let end = format!("\"{}", "#".repeat(hashes));
                    if rest.starts_with(&end) {
                        code_line.push_str(&end);
                        taken = end.len();
                        state = State::Code;
                    } else {
                        taken = next.len_utf8();
                    }
                }
            }
            rest = &rest[taken..];
        }
        code.push(code_line);
        comments.push(comment_line);
    }
    (code, comments)
}

/// One step in code: how many octets it takes, and what comes next.
fn in_code(rest: &str, next: char, code: &mut String) -> (usize, State) {
    if rest.starts_with("//") {
        return (2, State::LineComment);
    }
    if rest.starts_with("/*") {
        return (2, State::BlockComment(1));
    }
    if next == '"' {
        code.push('"');
        return (1, State::Text);
    }
    if next == 'r'
        && !code.ends_with(|before: char| before.is_alphanumeric() && before != 'b' || before == '_')
    {
        let hashes = rest[1..].bytes().take_while(|&byte| byte == b'#').count();
        if rest[1 + hashes..].starts_with('"') {
            code.push_str(&rest[..hashes + 2]);
            return (hashes + 2, State::RawText(hashes));
        }
    }
    if next == '\'' {
        let taken = char_literal(rest);
        code.push_str(if taken > 1 { "' '" } else { "'" });
        return (taken, State::Code);
    }
    code.push(next);
    (next.len_utf8(), State::Code)
}

fn in_block(rest: &str, next: char, depth: usize) -> (usize, State) {
    if rest.starts_with("*/") {
        let state = if depth == 1 {
            State::Code
        } else {
            State::BlockComment(depth - 1)
        };
        (2, state)
    } else if rest.starts_with("/*") {
        (2, State::BlockComment(depth + 1))
    } else {
        (next.len_utf8(), State::BlockComment(depth))
    }
}

/// The octets of a character literal; 1 when the quote begins a lifetime.
fn char_literal(rest: &str) -> usize {
    let mut chars = rest.char_indices().skip(1);
    match chars.next() {
        // The character after the backslash may itself be a quote.
        Some((_, '\\')) => chars
            .skip(1)
            .find(|&(_, next)| next == '\'')
            .map_or(1, |(at, _)| at + 1),
        Some(_) => match chars.next() {
            Some((at, '\'')) => at + 1,
            _ => 1,
        },
        None => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_neither_code_nor_comment() {
        let check = |text: &str, code: &[&str], comments: &[&str]| {
            assert_eq!(
                take_apart(text),
                (
                    code.iter().map(ToString::to_string).collect(),
                    comments.iter().map(ToString::to_string).collect()
                ),
                "{text}"
            );
        };
        check("a(\"// no\"); // yes", &["a(\"\"); "], &[" yes"]);
        check("/// doc\nfn f() {}", &["", "fn f() {}"], &["/ doc", ""]);
        check(
            "a /* b /* c */ d\ne */ f",
            &["a ", " f"],
            &[" b /* c */ d", "e */"],
        );
        check("\"one \\\" two\n// three\" four", &["\"", "\" four"], &["", ""]);
        check("r#\"a \" // b\"# c", &["r#\"\"# c"], &[""]);
        check("br\"a\\\" b // c", &["br\"\" b "], &[" c"]);
        check("for\"x\"", &["for\"\""], &[""]);
        check(
            "&'a str, '\"', '\\'', '\\\\' // z",
            &["&'a str, ' ', ' ', ' ' "],
            &[" z"],
        );
    }

    #[test]
    fn tests_are_at_the_bottom_or_fill_the_file() {
        let from = |path: &str, text: &str| Source::new(path, text).tests_from;
        let text = "fn f() {}\n#[cfg(test)]\nfn helper() {}\n#[cfg(test)]\n#[allow(x)]\nmod tests {\n}\n";
        assert_eq!(from("crates/a/src/lib.rs", text), 3);
        assert_eq!(from("crates/a/tests/b.rs", "fn f() {}"), 0);
        assert_eq!(from("crates/a/src/b/tests.rs", "fn f() {}"), 0);
        assert_eq!(from("crates/a/src/lib.rs", "fn f() {}"), 1);
    }

    #[test]
    fn words_begin_where_a_name_begins() {
        assert!(mentions("std::fs::read", "std::fs"));
        assert!(!mentions("mystd::fs", "std::fs"));
    }
}
