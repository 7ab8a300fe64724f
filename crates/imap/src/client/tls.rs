//! TLS, and whom to believe.

use std::io;
use std::sync::{Arc, Mutex, OnceLock};

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error as TlsError, RootCertStore, SignatureScheme,
};
use tokio::io::BufReader;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::connect::{CertificateRule, Endpoint, Transport};
use super::fingerprint::Fingerprint;
use crate::{CertificateFault, ImapError};

/// The TLS library reads 4 kB at a time; this many octets are asked of the system instead.
const READ_AHEAD: usize = 128 * 1024;

/// Begins TLS on a connection.
pub(super) async fn handshake(
    endpoint: &Endpoint,
    stream: Box<dyn Transport>,
) -> Result<Box<dyn Transport>, ImapError> {
    let host = &endpoint.host;
    let failed = |reason: String| ImapError::Tls {
        host: host.clone(),
        reason,
    };
    let name = ServerName::try_from(host.clone())
        .map_err(|_| failed("this is neither a host name nor an IP address".to_owned()))?;
    let provider = Arc::new(ring::default_provider());
    let verifier = Arc::new(Verifier::new(endpoint.certificate, provider.clone()));
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| failed(error.to_string()))?
        .dangerous()
        .with_custom_certificate_verifier(verifier.clone())
        .with_no_client_auth();
    let stream = BufReader::with_capacity(READ_AHEAD, stream);
    let connecting = TlsConnector::from(Arc::new(config)).connect(name, stream);
    match timeout(endpoint.timeouts.connect, connecting).await {
        Ok(Ok(stream)) => Ok(Box::new(stream)),
        Ok(Err(error)) => Err(match verifier.take_refusal() {
            Some((reason, fingerprint)) => ImapError::Certificate {
                host: host.clone(),
                reason,
                fingerprint,
            },
            // Not what TLS is about: the server restarts, or has too much to do.
            None if is_loss(error.kind()) => ImapError::ConnectionLost {
                doing: format!("agreeing on TLS with {host}"),
            },
            None => failed(error.to_string()),
        }),
        Err(_) => Err(ImapError::Timeout {
            doing: format!("agreeing on TLS with {host}"),
        }),
    }
}

/// Whether the connection ended, rather than that the two could not agree.
fn is_loss(kind: io::ErrorKind) -> bool {
    use io::ErrorKind as Kind;
    matches!(
        kind,
        Kind::UnexpectedEof | Kind::ConnectionReset | Kind::ConnectionAborted | Kind::BrokenPipe
    )
}

/// Believes a certificate by the system's roots or by its pin, and remembers why it did not.
#[derive(Debug)]
struct Verifier {
    trust: Trust,
    provider: Arc<CryptoProvider>,
    refusal: Mutex<Option<(CertificateFault, Fingerprint)>>,
}

#[derive(Debug)]
enum Trust {
    Pinned(Fingerprint),
    Public(Arc<WebPkiServerVerifier>),
    /// The system has no roots at all.
    Nobody,
}

impl Verifier {
    fn new(rule: CertificateRule, provider: Arc<CryptoProvider>) -> Self {
        let trust = match rule {
            CertificateRule::Pinned(pin) => Trust::Pinned(pin),
            CertificateRule::Public => WebPkiServerVerifier::builder_with_provider(roots(), provider.clone())
                .build()
                .map_or(Trust::Nobody, Trust::Public),
        };
        Self {
            trust,
            provider,
            refusal: Mutex::new(None),
        }
    }

    fn take_refusal(&self) -> Option<(CertificateFault, Fingerprint)> {
        self.refusal.lock().ok()?.take()
    }

    fn refuse(&self, fault: CertificateFault, certificate: Fingerprint, error: TlsError) -> TlsError {
        if let Ok(mut refusal) = self.refusal.lock() {
            *refusal = Some((fault, certificate));
        }
        error
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, TlsError> {
        let certificate = Fingerprint::of(end_entity);
        match &self.trust {
            Trust::Pinned(pin) if *pin == certificate => Ok(ServerCertVerified::assertion()),
            Trust::Pinned(_) => {
                let error = CertificateError::ApplicationVerificationFailure.into();
                Err(self.refuse(CertificateFault::PinDiffers, certificate, error))
            }
            Trust::Public(roots) => roots
                .verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
                .map_err(|error| self.refuse(fault(&error), certificate, error)),
            Trust::Nobody => {
                let words = "this system trusts no certificate authority at all".to_owned();
                let error = CertificateError::UnknownIssuer.into();
                Err(self.refuse(CertificateFault::Other(words), certificate, error))
            }
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}

/// The system's roots, read once: there are many connections and the files do not change under way.
fn roots() -> Arc<RootCertStore> {
    static ROOTS: OnceLock<Arc<RootCertStore>> = OnceLock::new();
    let load = || {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        Arc::new(roots)
    };
    ROOTS.get_or_init(load).clone()
}

fn fault(error: &TlsError) -> CertificateFault {
    let TlsError::InvalidCertificate(error) = error else {
        return CertificateFault::Other(error.to_string());
    };
    match error {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => CertificateFault::Expired,
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            CertificateFault::NotYetValid
        }
        CertificateError::NotValidForName => CertificateFault::OtherName { names: Vec::new() },
        CertificateError::NotValidForNameContext { presented, .. } => CertificateFault::OtherName {
            names: presented.clone(),
        },
        CertificateError::UnknownIssuer => CertificateFault::UnknownIssuer,
        // What a certificate says that is its own authority: self-signed, as `openssl req -x509` makes them.
        CertificateError::Other(other) if other.to_string().contains("CaUsedAsEndEntity") => {
            CertificateFault::UnknownIssuer
        }
        error => CertificateFault::Other(error.to_string()),
    }
}
