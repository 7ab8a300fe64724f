//! Where a server is, and the way to it.

use std::io;
use std::net::IpAddr;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;

use super::connection::Compressing;
use super::fingerprint::Fingerprint;
use super::tls;
use crate::session::{Greeting, ReadCapabilities, StartTls};
use crate::{Connection, ImapError};

/// A server, and how to speak to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Host name, or IP address without brackets.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// Whether and when TLS begins.
    pub security: Security,
    /// Which certificate is believed.
    pub certificate: CertificateRule,
    /// When to give up.
    pub timeouts: Timeouts,
    /// Whether to let the server compress what it sends.
    pub compression: Compression,
}

/// Whether to let the server compress what it sends (RFC 4978), once somebody is logged in. A server that does not offer
/// it, or refuses, is no error.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compression {
    /// Where it saves time: not to this machine, nor to one in the same private network
    /// (`docs/adr/0007-compression.md`).
    #[default]
    Auto,
    /// Wherever the server offers it.
    Always,
    /// Nowhere.
    Never,
}

impl Compression {
    /// Whether it is wanted on the way to this address.
    fn wanted(self, address: IpAddr) -> bool {
        match self {
            Self::Auto => !is_near(address),
            Self::Always => true,
            Self::Never => false,
        }
    }
}

/// Whether the address is of this machine or of the same network, as far as its number tells.
fn is_near(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(ip) => ip.is_loopback() || ip.is_private() || ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local(),
    }
}

/// Whether and when TLS begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Security {
    /// With the first byte (RFC 8314); usually port 993.
    Tls,
    /// After STARTTLS, without which nothing is sent; usually port 143.
    StartTls,
    /// Never: everything, the password too, can be read on the way.
    Insecure,
}

/// Which certificate is believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CertificateRule {
    /// One for this host from an issuer that the system trusts (`SSL_CERT_FILE` overrides which those are).
    Public,
    /// The one whose DER form has this SHA-256, whatever names, dates and issuer stand in it.
    Pinned(Fingerprint),
}

/// When to give up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// For each address that is tried, and again for the TLS handshake.
    pub connect: Duration,
    /// How long the server may send nothing while something is expected of it.
    pub idle: Duration,
}

impl Default for Timeouts {
    /// 20 seconds to connect, 120 seconds of silence.
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(20),
            idle: Duration::from_mins(2),
        }
    }
}

/// Anything that carries bytes both ways.
pub(crate) trait Transport: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Transport for T {}

impl Connection {
    /// Connects, begins TLS, reads the greeting and learns what the server can do.
    pub async fn open(endpoint: &Endpoint) -> Result<Self, ImapError> {
        let tcp = connect(endpoint).await?;
        let address = tcp.peer_addr();
        let tcp: Box<dyn Transport> = Box::new(tcp);
        let mut connection = match endpoint.security {
            Security::StartTls => start_tls(endpoint, tcp).await?,
            Security::Tls => Self::greeted(tls::handshake(endpoint, tcp).await?, endpoint.timeouts).await?,
            Security::Insecure => Self::greeted(tcp, endpoint.timeouts).await?,
        };
        if address.is_ok_and(|address| endpoint.compression.wanted(address.ip())) {
            connection.compressing = Compressing::Wanted;
        }
        connection.learn_capabilities().await?;
        Ok(connection)
    }

    /// Makes a connection of a transport on which the server has not spoken yet: for tests, and for bytes that
    /// come another way than over TCP. The server is asked nothing.
    pub async fn over(
        transport: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
        timeouts: Timeouts,
    ) -> Result<Self, ImapError> {
        Self::greeted(Box::new(transport), timeouts).await
    }

    async fn greeted(transport: Box<dyn Transport>, timeouts: Timeouts) -> Result<Self, ImapError> {
        let mut connection = Self::new(transport, timeouts);
        let greeting = Greeting::read(&connection.next_event().await?)?;
        connection.logged_in = greeting == Greeting::PreAuth;
        Ok(connection)
    }

    async fn learn_capabilities(&mut self) -> Result<(), ImapError> {
        if self.capabilities().is_empty() {
            self.run(ReadCapabilities::default()).await?;
        }
        Ok(())
    }
}

pub(super) async fn start_tls(endpoint: &Endpoint, tcp: Box<dyn Transport>) -> Result<Connection, ImapError> {
    let mut plain = Connection::greeted(tcp, endpoint.timeouts).await?;
    plain.learn_capabilities().await?;
    // A connection that is logged in already can no longer begin TLS (RFC 9051 section 6.2.1): what it shows
    // may come from anyone.
    if plain.logged_in || !plain.capabilities().has("STARTTLS") {
        return Err(ImapError::StartTlsRefused);
    }
    plain.run(StartTls).await?;
    // Believed after TLS has begun, it would be words that someone on the way put into the server's mouth.
    if !plain.dialogue.is_drained() {
        return Err(ImapError::protocol(
            "the server sent something between STARTTLS and TLS",
            b"",
        ));
    }
    // All that was told in the clear is forgotten with the old connection.
    Ok(Connection::new(
        tls::handshake(endpoint, plain.stream).await?,
        endpoint.timeouts,
    ))
}

pub(super) async fn connect(endpoint: &Endpoint) -> Result<TcpStream, ImapError> {
    let Endpoint {
        host, port, timeouts, ..
    } = endpoint;
    let addresses = timeout(timeouts.connect, lookup_host((host.as_str(), *port)))
        .await
        .map_err(|_| ImapError::Timeout {
            doing: format!("looking up {host}"),
        })?
        .map_err(|_| ImapError::Resolve { host: host.clone() })?;
    let mut failure = None;
    for address in addresses {
        match timeout(timeouts.connect, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => {
                // Commands are short and wait for nothing; a socket that refuses the option still works.
                let _ = stream.set_nodelay(true);
                return Ok(stream);
            }
            Ok(Err(error)) => failure = Some(error),
            Err(_) => failure = Some(io::ErrorKind::TimedOut.into()),
        }
    }
    Err(match failure {
        None => ImapError::Resolve { host: host.clone() },
        Some(error) if error.kind() == io::ErrorKind::TimedOut => ImapError::Timeout {
            doing: format!("connecting to {host}, port {port}"),
        },
        Some(source) => ImapError::Connect {
            host: host.clone(),
            port: *port,
            source,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_near_is_not_compressed_by_itself() {
        for (address, near) in [
            ("127.0.0.1", true),
            ("::1", true),
            ("::ffff:127.0.0.1", true),
            ("10.1.2.3", true),
            ("172.16.0.1", true),
            ("172.32.0.1", false),
            ("192.168.1.1", true),
            ("169.254.1.1", true),
            ("fd00::1", true),
            ("fe80::1", true),
            // Addresses behind carriers' routers and of private networks over the Internet.
            ("100.64.0.1", false),
            ("198.51.100.1", false),
            ("2001:db8::1", false),
        ] {
            let ip = address.parse().unwrap();
            assert_eq!(Compression::Auto.wanted(ip), !near, "{address}");
            assert!(Compression::Always.wanted(ip) && !Compression::Never.wanted(ip));
        }
    }
}
