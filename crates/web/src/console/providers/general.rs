//! What a provider's form asks in general: the server, and how one logs in there.

use std::num::{NonZeroU16, NonZeroU32};

use transhume_model::directory::{
    CertificateTrust, HostName, LoginForm, Master, Provider, ProviderName, ProviderSecurity,
};

use super::well_known::WellKnown;
use crate::console::form::{Faults, Field, Kind, Sent};
use crate::console::list::yes_or_no;

/// The names of these fields, and of what else the first step of the wizard keeps.
pub(super) const GENERAL: [&str; 6] = ["name", "address", "port", "security", "pin", "login_form"];

const SECURITIES: [(&str, &str); 3] = [
    ("tls", "Yes: TLS from the beginning (port 993)"),
    ("starttls", "Yes: TLS after STARTTLS (port 143)"),
    ("clear", "No: passwords and mail can be read on the way"),
];

const LOGIN_FORMS: [(&str, &str); 2] = [
    ("address", "Whole address (alice@old.example)"),
    ("local-part", "Only what stands before the @ (alice)"),
];

/// The fields, with what was sent.
pub(super) fn fields(sent: &Sent) -> Vec<Field> {
    let remark = WellKnown::at(sent.text("address")).map_or("", |known| known.remark);
    let mut port = Field::new("port", "IMAP Port", Kind::Number(1, 65535)).required();
    or(sent.text("port"), "993").clone_into(&mut port.value);
    vec![
        Field::text("name", "Provider name", sent.text("name")).required(),
        Field::text("address", "Address (hostname or IP)", sent.text("address"))
            .required()
            .help(remark),
        port,
        Field::choice("security", "Secured", or(sent.text("security"), "tls"), SECURITIES)
            .help("How the IMAP connection is secured."),
        Field::text("pin", "Certificate fingerprint", sent.text("pin")).help(
            "Only for a server whose certificate no authority vouches for: the SHA-256 fingerprint of the certificate that is to be \
             believed.",
        ),
        Field::choice(
            "login_form",
            "People log in there with",
            or(sent.text("login_form"), "address"),
            LOGIN_FORMS,
        ),
    ]
}

/// The fields of how passes work on it.
pub(super) fn limits(sent: &Sent) -> Vec<Field> {
    let number = |name, label, most, help: &str| {
        let mut field = Field::new(name, label, Kind::Number(1, most)).help(help);
        sent.text(name).clone_into(&mut field.value);
        field
    };
    vec![
        Field::switch("enabled", "Enabled", sent.is_on("enabled"))
            .help("Whether people may come from it, and passes run."),
        number(
            "connections",
            "Passes at a time",
            1000,
            "How many accounts may be carried from this server at the same time.",
        ),
        number(
            "connections_per_account",
            "Connections of one pass",
            32,
            "How many connections a large account may take. A server that has fewer to give gets along.",
        ),
    ]
}

/// The fields of its master user. The password that is known is never shown.
pub(super) fn master(sent: &Sent, is_known: bool) -> Vec<Field> {
    let help = if is_known {
        "Left empty, the one that is known stays."
    } else {
        ""
    };
    vec![
        Field::text("master_login", "Login", sent.text("master_login")),
        Field::text(
            "master_separator",
            "Separator",
            or(sent.text("master_separator"), "*"),
        )
        .help("What stands between the two names, as in alice@old.example*master."),
        Field::new("master_password", "Password", Kind::Password("off")).help(help),
    ]
}

fn or<'t>(text: &'t str, otherwise: &'t str) -> &'t str {
    if text.is_empty() { otherwise } else { text }
}

/// Reads what was sent into a provider; what is wrong is noted.
pub(super) fn read(sent: &Sent, before: Option<Provider>, faults: &mut Faults) -> Option<Provider> {
    let name = faults.take("name", ProviderName::parse(sent.text("name")));
    let host = faults.take("address", HostName::parse(sent.text("address")));
    let port = sent.text("port").parse::<NonZeroU16>();
    let port = faults.take("port", port.map_err(|_| "invalid port number: 1 to 65535"));
    let security = ProviderSecurity::named(sent.text("security")).ok_or("choose one");
    let security = faults.take("security", security);
    let login_form = LoginForm::named(sent.text("login_form")).unwrap_or_default();
    let certificate = match sent.text("pin") {
        "" => Some(CertificateTrust::Public),
        pin => faults.take("pin", CertificateTrust::pinned(pin)),
    };
    let (name, host) = (name?, host?);
    let before = before.unwrap_or_else(|| Provider::new(name.clone(), host.clone()));
    Some(Provider {
        name,
        host,
        port: port?,
        security: security?,
        certificate: certificate?,
        login_form,
        ..before
    })
}

/// Reads what the page of a provider asks besides.
pub(super) fn read_more(sent: &Sent, provider: Provider, faults: &mut Faults) -> Option<Provider> {
    let number = |name, faults: &mut Faults| {
        let read = sent.text(name).parse::<NonZeroU32>();
        faults.take(name, read.map_err(|_| "a number is needed, 1 or more"))
    };
    let connections = number("connections", faults);
    let per_account = number("connections_per_account", faults);
    let master = match sent.text("master_login") {
        "" => Some(None),
        login => {
            let mut separator = sent.raw("master_separator").chars();
            let master = match (separator.next(), separator.next()) {
                (Some(separator), None) => {
                    Master::new(login, separator).map_err(|problem| problem.to_string())
                }
                _ => Err("one character has to stand between the two names".to_owned()),
            };
            faults.take("master_login", master).map(Some)
        }
    };
    Some(Provider {
        enabled: sent.is_on("enabled"),
        connections: connections?,
        connections_per_account: per_account?,
        master: master?,
        ..provider
    })
}

/// What a form would have sent that says what a provider is now.
pub(super) fn as_sent(provider: &Provider) -> Sent {
    let mut pairs = vec![
        ("name", provider.name.as_str().to_owned()),
        ("address", provider.host.to_string()),
        ("port", provider.port.to_string()),
        ("security", provider.security.as_str().to_owned()),
        ("pin", provider.certificate.hex().unwrap_or_default()),
        ("login_form", provider.login_form.as_str().to_owned()),
        ("enabled", yes_or_no(provider.enabled)),
        ("connections", provider.connections.to_string()),
        (
            "connections_per_account",
            provider.connections_per_account.to_string(),
        ),
    ];
    if let Some(master) = &provider.master {
        pairs.push(("master_login", master.login.clone()));
        pairs.push(("master_separator", master.separator.to_string()));
    }
    for (old, new) in &provider.domains {
        pairs.push(("domain", super::domains::value(old, new.as_ref())));
    }
    Sent::of(pairs)
}

/// Whether passwords cannot be read on the way, in a word.
pub(super) fn secured(security: ProviderSecurity) -> (&'static str, &'static str) {
    match security {
        ProviderSecurity::Tls => ("TLS", "good"),
        ProviderSecurity::StartTls => ("STARTTLS", "good"),
        ProviderSecurity::Clear => ("not secured", "bad"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::console::form::Form;

    fn sent(pairs: &[(&str, &str)]) -> Sent {
        Sent::new(
            pairs
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
        )
    }

    #[test]
    fn what_is_read_is_what_was_shown() {
        let mut provider = Provider::new(
            ProviderName::parse("Old & Sons").unwrap(),
            HostName::parse("imap.old.example").unwrap(),
        );
        provider.certificate = CertificateTrust::Pinned([7; 32]);
        provider.login_form = LoginForm::LocalPart;
        provider.master = Some(Master::new("boss", '*').unwrap());
        provider.enabled = false;
        let sent = as_sent(&provider);
        let mut faults = Faults::default();
        let read = read(&sent, Some(provider.clone()), &mut faults).unwrap();
        let read = read_more(&sent, read, &mut faults).unwrap();
        assert!(faults.is_empty());
        assert_eq!(read, provider);
    }

    #[test]
    fn what_is_wrong_is_told_at_its_field() {
        let good = [
            ("name", "Old"),
            ("address", "imap.old.example"),
            ("port", "993"),
            ("security", "tls"),
        ];
        for (name, value, says) in [
            ("name", "", "needs a name"),
            ("address", "not a host name!", "neither a host name"),
            ("address", "https://imap.old.example/", "more than a host"),
            ("address", "", "is empty"),
            ("port", "0", "Invalid port number"),
            ("port", "65536", "Invalid port number"),
            ("port", "imap", "Invalid port number"),
            ("security", "perhaps", "Choose"),
            ("pin", "sha256:12", "SHA-256"),
        ] {
            let mut pairs = vec![(name, value)];
            pairs.extend(good.iter().filter(|(other, _)| *other != name));
            let sent = sent(&pairs);
            let mut faults = Faults::default();
            assert_eq!(read(&sent, None, &mut faults), None, "{name}={value}");
            let form = Form::new(fields(&sent)).blamed(faults);
            let told = form.fields.iter().find(|field| field.name == name).unwrap();
            let wrong = told.wrong.as_deref().unwrap_or_default();
            assert!(wrong.contains(says), "{name}={value}: {wrong}");
        }
    }
}
