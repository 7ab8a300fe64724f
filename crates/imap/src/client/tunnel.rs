//! A secured way to a server, over which somebody else speaks.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, copy_bidirectional};
use tokio::time::timeout;

use super::connect::{Endpoint, Security, Transport, connect, start_tls};
use super::tls;
use crate::ImapError;

/// What is spoken on the way: the two begin TLS differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spoken {
    /// IMAP (RFC 9051).
    Imap,
    /// POP3 (RFC 1939), which begins TLS with STLS (RFC 2595 section 4).
    Pop3,
}

/// A connection on which all that was needed for TLS has been said, and nothing else.
pub struct Tunnel {
    stream: Box<dyn Transport>,
    /// What stands for the server's greeting where that came before TLS, and could be anybody's.
    greeting: &'static [u8],
}

/// Longest line of a POP3 server's answer, in octets (RFC 2449 section 4).
const POP3_LINE: usize = 512;

impl Tunnel {
    /// Connects, and begins TLS as the endpoint says.
    pub async fn open(endpoint: &Endpoint, spoken: Spoken) -> Result<Self, ImapError> {
        let tcp: Box<dyn Transport> = Box::new(connect(endpoint).await?);
        let (stream, greeting): (_, &[u8]) = match (endpoint.security, spoken) {
            (Security::Insecure, _) => (tcp, b""),
            (Security::Tls, _) => (tls::handshake(endpoint, tcp).await?, b""),
            (Security::StartTls, Spoken::Imap) => {
                let connection = start_tls(endpoint, tcp).await?;
                (connection.stream, b"* OK ready\r\n")
            }
            (Security::StartTls, Spoken::Pop3) => (begin_tls_of_pop3(endpoint, tcp).await?, b"+OK ready\r\n"),
        };
        Ok(Self { stream, greeting })
    }

    /// Carries what somebody says to the server, and back, until both have said all, or one of them is gone.
    pub async fn carry(mut self, mut somebody: impl AsyncRead + AsyncWrite + Unpin) -> io::Result<()> {
        somebody.write_all(self.greeting).await?;
        copy_bidirectional(&mut somebody, &mut self.stream).await?;
        Ok(())
    }
}

async fn begin_tls_of_pop3(
    endpoint: &Endpoint,
    mut tcp: Box<dyn Transport>,
) -> Result<Box<dyn Transport>, ImapError> {
    let dialogue = async {
        let greeted = is_ok(&mut tcp).await?;
        tcp.write_all(b"STLS\r\n").await?;
        Ok::<_, io::Error>(greeted && is_ok(&mut tcp).await?)
    };
    match timeout(endpoint.timeouts.connect, dialogue).await {
        Ok(Ok(true)) => tls::handshake(endpoint, tcp).await,
        Ok(Ok(false)) => Err(ImapError::StartTlsRefused),
        Ok(Err(_)) => Err(ImapError::ConnectionLost {
            doing: format!("asking {} for TLS", endpoint.host),
        }),
        Err(_) => Err(ImapError::Timeout {
            doing: format!("asking {} for TLS", endpoint.host),
        }),
    }
}

/// Reads one line, and nothing beyond it: what follows belongs to TLS.
async fn is_ok(stream: &mut Box<dyn Transport>) -> io::Result<bool> {
    let mut line = Vec::new();
    while line.last() != Some(&b'\n') && line.len() < POP3_LINE {
        line.push(stream.read_u8().await?);
    }
    Ok(line.starts_with(b"+OK") && line.ends_with(b"\n"))
}

impl std::fmt::Debug for Tunnel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tunnel").finish_non_exhaustive()
    }
}
