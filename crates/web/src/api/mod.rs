//! The API, for programs: `/api/v2/`.
//!
//! Each file is a resource: what is done with it ([`operation::Operation`]), what is read ([`fields::Shape`]), and what is
//! answered. The gate's table and the document are both made of these. Words, paths and statuses are those of the reference, so
//! that scripts written for it work; `docs/api/differences.md` says what is done otherwise, and why.

mod accounts;
mod aliases;
mod body;
mod changes;
mod document;
mod domain_aliases;
mod domains;
mod email_providers;
mod fields;
mod id;
mod identities;
mod imports;
mod migrations;
mod operation;
mod page;
mod parameters;
mod problem;
mod tokens;
mod viewer;

use axum::http::Method;
use transhume_model::rights::Right;

use crate::gate::Route;
use operation::Operation;

/// What programs can ask for.
pub(crate) fn routes() -> Vec<Route> {
    let mut routes: Vec<Route> = operations()
        .into_iter()
        .map(|operation| operation.route)
        .collect();
    // For whoever has an account, by a token or by the session of a browser.
    let right = Right::SeeProfile;
    routes.push(Route::api(Method::GET, "/api/v2/schema/", right, document::serve));
    routes.push(Route::api(Method::GET, "/api/v2/docs/", right, viewer::page));
    routes.push(Route::api(Method::GET, viewer::STYLE_PATH, right, viewer::style));
    routes
}

/// The API's document: OpenAPI 3.1, as JSON.
pub fn document() -> &'static str {
    &document::TEXT
}

/// All that the API does, in the document's order.
fn operations() -> Vec<Operation> {
    [
        email_providers::operations(),
        migrations::operations(),
        domains::operations(),
        domain_aliases::operations(),
        accounts::operations(),
        aliases::operations(),
        identities::operations(),
        imports::operations(),
        parameters::operations(),
        tokens::operations(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn everything_that_the_api_does_has_a_name_of_its_own_and_an_answer() {
        let mut names = BTreeSet::new();
        let mut lines = BTreeSet::new();
        for operation in operations() {
            let line = format!("{} {}", operation.method, operation.path);
            assert!(names.insert(operation.id) && !operation.id.is_empty(), "{line}");
            assert!(
                !operation.summary.is_empty() && !operation.gives.is_empty(),
                "{line}"
            );
            assert!(
                operation.path.starts_with(operation::ROOT) && operation.path.ends_with('/'),
                "{line}"
            );
            assert!(lines.insert(line.clone()), "{line} is there twice");
        }
    }

    #[test]
    fn the_document_is_the_one_that_is_kept() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/api/openapi.json");
        if std::env::var_os("UPDATE_EXPECT").is_some() {
            std::fs::write(path, document()).unwrap();
        }
        let kept = std::fs::read_to_string(path).unwrap_or_default();
        assert!(
            kept == document(),
            "docs/api/openapi.json is another one; UPDATE_EXPECT=1 cargo test -p transhume-web the_document writes it"
        );
    }

    #[test]
    fn what_the_document_names_it_has() {
        let document = document::document();
        let text = document.to_string();
        for (at, _) in text.match_indices("#/components/schemas/") {
            let name = &text[at + 21..];
            let name = &name[..name.find('"').unwrap()];
            assert!(document["components"]["schemas"][name].is_object(), "{name}");
        }
    }

    #[test]
    fn the_page_is_light_and_has_all_of_it() {
        let page = viewer::TEXT.as_str();
        assert!(page.len() < 100_000, "{} octets", page.len());
        for operation in operations() {
            assert!(
                page.contains(&format!("id=\"{}\"", operation.id)),
                "{}",
                operation.id
            );
        }
        // The policy allows nothing inline.
        assert!(!page.contains("<script") && !page.contains("<style") && !page.contains("style="));
    }
}
