//! `parameters/global/structure/`: how a page of settings is laid out, with what each is called.

use axum::Json;
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;
use transhume_model::rights::Right;
use utoipa::ToSchema;

use super::super::operation::{Operation, Parameter};
use super::super::page::Query;
use super::super::problem::Problem;
use super::Application;

/// A part of a page of settings.
#[derive(Serialize, ToSchema)]
pub(crate) struct Section {
    label: &'static str,
    /// Always empty: nothing is hidden.
    display: &'static str,
    parameters: Vec<Setting>,
}

/// A setting on such a page.
#[derive(Serialize, ToSchema)]
#[schema(as = Parameter)]
pub(crate) struct Setting {
    name: &'static str,
    label: &'static str,
    help_text: &'static str,
    /// Always empty: nothing is hidden.
    display: &'static str,
    /// `BooleanField`, `IntegerField`, `CharField`, or `ChoiceField`.
    widget: &'static str,
    /// What can be chosen.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    choices: Vec<Choice>,
}

/// Something that can be chosen.
#[derive(Serialize, ToSchema)]
#[schema(as = ParameterChoice)]
pub(crate) struct Choice {
    text: &'static str,
    value: &'static str,
}

pub(super) fn operations() -> Vec<Operation> {
    vec![
        Operation::get(
            "/api/v2/parameters/global/structure/",
            Right::ChangeSettings,
            structure,
        )
        .named(
            "parameters_global_structure_list",
            "How pages of settings are laid out",
        )
        .asks(&[Parameter::text(
            "app",
            "The name of an application; all of them unless it is said.",
        )])
        .gives_all::<Section>(),
    ]
}

async fn structure(query: Query) -> Result<Response, Problem> {
    let applications = match query.get("app") {
        Some(name) => vec![Application::named(name)?],
        None => Application::ALL.into(),
    };
    let sections: Vec<Section> = applications.into_iter().flat_map(sections).collect();
    Ok(Json(sections).into_response())
}

fn sections(application: Application) -> Vec<Section> {
    match application {
        Application::Admin => vec![section(
            "Mailboxes",
            vec![setting(
                "auto_create_domain_and_mailbox",
                "Automatic domain/mailbox creation",
                "Create a domain and a mailbox when an account is automatically created.",
                "BooleanField",
            )],
        )],
        Application::ImapMigration => imap_migration(),
    }
}

fn imap_migration() -> Vec<Section> {
    vec![
        section(
            "General",
            vec![setting(
                "enabled_imapmigration",
                "Enable IMAP Migration",
                "Enable IMAP Migration.",
                "BooleanField",
            )],
        ),
        section(
            "OfflineIMAP",
            vec![setting(
                "max_sync_accounts",
                "Concurrent sync jobs",
                "The maximum number of concurrent synchronization jobs",
                "IntegerField",
            )],
        ),
        section(
            "OfflineIMAP Filter",
            vec![
                setting(
                    "create_folders",
                    "Create Folders",
                    "Allow Creation of missing folders during sync",
                    "BooleanField",
                ),
                setting(
                    "folder_filter_exclude",
                    "Folder Filter Exclusions",
                    "Use a regular expression to explicitly exclude folders from sync. Example: ^Trash$|Del",
                    "CharField",
                ),
                setting(
                    "folder_filter_include",
                    "Folder Filter Inclusions",
                    "A comma separated list of folders to explicitly include in sync; with .* as the Folder Filter Exclusions, only \
                     these come. Example: debian.user, debian.personal",
                    "CharField",
                ),
            ],
        ),
        section(
            "Passes",
            vec![
                setting(
                    "every",
                    "Time between passes",
                    "Seconds from the end of one pass over an account to the next.",
                    "IntegerField",
                ),
                Setting {
                    choices: vec![
                        choice("proxy", "The old server, through this one"),
                        choice("local", "What is here already"),
                        choice("refuse", "That they have to wait"),
                    ],
                    ..setting(
                        "until_complete",
                        "Until all mail is here",
                        "What somebody who logs in sees until all of their mail is here.",
                        "ChoiceField",
                    )
                },
            ],
        ),
    ]
}

fn section(label: &'static str, parameters: Vec<Setting>) -> Section {
    Section {
        label,
        display: "",
        parameters,
    }
}

fn setting(
    name: &'static str,
    label: &'static str,
    help_text: &'static str,
    widget: &'static str,
) -> Setting {
    Setting {
        name,
        label,
        help_text,
        display: "",
        widget,
        choices: Vec::new(),
    }
}

fn choice(value: &'static str, text: &'static str) -> Choice {
    Choice { text, value }
}
