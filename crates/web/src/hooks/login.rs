//! `POST /hooks/login`: a web mail or another program asks about a login. `docs/operator/logins.md` says what is asked and answered.

use std::net::SocketAddr;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};
use transhume_model::admission::{Door, Refusal};
use transhume_model::directory::Secret;
use transhume_ops::admit_login::{Answer, Visitor};

use super::{access, network};
use crate::WebState;

#[derive(Deserialize)]
struct Question {
    name: String,
    password: String,
    #[serde(default)]
    ip: Option<String>,
}

#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Told {
    answer: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    login: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'static str>,
    message: String,
}

pub(crate) async fn login(
    State(state): State<WebState>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<Told>, (StatusCode, &'static str)> {
    if !access::may_ask(&state, peer, &headers) {
        return Err((
            StatusCode::UNAUTHORIZED,
            "this program may not ask; see docs/operator/logins.md\n",
        ));
    }
    // What is wrong is not repeated: it may be the password.
    let question: Question = serde_json::from_slice(&body).map_err(|_| {
        let what = "a JSON object with “name” and “password” is expected, both of them texts\n";
        (StatusCode::BAD_REQUEST, what)
    })?;
    let visitor = Visitor {
        door: Door::Web,
        name: question.name,
        password: Secret::new(question.password.into_bytes()),
        network: question.ip.as_deref().and_then(network::of),
        // Nobody is led anywhere from here.
        asked_here: true,
    };
    Ok(Json(told(state.admission.admit(visitor).await)))
}

fn told(answer: Answer) -> Told {
    match answer {
        Answer::LetIn {
            login, address, role, ..
        } => Told {
            answer: "ok",
            login: Some(login.to_string()),
            address: address.map(|address| address.to_string()),
            role: Some(role.as_str()),
            message: "Welcome.".to_owned(),
        },
        Answer::Refused(refusal) => Told {
            answer: refusal.kind().as_str(),
            address: match &refusal {
                Refusal::Renamed(address) => Some(address.to_string()),
                _ => None,
            },
            message: refusal.told(),
            ..Told::default()
        },
    }
}
