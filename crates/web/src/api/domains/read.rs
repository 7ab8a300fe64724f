//! A domain, read from what was sent.

use std::num::NonZeroU16;

use transhume_model::directory::{Domain, DomainKind, DomainName, HostName, Relay};
use transhume_ops::change_domain::DomainChange;

use super::super::fields::Said;
use super::super::problem::Faults;

/// A domain that is not here yet. `now` is in seconds since 1970 UTC.
pub(super) fn new(said: &Said, now: i64) -> Result<Domain, Faults> {
    let name = DomainName::parse(said.text("name").unwrap_or_default());
    let name = name.map_err(|problem| Faults::one("name", problem.to_string()))?;
    let kind = if said.text("type") == Some("relaydomain") {
        DomainKind::Relay(relay(said, usual())?)
    } else if said.object("transport").is_some() {
        return Err(Faults::one("transport", "Mail of a local domain ends here."));
    } else {
        DomainKind::Local
    };
    Ok(Domain {
        kind,
        enabled: said.switch("enabled").unwrap_or(true),
        quota: octets(said, "quota").flatten(),
        default_mailbox_quota: octets(said, "default_mailbox_quota").flatten(),
        description: said.text("description").unwrap_or_default().to_owned(),
        created: Some(now),
        ..Domain::local(name)
    })
}

/// What is to change of a domain.
pub(super) fn change(said: &Said, before: &Domain) -> Result<DomainChange, Faults> {
    if let Some(name) = said.text("name") {
        let name = DomainName::parse(name).map_err(|problem| Faults::one("name", problem.to_string()))?;
        if name != before.name {
            return Err(Faults::one("name", "It is given once, and does not change."));
        }
    }
    let is_relay = !before.is_local();
    if said
        .text("type")
        .is_some_and(|kind| (kind == "relaydomain") != is_relay)
    {
        return Err(Faults::one("type", "It is given once, and does not change."));
    }
    let kind = match (&before.kind, said.object("transport")) {
        (_, None) => None,
        (DomainKind::Local, Some(_)) => {
            return Err(Faults::one("transport", "Mail of a local domain ends here."));
        }
        (DomainKind::Relay(there), Some(_)) => Some(DomainKind::Relay(relay(said, there.clone())?)),
    };
    Ok(DomainChange {
        enabled: said.switch("enabled"),
        quota: octets(said, "quota"),
        default_mailbox_quota: octets(said, "default_mailbox_quota"),
        description: said.text("description").map(str::to_owned),
        kind,
        ..DomainChange::default()
    })
}

fn usual() -> Relay {
    Relay {
        service: "relay".to_owned(),
        host: None,
        port: None,
        verify_recipients: false,
    }
}

/// The way of a relay domain's mail, with what is said of it.
fn relay(said: &Said, mut relay: Relay) -> Result<Relay, Faults> {
    let within = |field: &str, what: String| {
        let mut faults = Faults::default();
        faults.within("transport", Faults::one(field, what));
        faults
    };
    let Some(said) = said.object("transport") else {
        return Ok(relay);
    };
    if let Some(service) = said.text("service") {
        if !matches!(service, "relay" | "smtp") {
            return Err(within("service", format!("\"{service}\" is not a valid choice.")));
        }
        service.clone_into(&mut relay.service);
    }
    if said.has("host") {
        relay.host = None;
    }
    if let Some(host) = said.text("host") {
        let host = HostName::parse(host).map_err(|problem| within("host", problem.to_string()))?;
        relay.host = Some(host.to_string());
    }
    if said.has("port") {
        let port = said.number("port").and_then(|port| u16::try_from(port).ok());
        relay.port = port.and_then(NonZeroU16::new);
    }
    relay.verify_recipients = said
        .switch("verify_recipients")
        .unwrap_or(relay.verify_recipients);
    Ok(relay)
}

/// MB as octets; 0 is any number.
#[expect(
    clippy::option_option,
    reason = "what is not said stays; what is said may be that there is no limit"
)]
fn octets(said: &Said, field: &str) -> Option<Option<u64>> {
    let megabytes = u64::try_from(said.number(field)?).ok()?;
    Some(Some(megabytes << 20).filter(|octets| *octets > 0))
}
