//! A TCP proxy that makes a server seem far away: every byte arrives a fixed time after it was sent, in both
//! directions, and connecting takes as long as it would over such a line. It limits no throughput, knows nothing of
//! IMAP, and counts what passes.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::error::TestkitError;

/// Octets of one read, and reads that may be under way in one direction: together more than any line holds here, so that
/// the proxy delays and never slows.
const CHUNK: usize = 256 << 10;
const CHUNKS: usize = 4096;

/// What has passed so far, over all connections.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Connections accepted.
    pub connections: u64,
    /// Octets from clients.
    pub sent: u64,
    /// Octets from the server.
    pub received: u64,
    /// How often a client began to speak after the server had spoken, or first of all. A client that waits for each
    /// answer pays one round trip for each.
    pub turns: u64,
}

impl Traffic {
    /// What has passed since an earlier look.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        Self {
            connections: self.connections - earlier.connections,
            sent: self.sent - earlier.sent,
            received: self.received - earlier.received,
            turns: self.turns - earlier.turns,
        }
    }
}

/// The proxy; dropping it closes all its connections.
#[derive(Debug)]
pub struct DelayProxy {
    port: u16,
    shared: Arc<Shared>,
    listener: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    upstream: u16,
    each_way: Duration,
    stopping: AtomicBool,
    connections: AtomicU64,
    sent: AtomicU64,
    received: AtomicU64,
    turns: AtomicU64,
    open: Mutex<Vec<TcpStream>>,
}

/// Who spoke last on a connection.
const NOBODY: u8 = 0;
const CLIENT: u8 = 1;
const SERVER: u8 = 2;

impl DelayProxy {
    /// Listens on a free port of 127.0.0.1 for connections to `upstream` there. A round trip takes twice `each_way`.
    pub fn start(upstream: u16, each_way: Duration) -> Result<Self, TestkitError> {
        let error = || TestkitError::io("starting the delay proxy");
        let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(error())?;
        let port = socket.local_addr().map_err(error())?.port();
        let shared = Arc::new(Shared {
            upstream,
            each_way,
            stopping: AtomicBool::new(false),
            connections: AtomicU64::new(0),
            sent: AtomicU64::new(0),
            received: AtomicU64::new(0),
            turns: AtomicU64::new(0),
            open: Mutex::new(Vec::new()),
        });
        let for_thread = Arc::clone(&shared);
        let listener = thread::spawn(move || {
            for client in socket.incoming() {
                if for_thread.stopping.load(Ordering::SeqCst) {
                    break;
                }
                if let Ok(client) = client {
                    // An upstream that is gone looks to the client like a closed connection.
                    let _ = for_thread.serve(client);
                }
            }
        });
        Ok(Self {
            port,
            shared,
            listener: Some(listener),
        })
    }

    /// Where clients connect.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// What has passed so far.
    pub fn traffic(&self) -> Traffic {
        let shared = &self.shared;
        Traffic {
            connections: shared.connections.load(Ordering::SeqCst),
            sent: shared.sent.load(Ordering::SeqCst),
            received: shared.received.load(Ordering::SeqCst),
            turns: shared.turns.load(Ordering::SeqCst),
        }
    }
}

impl Drop for DelayProxy {
    fn drop(&mut self) {
        self.shared.stopping.store(true, Ordering::SeqCst);
        // Wakes the thread that waits for a connection.
        let _ = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port));
        if let Some(listener) = self.listener.take() {
            let _ = listener.join();
        }
        for stream in self.shared.open.lock().unwrap().drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

impl Shared {
    fn serve(self: &Arc<Self>, client: TcpStream) -> io::Result<()> {
        let accepted = Instant::now();
        let server = TcpStream::connect((Ipv4Addr::LOCALHOST, self.upstream))?;
        client.set_nodelay(true)?;
        server.set_nodelay(true)?;
        self.connections.fetch_add(1, Ordering::SeqCst);
        self.open
            .lock()
            .unwrap()
            .extend([client.try_clone()?, server.try_clone()?]);
        let last = Arc::new(AtomicU8::new(NOBODY));
        // The system has told the client that it is connected; over the line it would know after a round trip, and the
        // server when the client's last word of the handshake has come.
        let (client_begins, server_begins) = (accepted + self.each_way * 2, accepted + self.each_way * 3);
        let (from, to) = (client.try_clone()?, server.try_clone()?);
        let (shared, spoke) = (Arc::clone(self), Arc::clone(&last));
        thread::spawn(move || {
            shared.pump(from, to, client_begins, |len| {
                if spoke.swap(CLIENT, Ordering::SeqCst) != CLIENT {
                    shared.turns.fetch_add(1, Ordering::SeqCst);
                }
                shared.sent.fetch_add(len, Ordering::SeqCst);
            });
        });
        let shared = Arc::clone(self);
        thread::spawn(move || {
            shared.pump(server, client, server_begins, |len| {
                last.store(SERVER, Ordering::SeqCst);
                shared.received.fetch_add(len, Ordering::SeqCst);
            });
        });
        Ok(())
    }

    /// Hands over each chunk when its time has come, and the end likewise.
    fn pump(&self, mut from: TcpStream, to: TcpStream, begins: Instant, count: impl Fn(u64)) {
        let (queue, chunks) = mpsc::sync_channel::<(Instant, Vec<u8>)>(CHUNKS);
        let writer = thread::spawn(move || {
            let mut to = to;
            for (due, chunk) in chunks {
                thread::sleep(due.saturating_duration_since(Instant::now()));
                // An empty chunk is the end: one side may end and the other still have something to say.
                if chunk.is_empty() || to.write_all(&chunk).is_err() {
                    break;
                }
            }
            let _ = to.shutdown(Shutdown::Write);
        });
        let mut buffer = vec![0; CHUNK];
        let ends = loop {
            // A reset comes to the other side as an end.
            let len = from.read(&mut buffer).unwrap_or(0);
            let due = Instant::now().max(begins) + self.each_way;
            if len == 0 {
                break due;
            }
            count(len as u64);
            if queue.send((due, buffer[..len].to_vec())).is_err() {
                // Nobody listens any more, so whoever speaks may stop.
                let _ = from.shutdown(Shutdown::Both);
                return;
            }
        };
        let _ = queue.send((ends, Vec::new()));
        drop(queue);
        let _ = writer.join();
    }
}
