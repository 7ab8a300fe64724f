//! Whether a provider's server can be reached as it is described, and if not, why.
//!
//! For [`Role::SuperAdmins`] alone: they write providers, and they may ask any host and port, since old servers are in odd places.
//! To everybody else it would be a way to look into the network that this server stands in, whatever the answer said or left
//! out: the time that it takes tells enough. What a server that speaks no IMAP says is not repeated.

use std::time::Duration;

use transhume_imap::{Connection, ImapError};
use transhume_model::directory::{CertificateTrust, Provider, ProviderSecurity, Role};

use crate::old_server;

/// A server that answered as it should.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checked {
    /// What it can do, as far as it tells strangers.
    pub capabilities: Vec<String>,
    /// Whether a login was tried, and taken.
    pub logged_in: bool,
    /// How long all of it took.
    pub took: Duration,
    /// What a person should know nevertheless, in whole sentences.
    pub notes: Vec<&'static str>,
}

/// Why a server was not found as it should be.
#[derive(Debug, thiserror::Error)]
pub enum CheckProblem {
    /// Whoever asks may not.
    #[error("only SuperAdmins may check providers")]
    NotAllowed,
    /// The server, or the way there.
    #[error("{said}. {advice}")]
    Server {
        /// Where it fails.
        fault: CheckFault,
        /// What happened.
        said: String,
        /// What to do.
        advice: String,
    },
}

/// Where a check fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckFault {
    /// There is no IMAP server that answers.
    Unreachable,
    /// Its certificate is not believed.
    Untrusted,
    /// It refuses the login.
    LoginRefused,
}

/// A login to try, too.
#[derive(Clone, Copy)]
pub struct TestLogin<'l> {
    /// The login at the old server.
    pub login: &'l str,
    /// Its password.
    pub password: &'l [u8],
}

/// Connects, as a first login would; logs in, if that is asked; and says goodbye. It takes six seconds at most. `clock` tells what
/// has passed since some moment.
pub async fn check_provider(
    provider: &Provider,
    asker: Role,
    login: Option<TestLogin<'_>>,
    clock: &(dyn Fn() -> Duration + Sync),
) -> Result<Checked, CheckProblem> {
    if asker != Role::SuperAdmins {
        return Err(CheckProblem::NotAllowed);
    }
    let begun = clock();
    let endpoint = old_server::endpoint(provider);
    let conversation = old_server::patiently(provider, async {
        let mut connection = Connection::open(&endpoint).await?;
        let capabilities: Vec<String> = connection.capabilities().names().map(str::to_owned).collect();
        if let Some(TestLogin { login, password }) = login {
            connection.login(login, password).await?;
        }
        connection.logout().await;
        Ok(capabilities)
    });
    match conversation.await {
        Ok(capabilities) => Ok(Checked {
            notes: notes(provider, &capabilities),
            capabilities,
            logged_in: login.is_some(),
            took: clock().saturating_sub(begun),
        }),
        Err(error) => Err(problem(provider, &error)),
    }
}

fn notes(provider: &Provider, capabilities: &[String]) -> Vec<&'static str> {
    let has = |name: &str| capabilities.iter().any(|one| one.eq_ignore_ascii_case(name));
    let mut notes = Vec::new();
    if provider.security == ProviderSecurity::Clear {
        notes.push("Passwords and mail can be read on the way.");
        if has("STARTTLS") {
            notes.push("The server offers STARTTLS: use it.");
        }
    }
    if provider.security != ProviderSecurity::Clear && provider.certificate != CertificateTrust::Public {
        notes.push(
            "The certificate is pinned: people are led to the old server through this service, as long as it runs on Dovecot's \
             machine (docs/operator/logins.md).",
        );
    }
    notes
}

fn problem(provider: &Provider, error: &ImapError) -> CheckProblem {
    let security = provider.security;
    let advice = match error {
        ImapError::Resolve { .. } => "See whether the name is right.".to_owned(),
        ImapError::Connect { .. } | ImapError::Timeout { .. } if security == ProviderSecurity::Tls => {
            "See whether host and port are right (993 is usual with TLS), and whether a firewall lets this server out.".to_owned()
        }
        ImapError::Connect { .. } | ImapError::Timeout { .. } => {
            "See whether host and port are right (143 is usual), and whether a firewall lets this server out.".to_owned()
        }
        ImapError::Certificate { fingerprint, .. } => format!(
            "If you know this certificate, pin it: --pin sha256:{fingerprint}. Otherwise somebody may be listening on the way."
        ),
        ImapError::StartTlsRefused => "Try TLS from the first octet, on port 993.".to_owned(),
        ImapError::Tls { .. } => "See whether the port speaks TLS from the first octet; port 143 does so after STARTTLS.".to_owned(),
        ImapError::LoginDisabled => "It takes no password over this connection; try TLS.".to_owned(),
        ImapError::LoginRefused { .. } => {
            "See whether the login is right, and whether the provider's login form is (whole address, or the local part).".to_owned()
        }
        ImapError::Later { .. } | ImapError::LoginUnavailable { .. } => "Try again later.".to_owned(),
        _ => "See whether an IMAP server is what answers there.".to_owned(),
    };
    let said = match error {
        // What stands there may be anybody's words.
        ImapError::Protocol { .. } | ImapError::TooLong => {
            format!(
                "what answers at {}, port {}, is no IMAP server",
                provider.host, provider.port
            )
        }
        other => other.to_string(),
    };
    let fault = match error {
        ImapError::Certificate { .. } => CheckFault::Untrusted,
        ImapError::LoginRefused { .. } | ImapError::LoginDisabled => CheckFault::LoginRefused,
        _ => CheckFault::Unreachable,
    };
    CheckProblem::Server { fault, said, advice }
}
