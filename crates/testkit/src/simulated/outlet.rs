//! The server's mouth: what it says, counted over all connections, and what goes wrong with it.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// What goes wrong after some number of octets from the server. Once: then the server behaves again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mischief {
    /// The connection is closed.
    Cut,
    /// The connection is reset.
    Reset,
    /// Nothing more is said on this connection, which stays open.
    Stall,
    /// This is said in between.
    Insert(Vec<u8>),
    /// This is said, and the connection is closed.
    PartWith(Vec<u8>),
}

/// What was said over all connections since it was last asked to misbehave, and what is to go wrong.
#[derive(Debug, Default)]
pub(super) struct Speech {
    pub(super) sent: u64,
    pub(super) mischief: Option<(u64, Mischief)>,
}

/// One connection's way out.
pub(super) struct Outlet {
    stream: TcpStream,
    speech: Arc<Mutex<Speech>>,
    waiting: Vec<u8>,
}

impl Outlet {
    pub(super) fn new(stream: TcpStream, speech: Arc<Mutex<Speech>>) -> Self {
        Self {
            stream,
            speech,
            waiting: Vec::new(),
        }
    }

    fn misbehave(&mut self, mischief: Mischief) -> io::Result<()> {
        match mischief {
            Mischief::Insert(text) => return self.stream.write_all(&text),
            Mischief::PartWith(text) => self.stream.write_all(&text)?,
            Mischief::Cut => {}
            Mischief::Reset => {
                rustix::net::sockopt::set_socket_linger(&self.stream, Some(Duration::ZERO))?;
                // Closed without a farewell when the last handle goes.
                return Err(io::ErrorKind::ConnectionReset.into());
            }
            Mischief::Stall => {
                // Until the client has enough of it.
                let mut ignored = [0; 1024];
                while self.stream.read(&mut ignored)? > 0 {}
            }
        }
        let _ = self.stream.shutdown(Shutdown::Both);
        Err(io::ErrorKind::ConnectionAborted.into())
    }
}

impl Write for Outlet {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.waiting.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let waiting = std::mem::take(&mut self.waiting);
        let (before, mischief) = {
            let mut speech = self.speech.lock().unwrap_or_else(PoisonError::into_inner);
            let end = speech.sent + waiting.len() as u64;
            let mischief = speech.mischief.take_if(|(at, _)| *at <= end);
            let before = mischief.as_ref().map_or(end, |(at, _)| *at) - speech.sent;
            speech.sent = end;
            let before = usize::try_from(before).unwrap_or(usize::MAX);
            (before, mischief.map(|(_, mischief)| mischief))
        };
        self.stream.write_all(&waiting[..before])?;
        if let Some(mischief) = mischief {
            self.misbehave(mischief)?;
            self.stream.write_all(&waiting[before..])?;
        }
        Ok(())
    }
}
