//! Postfix's transports, as PostfixAdmin keeps them: `service:nexthop` (transport(5)).

use std::num::NonZeroU16;

use crate::directory::{DomainKind, Relay};

/// Where a domain's mail ends, and what a person should know about that.
pub(super) fn kind(transport: &str, is_backup: bool) -> (DomainKind, Option<&'static str>) {
    let (service, next) = transport.trim().split_once(':').unwrap_or((transport.trim(), ""));
    match service {
        // What PostfixAdmin's own instructions take for relay domains.
        "smtp" | "relay" => {
            let (relay, remark) = relay(service, next);
            (DomainKind::Relay(relay), remark)
        }
        _ if is_backup => {
            let (relay, _) = relay("relay", "");
            let usual = matches!(service, "" | "virtual");
            (
                DomainKind::Relay(relay),
                (!usual).then_some("it is a backup MX: its transport is not kept, its MX records are asked"),
            )
        }
        "" | "virtual" | "dovecot" => (DomainKind::Local, None),
        "lmtp" if next.is_empty() || next.starts_with("unix:") => (DomainKind::Local, None),
        "lmtp" => (
            DomainKind::Local,
            Some("its mail was handed to another server by LMTP; here it ends in the mailboxes"),
        ),
        _ => (
            DomainKind::Local,
            Some("its transport is not kept: here its mail ends in the mailboxes"),
        ),
    }
}

/// A relay of `[host]:port`, `host:port`, `[host]`, `host`, `:port` or nothing.
fn relay(service: &str, next: &str) -> (Relay, Option<&'static str>) {
    let next = next.trim();
    let is_exact = next.starts_with('[');
    let (host, port) = match next.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((host, rest)) => (host, rest.strip_prefix(':')),
        None => match next.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (next, None),
        },
    };
    let host = host.strip_prefix("ipv6:").unwrap_or(host);
    let number = match port {
        Some("smtp") => NonZeroU16::new(25),
        Some("submission") => NonZeroU16::new(587),
        Some(port) => port.parse().ok(),
        None => None,
    };
    let remark = if port.is_some() && number.is_none() {
        Some("the port of its next server is not a number, and is not kept")
    } else if !host.is_empty() && !is_exact {
        Some("the MX records of its next server's name were asked; here that server itself is used")
    } else {
        None
    };
    let relay = Relay {
        service: service.to_owned(),
        host: (!host.is_empty()).then(|| host.to_owned()),
        port: number,
        verify_recipients: false,
    };
    (relay, remark)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transports_tell_where_mail_ends() {
        for (transport, is_backup, place, told) in [
            ("virtual", false, "local", false),
            ("", false, "local", false),
            ("dovecot", false, "local", false),
            ("lmtp:unix:private/dovecot-lmtp", false, "local", false),
            ("lmtp:inet:10.0.0.1:24", false, "local", true),
            ("local", false, "local", true),
            ("maildrop:", false, "local", true),
            ("virtual", true, "relay - -", false),
            ("local", true, "relay - -", true),
            ("relay", true, "relay - -", false),
            ("relay:[10.0.0.25]", false, "relay 10.0.0.25 -", false),
            (
                "smtp:[mx.backup.example]:2525",
                true,
                "smtp mx.backup.example 2525",
                false,
            ),
            ("smtp:mx.example:submission", false, "smtp mx.example 587", true),
            ("smtp:[ipv6:2001:db8::1]:25", false, "smtp 2001:db8::1 25", false),
            ("smtp:[mx.example]:what", false, "smtp mx.example -", true),
            ("smtp::2525", false, "smtp - 2525", false),
        ] {
            let (kind, remark) = kind(transport, is_backup);
            let shown = match kind {
                DomainKind::Local => "local".to_owned(),
                DomainKind::Relay(relay) => {
                    let port = relay.port.map_or("-".to_owned(), |port| port.to_string());
                    format!(
                        "{} {} {port}",
                        relay.service,
                        relay.host.as_deref().unwrap_or("-")
                    )
                }
            };
            assert_eq!((shown.as_str(), remark.is_some()), (place, told), "{transport}");
        }
    }
}
