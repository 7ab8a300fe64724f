//! A provider's server, asked for what a person waits for: shortly, and without writing anything.

use std::time::Duration;

use transhume_imap::{
    CertificateRule, Compression, Connection, Endpoint, Fingerprint, ImapError, Security, Timeouts,
};
use transhume_model::directory::{CertificateTrust, Provider, ProviderSecurity};

/// How long a person waits at most, for all of it together. Postfix gives up after ten seconds, Dovecot's script after seven.
pub(crate) const PATIENCE: Duration = Duration::from_secs(6);

/// Where a provider's server is, and how to speak to it.
pub(crate) fn endpoint(provider: &Provider) -> Endpoint {
    Endpoint {
        host: provider.host.as_str().to_owned(),
        port: provider.port.get(),
        security: match provider.security {
            ProviderSecurity::Tls => Security::Tls,
            ProviderSecurity::StartTls => Security::StartTls,
            ProviderSecurity::Clear => Security::Insecure,
        },
        certificate: match provider.certificate {
            CertificateTrust::Public => CertificateRule::Public,
            CertificateTrust::Pinned(digest) => CertificateRule::Pinned(Fingerprint::from(digest)),
        },
        timeouts: Timeouts {
            connect: PATIENCE,
            idle: PATIENCE,
        },
        // A login is a few hundred octets.
        compression: Compression::Never,
    }
}

/// Runs what asks a server, for as long as a person waits.
pub(crate) async fn patiently<T>(
    provider: &Provider,
    ask: impl Future<Output = Result<T, ImapError>>,
) -> Result<T, ImapError> {
    match tokio::time::timeout(PATIENCE, ask).await {
        Ok(done) => done,
        Err(_) => Err(ImapError::Timeout {
            doing: format!("{} was asked for {} s", provider.host, PATIENCE.as_secs()),
        }),
    }
}

/// Logs in, and out again.
pub(crate) async fn log_in(provider: &Provider, login: &str, password: &[u8]) -> Result<(), ImapError> {
    patiently(provider, async {
        let mut connection = Connection::open(&endpoint(provider)).await?;
        // Who is greeted as logged in has proved nothing.
        if connection.is_logged_in() {
            return Err(ImapError::LoginDisabled);
        }
        connection.login(login, password).await?;
        connection.logout().await;
        Ok(())
    })
    .await
}
