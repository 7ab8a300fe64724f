//! The source: an account on an IMAP server.
//!
//! What is used of the connection lists, examines and peeks. There is no method here that writes (I1).

use std::fmt;
use std::time::Duration;

use transhume_imap::{CertificateRule, Compression, Connection, Endpoint, ImapError, Security, Timeouts};

/// Where an account is, on either side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceAddress {
    /// Host name, or IP address without brackets.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// Whether and when TLS begins.
    pub security: Security,
    /// The login name.
    pub user: String,
}

impl SourceAddress {
    /// What the base knows the account by: the same through whichever port and protection it is reached.
    pub fn account(&self) -> String {
        format!("{}@{}", self.user, self.host.to_ascii_lowercase())
    }
}

/// An account and all that it takes to log in to it. `Debug` does not show the password (I10).
pub struct Source {
    /// Where it is.
    pub address: SourceAddress,
    /// Who logs in, where it is not the account's own user: a master user in its name, as the server wants that written.
    pub login_as: Option<String>,
    /// Bytes, as servers compare them.
    pub password: Vec<u8>,
    /// Which certificate is believed.
    pub certificate: CertificateRule,
    /// How long the server may be silent before the connection counts as lost.
    pub patience: Duration,
}

impl Source {
    /// Connects and logs in.
    pub(crate) async fn connect(&self) -> Result<Connection, ImapError> {
        let mut address = self.address.clone();
        if let Some(login) = &self.login_as {
            address.user.clone_from(login);
        }
        log_in(&address, &self.password, self.certificate, self.patience).await
    }
}

/// Connects to an account's server and logs in.
pub(crate) async fn log_in(
    address: &SourceAddress,
    password: &[u8],
    certificate: CertificateRule,
    patience: Duration,
) -> Result<Connection, ImapError> {
    let endpoint = Endpoint {
        host: address.host.clone(),
        port: address.port,
        security: address.security,
        certificate,
        timeouts: Timeouts {
            idle: patience,
            ..Timeouts::default()
        },
        compression: Compression::Auto,
    };
    let mut connection = Connection::open(&endpoint).await?;
    connection.login(&address.user, password).await?;
    Ok(connection)
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Source")
            .field("address", &self.address)
            .field("certificate", &self.certificate)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// I10: a source can be logged without giving its password away.
    #[test]
    fn debug_hides_the_password() {
        let source = Source {
            address: SourceAddress {
                host: "Old.Example".to_owned(),
                port: 993,
                security: Security::Tls,
                user: "alice".to_owned(),
            },
            login_as: None,
            password: b"s3cret".to_vec(),
            certificate: CertificateRule::Public,
            patience: Duration::from_secs(1),
        };
        assert!(!format!("{source:?}").contains("s3cret"));
        assert!(!format!("{source:?}").contains("115"), "not as numbers either");
        assert_eq!(source.address.account(), "alice@old.example");
    }
}
