//! `transhume serve`: answers logins, the console and the API, and carries accounts, in one process.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, SystemTime};

use clap::Args;
use tokio::sync::oneshot;
use transhume_model::directory::Secret;
use transhume_ops::admit_login::{Admission, Surroundings};
use transhume_ops::first_start::FirstStart;
use transhume_sync::{Stop, stop_switch};
use transhume_web::WebState;

use super::account::listen_for_signals;
use crate::config::said::of_process;
use crate::config::{Console, DirectoryOptions, LoginRules};
use crate::exit::{Exit, Failure};
use crate::service::{Prepared, State, block_on, tell};

const AFTER_HELP: &str = "\
Answers those who ask about logins (Dovecot's script, web mail: docs/operator/logins.md), serves the console and the API
(docs/operator/console.md), and carries what is due, until it is stopped. “transhume work” may run beside it, on other machines
too.

It runs as the owner of all mail; started as root, it becomes that user. What it needs to know stands in [service], [mail],
[login] and [console] of the configuration file: see “transhume config check”.

Exit codes: 0 stopped as asked; 2 wrong command line or configuration; 7 the directory, the folders or the address to listen on
cannot be used; 70 internal error; 130 stopped at once by a second signal.";

/// Runs the service: answers logins and the console, and carries accounts whose turn it is
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    #[command(flatten)]
    directory: DirectoryOptions,
}

/// Runs until somebody asks to stop, and says how it went.
pub(crate) fn run(arguments: &Arguments) -> Exit {
    match execute(arguments) {
        Ok(()) => Exit::Complete,
        Err(failure) => {
            eprintln!("transhume: {failure}");
            failure.exit
        }
    }
}

fn execute(arguments: &Arguments) -> Result<(), Failure> {
    // Before root's rights are given up: what only root may read, and ports that only root may have.
    let config = arguments.directory.config()?;
    let (rules, console) = (config.login(&of_process)?, config.console(&of_process)?);
    let prepared = Arc::new(Prepared::new(&arguments.directory)?);
    let listeners = Listeners {
        hooks: listen(prepared.service.listen, "service")?,
        console: console.listen.map(|at| listen(at, "console")).transpose()?,
    };
    let console_at = console
        .listen
        .map_or_else(String::new, |at| format!(", the console at {at}"));
    prepared.become_owner()?;
    super::move_all::raise_file_limit();
    let (signal, signalled) = stop_switch();
    let (switch, stop) = stop_switch();
    let (alive, gone) = oneshot::channel();
    let answering = answer(
        Arc::clone(&prepared),
        (rules, console),
        listeners,
        stop.clone(),
        alive,
    )?;
    let carried = block_on(async || {
        let listening = tokio::spawn(listen_for_signals(signal, true));
        // Half a service is none: when nobody answers any more, nothing is carried either.
        let ending = tokio::spawn(async move {
            tokio::select! {
                () = signalled.asked() => {}
                _ = gone => {}
            }
            switch.ask();
        });
        let pool = prepared.pool().await?;
        let options = prepared.worker(pool.clone());
        let (name, listen) = (&options.name, prepared.service.listen);
        eprintln!(
            "transhume serve: {name} serves {} at {listen}{console_at}",
            prepared.location
        );
        tell(State::Ready);
        tokio::join!(transhume_worker::run(options, &stop), async {
            stop.asked().await;
            eprintln!("transhume serve: finishing what is under way");
            tell(State::Stopping);
        });
        pool.close().await;
        ending.abort();
        listening.abort();
        Ok(())
    });
    // What failed to begin leaves the other half without a word to stop: it ends with the process.
    carried?;
    answering.join().unwrap_or_else(|_| {
        Err(Failure::new(
            Exit::Internal,
            "the part that answers has failed",
            "",
        ))
    })
}

/// Where is listened; the ports were asked for with root's rights.
struct Listeners {
    hooks: TcpListener,
    console: Option<TcpListener>,
}

fn listen(at: SocketAddr, section: &str) -> Result<TcpListener, Failure> {
    let bound = TcpListener::bind(at).and_then(|listener| {
        listener.set_nonblocking(true)?;
        Ok(listener)
    });
    bound.map_err(|error| {
        Failure::new(
            Exit::TargetFailed,
            format!("{at} cannot be listened on: {error}"),
            format!("See whether the service runs already, or name another address ([{section}] listen)."),
        )
    })
}

/// Answers, in a thread of its own: people who wait do not notice how much there is to carry. `alive` is let go at its end.
fn answer(
    prepared: Arc<Prepared>,
    (rules, console): (LoginRules, Console),
    listeners: Listeners,
    stop: Stop,
    alive: oneshot::Sender<()>,
) -> Result<thread::JoinHandle<Result<(), Failure>>, Failure> {
    // A runtime has connections of its own to the directory.
    let work = move || {
        let _alive = alive;
        block_on(async || {
            let pool = prepared.pool().await?;
            let around = Surroundings {
                directory: pool.clone(),
                sealer: Arc::clone(&prepared.sealer),
                clock: Arc::new(since_1970),
                random: Arc::new(|octets| getrandom::fill(octets).map_err(|error| error.to_string())),
                // The workers look for what is due every second.
                wake: Arc::new(|| {}),
                log: Arc::new(|line| eprintln!("{line}")),
            };
            let internal = |error: &dyn std::fmt::Display| Failure::new(Exit::Internal, error, "");
            let admission = Admission::new(around.clone(), &rules.guard).map_err(|error| internal(&error))?;
            let first_start = match &listeners.console {
                Some(_) => FirstStart::begin(&around, &prepared.service.state).await,
                None => Ok(FirstStart::closed()),
            };
            let secret = rules.hook_secret.as_ref();
            let secret = secret.map(|secret| Secret::new(secret.reveal().as_bytes().to_vec()));
            let first_start = first_start.map_err(|error| internal(&error))?;
            let state = WebState::new(admission, secret, around, console.rules, first_start)
                .with_state_files(&prepared.service.state);
            let listener =
                |listener| tokio::net::TcpListener::from_std(listener).map_err(|error| internal(&error));
            let hooks = listener(listeners.hooks)?;
            let console = listeners.console.map(listener).transpose()?;
            let until = stop.clone();
            let asked = transhume_web::serve(hooks, state.clone(), async move { until.asked().await });
            let shown = async {
                match console {
                    Some(console) => {
                        let until = async move { stop.asked().await };
                        transhume_web::serve_console(console, state, until).await
                    }
                    None => Ok(()),
                }
            };
            let served = tokio::try_join!(asked, shown);
            pool.close().await;
            served.map(drop).map_err(|error| internal(&error))
        })
    };
    let started = thread::Builder::new().name("answering".to_owned()).spawn(work);
    started.map_err(|error| Failure::new(Exit::Internal, format!("no thread can be started: {error}"), ""))
}

fn since_1970() -> Duration {
    SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default()
}
