//! The first start: as long as nobody administers this server, whoever can read the service's log may.

use askama::Template;
use axum::extract::State;
use transhume_model::directory::Secret;
use transhume_ops::first_start::{First, SHORTEST};

use super::answer::{Answer, lead_to, mendable, page, wrong_page};
use super::form::{Faults, Field, Form, Kind, Sent};
use super::frame::Frame;
use crate::WebState;
use crate::gate::Origin;

#[derive(Template)]
#[template(path = "first_start.html")]
struct Page {
    frame: Frame,
    form: Form,
    file: String,
}

impl Page {
    fn new(state: &WebState, code: &str, login: &str) -> Self {
        let mut name = Field::text("login", "Your account's name", login)
            .required()
            .help("An address, or a word like admin.");
        name.kind = Kind::Text("username");
        let fields = vec![
            Field::text("code", "Code", code)
                .required()
                .help("As it stands in the log or in the file."),
            name,
            Field::new("password", "Password", Kind::Password("new-password"))
                .required()
                .help(format!("At least {SHORTEST} characters.")),
            Field::new("again", "Password, once more", Kind::Password("new-password")).required(),
        ];
        Self {
            frame: Frame::alone("", "First start"),
            form: Form::new(fields),
            file: state
                .first_start()
                .file()
                .map_or_else(String::new, |file| file.display().to_string()),
        }
    }
}

/// `GET /first-start`.
pub(super) async fn show(State(state): State<WebState>) -> Answer {
    if !state.first_start().is_open(&state.around).await? {
        return lead_to("/sign-in");
    }
    page(&Page::new(&state, "", ""))
}

/// `POST /first-start`.
pub(super) async fn begin(State(state): State<WebState>, Origin { network }: Origin, sent: Sent) -> Answer {
    if !state.first_start().is_open(&state.around).await? {
        return lead_to("/sign-in");
    }
    let (code, login) = (sent.text("code"), sent.text("login"));
    let mut faults = Faults::default();
    if sent.raw("password") != sent.raw("again") {
        faults.at("again", "this is not the same password");
    }
    if faults.is_empty() {
        let password = Secret::new(sent.raw("password").as_bytes().to_vec());
        let first = First {
            code,
            login,
            password: &password,
            network: network.as_deref(),
        };
        match state.first_start().make_super_admin(&state.around, first).await {
            Ok(_) => return lead_to("/sign-in?said=welcome"),
            Err(error) => faults = mendable(error)?,
        }
    }
    let mut page = Page::new(&state, code, login);
    page.form = page.form.blamed(faults);
    wrong_page(&page)
}
