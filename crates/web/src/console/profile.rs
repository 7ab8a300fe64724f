//! One's own account: its password, and tokens by which programs ask the API in one's name.

use askama::Template;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use transhume_db::directory::TokenRecord;
use transhume_model::directory::{DomainName, Role, Secret};
use transhume_ops::own_profile::change_password as change;
use transhume_ops::sign_in::{add_token as add, remove_token};

use super::answer::{Answer, Question, Refused, lead_to, mendable, not_found, page, wrong_page};
use super::confirm::{Confirm, is_sure};
use super::form::{Faults, Field, Form, Kind, Sent};
use super::frame::Frame;
use super::said::said;
use super::words;
use crate::WebState;
use crate::gate::{Visitor, session};

#[derive(Template)]
#[template(path = "profile.html")]
struct Page {
    frame: Frame,
    facts: Vec<(&'static str, String)>,
    form: Form,
    has_tokens: bool,
    new_token: Option<String>,
    tokens: Vec<Token>,
    token_fields: Vec<Field>,
}

struct Token {
    id: i64,
    label: String,
    made: String,
    used: String,
}

impl Page {
    async fn new(state: &WebState, visitor: &Visitor) -> Result<Self, Refused> {
        let has_tokens = visitor.actor.role != Role::SimpleUsers;
        let tokens = if has_tokens {
            state.directory().tokens_of(&visitor.actor.login).await?
        } else {
            Vec::new()
        };
        Ok(Self {
            frame: Frame::of(&visitor.actor, &visitor.csrf, "/profile", "Your profile"),
            facts: facts(visitor),
            form: Form::new(vec![
                Field::new(
                    "old_password",
                    "Current password",
                    Kind::Password("current-password"),
                )
                .required(),
                Field::new("new_password", "New password", Kind::Password("new-password")).required(),
                Field::new("again", "New password, once more", Kind::Password("new-password")).required(),
            ]),
            has_tokens,
            new_token: None,
            tokens: tokens.iter().map(token).collect(),
            token_fields: vec![
                Field::text("label", "What the token is for", "")
                    .required()
                    .help("So that you know it again. A program with it may do what you may."),
            ],
        })
    }

    fn blamed(mut self, faults: Faults) -> Self {
        // Its fields are of two forms.
        let passwords = self.form.fields.len();
        self.form.fields.append(&mut self.token_fields);
        self.form = self.form.blamed(faults);
        self.token_fields = self.form.fields.split_off(passwords);
        self
    }
}

fn facts(visitor: &Visitor) -> Vec<(&'static str, String)> {
    let account = &visitor.account;
    let mailbox = account.mailbox.as_ref();
    let domains: Vec<String> = account.administers.iter().map(DomainName::to_unicode).collect();
    let facts = [
        ("Account", account.login.to_string()),
        (
            "Name",
            format!("{} {}", account.first_name, account.last_name)
                .trim()
                .to_owned(),
        ),
        ("Role", account.role.to_string()),
        (
            "Mailbox",
            mailbox.map_or_else(String::new, |mailbox| mailbox.address.to_string()),
        ),
        ("Domains", domains.join(", ")),
    ];
    facts.into_iter().filter(|(_, text)| !text.is_empty()).collect()
}

fn token(record: &TokenRecord) -> Token {
    Token {
        id: record.id,
        label: record.label.clone(),
        made: words::moment(record.created),
        used: record.used.map_or_else(|| "never".to_owned(), words::moment),
    }
}

/// `GET /profile`.
pub(super) async fn show(
    State(state): State<WebState>,
    visitor: Visitor,
    Question(question): Question,
) -> Answer {
    let mut shown = Page::new(&state, &visitor).await?;
    shown.frame = shown.frame.saying(said(question.text("said"), ""));
    page(&shown)
}

/// `POST /profile/password`.
pub(super) async fn change_password(
    State(state): State<WebState>,
    visitor: Visitor,
    headers: HeaderMap,
    sent: Sent,
) -> Answer {
    let [old, new] =
        ["old_password", "new_password"].map(|name| Secret::new(sent.raw(name).as_bytes().to_vec()));
    let session = session::token(&state, &headers);
    let mut faults = Faults::default();
    if sent.raw("new_password") == sent.raw("again") {
        match change(visitor.asked(&state), &old, &new, session.as_deref()).await {
            Ok(()) => return lead_to("/profile?said=password-changed"),
            Err(error) => faults = mendable(error)?,
        }
    } else {
        faults.at("again", "this is not the same password");
    }
    wrong_page(&Page::new(&state, &visitor).await?.blamed(faults))
}

/// `POST /profile/tokens`. The token is shown this once.
pub(super) async fn add_token(State(state): State<WebState>, visitor: Visitor, sent: Sent) -> Answer {
    match add(visitor.asked(&state), sent.text("label")).await {
        Ok((_, token)) => {
            let mut shown = Page::new(&state, &visitor).await?;
            shown.new_token = Some(String::from_utf8_lossy(token.reveal()).into_owned());
            page(&shown)
        }
        Err(error) => {
            let faults = mendable(error)?;
            wrong_page(&Page::new(&state, &visitor).await?.blamed(faults))
        }
    }
}

/// `POST /profile/tokens/{id}/delete`.
pub(super) async fn delete_token(
    State(state): State<WebState>,
    visitor: Visitor,
    Path(id): Path<String>,
    sent: Sent,
) -> Answer {
    let id: i64 = id.parse().map_err(|_| not_found())?;
    if !is_sure(&sent) {
        let frame = Frame::of(&visitor.actor, &visitor.csrf, "/profile", "Are you sure?");
        return Confirm {
            frame: frame.below("Your profile", "/profile"),
            action: format!("/profile/tokens/{id}/delete"),
            question: "Delete this token? Programs that use it are refused from then on.".to_owned(),
            yes: "Delete",
            back: "/profile".to_owned(),
            kept: Vec::new(),
        }
        .ask();
    }
    remove_token(visitor.asked(&state), id).await?;
    lead_to("/profile?said=token-deleted")
}
