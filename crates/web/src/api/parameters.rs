//! `parameters/global/`: what holds for the whole platform, under the names that Modoboa's administrators know.

mod structure;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use serde_json::{Map, Value, json};
use transhume_model::directory::{FilterProblem, FolderFilter, Settings, UntilComplete};
use transhume_model::rights::Right;
use transhume_ops::change_settings::change_settings;
use utoipa::ToSchema;

use super::body::Body;
use super::changes;
use super::fields::{Field, Kind, Said, Sent, Shape};
use super::id::Id;
use super::operation::Operation;
use super::problem::{Faults, Problem};
use crate::WebState;
use crate::gate::Caller;

const ONE: &str = "/api/v2/parameters/global/{app}/";

/// What settings are sorted into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Application {
    /// What has nothing to do with migrations.
    Admin,
    /// What has.
    ImapMigration,
}

static ADMIN: Shape = Shape {
    name: "AdminParameters",
    fields: &[AUTO_CREATE],
};

static IMAP_MIGRATION: Shape = Shape {
    name: "ImapMigrationParameters",
    fields: &[
        ENABLED,
        JOBS,
        CREATE_FOLDERS,
        EXCLUDE,
        INCLUDE,
        EVERY,
        UNTIL_COMPLETE,
    ],
};

/// For the document: what either of them takes.
static EITHER: Shape = Shape {
    name: "AppParameters",
    fields: &[
        ENABLED,
        JOBS,
        CREATE_FOLDERS,
        EXCLUDE,
        INCLUDE,
        EVERY,
        UNTIL_COMPLETE,
        AUTO_CREATE,
    ],
};

const AUTO_CREATE: Field = Field::switch(
    "auto_create_domain_and_mailbox",
    "Create a domain and a mailbox when an account is automatically created. (admin)",
);
const ENABLED: Field = Field::switch(
    "enabled_imapmigration",
    "Whether people may come from providers, and passes run. (imap_migration, as those that follow)",
);
const JOBS: Field = Field::number(
    "max_sync_accounts",
    1,
    1000,
    "The maximum number of concurrent synchronization jobs.",
);
const CREATE_FOLDERS: Field = Field::switch(
    "create_folders",
    "Whether missing folders are created during sync.",
);
const EXCLUDE: Field = Field::note(
    "folder_filter_exclude",
    10_000,
    "A regular expression: folders in whose names it finds something stay behind. Understood are names with ^ and $ at their ends, \
     .* within, | between several, and [.] for a dot; what lies below such a folder stays behind with it. Example: ^Trash$|Del",
);
const INCLUDE: Field = Field::note(
    "folder_filter_include",
    10_000,
    "A comma separated list of folders. With .* as the exclusions, only these come. Example: debian.user, debian.personal",
);
const EVERY: Field = Field::number(
    "every",
    60,
    604_800,
    "Seconds from the end of one pass over an account to the next.",
);
const UNTIL_COMPLETE: Field = Field::new(
    "until_complete",
    Kind::Word(&["proxy", "local", "refuse"]),
    "What somebody who logs in sees until all of their mail is here: the old server, what is here, or that they have to wait.",
);

/// What settings are sorted into.
#[derive(Serialize, ToSchema)]
#[schema(as = Application)]
pub(crate) struct ShownApplication {
    name: &'static str,
    label: &'static str,
    is_extension: bool,
}

/// The settings of an application.
#[derive(Serialize, ToSchema)]
pub(crate) struct AppParameters {
    label: &'static str,
    /// Each by its name.
    #[schema(value_type = std::collections::BTreeMap<String, Value>)]
    params: Map<String, Value>,
}

pub(super) fn operations() -> Vec<Operation> {
    let mut operations = vec![
        Operation::get(
            "/api/v2/parameters/global/applications/",
            Right::ChangeSettings,
            applications,
        )
        .named(
            "parameters_global_applications_list",
            "What settings are sorted into",
        )
        .gives_all::<ShownApplication>(),
        Operation::get(ONE, Right::SeeSettings, retrieve)
            .named("parameters_global_retrieve", "The settings of an application")
            .gives::<AppParameters>(200, "They are these."),
        Operation::put(ONE, Right::ChangeSettings, update)
            .named(
                "parameters_global_update",
                "Puts settings in place of those of an application",
            )
            .details(
                "What is not sent gets its default, as in Modoboa, but for what Modoboa does not know (`every`, `until_complete`), which \
                 stays. PATCH changes what is sent and no more.",
            )
            .takes(&EITHER)
            .empty(200, "They hold."),
        Operation::patch(ONE, Right::ChangeSettings, partial_update)
            .named(
                "parameters_global_partial_update",
                "Changes what is sent of the settings of an application",
            )
            .takes_changes(&EITHER)
            .gives::<AppParameters>(200, "They are these now."),
    ];
    operations.extend(structure::operations());
    operations
}

impl Application {
    const ALL: [Self; 2] = [Self::Admin, Self::ImapMigration];

    fn name(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::ImapMigration => "imap_migration",
        }
    }

    fn label(self) -> &'static str {
        match self {
            Self::Admin => "Administration",
            Self::ImapMigration => "IMAP Migration",
        }
    }

    fn named(name: &str) -> Result<Self, Problem> {
        let found = Self::ALL
            .into_iter()
            .find(|application| application.name() == name);
        let shown: String = name
            .chars()
            .filter(|letter| !letter.is_control())
            .take(50)
            .collect();
        let what = format!("Application {shown} not registered");
        found.ok_or_else(|| Problem::new(StatusCode::NOT_FOUND, what).with_error())
    }

    fn shape(self) -> &'static Shape {
        match self {
            Self::Admin => &ADMIN,
            Self::ImapMigration => &IMAP_MIGRATION,
        }
    }

    fn shown(self, settings: &Settings) -> AppParameters {
        let params = match self {
            Self::Admin => json!({ "auto_create_domain_and_mailbox": settings.auto_create }),
            Self::ImapMigration => {
                let filter = FolderFilter::of(settings);
                json!({
                    "enabled_imapmigration": settings.imap_migration,
                    "max_sync_accounts": settings.jobs,
                    "create_folders": settings.create_folders,
                    "folder_filter_exclude": filter.exclude,
                    "folder_filter_include": filter.include,
                    "every": settings.every,
                    "until_complete": settings.until_complete.as_str(),
                })
            }
        };
        AppParameters {
            label: self.label(),
            params: params.as_object().cloned().unwrap_or_default(),
        }
    }

    /// Settings in which those that Modoboa knows of this application have their defaults.
    fn reset(self, settings: Settings) -> Settings {
        let usual = Settings::default();
        match self {
            Self::Admin => Settings {
                auto_create: usual.auto_create,
                ..settings
            },
            Self::ImapMigration => Settings {
                imap_migration: usual.imap_migration,
                jobs: usual.jobs,
                create_folders: usual.create_folders,
                include: usual.include,
                exclude: usual.exclude,
                ..settings
            },
        }
    }
}

/// Settings with what is said of them.
fn apply(said: &Said, mut settings: Settings) -> Result<Settings, Faults> {
    let number = |field| u32::try_from(said.number(field)?).ok();
    let mut faults = Faults::default();
    settings.auto_create = said
        .switch("auto_create_domain_and_mailbox")
        .unwrap_or(settings.auto_create);
    settings.imap_migration = said
        .switch("enabled_imapmigration")
        .unwrap_or(settings.imap_migration);
    settings.create_folders = said.switch("create_folders").unwrap_or(settings.create_folders);
    if let Some(jobs) = number("max_sync_accounts") {
        match Settings::jobs(jobs) {
            Ok(jobs) => settings.jobs = jobs,
            Err(problem) => faults.add("max_sync_accounts", problem.to_string()),
        }
    }
    if let Some(every) = number("every") {
        match Settings::every(every) {
            Ok(every) => settings.every = every,
            Err(problem) => faults.add("every", problem.to_string()),
        }
    }
    if let Some(word) = said.text("until_complete").and_then(UntilComplete::named) {
        settings.until_complete = word;
    }
    let (exclude, include) = (
        said.text("folder_filter_exclude"),
        said.text("folder_filter_include"),
    );
    if exclude.is_some() || include.is_some() {
        let there = FolderFilter::of(&settings);
        let filter = FolderFilter {
            exclude: exclude.map_or(there.exclude, str::to_owned),
            include: include.map_or(there.include, str::to_owned),
        };
        match filter.apply(settings.clone()) {
            Ok(filtered) => settings = filtered,
            Err(FilterProblem::Exclude(fault)) => faults.add("folder_filter_exclude", fault.to_string()),
            Err(FilterProblem::Include(fault)) => faults.add("folder_filter_include", fault.to_string()),
        }
    }
    if faults.is_empty() {
        Ok(settings)
    } else {
        Err(faults)
    }
}

async fn applications() -> Json<Vec<ShownApplication>> {
    let shown = Application::ALL.map(|application| ShownApplication {
        name: application.name(),
        label: application.label(),
        is_extension: application == Application::ImapMigration,
    });
    Json(shown.into())
}

async fn retrieve(
    State(state): State<WebState>,
    Id(app): Id<String>,
) -> Result<Json<AppParameters>, Problem> {
    let application = Application::named(&app)?;
    let settings = state.directory().settings().await?;
    Ok(Json(application.shown(&settings)))
}

async fn update(
    State(state): State<WebState>,
    caller: Caller,
    Id(app): Id<String>,
    body: Body,
) -> Result<StatusCode, Problem> {
    let application = Application::named(&app)?;
    let said = body.read(application.shape(), Sent::Whole)?;
    change(&state, &caller, |settings| {
        apply(&said, application.reset(settings))
    })
    .await?;
    Ok(StatusCode::OK)
}

async fn partial_update(
    State(state): State<WebState>,
    caller: Caller,
    Id(app): Id<String>,
    body: Body,
) -> Result<Json<AppParameters>, Problem> {
    let application = Application::named(&app)?;
    let said = body.read(application.shape(), Sent::Changes)?;
    let settings = change(&state, &caller, |settings| apply(&said, settings)).await?;
    Ok(Json(application.shown(&settings)))
}

async fn change(
    state: &WebState,
    caller: &Caller,
    change: impl Fn(Settings) -> Result<Settings, Faults> + Send + Sync,
) -> Result<Settings, Problem> {
    // What is wrong is told before anything is opened.
    change(state.directory().settings().await?)?;
    let change = |settings: Settings| change(settings.clone()).unwrap_or(settings);
    change_settings(caller.asked(state), change)
        .await
        .map_err(|error| changes::refused("Parameter", |field| field, error))
}
