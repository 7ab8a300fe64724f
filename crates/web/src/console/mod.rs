//! The console: pages for administrators, and one for everybody whose mail is being moved.
//!
//! One file for each page or group of pages. A handler reads a question, hands it on to `ops` or the directory, and puts what
//! comes back into words; the templates lay those out. All pages work without script; `assets/console.js` makes them livelier.
//! Who may see what is not decided here: each line of [`routes`] names its right, and the gate sees to the rest.

mod accounts;
mod aliases;
mod answer;
mod assets;
mod audit;
mod confirm;
mod convert;
mod domain_aliases;
mod domains;
mod first_start;
mod form;
mod frame;
mod held;
mod import;
mod list;
mod migrations;
mod overview;
mod pages;
mod profile;
mod progress;
mod providers;
mod said;
mod settings;
mod sign_in;
mod words;

use axum::http::Method;
use transhume_model::rights::Right;

use crate::gate::Route;

pub(crate) use answer::refused;
pub(crate) use held::Held;
pub(crate) use migrations::Row;
pub(crate) use overview::Numbers;

/// The pages, and what their forms ask for.
pub(crate) fn routes() -> Vec<Route> {
    let mut routes = of_everybody();
    routes.extend(of_migrations());
    routes.extend(of_the_directory());
    routes.extend(of_the_platform());
    routes
}

fn of_everybody() -> Vec<Route> {
    vec![
        Route::open(Method::GET, "/assets/{name}", assets::asset),
        Route::open(Method::GET, "/sign-in", sign_in::show),
        Route::open(Method::POST, "/sign-in", sign_in::sign_in),
        Route::form("/sign-out", Right::SeeProfile, sign_in::sign_out),
        Route::open(Method::GET, "/first-start", first_start::show),
        Route::open(Method::POST, "/first-start", first_start::begin),
        Route::page("/", Right::SeeProfile, overview::home),
        Route::page("/overview", Right::SeeOverview, overview::show),
        Route::page("/progress", Right::SeeOwnProgress, progress::show),
        Route::page("/profile", Right::SeeProfile, profile::show),
        Route::form(
            "/profile/password",
            Right::ChangeProfile,
            profile::change_password,
        ),
        Route::form("/profile/tokens", Right::ChangeProfile, profile::add_token),
        Route::form(
            "/profile/tokens/{id}/delete",
            Right::ChangeProfile,
            profile::delete_token,
        ),
    ]
}

fn of_migrations() -> Vec<Route> {
    vec![
        Route::page("/providers", Right::SeeProviders, providers::list),
        Route::page("/providers/new", Right::ChangeProviders, providers::wizard),
        Route::form("/providers/new", Right::ChangeProviders, providers::wizard_step),
        Route::page("/providers/{id}", Right::ChangeProviders, providers::show),
        Route::form("/providers/{id}", Right::ChangeProviders, providers::change),
        Route::form(
            "/providers/{id}/delete",
            Right::ChangeProviders,
            providers::delete,
        ),
        Route::page("/migrations", Right::SeeMigrations, migrations::list),
        Route::form("/migrations/bulk", Right::SteerMigrations, migrations::bulk),
        Route::page("/migrations/new", Right::AddMigrations, migrations::new),
        Route::form("/migrations/new", Right::AddMigrations, migrations::begin),
        Route::page("/migrations/{id}", Right::SeeMigrations, migrations::show),
        Route::page(
            "/migrations/{id}/report.csv",
            Right::SeeMigrations,
            migrations::report,
        ),
        Route::form(
            "/migrations/{id}/delete",
            Right::DeleteMigrations,
            migrations::delete,
        ),
        Route::form(
            "/migrations/{id}/{act}",
            Right::SteerMigrations,
            migrations::steer,
        ),
    ]
}

fn of_the_directory() -> Vec<Route> {
    vec![
        Route::page("/domains", Right::SeeDomains, domains::list),
        Route::page("/domains/new", Right::ChangeDomains, domains::new),
        Route::form("/domains/new", Right::ChangeDomains, domains::add),
        Route::page("/domains/import", Right::ImportDomains, import::domains),
        Route::form("/domains/import", Right::ImportDomains, import::import_domains).uploads(),
        Route::page("/domains/export", Right::Export, import::export_domains),
        Route::page("/domains/{id}", Right::SeeDomains, domains::show),
        Route::form("/domains/{id}", Right::ChangeDomains, domains::change),
        Route::form("/domains/{id}/delete", Right::ChangeDomains, domains::delete),
        Route::page("/domain-aliases", Right::SeeDomains, domain_aliases::list),
        Route::page("/domain-aliases/new", Right::ChangeDomains, domain_aliases::new),
        Route::form("/domain-aliases/new", Right::ChangeDomains, domain_aliases::add),
        Route::page("/domain-aliases/{id}", Right::ChangeDomains, domain_aliases::show),
        Route::form(
            "/domain-aliases/{id}",
            Right::ChangeDomains,
            domain_aliases::change,
        ),
        Route::form(
            "/domain-aliases/{id}/delete",
            Right::ChangeDomains,
            domain_aliases::delete,
        ),
        Route::page("/identities/import", Right::ImportIdentities, import::identities),
        Route::form(
            "/identities/import",
            Right::ImportIdentities,
            import::import_identities,
        )
        .uploads(),
        Route::page("/identities/export", Right::Export, import::export_identities),
        Route::page("/accounts", Right::SeeIdentities, accounts::list),
        Route::page("/accounts/new", Right::ChangeIdentities, accounts::new),
        Route::form("/accounts/new", Right::ChangeIdentities, accounts::add),
        Route::page("/accounts/{id}", Right::ChangeIdentities, accounts::show),
        Route::form("/accounts/{id}", Right::ChangeIdentities, accounts::change),
        Route::form("/accounts/{id}/delete", Right::ChangeIdentities, accounts::delete),
        Route::page("/aliases", Right::SeeIdentities, aliases::list),
        Route::page("/aliases/new", Right::ChangeIdentities, aliases::new),
        Route::form("/aliases/new", Right::ChangeIdentities, aliases::add),
        Route::page("/aliases/{id}", Right::ChangeIdentities, aliases::show),
        Route::form("/aliases/{id}", Right::ChangeIdentities, aliases::change),
        Route::form("/aliases/{id}/delete", Right::ChangeIdentities, aliases::delete),
    ]
}

fn of_the_platform() -> Vec<Route> {
    vec![
        Route::page("/convert", Right::ConvertPlatform, convert::show),
        Route::form("/convert", Right::ConvertPlatform, convert::convert),
        Route::page("/settings", Right::SeeSettings, settings::show),
        Route::form("/settings", Right::ChangeSettings, settings::change),
        Route::page("/audit", Right::SeeAudit, audit::list),
    ]
}
