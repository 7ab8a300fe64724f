//! Running a command to its end, or until somebody asks to stop.

use std::time::Duration;

use transhume_sync::{Observer, Stop, StopSwitch, stop_switch};

use super::progress::Teller;
use crate::exit::{Exit, Failure};

/// Runs `work`, which hears of Ctrl-C and signals, and tells of its progress on standard error.
pub(crate) fn run<T>(
    quiet: bool,
    work: impl AsyncFnOnce(&dyn Observer, &Stop) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(Exit::Internal, format!("the program cannot start: {error}"), ""))?;
    let (switch, stop) = stop_switch();
    let result = runtime.block_on(async {
        let listening = tokio::spawn(listen_for_signals(switch, quiet));
        let observer = Teller::new(quiet);
        let result = work(&observer, &stop).await;
        observer.end();
        listening.abort();
        result
    });
    // A thread that waits for a lock must not keep the program from ending.
    runtime.shutdown_timeout(Duration::from_secs(1));
    result
}

/// The first signal asks for a clean end; the second ends the program at once, which loses nothing either.
pub(crate) async fn listen_for_signals(switch: StopSwitch, quiet: bool) {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut interrupt), Ok(mut terminate)) =
        (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        return;
    };
    let mut asked = false;
    loop {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        if asked {
            std::process::exit(i32::from(Exit::Interrupted.code()));
        }
        asked = true;
        switch.ask();
        if !quiet {
            eprintln!(
                "\nFinishing what is on its way; press Ctrl-C again to end at once (nothing is lost either way)."
            );
        }
    }
}
