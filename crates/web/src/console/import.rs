//! CSV files: looked at first, line by line; imported when somebody has seen what would come of it. And written.

use askama::Template;
use axum::extract::multipart::Multipart;
use axum::extract::{FromRequest as _, Request, State};
use axum::http::header::CONTENT_TYPE;
use transhume_model::import::csv::{Complaint, Part, separator};
use transhume_ops::import_csv::{Added, FileReport};
use transhume_ops::upload::{Upload, export, import};

use super::answer::{Answer, Refused, download, mendable, not_found, page, wrong_page};
use super::form::{Faults, Field, Form, Kind, Sent};
use super::frame::Frame;
use super::held::new_name;
use super::words;
use crate::WebState;
use crate::gate::{Refusal, Visitor};

/// Lines that a preview shows of each kind: a page stays small.
const SHOWN: usize = 200;

/// What is different for domains and for identities.
struct Which {
    part: Part,
    title: &'static str,
    action: &'static str,
    back: &'static str,
    /// The menu's name of the list that it belongs to.
    list: &'static str,
    formats: &'static [&'static str],
}

const DOMAINS: Which = Which {
    part: Part::Domains,
    title: "Import domains",
    action: "/domains/import",
    back: "/domains",
    list: "Domains",
    formats: &[
        "domain; name; quota; default mailbox quota; enabled",
        "domainalias; name; targeted domain; enabled",
        "relaydomain; name; target host; target port; service; enabled; verify recipients",
    ],
};

const IDENTITIES: Which = Which {
    part: Part::Identities,
    title: "Import identities",
    action: "/identities/import",
    back: "/accounts",
    list: "Accounts",
    formats: &[
        "account; loginname; password; first name; last name; enabled; group; address; quota[; domain; ...]",
        "alias; address; enabled; recipient; ...",
    ],
};

#[derive(Template)]
#[template(path = "directory/import.html")]
struct Page {
    frame: Frame,
    action: &'static str,
    back: &'static str,
    formats: &'static [&'static str],
    form: Form,
    preview: Option<Preview>,
}

/// What would come of a file, or has come of it.
struct Preview {
    title: &'static str,
    tone: &'static str,
    said: String,
    counts: Vec<(&'static str, String)>,
    lists: Vec<Lines>,
    /// The name under which the file is kept, where it may be imported.
    upload: Option<String>,
    go: String,
}

/// What there is to say of lines.
struct Lines {
    title: String,
    rows: Vec<Line>,
    more: Option<String>,
}

struct Line {
    number: u32,
    column: u32,
    wrong: String,
    right: String,
}

/// `GET /domains/import`.
pub(super) async fn domains(visitor: Visitor) -> Answer {
    page(&DOMAINS.page(&visitor, form(&DOMAINS, &first()), None))
}

/// `GET /identities/import`.
pub(super) async fn identities(visitor: Visitor) -> Answer {
    page(&IDENTITIES.page(&visitor, form(&IDENTITIES, &first()), None))
}

/// `POST /domains/import`.
pub(super) async fn import_domains(
    State(state): State<WebState>,
    visitor: Visitor,
    request: Request,
) -> Answer {
    look_or_import(&DOMAINS, &state, &visitor, request).await
}

/// `POST /identities/import`.
pub(super) async fn import_identities(
    State(state): State<WebState>,
    visitor: Visitor,
    request: Request,
) -> Answer {
    look_or_import(&IDENTITIES, &state, &visitor, request).await
}

/// `GET /domains/export`.
pub(super) async fn export_domains(State(state): State<WebState>, visitor: Visitor) -> Answer {
    let text = export(visitor.asked(&state), Part::Domains, ';').await?;
    download("text/csv; charset=utf-8", "transhume-domains.csv", text)
}

/// `GET /identities/export`.
pub(super) async fn export_identities(State(state): State<WebState>, visitor: Visitor) -> Answer {
    let text = export(visitor.asked(&state), Part::Identities, ';').await?;
    download("text/csv; charset=utf-8", "transhume-identities.csv", text)
}

/// What the form holds at first.
fn first() -> Sent {
    Sent::of([("sepchar", ";".to_owned())])
}

fn form(which: &Which, sent: &Sent) -> Form {
    let mut fields = vec![
        Field::new(
            "sourcefile",
            "Select file",
            Kind::File(".csv,text/csv,text/plain"),
        )
        .required(),
        Field::text("sepchar", "Separator", sent.text("sepchar"))
            .required()
            .help("One character; \\t is a tab."),
        Field::switch(
            "continue_if_exists",
            "Don't treat duplicated objects as errors",
            sent.is_on("continue_if_exists"),
        )
        .help("What exists stays as it is."),
    ];
    if which.part == Part::Identities {
        let crypt = Field::switch(
            "crypt_passwords",
            "Crypt passwords",
            sent.is_on("crypt_passwords"),
        );
        fields.push(crypt.help(
            "Check this option if passwords contained in your file are not crypted. Without it, they are errors.",
        ));
    }
    fields.push(
        Field::text("encoding", "Encoding", sent.text("encoding"))
            .help("Left empty, it is found out, and told. For example windows-1252."),
    );
    Form::new(fields)
}

async fn look_or_import(which: &Which, state: &WebState, visitor: &Visitor, request: Request) -> Answer {
    let kind = request.headers().get(CONTENT_TYPE);
    let is_file = kind.is_some_and(|kind| kind.as_bytes().starts_with(b"multipart/"));
    if is_file {
        return look(which, state, visitor, request).await;
    }
    let Ok(sent) = Sent::from_request(request, state).await else {
        return Err(Refused(Refusal::TooLarge));
    };
    let held = &state.desk.uploads;
    let Some(upload) = held.take(sent.text("upload"), &visitor.actor.login, state.time()) else {
        let faults = Faults::of_form("the file is not kept any more: choose it once more");
        let form = form(which, &first()).blamed(faults);
        return wrong_page(&which.page(visitor, form, None));
    };
    // A file that was looked at on another page was looked at with another right.
    let (action, upload) = upload;
    if action != which.action {
        return Err(not_found());
    }
    let report = import(visitor.asked(state), upload, false).await?;
    page(&which.page(visitor, form(which, &first()), Some(imported(&report))))
}

/// Shows what would come of a file.
async fn look(which: &Which, state: &WebState, visitor: &Visitor, request: Request) -> Answer {
    let (sent, bytes) = files(request, state).await?;
    let mut faults = Faults::default();
    let separator = faults.take("sepchar", separator(sent.raw("sepchar")));
    if bytes.is_empty() {
        faults.at("sourcefile", "choose a file; this one is empty");
    }
    let (Some(separator), true) = (separator, faults.is_empty()) else {
        let form = form(which, &sent).blamed(faults);
        return wrong_page(&which.page(visitor, form, None));
    };
    let encoding = sent.text("encoding");
    let upload = Upload {
        separator,
        continue_if_exists: sent.is_on("continue_if_exists"),
        crypt_passwords: sent.is_on("crypt_passwords"),
        encoding: (!encoding.is_empty()).then(|| encoding.to_owned()),
        bytes: bytes.clone(),
    };
    let report = match import(visitor.asked(state), upload.clone(), true).await {
        Ok(report) => report,
        Err(error) => {
            let form = form(which, &sent).blamed(mendable(error)?);
            return wrong_page(&which.page(visitor, form, None));
        }
    };
    let mut preview = previewed(&report);
    if report.errors.is_empty() && !report.added.is_nothing() {
        let name = new_name(state)?;
        let kept = state.desk.uploads.keep(
            name,
            &visitor.actor.login,
            bytes.len(),
            (which.action, upload),
            state.time(),
        );
        preview.upload = kept.ok();
        if preview.upload.is_none() {
            preview.tone = "wait";
            "Others are importing large files now: this one cannot be kept. Try again in a while."
                .clone_into(&mut preview.said);
        }
    }
    page(&which.page(visitor, form(which, &sent), Some(preview)))
}

/// What was sent with a file, and the file.
async fn files(request: Request, state: &WebState) -> Result<(Sent, Vec<u8>), Refused> {
    // Broken off or malformed: no browser sends such a thing.
    let broken = |_| Refused(Refusal::TooLarge);
    let mut parts = Multipart::from_request(request, state)
        .await
        .map_err(|_| Refused(Refusal::NotFound))?;
    let (mut pairs, mut file) = (Vec::new(), Vec::new());
    while let Some(part) = parts.next_field().await.map_err(broken)? {
        let name = part.name().unwrap_or_default().to_owned();
        let bytes = part.bytes().await.map_err(broken)?;
        if name == "sourcefile" {
            file = bytes.to_vec();
        } else {
            pairs.push((name, String::from_utf8_lossy(&bytes).into_owned()));
        }
    }
    Ok((Sent::new(pairs), file))
}

impl Which {
    fn page(&self, visitor: &Visitor, form: Form, preview: Option<Preview>) -> Page {
        let frame = Frame::of(&visitor.actor, &visitor.csrf, self.back, self.title);
        Page {
            frame: frame.below(self.list, self.back),
            action: self.action,
            back: self.back,
            formats: self.formats,
            form,
            preview,
        }
    }
}

fn previewed(report: &FileReport) -> Preview {
    let rows = words::so_many(report.rows, "row", "rows");
    let new = sum(&report.added);
    let errors = u64::try_from(report.errors.len()).unwrap_or(u64::MAX);
    let (tone, said) = match (errors, new) {
        (0, 0) => (
            "",
            format!("{rows}: all of it is here already, and nothing would change."),
        ),
        (0, _) => (
            "good",
            format!("{rows}, and nothing is wrong. Nothing is written yet."),
        ),
        _ => (
            "bad",
            format!(
                "{rows}; {} in the file, so nothing of it can be imported. Mend the lines below, and choose it once more.",
                words::so_many(errors, "error is", "errors are")
            ),
        ),
    };
    Preview {
        title: "What would come of it",
        tone,
        said,
        go: format!("Import {}", words::so_many(new, "object", "objects")),
        ..told(report)
    }
}

fn imported(report: &FileReport) -> Preview {
    let number = words::so_many(sum(&report.added), "object", "objects");
    if report.errors.is_empty() {
        return Preview {
            title: "Imported",
            tone: "good",
            said: format!("{number} imported successfully."),
            ..told(report)
        };
    }
    Preview {
        title: "Not imported",
        tone: "bad",
        said: "Something has changed since the preview, and nothing was imported.".to_owned(),
        ..told(report)
    }
}

/// What both tell.
fn told(report: &FileReport) -> Preview {
    let Added {
        domains,
        relay_domains,
        domain_aliases,
        accounts,
        mailboxes,
        aliases,
        recipients,
    } = report.added;
    let counts = [
        ("Domains", domains),
        ("Relay domains", relay_domains),
        ("Domain aliases", domain_aliases),
        ("Accounts", accounts),
        ("Mailboxes", mailboxes),
        ("Aliases", aliases),
        ("More recipients", recipients),
        ("Here already", report.kept),
        ("Held up by errors elsewhere", report.held_up),
    ];
    let counts = counts.into_iter().filter(|(_, number)| *number > 0);
    let guessed = report.guessed.map(|encoding| Lines {
        title: "Encoding".to_owned(),
        rows: vec![Line {
            number: 1,
            column: 1,
            wrong: format!("The file is not UTF-8; it was read as {encoding}."),
            right: "Name its encoding, if this is wrong.".to_owned(),
        }],
        more: None,
    });
    let errors = lines("Errors", &report.errors);
    let notices = lines("Read otherwise than it may have been meant", &report.notices);
    Preview {
        title: "",
        tone: "",
        said: String::new(),
        counts: counts
            .map(|(name, number)| (name, words::count(number)))
            .collect(),
        lists: [guessed, errors, notices].into_iter().flatten().collect(),
        upload: None,
        go: String::new(),
    }
}

fn lines(title: &str, complaints: &[Complaint]) -> Option<Lines> {
    let line = |complaint: &Complaint| Line {
        number: complaint.place.line,
        column: complaint.place.column,
        wrong: words::sentence(&complaint.wrong),
        // Often words to be written as they stand.
        right: complaint.right.clone(),
    };
    let more = complaints.len().saturating_sub(SHOWN);
    (!complaints.is_empty()).then(|| Lines {
        title: format!("{title} ({})", complaints.len()),
        rows: complaints.iter().take(SHOWN).map(line).collect(),
        more: (more > 0).then(|| format!("And {more} more.")),
    })
}

fn sum(added: &Added) -> u64 {
    let Added {
        domains,
        relay_domains,
        domain_aliases,
        accounts,
        mailboxes: _,
        aliases,
        recipients,
    } = *added;
    domains + relay_domains + domain_aliases + accounts + aliases + recipients
}
