//! The settings, under the names that their administrators know.

use askama::Template;
use axum::extract::State;
use transhume_model::directory::{Settings, UntilComplete};
use transhume_model::rights::{Right, permits};
use transhume_ops::change_settings::change_settings;

use super::answer::{Answer, Question, lead_to, mendable, page, wrong_page};
use super::form::{Faults, Field, Form, Kind, Sent};
use super::frame::Frame;
use super::list::yes_or_no;
use super::said::said;
use crate::WebState;
use crate::gate::Visitor;

/// The parts of the form, each with the number of its fields.
const SECTIONS: [(&str, usize); 4] = [
    ("General", 1),
    ("Automatic account creation", 1),
    ("Synchronisation", 3),
    ("Folders", 3),
];

#[derive(Template)]
#[template(path = "settings.html")]
struct Page {
    frame: Frame,
    may_change: bool,
    form: Form,
    sections: Vec<Section>,
}

struct Section {
    name: &'static str,
    fields: Vec<Field>,
}

fn form(sent: &Sent) -> Form {
    let number = |name, label, least, most| {
        let mut field = Field::new(name, label, Kind::Number(least, most));
        sent.text(name).clone_into(&mut field.value);
        field
    };
    let lines = |name, label| {
        let mut field = Field::new(name, label, Kind::Lines);
        sent.raw(name).clone_into(&mut field.value);
        field
    };
    Form::new(vec![
        Field::switch(
            "imap_migration",
            "Enable IMAP Migration",
            sent.is_on("imap_migration"),
        )
        .help("Whether people may come from providers, and passes run. Off, everything waits; nothing is lost."),
        Field::switch(
            "auto_create",
            "Automatic domain/mailbox creation",
            sent.is_on("auto_create"),
        )
        .help("Whether the first good login of somebody from a provider makes their domain, account and mailbox."),
        number("jobs", "Concurrent sync jobs", 1, 1000)
            .help("The maximum number of passes at a time, of all processes together."),
        number("every", "Minutes between passes", 1, 10_080)
            .help("From the end of one pass over an account to the next."),
        Field::choice(
            "until_complete",
            "Until all mail is here, people see",
            sent.text("until_complete"),
            [
                ("proxy", "the old server, through this one"),
                ("local", "what is here already"),
                ("refuse", "that they have to wait"),
            ],
        ),
        Field::switch("create_folders", "Create Folders", sent.is_on("create_folders"))
            .help("Allow creation of missing folders during sync."),
        lines("exclude", "Folder Filter Exclusions").help(
            "Folders that are left out, one pattern on each line: * stands for any characters, % for any but the separator. What lies below \
             is left out too. Example: Trash",
        ),
        lines("include", "Folder Filter Inclusions").help(
            "When not empty, only these folders are brought over; exclusions are stronger. One pattern on each line. \
             Example: INBOX",
        ),
    ])
}

fn as_sent(settings: &Settings) -> Sent {
    Sent::of([
        ("imap_migration", yes_or_no(settings.imap_migration)),
        ("auto_create", yes_or_no(settings.auto_create)),
        ("jobs", settings.jobs.to_string()),
        ("every", (settings.every.get() / 60).max(1).to_string()),
        ("until_complete", settings.until_complete.as_str().to_owned()),
        ("create_folders", yes_or_no(settings.create_folders)),
        ("exclude", settings.exclude.join("\n")),
        ("include", settings.include.join("\n")),
    ])
}

fn read(sent: &Sent, before: &Settings, faults: &mut Faults) -> Option<Settings> {
    let number = |name, faults: &mut Faults| {
        let read = sent.text(name).parse::<u32>();
        faults.take(name, read.map_err(|_| "a number is needed"))
    };
    let jobs = number("jobs", faults).and_then(|jobs| faults.take("jobs", Settings::jobs(jobs)));
    // Seconds that are no whole minutes were set elsewhere, and stay unless somebody says another number.
    let minutes = number("every", faults);
    let every = match minutes {
        Some(minutes) if minutes == (before.every.get() / 60).max(1) => Some(before.every),
        Some(minutes) => faults.take("every", Settings::every(minutes.saturating_mul(60))),
        None => None,
    };
    let until_complete = UntilComplete::named(sent.text("until_complete")).ok_or("choose one");
    let until_complete = faults.take("until_complete", until_complete);
    let exclude = faults.take("exclude", Settings::patterns(sent.lines("exclude")));
    let include = faults.take("include", Settings::patterns(sent.lines("include")));
    Some(Settings {
        imap_migration: sent.is_on("imap_migration"),
        auto_create: sent.is_on("auto_create"),
        jobs: jobs?,
        every: every?,
        until_complete: until_complete?,
        create_folders: sent.is_on("create_folders"),
        exclude: exclude?,
        include: include?,
        // Not on this page.
        sweep_for: before.sweep_for,
    })
}

fn framed(visitor: &Visitor, form: Form) -> Page {
    let Form { fields, wrong } = form;
    let mut fields = fields.into_iter();
    let sections = SECTIONS.map(|(name, number)| Section {
        name,
        fields: fields.by_ref().take(number).collect(),
    });
    Page {
        frame: Frame::of(&visitor.actor, &visitor.csrf, "/settings", "Settings"),
        may_change: permits(&visitor.actor, Right::ChangeSettings).is_some(),
        form: Form {
            fields: Vec::new(),
            wrong,
        },
        sections: sections.into(),
    }
}

/// `GET /settings`.
pub(super) async fn show(
    State(state): State<WebState>,
    visitor: Visitor,
    Question(question): Question,
) -> Answer {
    let settings = state.directory().settings().await?;
    let mut shown = framed(&visitor, form(&as_sent(&settings)));
    shown.frame = shown.frame.saying(said(question.text("said"), ""));
    page(&shown)
}

/// `POST /settings`.
pub(super) async fn change(State(state): State<WebState>, visitor: Visitor, sent: Sent) -> Answer {
    let before = state.directory().settings().await?;
    let mut faults = Faults::default();
    if let Some(settings) = read(&sent, &before, &mut faults) {
        match change_settings(visitor.asked(&state), |_| settings).await {
            Ok(_) => return lead_to("/settings?said=settings-updated"),
            Err(error) => faults = mendable(error)?,
        }
    }
    wrong_page(&framed(&visitor, form(&sent).blamed(faults)))
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;

    #[test]
    fn what_is_read_is_what_was_shown() {
        let settings = Settings {
            auto_create: false,
            every: NonZeroU32::new(90).unwrap(),
            exclude: vec!["Trash".to_owned(), "Lists/%".to_owned()],
            until_complete: UntilComplete::Refuse,
            ..Settings::default()
        };
        let mut faults = Faults::default();
        let sent = as_sent(&settings);
        assert_eq!(read(&sent, &settings, &mut faults), Some(settings));
        assert_eq!(
            form(&sent).fields.len(),
            SECTIONS.iter().map(|(_, number)| number).sum::<usize>()
        );
    }

    #[test]
    fn what_cannot_be_is_told() {
        let settings = Settings::default();
        for (name, value) in [
            ("jobs", "0"),
            ("jobs", "100000"),
            ("jobs", "-1"),
            ("every", "0"),
            ("every", "999999"),
            ("until_complete", "never"),
        ] {
            let others = as_sent(&settings);
            let names = ["jobs", "every", "until_complete"];
            let kept = names.into_iter().filter(|other| *other != name);
            let mut pairs = others.kept(&kept.collect::<Vec<_>>());
            pairs.push((name.to_owned(), value.to_owned()));
            let mut faults = Faults::default();
            assert_eq!(
                read(&Sent::new(pairs), &settings, &mut faults),
                None,
                "{name}={value}"
            );
            assert!(!faults.is_empty());
        }
    }
}
