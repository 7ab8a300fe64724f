//! Servers of platforms that many people come from, as these platforms publish them: so that nobody has to look them up.

use transhume_model::directory::ProviderSecurity;

/// A platform, and where its IMAP server is.
pub(super) struct WellKnown {
    pub(super) name: &'static str,
    pub(super) host: &'static str,
    /// What its people have to know.
    pub(super) remark: &'static str,
}

const APP_PASSWORDS: &str =
    "It takes app passwords only, which each person makes in the settings of their account there.";
const SWITCHED_ON: &str = "Each person has to allow IMAP in the settings of their account there.";

/// In the order of their names. All of them speak TLS on the usual port.
pub(super) const WELL_KNOWN: [WellKnown; 15] = [
    known("Aruba", "imaps.aruba.it", ""),
    known("Fastmail", "imap.fastmail.com", APP_PASSWORDS),
    known("Gandi", "mail.gandi.net", ""),
    known("GMX", "imap.gmx.net", SWITCHED_ON),
    known("Google Workspace, Gmail", "imap.gmail.com", APP_PASSWORDS),
    known("iCloud Mail", "imap.mail.me.com", APP_PASSWORDS),
    known("Infomaniak", "mail.infomaniak.com", ""),
    known("IONOS", "imap.ionos.com", ""),
    known("mailbox.org", "imap.mailbox.org", ""),
    known("OVHcloud", "ssl0.ovh.net", ""),
    known("Posteo", "posteo.de", ""),
    known("STRATO", "imap.strato.de", ""),
    known("WEB.DE", "imap.web.de", SWITCHED_ON),
    known("Yahoo Mail", "imap.mail.yahoo.com", APP_PASSWORDS),
    known("Zoho Mail", "imap.zoho.com", SWITCHED_ON),
];

const fn known(name: &'static str, host: &'static str, remark: &'static str) -> WellKnown {
    WellKnown { name, host, remark }
}

impl WellKnown {
    /// The one of that name.
    pub(super) fn named(name: &str) -> Option<&'static Self> {
        WELL_KNOWN.iter().find(|known| known.name == name)
    }

    /// The one whose server that is.
    pub(super) fn at(host: &str) -> Option<&'static Self> {
        WELL_KNOWN.iter().find(|known| known.host == host)
    }

    pub(super) fn port() -> u16 {
        Self::security().port().get()
    }

    pub(super) fn security() -> ProviderSecurity {
        ProviderSecurity::Tls
    }
}

#[cfg(test)]
mod tests {
    use transhume_model::directory::HostName;

    use super::*;

    #[test]
    fn they_are_hosts_in_order() {
        for known in &WELL_KNOWN {
            assert_eq!(HostName::parse(known.host).unwrap().as_str(), known.host);
        }
        let names = WELL_KNOWN.map(|known| known.name.to_lowercase());
        assert!(names.is_sorted(), "{names:?}");
    }
}
