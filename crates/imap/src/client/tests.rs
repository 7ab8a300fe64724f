//! Connections to small servers on the loopback: TLS, STARTTLS, and who is believed.

use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use transhume_model::mail::Uid;

use super::*;
use crate::wire::WireName;
use crate::{CertificateFault, ImapError};

/// For `old.example`, signed by itself, for a hundred years from 2026.
const CERTIFICATE: &[u8] = include_bytes!("tests/self-signed.der");
const KEY: &[u8] = include_bytes!("tests/key.der");
const ANOTHER_KEY: &[u8] = include_bytes!("tests/another-key.der");

/// Gives out the certificate with whatever key: a server in whose hands the key is not.
#[derive(Debug)]
struct Always(Arc<CertifiedKey>);

impl ResolvesServerCert for Always {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.clone())
    }
}

fn acceptor(key: &'static [u8]) -> TlsAcceptor {
    let provider = Arc::new(ring::default_provider());
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key));
    let key = provider.key_provider.load_private_key(key).unwrap();
    let certified = CertifiedKey::new(vec![CertificateDer::from(CERTIFICATE)], key);
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(Always(Arc::new(certified))));
    Arc::new(config).into()
}

/// Starts a server for one connection, and says where it is.
async fn serve<S: Future<Output = ()> + Send + 'static>(
    security: Security,
    certificate: CertificateRule,
    server: impl FnOnce(TcpStream) -> S + Send + 'static,
) -> Endpoint {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move { server(listener.accept().await.unwrap().0).await });
    let timeouts = Timeouts {
        connect: Duration::from_secs(5),
        idle: Duration::from_secs(5),
    };
    Endpoint {
        host: "127.0.0.1".to_owned(),
        port,
        security,
        certificate,
        timeouts,
        compression: Compression::Never,
    }
}

fn pin() -> CertificateRule {
    CertificateRule::Pinned(Fingerprint::of(CERTIFICATE))
}

async fn tls_server(certificate: CertificateRule, key: &'static [u8]) -> Endpoint {
    serve(Security::Tls, certificate, move |tcp| async move {
        // The handshake fails when the client does not believe.
        if let Ok(mut stream) = acceptor(key).accept(tcp).await {
            stream
                .write_all(b"* OK [CAPABILITY IMAP4rev1 X-TLS] hello\r\n")
                .await
                .unwrap();
            let _ = stream.read(&mut [0; 100]).await;
        }
    })
    .await
}

#[tokio::test]
async fn a_pinned_certificate_is_believed_whatever_stands_in_it() {
    let connection = Connection::open(&tls_server(pin(), KEY).await).await.unwrap();
    assert!(connection.capabilities().has("X-TLS"));
}

#[tokio::test]
async fn a_certificate_that_is_not_believed_is_named() {
    let expected = Fingerprint::of(CERTIFICATE);
    let other = CertificateRule::Pinned(Fingerprint::of(b"another"));
    for (rule, fault) in [
        (other, CertificateFault::PinDiffers),
        (CertificateRule::Public, CertificateFault::UnknownIssuer),
    ] {
        match Connection::open(&tls_server(rule, KEY).await).await.err() {
            Some(ImapError::Certificate {
                host,
                reason,
                fingerprint,
            }) => {
                // A system without any roots says so.
                assert!(
                    reason == fault || matches!(reason, CertificateFault::Other(_)),
                    "{reason}"
                );
                assert_eq!((host.as_str(), fingerprint), ("127.0.0.1", expected));
            }
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn the_pinned_certificate_without_its_key_is_worth_nothing() {
    let error = Connection::open(&tls_server(pin(), ANOTHER_KEY).await)
        .await
        .err();
    assert!(matches!(error, Some(ImapError::Tls { .. })), "{error:?}");
}

/// A server that offers STARTTLS, replies so to the command, and shows other capabilities under TLS.
async fn starttls_server(greeting: &'static str, reply: &'static str) -> Endpoint {
    serve(Security::StartTls, pin(), move |mut tcp| async move {
        let mut heard = [0; 100];
        tcp.write_all(greeting.as_bytes()).await.unwrap();
        let count = tcp.read(&mut heard).await.unwrap();
        if count == 0 {
            return;
        }
        assert_eq!(&heard[..count], b"A1 STARTTLS\r\n");
        tcp.write_all(reply.as_bytes()).await.unwrap();
        if let Ok(mut stream) = acceptor(KEY).accept(tcp).await {
            let count = stream.read(&mut heard).await.unwrap();
            assert_eq!(&heard[..count], b"A1 CAPABILITY\r\n");
            stream
                .write_all(b"* CAPABILITY IMAP4rev1 X-TLS\r\nA1 OK\r\n")
                .await
                .unwrap();
            let _ = stream.read(&mut heard).await;
        }
    })
    .await
}

const OFFER: &str = "* OK [CAPABILITY IMAP4rev1 STARTTLS X-PLAIN] hello\r\n";

#[tokio::test]
async fn starttls_forgets_what_was_said_in_the_clear() {
    let endpoint = starttls_server(OFFER, "A1 OK begin\r\n").await;
    let connection = Connection::open(&endpoint).await.unwrap();
    assert!(connection.capabilities().has("X-TLS") && !connection.capabilities().has("X-PLAIN"));
}

#[tokio::test]
async fn what_is_slipped_in_before_tls_ends_the_connection() {
    for reply in [
        "A1 OK begin\r\n* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n",
        "A1 OK begin\r\n* PREAU",
    ] {
        let error = Connection::open(&starttls_server(OFFER, reply).await).await.err();
        assert!(matches!(error, Some(ImapError::Protocol { .. })), "{error:?}");
    }
}

#[tokio::test]
async fn without_starttls_nothing_goes_on() {
    for (greeting, reply) in [
        ("* OK [CAPABILITY IMAP4rev1] hello\r\n", ""),
        ("* PREAUTH [CAPABILITY IMAP4rev1 STARTTLS] hello\r\n", ""),
        (OFFER, "A1 NO not today\r\n"),
    ] {
        let error = Connection::open(&starttls_server(greeting, reply).await)
            .await
            .err();
        assert!(matches!(error, Some(ImapError::StartTlsRefused)), "{error:?}");
    }
}

#[tokio::test]
async fn who_does_not_answer_is_told_from_who_is_not_there() {
    let mut endpoint = serve(Security::Tls, pin(), |tcp| async move {
        std::future::pending::<()>().await;
        drop(tcp);
    })
    .await;
    endpoint.timeouts.connect = Duration::from_millis(100);
    let error = Connection::open(&endpoint).await.err();
    assert!(matches!(error, Some(ImapError::Timeout { .. })), "{error:?}");
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    endpoint.port = listener.local_addr().unwrap().port();
    drop(listener);
    let error = Connection::open(&endpoint).await.err();
    assert!(matches!(error, Some(ImapError::Connect { .. })), "{error:?}");
    // Too long for a name, so that nobody is asked about it.
    endpoint.host = "x".repeat(300);
    let error = Connection::open(&endpoint).await.err();
    assert!(matches!(error, Some(ImapError::Resolve { .. })), "{error:?}");
}

/// A server that offers compression: what it says to COMPRESS, and whether it compresses from then on. What comes right
/// behind its OK is in the same packet.
async fn compressing_server(greeting: &'static str, reply: &'static str, agrees: bool) -> Endpoint {
    let server = move |mut tcp: TcpStream| async move {
        let mut heard = vec![0; 1000];
        tcp.write_all(greeting.as_bytes()).await.unwrap();
        let mut tag = 1;
        if !greeting.starts_with("* PREAUTH") {
            let count = tcp.read(&mut heard).await.unwrap();
            assert!(heard[..count].starts_with(b"A1 LOGIN"));
            tcp.write_all(b"A1 OK [CAPABILITY IMAP4rev1 COMPRESS=DEFLATE] in\r\n")
                .await
                .unwrap();
            tag = 2;
        }
        let count = tcp.read(&mut heard).await.unwrap();
        assert_eq!(heard[..count], *format!("A{tag} COMPRESS DEFLATE\r\n").as_bytes());
        let (mut out, mut inn) = (
            flate2::Compress::new(flate2::Compression::best(), false),
            flate2::Decompress::new(false),
        );
        let mut said = |bytes: &[u8]| {
            if !agrees {
                return bytes.to_vec();
            }
            let mut packet = Vec::with_capacity(10_000);
            out.compress_vec(bytes, &mut packet, flate2::FlushCompress::Sync)
                .unwrap();
            packet
        };
        let news = said(b"* 7 EXISTS\r\n");
        tcp.write_all(&[reply.as_bytes(), &news].concat()).await.unwrap();
        let count = tcp.read(&mut heard).await.unwrap();
        let mut command = Vec::with_capacity(1000);
        if agrees {
            inn.decompress_vec(&heard[..count], &mut command, flate2::FlushDecompress::None)
                .unwrap();
        } else {
            command.extend_from_slice(&heard[..count]);
        }
        let command = String::from_utf8(command).unwrap();
        assert!(command.contains("EXAMINE \"x\"\r\n"), "{command}");
        let answer = format!("* 3 EXISTS\r\n* OK [UIDNEXT 9]\r\nA{} OK\r\n", tag + 1);
        // Octet by octet, as a bad line would bring it.
        for octet in said(answer.as_bytes()) {
            tcp.write_all(&[octet]).await.unwrap();
        }
        let _ = tcp.read(&mut heard).await;
    };
    let endpoint = serve(Security::Insecure, pin(), server).await;
    Endpoint {
        compression: Compression::Always,
        ..endpoint
    }
}

#[tokio::test]
async fn compression_begins_after_the_login_where_the_server_agrees() {
    for (greeting, reply, agrees) in [
        (
            "* OK [CAPABILITY IMAP4rev1] hello\r\n",
            "A2 OK compressing\r\n",
            true,
        ),
        (
            "* PREAUTH [CAPABILITY IMAP4rev1 COMPRESS=DEFLATE] hello\r\n",
            "A1 OK\r\n",
            true,
        ),
        (
            "* OK [CAPABILITY IMAP4rev1] hello\r\n",
            "A2 NO [COMPRESSIONACTIVE] by TLS\r\n",
            false,
        ),
        ("* OK [CAPABILITY IMAP4rev1] hello\r\n", "A2 BAD what?\r\n", false),
    ] {
        let endpoint = compressing_server(greeting, reply, agrees).await;
        let mut connection = Connection::open(&endpoint).await.unwrap();
        connection.login("bob", b"pw").await.unwrap();
        assert_eq!(connection.is_compressed(), agrees, "{reply}");
        let examined = connection.examine(&WireName::encode("x")).await.unwrap();
        assert_eq!(
            (examined.checkpoint.messages, examined.checkpoint.uid_next),
            (3, Uid::new(9)),
            "{reply}"
        );
    }
}

/// A server that says `script` line by line before TLS, and under TLS what it is told, in capitals.
async fn server_behind_a_tunnel(
    security: Security,
    certificate: CertificateRule,
    script: &'static [(&'static str, &'static str)],
) -> Endpoint {
    serve(security, certificate, move |mut tcp| async move {
        for (said, heard) in script {
            tcp.write_all(said.as_bytes()).await.unwrap();
            let mut command = vec![0; heard.len()];
            if tcp.read_exact(&mut command).await.is_err() {
                return;
            }
            assert_eq!(command, heard.as_bytes());
        }
        if let Ok(mut stream) = acceptor(KEY).accept(tcp).await {
            let mut told = vec![0; 100];
            while let Ok(count @ 1..) = stream.read(&mut told).await {
                stream
                    .write_all(&told[..count].to_ascii_uppercase())
                    .await
                    .unwrap();
            }
        }
    })
    .await
}

#[tokio::test]
async fn somebody_speaks_through_a_tunnel_to_whoever_has_the_pinned_certificate() {
    const IMAP: &[(&str, &str)] = &[
        (
            "* OK [CAPABILITY IMAP4rev1 STARTTLS] hello\r\n",
            "A1 STARTTLS\r\n",
        ),
        ("A1 OK begin\r\n", ""),
    ];
    const POP3: &[(&str, &str)] = &[("+OK hello\r\n", "STLS\r\n"), ("+OK begin\r\n", "")];
    for (security, spoken, script, greeting) in [
        (Security::Tls, Spoken::Imap, &[][..], ""),
        (Security::Tls, Spoken::Pop3, &[], ""),
        (Security::StartTls, Spoken::Imap, IMAP, "* OK ready\r\n"),
        (Security::StartTls, Spoken::Pop3, POP3, "+OK ready\r\n"),
    ] {
        let endpoint = server_behind_a_tunnel(security, pin(), script).await;
        let tunnel = Tunnel::open(&endpoint, spoken).await.unwrap();
        let (mut here, there) = tokio::io::duplex(64);
        let carrying = tokio::spawn(tunnel.carry(there));
        here.write_all(b"abc").await.unwrap();
        let mut heard = vec![0; greeting.len() + 3];
        here.read_exact(&mut heard).await.unwrap();
        assert_eq!(
            heard,
            format!("{greeting}ABC").as_bytes(),
            "{security:?} {spoken:?}"
        );
        // When one side is gone, so is the other.
        drop(here);
        let ended = tokio::time::timeout(Duration::from_secs(5), carrying).await;
        assert!(ended.is_ok(), "{security:?} {spoken:?}");

        let another = CertificateRule::Pinned(Fingerprint::of(b"another"));
        let endpoint = server_behind_a_tunnel(security, another, script).await;
        let refused = Tunnel::open(&endpoint, spoken).await.err();
        assert!(
            matches!(refused, Some(ImapError::Certificate { .. })),
            "{refused:?}"
        );
    }
}

#[tokio::test]
async fn no_tunnel_without_tls() {
    for script in [
        &[("-ERR go away\r\n", "STLS\r\n"), ("-ERR no\r\n", "x")][..],
        &[("+OK hello\r\n", "STLS\r\n"), ("-ERR no\r\n", "x")],
    ] {
        let endpoint = server_behind_a_tunnel(Security::StartTls, pin(), script).await;
        let refused = Tunnel::open(&endpoint, Spoken::Pop3).await.err();
        assert!(matches!(refused, Some(ImapError::StartTlsRefused)), "{refused:?}");
    }
}
