//! A provider's page: all that is known of it, to be changed; and how it is deleted.

use askama::Template;
use axum::extract::{Path, State};
use transhume_db::directory::ProviderRow;
use transhume_model::directory::{Provider, Secret};
use transhume_ops::change_provider::{change_provider, remove_provider};

use super::check::{Check, check};
use super::domains::{self, Pair};
use super::list::delete_question;
use super::{general, wizard};
use crate::WebState;
use crate::console::answer::{Answer, Refused, lead_to, mendable, not_found, page, wrong_page};
use crate::console::confirm::{Confirm, is_sure};
use crate::console::form::{Faults, Field, Form, Kind, Sent};
use crate::console::frame::Frame;
use crate::gate::Visitor;

#[derive(Template)]
#[template(path = "providers/edit.html")]
struct Page {
    frame: Frame,
    href: String,
    form: Form,
    check: Option<Check>,
    pairs: Vec<Pair>,
    domain_fields: Vec<Field>,
    local_domains: Vec<String>,
    limits: Vec<Field>,
    master: Vec<Field>,
}

async fn find(state: &WebState, visitor: &Visitor, id: &str) -> Result<ProviderRow, Refused> {
    let id = id.parse().map_err(|_| not_found())?;
    let found = state.directory().provider_within(&visitor.scope, id).await?;
    found.ok_or_else(not_found)
}

/// `GET /providers/{id}`.
pub(crate) async fn show(State(state): State<WebState>, visitor: Visitor, Path(id): Path<String>) -> Answer {
    let row = find(&state, &visitor, &id).await?;
    let sent = general::as_sent(&row.provider);
    page(&form_page(&state, &visitor, &row, &sent, Faults::default(), None).await?)
}

/// `POST /providers/{id}`.
pub(crate) async fn change(
    State(state): State<WebState>,
    visitor: Visitor,
    Path(id): Path<String>,
    sent: Sent,
) -> Answer {
    let row = find(&state, &visitor, &id).await?;
    let mut faults = Faults::default();
    let domains = domains::read(&sent, &mut faults);
    let what = sent.text("do");
    if what == "add" || !sent.text("remove").is_empty() {
        let is_fine = faults.is_empty();
        let page_now = form_page(&state, &visitor, &row, &sent, faults, None).await?;
        return if is_fine {
            page(&page_now)
        } else {
            wrong_page(&page_now)
        };
    }
    let read = general::read(&sent, Some(row.provider.clone()), &mut faults);
    let read = match read {
        Some(provider) => general::read_more(&sent, provider, &mut faults),
        None => None,
    };
    let provider = match read {
        Some(provider) if faults.is_empty() => Provider { domains, ..provider },
        _ => return wrong_page(&form_page(&state, &visitor, &row, &sent, faults, None).await?),
    };
    if what == "check" {
        let checked = check(&state, visitor.actor.role, &provider).await;
        return page(&form_page(&state, &visitor, &row, &sent, faults, Some(checked)).await?);
    }
    let password = sent.raw("master_password");
    let password = (!password.is_empty()).then(|| Secret::new(password.as_bytes().to_vec()));
    let asked = visitor.asked(&state);
    match change_provider(asked, row.id, |_| provider, password.as_ref()).await {
        Ok(_) => lead_to("/providers?said=provider-updated"),
        Err(error) => {
            let faults = mendable(error)?;
            wrong_page(&form_page(&state, &visitor, &row, &sent, faults, None).await?)
        }
    }
}

/// `POST /providers/{id}/delete`.
pub(crate) async fn delete(
    State(state): State<WebState>,
    visitor: Visitor,
    Path(id): Path<String>,
    sent: Sent,
) -> Answer {
    let row = find(&state, &visitor, &id).await?;
    if !is_sure(&sent) {
        let frame = Frame::of(&visitor.actor, &visitor.csrf, "/providers", "Are you sure?");
        return Confirm {
            frame: frame.below("Email providers", "/providers"),
            action: format!("/providers/{}/delete", row.id),
            question: delete_question(&row),
            yes: "Delete",
            back: "/providers".to_owned(),
            kept: Vec::new(),
        }
        .ask();
    }
    remove_provider(visitor.asked(&state), row.id, true).await?;
    lead_to("/providers?said=provider-deleted")
}

async fn form_page(
    state: &WebState,
    visitor: &Visitor,
    row: &ProviderRow,
    sent: &Sent,
    faults: Faults,
    check: Option<Check>,
) -> Result<Page, Refused> {
    let was_added = faults.is_empty();
    let pairs = domains::read(sent, &mut Faults::default());
    let local_domains = wizard::local_domains(state).await?;
    // The groups are blamed together, and shown apart.
    let groups = [
        general::fields(sent),
        domains::fields(sent, was_added),
        general::limits(sent),
        general::master(sent, row.provider.master.is_some()),
    ];
    let lengths = groups.each_ref().map(Vec::len);
    let all = Form::new(groups.into_iter().flatten().collect()).blamed(faults);
    let mut fields = all.fields.into_iter();
    let [general, domain_fields, limits, master] =
        lengths.map(|length| fields.by_ref().take(length).collect::<Vec<_>>());
    let frame = Frame::of(
        &visitor.actor,
        &visitor.csrf,
        "/providers",
        row.provider.name.as_str(),
    );
    Ok(Page {
        frame: frame.below("Email providers", "/providers"),
        href: format!("/providers/{}", row.id),
        form: Form {
            fields: general,
            wrong: all.wrong,
        },
        check,
        pairs: domains::shown(&pairs, &local_domains),
        domain_fields,
        local_domains,
        limits,
        master,
    })
}
