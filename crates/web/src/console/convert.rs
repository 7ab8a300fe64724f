//! A PostfixAdmin platform is taken over: every row is accounted for before anything is written.

use askama::Template;
use axum::extract::State;
use transhume_db::foreign::postfixadmin::ForeignLocation;
use transhume_model::directory::DomainName;
use transhume_model::import::postfixadmin::{ClearText, Note, Report, TableReport};
use transhume_ops::platform::{Platform, convert_platform, preview_platform};

use super::answer::{Answer, mendable, page, wrong_page};
use super::form::{Faults, Field, Form, Kind, Sent};
use super::frame::Frame;
use super::held::new_name;
use super::words;
use crate::WebState;
use crate::gate::Visitor;

/// Remarks that are shown of each kind: a page stays small.
const SHOWN: usize = 100;

#[derive(Template)]
#[template(path = "directory/convert.html")]
struct Page {
    frame: Frame,
    form: Form,
    report: Option<Told>,
}

/// What would come of a database, or has come of it.
struct Told {
    title: &'static str,
    tone: &'static str,
    said: String,
    /// What the column of rows is called that are new.
    written: &'static str,
    warnings: Vec<String>,
    tables: Vec<TableLine>,
    lists: Vec<Remarks>,
    /// The name under which what was asked is kept.
    kept: Option<String>,
}

struct TableLine {
    name: &'static str,
    why: Option<&'static str>,
    read: String,
    written: String,
    unchanged: String,
    skipped: String,
}

struct Remarks {
    title: &'static str,
    lines: Vec<String>,
    more: Option<String>,
}

fn form(sent: &Sent) -> Form {
    let clear = [
        ("none", "None of them"),
        ("unrecognised", "Those that are no hash of any kind"),
        ("all", "All of them (encrypt = cleartext)"),
    ];
    Form::new(vec![
        Field::text("from", "Database", shown(sent.text("from")))
            .required()
            .help("Like mysql://postfix@db.old.example/postfix, postgres://… or sqlite:/path/to/file, without the password."),
        Field::new("password", "Password of the database", Kind::Password("off")),
        Field::text("prefix", "Prefix of its tables", sent.text("prefix"))
            .help("As in PostfixAdmin's configuration (database_prefix); usually none."),
        Field::text("vacation_domain", "Domain of absence texts", sent.text("vacation_domain"))
            .help("As in PostfixAdmin's configuration (vacation_domain); the usual ones are known."),
        Field::choice(
            "clear_text",
            "Passwords stored in clear",
            sent.text("clear_text"),
            clear,
        ),
        Field::switch(
            "administrators_password",
            "Administrators keep their administrator's password",
            sent.is_on("administrators_password"),
        )
        .help("Where a mailbox and an administrator have one name; otherwise the mailbox's password counts."),
    ])
}

/// What somebody has written, unless there may be a password in it: no page shows one.
fn shown(text: &str) -> String {
    match ForeignLocation::parse(text) {
        Ok(at) if at.names_password() => at.to_string(),
        Err(_) if text.contains('@') => String::new(),
        _ => text.to_owned(),
    }
}

fn framed(visitor: &Visitor, form: Form, report: Option<Told>) -> Page {
    Page {
        frame: Frame::of(&visitor.actor, &visitor.csrf, "/convert", "Convert PostfixAdmin"),
        form,
        report,
    }
}

/// `GET /convert`.
pub(super) async fn show(visitor: Visitor) -> Answer {
    page(&framed(&visitor, form(&Sent::default()), None))
}

/// `POST /convert`.
pub(super) async fn convert(State(state): State<WebState>, visitor: Visitor, sent: Sent) -> Answer {
    if sent.text("do") == "convert" {
        let held = &state.desk.platforms;
        let Some(platform) = held.take(sent.text("kept"), &visitor.actor.login, state.time()) else {
            let faults = Faults::of_form("what was asked is not kept any more: say it once more");
            let form = form(&sent).blamed(faults);
            return wrong_page(&framed(&visitor, form, None));
        };
        return match convert_platform(visitor.asked(&state), &platform).await {
            Ok(report) => page(&framed(&visitor, form(&sent), Some(converted(&report)))),
            Err(error) => wrong_page(&framed(&visitor, form(&sent).blamed(mendable(error)?), None)),
        };
    }
    let mut faults = Faults::default();
    let Some(platform) = read(&sent, &mut faults) else {
        return wrong_page(&framed(&visitor, form(&sent).blamed(faults), None));
    };
    match preview_platform(visitor.asked(&state), &platform).await {
        Ok((report, is_change)) => {
            let mut told = previewed(&report, is_change);
            if is_change {
                let name = new_name(&state)?;
                let kept = &state.desk.platforms;
                let kept = kept.keep(name, &visitor.actor.login, 4096, platform, state.time());
                told.kept = kept.ok();
            }
            page(&framed(&visitor, form(&sent), Some(told)))
        }
        Err(error) => wrong_page(&framed(&visitor, form(&sent).blamed(mendable(error)?), None)),
    }
}

fn read(sent: &Sent, faults: &mut Faults) -> Option<Platform> {
    let at = faults.take("from", ForeignLocation::parse(sent.text("from")))?;
    if at.names_password() {
        faults.at(
            "from",
            "leave the password out of the address; it has a field of its own",
        );
        return None;
    }
    let vacation_domain = match sent.text("vacation_domain") {
        "" => None,
        text => Some(faults.take("vacation_domain", DomainName::parse(text))?),
    };
    let password = sent.raw("password");
    Some(Platform {
        at: if password.is_empty() {
            at
        } else {
            at.with_password(password)
        },
        prefix: sent.text("prefix").to_owned(),
        vacation_domain,
        clear_text: match sent.text("clear_text") {
            "all" => ClearText::All,
            "unrecognised" => ClearText::Unrecognised,
            _ => ClearText::None,
        },
        administrators_password: sent.is_on("administrators_password"),
    })
}

fn previewed(report: &Report, is_change: bool) -> Told {
    let (tone, said) = if is_change {
        (
            "good",
            "Nothing is written yet. Every row of the database is accounted for below.",
        )
    } else {
        ("", "All of it is here already: nothing would change.")
    };
    Told {
        title: "What would come of it",
        tone,
        said: said.to_owned(),
        written: "Would be written",
        ..told(report)
    }
}

fn converted(report: &Report) -> Told {
    Told {
        title: "Converted",
        tone: "good",
        said: "People log in with the passwords that they have. “transhume convert postfixadmin --sieve-dir” writes their absence texts \
               as Sieve scripts."
            .to_owned(),
        written: "Written",
        ..told(report)
    }
}

fn told(report: &Report) -> Told {
    let skipped = report.tables.iter().flat_map(|table| &table.skipped);
    let skipped = remarks("Skipped, and why", skipped);
    let notes = remarks("What could not be kept as it was", report.notes.iter());
    Told {
        title: "",
        tone: "",
        said: String::new(),
        written: "",
        warnings: report.warnings.clone(),
        tables: report
            .tables
            .iter()
            .filter(|table| table.read > 0)
            .map(table)
            .collect(),
        lists: [skipped, notes].into_iter().flatten().collect(),
        kept: None,
    }
}

fn table(table: &TableReport) -> TableLine {
    let number = |number: usize| words::count(u64::try_from(number).unwrap_or(u64::MAX));
    let (left, why) = table.left.map_or((0, None), |(left, why)| (left, Some(why)));
    TableLine {
        name: table.table.name(),
        why,
        read: number(table.read),
        written: number(table.written),
        unchanged: number(table.unchanged),
        skipped: number(table.skipped.len() + left + table.unexplained),
    }
}

fn remarks<'n>(title: &'static str, notes: impl Iterator<Item = &'n Note>) -> Option<Remarks> {
    let line = |note: &Note| {
        let detail = match note.remark.detail.as_str() {
            "" => String::new(),
            detail => format!(" ({detail})"),
        };
        format!(
            "{} “{}”: {}{detail}",
            note.table.name(),
            note.name,
            note.remark.what
        )
    };
    let mut lines: Vec<String> = notes.map(line).collect();
    let more = lines.len().saturating_sub(SHOWN);
    lines.truncate(SHOWN);
    (!lines.is_empty()).then(|| Remarks {
        title,
        lines,
        more: (more > 0).then(|| {
            format!("And {more} more; “transhume convert postfixadmin --dry-run” prints all of them.")
        }),
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn no_password_is_shown_again() {
        for (text, again) in [
            (
                "mysql://postfix@db.example/x?ssl-mode=required",
                "mysql://postfix@db.example/x?ssl-mode=required",
            ),
            (
                "mysql://postfix:geheim@db.example/x",
                "mysql://postfix@db.example/x",
            ),
            ("myqsl://postfix:geheim@db.example/x", ""),
            ("sqlite:/a/b", "sqlite:/a/b"),
            ("nonsense", "nonsense"),
        ] {
            assert_eq!(super::shown(text), again, "{text}");
        }
    }
}
