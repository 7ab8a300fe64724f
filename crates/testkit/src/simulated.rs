//! A small IMAP server in this process, with an account that can be changed at any time: for tests that need thousands
//! of sessions, states that no real server can be brought into, and trouble at an exact octet.
//!
//! It speaks what a reader needs (RFC 9051 and RFC 3501; LIST-EXTENDED, LIST-STATUS, SPECIAL-USE, NAMESPACE, ENABLE,
//! CONDSTORE, QRESYNC), as far as it is told to. It refuses everything that writes, and remembers that it was asked to;
//! so it does with what it does not understand.

mod account;
mod listing;
mod outlet;
mod reading;
mod request;
mod session;

use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

pub use self::account::{Account, Mailbox, Message};
pub use self::outlet::Mischief;

use self::outlet::{Outlet, Speech};
use self::session::Session;
use crate::error::TestkitError;

/// The name that may log in, and its password.
pub const LOGIN: (&str, &str) = ("alice", "correct horse");

/// What the server announces when it can do everything that it can.
pub const EVERYTHING: &[&str] = &[
    "LITERAL+",
    "SASL-IR",
    "AUTH=PLAIN",
    "NAMESPACE",
    "LIST-EXTENDED",
    "LIST-STATUS",
    "SPECIAL-USE",
    "ENABLE",
    "CONDSTORE",
    "QRESYNC",
];

/// As [`EVERYTHING`], without change numbers.
pub const WITHOUT_MOD_SEQ: &[&str] = &[
    "LITERAL+",
    "NAMESPACE",
    "LIST-EXTENDED",
    "LIST-STATUS",
    "SPECIAL-USE",
];

/// What a server of 1996 can do.
pub const PLAIN: &[&str] = &[];

/// The server; dropping it closes all connections.
#[derive(Debug)]
pub struct SimulatedServer {
    port: u16,
    shared: Arc<Shared>,
    listener: Option<JoinHandle<()>>,
}

/// Something that happens between two commands.
type Change = Box<dyn FnOnce(&mut Account) + Send>;

#[derive(Default)]
struct Shared {
    account: Mutex<Account>,
    abilities: Mutex<Vec<&'static str>>,
    speech: Arc<Mutex<Speech>>,
    /// Commands since the server was last told how to behave.
    commands: AtomicU64,
    refusal: Mutex<Option<(u64, &'static str)>>,
    change: Mutex<Option<(u64, Change)>>,
    writes: Mutex<Vec<String>>,
    nonsense: Mutex<Vec<String>>,
    stopping: AtomicBool,
    open: Mutex<Vec<TcpStream>>,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared")
            .field("account", &self.account)
            .finish_non_exhaustive()
    }
}

/// The lock, also after a test has panicked with it.
fn hold<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl SimulatedServer {
    /// Listens on a free port of 127.0.0.1, with an empty account. `IMAP4rev1` need not be among the abilities.
    pub fn start(abilities: &[&'static str]) -> Result<Self, TestkitError> {
        let error = || TestkitError::io("starting the simulated server");
        let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(error())?;
        let port = socket.local_addr().map_err(error())?.port();
        let shared = Arc::new(Shared::default());
        hold(&shared.abilities).extend_from_slice(abilities);
        let for_thread = Arc::clone(&shared);
        let listener = thread::spawn(move || {
            for client in socket.incoming() {
                if for_thread.stopping.load(Ordering::SeqCst) {
                    break;
                }
                if let Ok(client) = client {
                    serve(client, &for_thread);
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

    /// The account, to be looked at and changed. Sessions wait meanwhile.
    pub fn account(&self) -> MutexGuard<'_, Account> {
        hold(&self.shared.account)
    }

    /// Changes what connections from now on are told that the server can do.
    pub fn set_abilities(&self, abilities: &[&'static str]) {
        *hold(&self.shared.abilities) = abilities.to_vec();
    }

    /// Lets nothing go wrong any more, and begins to count anew.
    pub fn behave(&self) {
        *hold(&self.shared.speech) = Speech::default();
        *hold(&self.shared.refusal) = None;
        *hold(&self.shared.change) = None;
        self.shared.commands.store(0, Ordering::SeqCst);
    }

    /// Something goes wrong after so many octets from now on.
    pub fn misbehave_after(&self, octets: u64, mischief: Mischief) {
        self.behave();
        hold(&self.shared.speech).mischief = Some((octets, mischief));
    }

    /// The command with this number, from now on and from 0, is answered with NO and these words.
    pub fn refuse(&self, command: u64, words: &'static str) {
        self.behave();
        *hold(&self.shared.refusal) = Some((command, words));
    }

    /// Right before the command with this number, from now on and from 0, the account changes.
    pub fn change_before(&self, command: u64, change: impl FnOnce(&mut Account) + Send + 'static) {
        self.behave();
        *hold(&self.shared.change) = Some((command, Box::new(change)));
    }

    /// Octets that the server has said since it was last told how to behave.
    pub fn sent(&self) -> u64 {
        hold(&self.shared.speech).sent
    }

    /// Commands that it was given since it was last told how to behave.
    pub fn commands(&self) -> u64 {
        self.shared.commands.load(Ordering::SeqCst)
    }

    /// What clients have asked for that would have changed something.
    pub fn writes(&self) -> Vec<String> {
        hold(&self.shared.writes).clone()
    }

    /// What clients have said that made no sense, or that the server had not announced.
    pub fn nonsense(&self) -> Vec<String> {
        hold(&self.shared.nonsense).clone()
    }
}

fn serve(client: TcpStream, shared: &Arc<Shared>) {
    // Without either, the client sees its connection closed at once.
    let (Ok(reading), Ok(handle)) = (client.try_clone(), client.try_clone()) else {
        return;
    };
    let _ = client.set_nodelay(true);
    let mut open = hold(&shared.open);
    open.retain(|stream| stream.peer_addr().is_ok());
    open.push(handle);
    drop(open);
    let shared = Arc::clone(shared);
    thread::spawn(move || {
        let port = client.peer_addr().ok();
        let outlet = Outlet::new(client, Arc::clone(&shared.speech));
        // The client has gone, or mischief has ended the connection.
        let _ = Session::new(&shared, reading, outlet).run();
        // The last handle but this thread's: what was reset is to be closed now.
        hold(&shared.open).retain(|stream| stream.peer_addr().ok() != port);
    });
}

impl Drop for SimulatedServer {
    fn drop(&mut self) {
        self.shared.stopping.store(true, Ordering::SeqCst);
        // Wakes the thread that waits for a connection.
        let _ = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port));
        if let Some(listener) = self.listener.take() {
            let _ = listener.join();
        }
        for stream in hold(&self.shared.open).drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}
