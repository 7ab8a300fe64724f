//! What must hold for whatever somebody hands over as a file. Ordinary tests try it with the corpus and with files that are
//! nearly right, `cargo xtask fuzz` with whatever else can be thought of. Not part of the library.

use crate::directory::Directory;
use crate::import::csv::{FilePlan, Options, Part, Text, decode, plan_file, write};
use crate::plan::directory::{IfExists, Recipients, Rules};

/// A file is refused with errors that name its lines; or it is imported, changes nothing when it is imported again, and what
/// it made is written as rows that make the same.
pub fn csv(bytes: &[u8]) {
    let Ok(text) = decode(bytes, None) else {
        return;
    };
    for (if_exists, crypt) in [
        (IfExists::Refuse, false),
        (IfExists::Keep, true),
        (IfExists::Keep, false),
    ] {
        let mut directory = Directory::default();
        let planned = planned(&text, &directory, if_exists, crypt);
        tells_where(&text, &planned);
        if !planned.errors.is_empty() {
            continue;
        }
        apply(planned, &mut directory);
        let again = self::planned(&text, &directory, IfExists::Keep, crypt);
        assert_eq!((&again.errors, &again.changes), (&Vec::new(), &Vec::new()));
        assert_eq!((again.kept, again.to_hash.len()), (again.rows, 0));

        let mut rows = String::new();
        write(&directory, Part::All, ';', |row| {
            rows.push_str(row);
            rows.push('\n');
        });
        let rows = decode(rows.as_bytes(), None).ok();
        let mut copy = Directory::default();
        if let Some(rows) = rows {
            let planned = self::planned(&rows, &copy, IfExists::Refuse, false);
            assert_eq!(planned.errors, [], "{}", rows.text);
            apply(planned, &mut copy);
        }
        assert_eq!(copy, directory);
    }
}

fn planned(text: &Text<'_>, directory: &Directory, if_exists: IfExists, crypt_passwords: bool) -> FilePlan {
    let recipients = Recipients::Any;
    let options = Options {
        separator: ';',
        crypt_passwords,
        rules: Rules {
            if_exists,
            recipients,
        },
    };
    plan_file(text, directory, options, |_| {})
}

fn apply(planned: FilePlan, directory: &mut Directory) {
    for change in planned.changes {
        change.apply_to(directory);
    }
}

fn tells_where(text: &Text<'_>, planned: &FilePlan) {
    let lines: Vec<&str> = text.text.split_inclusive(['\n', '\r']).collect();
    for complaint in planned.errors.iter().chain(&planned.notices) {
        let line = usize::try_from(complaint.place.line).unwrap_or(usize::MAX);
        assert!((1..=lines.len()).contains(&line), "{complaint}");
        assert!(complaint.place.column >= 1, "{complaint}");
        assert!(!complaint.wrong.is_empty() && !complaint.right.is_empty());
        assert!(!complaint.to_string().contains(char::is_control), "{complaint}");
    }
    assert!(planned.held_up == 0 || !planned.errors.is_empty());
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    #[test]
    fn the_corpus() {
        let folder = format!("{}/../../fuzz/corpus/csv", env!("CARGO_MANIFEST_DIR"));
        let mut tried = 0;
        for entry in std::fs::read_dir(&folder).unwrap() {
            super::csv(&std::fs::read(entry.unwrap().path()).unwrap());
            tried += 1;
        }
        assert!(tried > 0, "{folder} is empty");
    }

    /// A field that may be right somewhere, or nowhere.
    fn field() -> impl Strategy<Value = String> {
        let fine = vec![
            "a.org",
            "B.org.",
            "bücher.example",
            "u@a.org",
            "V@b.org",
            "@a.org",
            "'@a.org",
            "x@else.net",
            "true",
            "no",
            "0",
            "10",
            "20",
            "7B",
            "unlimited",
            "SimpleUsers",
            "domainadmins",
            "relay",
            "mx.a.org",
            "(MX)",
            "25",
            "boss",
            "!",
            "{PLAIN}p;w",
            "{PLAIN} b\"",
            "$6$short",
            "secret",
            "",
            "Ann",
            " Two  Names ",
        ];
        let odd = vec![
            "\"", "a\nb", "\u{feff}", "\0", "é\r", "{", "ſ@a.org", "İ@a.org", "\"q\"", "=1+1", "\u{2028}",
        ];
        prop_oneof![8 => prop::sample::select(fine), 1 => prop::sample::select(odd)].prop_map(str::to_owned)
    }

    fn row() -> impl Strategy<Value = Vec<String>> {
        let domain = prop::sample::select(vec!["a.org", "b.org", "c.org"]);
        let user = prop::sample::select(vec!["u@a.org", "v@a.org", "u@b.org", "w@b.org"]);
        let text = |fields: &[&str]| fields.iter().map(|field| (*field).to_owned()).collect::<Vec<_>>();
        prop_oneof![
            domain
                .clone()
                .prop_map(move |name| text(&["domain", name, "0", "0", "true"])),
            domain
                .clone()
                .prop_map(move |name| text(&["domainalias", "also.org", name, "1"])),
            domain.prop_map(move |name| text(&["relaydomain", name, "mx", "25", "smtp", "y", "n"])),
            (user.clone(), field()).prop_map(move |(user, name)| {
                text(&[
                    "account",
                    user,
                    "{PLAIN}x",
                    &name,
                    "",
                    "true",
                    "SimpleUsers",
                    user,
                    "0",
                ])
            }),
            (user.clone(), user, field())
                .prop_map(move |(user, to, more)| text(&["forward", user, "true", to, &more])),
            prop::collection::vec(field(), 1..11),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(512))]

        #[test]
        fn files_that_are_nearly_right(rows in prop::collection::vec((row(), any::<bool>()), 0..12), cut in 0..400_usize) {
            let mut text = String::new();
            for (row, quoted) in rows {
                let fields: Vec<String> = row
                    .iter()
                    .map(|field| if quoted { format!("\"{}\"", field.replace('"', "\"\"")) } else { field.clone() })
                    .collect();
                text.push_str(&fields.join(";"));
                text.push('\n');
            }
            super::csv(text.as_bytes());
            super::csv(&text.as_bytes()[..cut.min(text.len())]);
        }

        #[test]
        fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            super::csv(&bytes);
        }
    }
}
