//! ARCHITECTURE.md as far as it is checked: the rooms' tree, the arrows, the invariants.

use std::collections::{BTreeMap, BTreeSet};

/// Where the map is.
pub(crate) const FILE: &str = "ARCHITECTURE.md";

/// What the map says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Map {
    /// Folders in the drawing under `## Rooms`, from the top, and the files named there.
    pub(crate) rooms: Vec<String>,
    /// Drawn under `## Arrows`: from a room to those it may use.
    pub(crate) arrows: BTreeMap<String, BTreeSet<String>>,
    /// Numbers listed under `### In force`.
    pub(crate) in_force: BTreeSet<u32>,
    /// Numbers listed under `### Not yet in force`.
    pub(crate) not_yet: BTreeSet<u32>,
}

impl Map {
    /// Reads the map.
    pub(crate) fn new(text: &str) -> Self {
        Self {
            rooms: rooms(&drawing(section(text, "## Rooms"))),
            arrows: arrows(&drawing(section(text, "## Arrows"))),
            in_force: numbers(section(text, "### In force")),
            not_yet: numbers(section(text, "### Not yet in force")),
        }
    }
}

/// The lines under a heading, up to the next of its depth or higher.
fn section<'a>(text: &'a str, heading: &str) -> Vec<&'a str> {
    let depth = |line: &str| {
        let marks = line.bytes().take_while(|&byte| byte == b'#').count();
        line[marks..]
            .starts_with(' ')
            .then_some(marks)
            .filter(|&marks| marks > 0)
    };
    let own = depth(heading).unwrap_or(1);
    text.lines()
        .skip_while(|line| line.trim_end() != heading)
        .skip(1)
        .take_while(|line| depth(line).is_none_or(|found| found > own))
        .collect()
}

/// The first fenced block.
fn drawing(lines: Vec<&str>) -> Vec<&str> {
    lines
        .into_iter()
        .skip_while(|line| !line.starts_with("```"))
        .skip(1)
        .take_while(|line| !line.starts_with("```"))
        .collect()
}

/// A tree drawn with `├─`; three columns a level. The top folder's own line is left out.
fn rooms(lines: &[&str]) -> Vec<String> {
    let mut rooms = Vec::new();
    let mut above: Vec<String> = Vec::new();
    for line in lines {
        let indent = line
            .chars()
            .take_while(|&mark| matches!(mark, '│' | '├' | '└' | '─' | ' '))
            .count();
        let Some(depth) = (indent / 3).checked_sub(1) else {
            continue;
        };
        let names: String = line.chars().skip(indent).collect();
        above.truncate(depth);
        for name in names.split_whitespace().take_while(|word| is_entry(word)) {
            let path = format!("{}{}", above.concat(), name);
            rooms.push(path.trim_end_matches('/').to_owned());
            if name.ends_with('/') {
                above.truncate(depth);
                above.push(name.to_owned());
            }
        }
    }
    rooms
}

/// Folders end with `/`; files have a dot inside. Anything else begins the description.
fn is_entry(word: &str) -> bool {
    word.ends_with('/') || word.trim_end_matches('.').contains('.')
}

/// `a, b ──▶ c, d`; `nothing` on the right for none.
fn arrows(lines: &[&str]) -> BTreeMap<String, BTreeSet<String>> {
    let words = |text: &str| -> Vec<String> {
        text.split(',')
            .map(|word| word.trim().to_owned())
            .filter(|word| !word.is_empty() && word != "nothing")
            .collect()
    };
    let mut arrows: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for line in lines {
        if let Some((from, to)) = line.split_once("──▶") {
            for room in words(from) {
                arrows.entry(room).or_default().extend(words(to));
            }
        }
    }
    arrows
}

/// The numbers of a list `- **I1** …`.
fn numbers(lines: Vec<&str>) -> BTreeSet<u32> {
    lines
        .into_iter()
        .filter_map(|line| line.strip_prefix("- **I")?.split_once("**")?.0.parse().ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_map_is_read() {
        let map = Map::new(
            "# T\n\n## Rooms\n\n```text\n\
             t/\n\
             ├─ README.md  deny.toml\n\
             ├─ crates/\n\
             │  ├─ model/      WORDS. Pure.\n\
             │  │  ├─ mail/    names\n\
             │  │  └─ plan/\n\
             │  └─ db/         all SQL: schema.sql\n\
             ├─ docs/adr/      decisions\n\
             └─ xtask/         demo\n\
             ```\n\n## Arrows\n\n```text\n\
             sync ──▶ db, model\n\
             db, imap ──▶ model\n\
             model ──▶ nothing\n\
             ```\n\n## Invariants\n\n### In force\n\n\
             - **I1** one\n- **I13** thirteen\n\n### Not yet in force\n\n- **I8** eight\n\n## More\n\n- **I99** no\n",
        );
        assert_eq!(
            map.rooms,
            [
                "README.md",
                "deny.toml",
                "crates",
                "crates/model",
                "crates/model/mail",
                "crates/model/plan",
                "crates/db",
                "docs/adr",
                "xtask"
            ]
        );
        let arrows: Vec<String> = map
            .arrows
            .iter()
            .map(|(from, to)| {
                format!(
                    "{from}: {}",
                    to.iter().map(String::as_str).collect::<Vec<_>>().join(" ")
                )
            })
            .collect();
        assert_eq!(arrows, ["db: model", "imap: model", "model: ", "sync: db model"]);
        assert_eq!(map.in_force, BTreeSet::from([1, 13]));
        assert_eq!(map.not_yet, BTreeSet::from([8]));
    }
}
