//! Ways to old servers whose certificate is pinned. Dovecot cannot check a pin, so it is led to a port of this machine, and what it says
//! there goes on to the old server in a connection of ours that has checked it.
//!
//! Whoever else on this machine finds the port gets a connection to the old server, which they could have had without it.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Mutex, Semaphore};
use tokio::task::JoinSet;
use transhume_imap::{Endpoint, Spoken, Tunnel};
use transhume_model::admission::Door;
use transhume_model::directory::Provider;

use crate::old_server;

/// Connections that lead through this program at a time, to each server. Each takes two of the files that a process may have open.
const AT_A_TIME: usize = 4_000;

/// How long is waited when the system gives no connection.
const BREATH: Duration = Duration::from_millis(100);

/// Takes a line for the log.
pub(super) type Log = Arc<dyn Fn(String) + Send + Sync>;

/// The ways that have been asked for. They end with this.
#[derive(Default)]
pub(super) struct Tunnels {
    open: Mutex<Open>,
}

#[derive(Default)]
struct Open {
    ports: Vec<(Endpoint, Spoken, u16)>,
    listening: JoinSet<()>,
}

impl Tunnels {
    /// The port of this machine that leads to a provider's server; it is opened when it is needed for the first time.
    pub(super) async fn port(&self, provider: &Provider, door: Door, log: &Log) -> io::Result<u16> {
        let (spoken, port) = match door {
            Door::Pop3 => (Spoken::Pop3, provider.security.pop3_port()),
            _ => (Spoken::Imap, provider.port),
        };
        let endpoint = Endpoint {
            port: port.get(),
            ..old_server::endpoint(provider)
        };
        let mut open = self.open.lock().await;
        let known = open
            .ports
            .iter()
            .find(|(to, how, _)| (to, *how) == (&endpoint, spoken));
        if let Some((.., port)) = known {
            return Ok(*port);
        }
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let port = listener.local_addr()?.port();
        let listening = listen(listener, endpoint.clone(), spoken, Arc::clone(log));
        open.listening.spawn(listening);
        open.ports.push((endpoint, spoken, port));
        Ok(port)
    }
}

async fn listen(listener: TcpListener, endpoint: Endpoint, spoken: Spoken, log: Log) {
    let room = Arc::new(Semaphore::new(AT_A_TIME));
    let mut carrying = JoinSet::new();
    loop {
        while carrying.try_join_next().is_some() {}
        let Ok(place) = Arc::clone(&room).acquire_owned().await else {
            return;
        };
        match listener.accept().await {
            Ok((somebody, _)) => {
                let (endpoint, log) = (endpoint.clone(), Arc::clone(&log));
                carrying.spawn(async move {
                    lead(somebody, &endpoint, spoken, &log).await;
                    drop(place);
                });
            }
            // Too many open files, mostly: some are closed soon.
            Err(_) => tokio::time::sleep(BREATH).await,
        }
    }
}

async fn lead(somebody: TcpStream, endpoint: &Endpoint, spoken: Spoken, log: &Log) {
    match Tunnel::open(endpoint, spoken).await {
        // Either side may go away whenever it likes.
        Ok(tunnel) => drop(tunnel.carry(somebody).await),
        Err(error) => log(format!(
            "nobody can be led to {}, port {}: {error}",
            endpoint.host, endpoint.port
        )),
    }
}
