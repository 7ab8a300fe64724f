//! Signing in with the account's own password, and out.

use askama::Template;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::header::SET_COOKIE;
use axum::response::IntoResponse as _;
use transhume_model::directory::Secret;
use transhume_ops::sign_in::{self as ops, SignInError};

use super::answer::{Answer, Question, Refused, lead_to, page, wrong_page};
use super::form::{Faults, Field, Form, Kind, Sent};
use super::frame::Frame;
use super::said::said;
use crate::WebState;
use crate::gate::{Origin, Refusal, Visitor, session};

#[derive(Template)]
#[template(path = "sign_in.html")]
struct Page {
    frame: Frame,
    form: Form,
    next: String,
}

fn form(name: &str) -> Form {
    let mut login = Field::text("login", "Account", name).required();
    login.kind = Kind::Text("username");
    let password = Field::new("password", "Password", Kind::Password("current-password")).required();
    Form::new(vec![login, password])
}

/// `GET /sign-in`.
pub(super) async fn show(
    State(state): State<WebState>,
    visitor: Option<Visitor>,
    Question(question): Question,
) -> Answer {
    if visitor.is_some() {
        return lead_to(within(question.text("next")));
    }
    if state.first_start().is_open(&state.around).await? {
        return lead_to("/first-start");
    }
    page(&Page {
        frame: Frame::alone("", "Sign in").saying(said(question.text("said"), "")),
        form: form(""),
        next: within(question.text("next")).to_owned(),
    })
}

/// `POST /sign-in`.
pub(super) async fn sign_in(State(state): State<WebState>, Origin { network }: Origin, sent: Sent) -> Answer {
    let name = sent.text("login");
    let password = Secret::new(sent.raw("password").as_bytes().to_vec());
    let next = within(sent.text("next"));
    let (around, tries) = (&state.around, &state.desk.sign_ins);
    let signed_in = ops::sign_in(
        around,
        &state.admission,
        tries,
        name,
        password,
        network.as_deref(),
    );
    let why = match signed_in.await {
        Ok(signed_in) => {
            let cookie = session::set(&state, &signed_in.token);
            return Ok(([(SET_COOKIE, cookie)], lead_to(next)?).into_response());
        }
        Err(SignInError::Trouble(why)) => return Err(Refused(Refusal::Internal(why))),
        Err(why) => why,
    };
    wrong_page(&Page {
        frame: Frame::alone("", "Sign in"),
        form: form(name).blamed(Faults::of_form(why)),
        next: next.to_owned(),
    })
}

/// `POST /sign-out`.
pub(super) async fn sign_out(State(state): State<WebState>, headers: HeaderMap) -> Answer {
    if let Some(token) = session::token(&state, &headers) {
        ops::sign_out(&state.around, &token).await?;
    }
    let gone = [(SET_COOKIE, session::clear(&state))];
    Ok((gone, lead_to("/sign-in?said=signed-out")?).into_response())
}

/// Where somebody goes who has signed in: to a page of ours, and nowhere else.
fn within(next: &str) -> &str {
    let is_ours = next.starts_with('/')
        && !next.starts_with("//")
        && !next.contains('\\')
        && next.bytes().all(|octet| octet.is_ascii_graphic());
    if is_ours { next } else { "/" }
}

#[cfg(test)]
mod tests {
    #[test]
    fn nobody_is_led_elsewhere() {
        for (next, to) in [
            ("/migrations?text=a%20b", "/migrations?text=a%20b"),
            ("", "/"),
            ("//evil.example", "/"),
            ("/\\evil.example", "/"),
            ("https://evil.example/", "/"),
            ("/a\r\nSet-Cookie: x", "/"),
            ("javascript:alert(1)", "/"),
        ] {
            assert_eq!(super::within(next), to, "{next}");
        }
    }
}
