//! A provider, read from what was sent.

use std::num::{NonZeroU16, NonZeroU32};

use transhume_model::directory::{
    CertificateTrust, HostName, LoginForm, Master, Provider, ProviderName, ProviderSecurity,
};

use super::domains::Domains;
use super::wrong;
use crate::api::fields::Said;
use crate::api::problem::Faults;

/// A provider that is not here yet.
pub(super) fn new(said: &Said, domains: Option<Domains>) -> Result<Provider, Faults> {
    let name = ProviderName::parse(said.text("name").unwrap_or_default());
    let host = HostName::parse(said.text("address").unwrap_or_default());
    match (name, host) {
        (Ok(name), Ok(host)) => changed(said, Provider::new(name, host), domains),
        (name, host) => {
            let mut faults = Faults::default();
            if let Err(problem) = name {
                faults.extend(wrong("name", &problem));
            }
            if let Err(problem) = host {
                faults.extend(wrong("address", &problem));
            }
            Err(faults)
        }
    }
}

/// A server that is no provider, only to be asked.
pub(super) fn unnamed(said: &Said) -> Result<Provider, Faults> {
    let host = HostName::parse(said.text("address").unwrap_or_default());
    let host = host.map_err(|problem| wrong("address", &problem))?;
    let name = ProviderName::parse(host.as_str()).map_err(|problem| wrong("address", &problem))?;
    changed(said, Provider::new(name, host), None)
}

/// A provider as it is to be.
pub(super) fn changed(said: &Said, before: Provider, domains: Option<Domains>) -> Result<Provider, Faults> {
    let mut faults = Faults::default();
    let mut provider = before;
    let mut take = |taken: Result<(), Faults>| {
        if let Err(found) = taken {
            faults.extend(found);
        }
    };
    take(name_and_host(said, &mut provider));
    secure(said, &mut provider);
    take(certificate(said, &mut provider));
    take(master(said, &mut provider));
    if let Some(form) = said.text("login_form").and_then(LoginForm::named) {
        provider.login_form = form;
    }
    let number = |field| NonZeroU32::new(u32::try_from(said.number(field)?).ok()?);
    provider.connections = number("connections").unwrap_or(provider.connections);
    provider.connections_per_account =
        number("connections_per_account").unwrap_or(provider.connections_per_account);
    provider.enabled = said.switch("enabled").unwrap_or(provider.enabled);
    provider.domains = domains.unwrap_or(provider.domains);
    if faults.is_empty() {
        Ok(provider)
    } else {
        Err(faults)
    }
}

fn name_and_host(said: &Said, provider: &mut Provider) -> Result<(), Faults> {
    if let Some(name) = said.text("name") {
        provider.name = ProviderName::parse(name).map_err(|problem| wrong("name", &problem))?;
    }
    if let Some(address) = said.text("address") {
        provider.host = HostName::parse(address).map_err(|problem| wrong("address", &problem))?;
    }
    Ok(())
}

/// How the connection is secured, and the port, which follows it where nothing is said of it.
fn secure(said: &Said, provider: &mut Provider) {
    let port = said.number("port").and_then(|port| u16::try_from(port).ok());
    let port = port.and_then(NonZeroU16::new);
    let is_usual = provider.port == provider.security.port();
    let starttls = port == Some(ProviderSecurity::StartTls.port());
    let word = said.text("security").and_then(ProviderSecurity::named);
    let before = provider.security;
    provider.security = match (word, said.switch("secured")) {
        (Some(word), _) => word,
        (None, Some(false)) => ProviderSecurity::Clear,
        (None, Some(true)) if before != ProviderSecurity::Clear => before,
        (None, Some(true)) if starttls => ProviderSecurity::StartTls,
        (None, Some(true)) => ProviderSecurity::Tls,
        (None, None) if starttls && before == ProviderSecurity::Tls => ProviderSecurity::StartTls,
        (None, None) => before,
    };
    provider.port = match port {
        Some(port) => port,
        None if is_usual => provider.security.port(),
        None => provider.port,
    };
}

fn certificate(said: &Said, provider: &mut Provider) -> Result<(), Faults> {
    if said.is_null("certificate") {
        provider.certificate = CertificateTrust::Public;
    }
    if let Some(pin) = said.text("certificate") {
        provider.certificate =
            CertificateTrust::pinned(pin).map_err(|problem| wrong("certificate", &problem))?;
    }
    Ok(())
}

fn master(said: &Said, provider: &mut Provider) -> Result<(), Faults> {
    if said.is_null("master") {
        provider.master = None;
    }
    let there = provider.master.as_ref();
    let separator = said.text("master_separator").and_then(|text| text.chars().next());
    let separator = separator.or(there.map(|master| master.separator));
    let login = said.text("master").map(str::to_owned);
    let login = login.or_else(|| there.map(|master| master.login.clone()));
    if let Some(login) = login {
        let master = Master::new(&login, separator.unwrap_or(Master::SEPARATOR));
        provider.master = Some(master.map_err(|problem| wrong("master", &problem))?);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::api::fields::Sent;

    fn said(mut body: Value) -> Said {
        body["name"] = "Old".into();
        body["address"] = "imap.old.example".into();
        super::super::PROVIDER.read(&body, Sent::Whole).unwrap()
    }

    #[test]
    fn security_and_port_follow_each_other_and_clear_is_said() {
        for (body, security, port) in [
            (json!({}), "tls", 993),
            (json!({"secured": true}), "tls", 993),
            (json!({"secured": false}), "clear", 143),
            (json!({"port": 143}), "starttls", 143),
            (json!({"port": 143, "secured": false}), "clear", 143),
            (json!({"port": 20220}), "tls", 20220),
            (json!({"port": 20220, "secured": false}), "clear", 20220),
            (json!({"security": "starttls"}), "starttls", 143),
            (
                json!({"security": "starttls", "secured": true, "port": 1143}),
                "starttls",
                1143,
            ),
        ] {
            let provider = new(&said(body.clone()), None).unwrap();
            assert_eq!(
                (provider.security.as_str(), provider.port.get()),
                (security, port),
                "{body}"
            );
        }
        let clear = new(&said(json!({"secured": false})), None).unwrap();
        for (body, security, port) in [
            (json!({}), "clear", 143),
            (json!({"secured": true}), "tls", 993),
            (json!({"secured": true, "port": 143}), "starttls", 143),
            (json!({"port": 1143}), "clear", 1143),
        ] {
            let provider = changed(&said(body.clone()), clear.clone(), None).unwrap();
            assert_eq!(
                (provider.security.as_str(), provider.port.get()),
                (security, port),
                "{body}"
            );
        }
    }
}
