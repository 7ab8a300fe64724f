//! `POST /hooks/dovecot`: the script that `transhume config dovecot` writes asks about a login.
//!
//! The question is a form: `user`, `password`, `service`, `ip`. The answer's status says all (200 fine, 403 wrong, 404 unknown, 423
//! disabled, 503 later); with 200 come Dovecot's fields, a line for each, `name=value`, the value percent-encoded.

use std::net::SocketAddr;

use axum::body::Bytes;
use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderMap, StatusCode};
use transhume_model::admission::{Door, Kind, Refusal};
use transhume_model::directory::{ProviderSecurity, Secret};
use transhume_ops::admit_login::{Answer, Destination, Visitor};

use super::{access, form, network};
use crate::WebState;

/// A status, and lines.
type Reply = (StatusCode, String);

pub(crate) async fn dovecot(
    State(state): State<WebState>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    body: Bytes,
) -> Reply {
    if !access::may_ask(&state, peer, &headers) {
        // Not one of the words of the answer: the script takes it for “later”.
        return (StatusCode::UNAUTHORIZED, String::new());
    }
    let text = |name| String::from_utf8(form::field(&body, name)).ok();
    let (Some(name), Some(service)) = (text("user"), text("service")) else {
        return (StatusCode::FORBIDDEN, String::new());
    };
    let door = Door::of_service(&service);
    let visitor = Visitor {
        door,
        name,
        password: Secret::new(form::field(&body, "password")),
        network: text("ip").as_deref().and_then(network::of),
        asked_here: access::is_here(peer),
    };
    reply(door, state.admission.admit(visitor).await)
}

fn reply(door: Door, answer: Answer) -> Reply {
    match answer {
        Answer::Refused(refusal) => refused(door, &refusal),
        // Dovecot opens mailboxes, and this one has none.
        Answer::LetIn { address: None, .. } => (StatusCode::LOCKED, String::new()),
        Answer::LetIn {
            address: Some(address),
            to,
            ..
        } => {
            let mut fields = vec![("user", address.as_str().as_bytes().to_vec())];
            fields.extend(to_old_server(&to));
            (StatusCode::OK, lines(&fields))
        }
    }
}

/// Fields by which Dovecot leads to the old server.
fn to_old_server(to: &Destination) -> Vec<(&'static str, Vec<u8>)> {
    let Destination::Old {
        host,
        port,
        security,
        tunnel,
        login,
        password,
    } = to
    else {
        return Vec::new();
    };
    let (host, port, security) = match tunnel {
        Some(port) => ("127.0.0.1", port, ProviderSecurity::Clear),
        None => (host.as_str(), port, *security),
    };
    let mut fields = vec![
        ("proxy", b"y".to_vec()),
        ("host", host.as_bytes().to_vec()),
        ("port", port.to_string().into_bytes()),
        ("destuser", login.as_bytes().to_vec()),
        ("pass", password.reveal().to_vec()),
    ];
    // The certificate is checked: “any-cert” is never said.
    match security {
        ProviderSecurity::Tls => fields.push(("ssl", b"yes".to_vec())),
        ProviderSecurity::StartTls => fields.push(("starttls", b"yes".to_vec())),
        ProviderSecurity::Clear => {}
    }
    fields
}

fn refused(door: Door, refusal: &Refusal) -> Reply {
    let status = match refusal.kind() {
        Kind::Unknown => StatusCode::NOT_FOUND,
        Kind::Disabled => StatusCode::LOCKED,
        Kind::Later => StatusCode::SERVICE_UNAVAILABLE,
        // Whoever reads mail is told in words. Postfix would take these fields for “fine”.
        Kind::Renamed if door.shows_mail() => {
            let fields = [
                ("nologin", b"y".to_vec()),
                ("reason", refusal.told().into_bytes()),
            ];
            return (StatusCode::OK, lines(&fields));
        }
        Kind::Wrong | Kind::Renamed => StatusCode::FORBIDDEN,
    };
    (status, String::new())
}

fn lines(fields: &[(&str, Vec<u8>)]) -> String {
    let line = |(name, value): &(&str, Vec<u8>)| format!("{name}={}\n", form::encoded(value));
    fields.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use transhume_model::directory::{Address, Login, Role};

    use super::*;

    fn let_in(to: Destination) -> Answer {
        Answer::LetIn {
            login: Login::parse("boss").unwrap(),
            address: Some(Address::parse("a/ü@b.example").unwrap()),
            role: Role::SimpleUsers,
            to,
        }
    }

    fn old(security: ProviderSecurity, tunnel: Option<u16>) -> Destination {
        Destination::Old {
            host: "imap.old.example".to_owned(),
            port: 1993,
            security,
            tunnel,
            login: "a@old.example".to_owned(),
            password: Secret::new(b"a b\n=%".to_vec()),
        }
    }

    #[test]
    fn the_way_to_the_old_server_is_told_in_dovecots_fields() {
        let who = "destuser=a@old.example\npass=a%20b%0A%3D%25\n";
        for (to, tunnel, way, security) in [
            (
                ProviderSecurity::Tls,
                None,
                "host=imap.old.example\nport=1993\n",
                "ssl=yes\n",
            ),
            (
                ProviderSecurity::StartTls,
                None,
                "host=imap.old.example\nport=1993\n",
                "starttls=yes\n",
            ),
            (
                ProviderSecurity::Clear,
                None,
                "host=imap.old.example\nport=1993\n",
                "",
            ),
            (
                ProviderSecurity::Tls,
                Some(40_000),
                "host=127.0.0.1\nport=40000\n",
                "",
            ),
            (
                ProviderSecurity::StartTls,
                Some(40_000),
                "host=127.0.0.1\nport=40000\n",
                "",
            ),
        ] {
            let (status, fields) = reply(Door::Imap, let_in(old(to, tunnel)));
            assert_eq!(status, StatusCode::OK);
            let expected = format!("user=a%2F%C3%BC@b.example\nproxy=y\n{way}{who}{security}");
            assert_eq!(fields, expected);
        }
        let (_, fields) = reply(Door::Imap, let_in(Destination::Here));
        assert_eq!(fields, "user=a%2F%C3%BC@b.example\n");
    }

    #[test]
    fn refusals_are_statuses_and_a_new_name_is_told_where_it_can_be_read() {
        let renamed = || Refusal::Renamed(Address::parse("a@b.example").unwrap());
        for (door, refusal, status) in [
            (Door::Imap, Refusal::Nobody, 404),
            (Door::Imap, Refusal::WrongThere, 403),
            (Door::Imap, Refusal::AccountDisabled, 423),
            (Door::Imap, Refusal::BeingMoved, 503),
            (Door::Imap, renamed(), 200),
            (Door::Pop3, renamed(), 200),
            (Door::Smtp, renamed(), 403),
            (Door::OtherMail, renamed(), 403),
        ] {
            let (told, fields) = reply(door, Answer::Refused(refusal.clone()));
            assert_eq!(told.as_u16(), status, "{door:?} {refusal:?}");
            assert_eq!(
                fields.contains("nologin=y\n"),
                status == 200,
                "{door:?} {refusal:?}"
            );
            assert!(!fields.contains("user="), "{fields}");
        }
        let nobodys = Answer::LetIn {
            login: Login::parse("boss").unwrap(),
            address: None,
            role: Role::SuperAdmins,
            to: Destination::Here,
        };
        assert_eq!(reply(Door::Imap, nobodys).0.as_u16(), 423);
    }
}
