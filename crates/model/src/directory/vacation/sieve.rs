//! An absence text as a Sieve script (RFC 5228, RFC 5230), which any server with Sieve runs at delivery.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::{Vacation, VacationInterval};
use crate::directory::Address;
use crate::mail::InternalDate;

/// Seconds in a day.
const DAY: i64 = 86_400;

/// For how many days the same person is not answered again where that should be never: ten years. Servers remember whom they
/// have answered for as long.
const NEVER: i64 = 3_650;

/// What stands for the subject of the message that is answered.
const SUBJECT: &str = "$SUBJECT";

impl Vacation {
    /// The script. It answers what was sent to the mailbox, or to one of `addresses`, the aliases that lead there.
    ///
    /// One that is switched off answers nothing, and keeps its text.
    pub fn sieve(&self, addresses: &BTreeSet<Address>) -> String {
        let asks_subject = self.subject.contains(SUBJECT);
        let tests = self.tests();
        let mut script = format!("# Absence text of {}\n", self.address);
        let mut needs = vec!["vacation"];
        if asks_subject {
            needs.push("variables");
        }
        if self.enabled && !tests.is_empty() {
            needs.extend(["date", "relational"]);
        }
        let needs: Vec<_> = needs.into_iter().map(quoted).collect();
        let _ = writeln!(script, "require [{}];\n", needs.join(", "));
        if asks_subject {
            // In a script with variables, ${…} in the owner's own text would be one.
            script.push_str("set \"dollar\" \"$\";\nset \"subject\" \"\";\n");
            script.push_str("if header :matches \"Subject\" \"*\" { set \"subject\" \"${1}\"; }\n\n");
        }
        let condition = match (self.enabled, tests.as_slice()) {
            (false, _) => Some("false".to_owned()),
            (true, []) => None,
            (true, [test]) => Some(test.clone()),
            (true, tests) => Some(format!("allof({})", tests.join(",\n         "))),
        };
        let indent = if condition.is_some() { "  " } else { "" };
        if let Some(condition) = &condition {
            let _ = writeln!(script, "if {condition} {{");
        }
        let plain = |text: &str| {
            if asks_subject {
                text.replace("${", "${dollar}{")
            } else {
                text.to_owned()
            }
        };
        let subject = plain(&self.subject).replace(SUBJECT, "${subject}");
        let mut all = addresses.clone();
        all.insert(self.address.clone());
        let all: Vec<_> = all
            .iter()
            .map(|address| quoted(&plain(address.as_str())))
            .collect();
        let _ = write!(script, "{indent}vacation :days {}", self.days());
        if !subject.is_empty() {
            let _ = write!(script, "\n{indent}  :subject {}", quoted(&subject));
        }
        let _ = write!(script, "\n{indent}  :addresses [{}]", all.join(", "));
        let _ = writeln!(script, "\n{indent}  {};", quoted(&plain(&self.text())));
        if condition.is_some() {
            script.push_str("}\n");
        }
        script
    }

    /// The text, with PostfixAdmin's words for its first and last day replaced.
    fn text(&self) -> String {
        let date = |moment: Option<i64>| moment.map_or(String::new(), |moment| calendar(moment).0);
        let text = self.body.replace("<%From_Date>", &date(self.from));
        text.replace("<%Until_Date>", &date(self.until))
    }

    fn days(&self) -> i64 {
        match (self.interval, self.from, self.until) {
            (VacationInterval::Seconds(seconds), ..) => (i64::from(seconds) + DAY - 1) / DAY,
            (VacationInterval::Once, Some(from), Some(until)) => ((until - from) / DAY + 1).clamp(1, NEVER),
            (VacationInterval::Once, ..) => NEVER,
        }
    }

    /// When it answers, where that is not always. In UTC, so that the server's own zone does not matter.
    fn tests(&self) -> Vec<String> {
        let test = |moment, beyond, up_to| {
            let (date, time) = calendar(moment);
            let now = "currentdate :zone \"+0000\"";
            format!(
                "anyof({now} :value \"{beyond}\" \"date\" \"{date}\",\n    allof({now} :is \"date\" \"{date}\", \
                 {now} :value \"{up_to}\" \"time\" \"{time}\"))"
            )
        };
        let from = self.from.map(|moment| test(moment, "gt", "ge"));
        let until = self.until.map(|moment| test(moment, "lt", "le"));
        from.into_iter().chain(until).collect()
    }
}

/// A moment's date and time in UTC, as Sieve's `date` and `time` have them (RFC 5260 section 4.2).
fn calendar(moment: i64) -> (String, String) {
    let written = InternalDate::from_unix(moment).to_string();
    let mut words = written.split(' ').map(str::to_owned);
    (words.next().unwrap_or_default(), words.next().unwrap_or_default())
}

/// A string in quotes (RFC 5228 section 2.4.2). NUL is no part of any.
fn quoted(text: &str) -> String {
    let escaped = text.replace('\\', "\\\\").replace('"', "\\\"").replace('\0', "");
    format!("\"{escaped}\"")
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn check(change: impl Fn(&mut Vacation), addresses: &[&str], expected: &Expect) {
        let mut vacation = Vacation {
            address: Address::parse("vac@corp.example").unwrap(),
            subject: "Away".into(),
            body: "Back soon.".into(),
            enabled: true,
            from: None,
            until: None,
            interval: VacationInterval::Once,
        };
        change(&mut vacation);
        let addresses = addresses
            .iter()
            .map(|text| Address::parse(text).unwrap())
            .collect();
        expected.assert_eq(&vacation.sieve(&addresses));
    }

    #[test]
    fn a_plain_one_answers_always() {
        check(
            |_| {},
            &["v@corp.example"],
            &expect![[r##"
            # Absence text of vac@corp.example
            require ["vacation"];

            vacation :days 3650
              :subject "Away"
              :addresses ["v@corp.example", "vac@corp.example"]
              "Back soon.";
        "##]],
        );
    }

    #[test]
    fn one_with_everything_escapes_what_its_owner_wrote() {
        check(
            |vacation| {
                vacation.subject = "Out: \"x\" ${1} $SUBJECT".into();
                vacation.body = "From <%From_Date> to <%Until_Date>.\n.\nback\\slash ${subject} ü".into();
                (vacation.from, vacation.until) = (Some(1_767_225_600), Some(1_769_903_999));
                vacation.interval = VacationInterval::Seconds(604_801);
            },
            &[],
            &expect![[r##"
                # Absence text of vac@corp.example
                require ["vacation", "variables", "date", "relational"];

                set "dollar" "$";
                set "subject" "";
                if header :matches "Subject" "*" { set "subject" "${1}"; }

                if allof(anyof(currentdate :zone "+0000" :value "gt" "date" "2026-01-01",
                    allof(currentdate :zone "+0000" :is "date" "2026-01-01", currentdate :zone "+0000" :value "ge" "time" "00:00:00")),
                         anyof(currentdate :zone "+0000" :value "lt" "date" "2026-01-31",
                    allof(currentdate :zone "+0000" :is "date" "2026-01-31", currentdate :zone "+0000" :value "le" "time" "23:59:59"))) {
                  vacation :days 8
                    :subject "Out: \"x\" ${dollar}{1} ${subject}"
                    :addresses ["vac@corp.example"]
                    "From 2026-01-01 to 2026-01-31.
                .
                back\\slash ${dollar}{subject} ü";
                }
            "##]],
        );
    }

    #[test]
    fn one_that_is_off_answers_nothing() {
        check(
            |vacation| vacation.enabled = false,
            &[],
            &expect![[r##"
            # Absence text of vac@corp.example
            require ["vacation"];

            if false {
              vacation :days 3650
                :subject "Away"
                :addresses ["vac@corp.example"]
                "Back soon.";
            }
        "##]],
        );
    }
}
