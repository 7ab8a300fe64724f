//! A TCP proxy in front of a server that cuts, stalls or slows connections at an exact byte.
//!
//! It knows nothing of IMAP: the byte counts are of what the server sent to the client.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::error::TestkitError;

/// What goes wrong on the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nothing.
    None,
    /// Every connection is closed on both sides after this many bytes from the server.
    CutAfter(u64),
    /// The first connection that comes so far is closed; all others are left alone.
    CutOnceAfter(u64),
    /// After this many bytes from the server nothing more comes; the connection stays open.
    StallAfter(u64),
    /// As [`Fault::CutAfter`], by a TCP reset.
    ResetAfter(u64),
    /// Each chunk arrives this much later, in both directions; throughput stays.
    DelayEachWay(Duration),
}

/// The proxy; dropping it closes all its connections.
#[derive(Debug)]
pub struct FaultProxy {
    port: u16,
    shared: Arc<Shared>,
    listener: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    upstream: u16,
    fault: Mutex<Fault>,
    cut_done: AtomicBool,
    stopping: AtomicBool,
    received: AtomicU64,
    connections: AtomicU64,
    open: Mutex<Vec<TcpStream>>,
}

impl FaultProxy {
    /// Listens on a free port of 127.0.0.1 for connections to `upstream` there.
    pub fn start(upstream: u16, fault: Fault) -> Result<Self, TestkitError> {
        let error = || TestkitError::io("starting the fault proxy");
        let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(error())?;
        let port = socket.local_addr().map_err(error())?.port();
        let shared = Arc::new(Shared {
            upstream,
            fault: Mutex::new(fault),
            cut_done: AtomicBool::new(false),
            stopping: AtomicBool::new(false),
            received: AtomicU64::new(0),
            connections: AtomicU64::new(0),
            open: Mutex::new(Vec::new()),
        });
        let for_thread = Arc::clone(&shared);
        let listener = thread::spawn(move || {
            for client in socket.incoming() {
                if for_thread.stopping.load(Ordering::SeqCst) {
                    break;
                }
                if let Ok(client) = client {
                    for_thread.connections.fetch_add(1, Ordering::SeqCst);
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

    /// Bytes from the server handed to clients so far, over all connections.
    pub fn received(&self) -> u64 {
        self.shared.received.load(Ordering::SeqCst)
    }

    /// Connections accepted so far.
    pub fn connections(&self) -> u64 {
        self.shared.connections.load(Ordering::SeqCst)
    }

    /// Changes the fault for connections from now on, and arms [`Fault::CutOnceAfter`] again.
    pub fn set_fault(&self, fault: Fault) {
        *self.shared.fault.lock().unwrap() = fault;
        self.shared.cut_done.store(false, Ordering::SeqCst);
    }

    /// Closes all connections that are open now.
    pub fn cut_now(&self) {
        for stream in self.shared.open.lock().unwrap().drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.shared.stopping.store(true, Ordering::SeqCst);
        // Wakes the thread that waits for a connection.
        let _ = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port));
        if let Some(listener) = self.listener.take() {
            let _ = listener.join();
        }
        self.cut_now();
    }
}

impl Shared {
    fn serve(self: &Arc<Self>, client: TcpStream) -> io::Result<()> {
        let server = TcpStream::connect((Ipv4Addr::LOCALHOST, self.upstream))?;
        client.set_nodelay(true)?;
        server.set_nodelay(true)?;
        let fault = *self.fault.lock().unwrap();
        // A reset is sent only when the last handle is closed, so none may lie in the list.
        if !matches!(fault, Fault::ResetAfter(_)) {
            self.open.lock().unwrap().push(client.try_clone()?);
        }
        self.open.lock().unwrap().push(server.try_clone()?);
        let (client, server) = (Arc::new(client), Arc::new(server));
        let delay = match fault {
            Fault::DelayEachWay(delay) => delay,
            _ => Duration::ZERO,
        };
        let (from, to) = (Arc::clone(&client), Arc::clone(&server));
        thread::spawn(move || pump(&from, &to, delay, |_| usize::MAX));
        let shared = Arc::clone(self);
        thread::spawn(move || shared.towards_client(&server, &client, fault, delay));
        Ok(())
    }

    fn towards_client(&self, server: &TcpStream, client: &Arc<TcpStream>, fault: Fault, delay: Duration) {
        let mut passed = 0;
        let limit = |fault: Fault| match fault {
            Fault::CutAfter(limit) | Fault::StallAfter(limit) | Fault::ResetAfter(limit) => Some(limit),
            Fault::CutOnceAfter(limit) => (!self.cut_done.load(Ordering::SeqCst)).then_some(limit),
            Fault::None | Fault::DelayEachWay(_) => None,
        };
        let mut hit = false;
        pump(server, client, delay, |len| {
            let allowed = limit(fault).map_or(usize::MAX, |limit| {
                usize::try_from(limit - passed).unwrap_or(usize::MAX)
            });
            let taken = len.min(allowed);
            passed += taken as u64;
            self.received.fetch_add(taken as u64, Ordering::SeqCst);
            hit = taken == allowed;
            // Only one connection is the first.
            if hit && matches!(fault, Fault::CutOnceAfter(_)) && self.cut_done.swap(true, Ordering::SeqCst) {
                hit = false;
                self.received.fetch_add((len - taken) as u64, Ordering::SeqCst);
                passed += (len - taken) as u64;
                return usize::MAX;
            }
            if hit { taken } else { usize::MAX }
        });
        if !hit {
            return;
        }
        match fault {
            // What the server still sends is read by nobody, so it too notices the stall.
            Fault::StallAfter(_) => {}
            Fault::ResetAfter(_) => {
                let _ = rustix::net::sockopt::set_socket_linger(client, Some(Duration::ZERO));
                // Only the reading side, which wakes the other thread: a full shutdown would send FIN.
                let _ = client.shutdown(Shutdown::Read);
                let _ = server.shutdown(Shutdown::Both);
            }
            _ => {
                let _ = client.shutdown(Shutdown::Both);
                let _ = server.shutdown(Shutdown::Both);
            }
        }
    }
}

/// Copies until the end, an error, or until `allow` lets pass less than everything. It is asked once per
/// chunk with the chunk's length and answers how much of it may pass before the end (`MAX`: go on).
fn pump(from: &TcpStream, to: &Arc<TcpStream>, delay: Duration, mut allow: impl FnMut(usize) -> usize) {
    let (queue, chunks) = mpsc::sync_channel::<(Instant, Vec<u8>)>(64);
    let target = Arc::clone(to);
    // With a delay, writing has a thread of its own: else each chunk would wait for the one before.
    let writer = (!delay.is_zero()).then(|| {
        thread::spawn(move || {
            for (due, chunk) in chunks {
                thread::sleep(due.saturating_duration_since(Instant::now()));
                if (&*target).write_all(&chunk).is_err() {
                    break;
                }
            }
        })
    });
    let mut buffer = vec![0; 1 << 16];
    let mut reader = from;
    let mut at_end = true;
    while let Ok(len @ 1..) = reader.read(&mut buffer) {
        let allowed = allow(len);
        let chunk = &buffer[..len.min(allowed)];
        let sent = if writer.is_some() {
            queue.send((Instant::now() + delay, chunk.to_vec())).is_ok()
        } else {
            (&**to).write_all(chunk).is_ok()
        };
        if !sent || allowed != usize::MAX {
            at_end = false;
            break;
        }
    }
    drop(queue);
    if let Some(writer) = writer {
        let _ = writer.join();
    }
    if at_end {
        // One side may end and the other still have something to say.
        let _ = to.shutdown(Shutdown::Write);
    }
}
