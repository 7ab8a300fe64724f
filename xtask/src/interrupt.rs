//! Ctrl-C, so that servers are stopped and folders removed before this program ends.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::thread;

use anyhow::Context;
use tokio::signal::unix::{SignalKind, signal};

/// Watches for Ctrl-C and SIGTERM.
pub(crate) struct Interrupt {
    came: Arc<AtomicBool>,
    comes: Receiver<()>,
}

impl Interrupt {
    /// Begins to watch: neither signal ends the process any more.
    pub(crate) fn watch() -> anyhow::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .context("the runtime that waits for signals")?;
        let (mut interrupt, mut terminate) = {
            let _inside = runtime.enter();
            (
                signal(SignalKind::interrupt()).context("watching for Ctrl-C")?,
                signal(SignalKind::terminate()).context("watching for SIGTERM")?,
            )
        };
        let (sender, comes) = mpsc::channel();
        let came = Arc::new(AtomicBool::new(false));
        let note = Arc::clone(&came);
        thread::spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    _ = interrupt.recv() => {}
                    _ = terminate.recv() => {}
                }
            });
            note.store(true, Ordering::SeqCst);
            // When nobody waits any more, there is nobody to tell.
            let _ = sender.send(());
        });
        Ok(Self { came, comes })
    }

    /// Whether one came.
    pub(crate) fn came(&self) -> bool {
        self.came.load(Ordering::SeqCst)
    }

    /// The same, for another thread to look at.
    pub(crate) fn flag(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.came)
    }

    /// Waits for one.
    pub(crate) fn wait(&self) {
        // An error means that the thread is gone, and with it all reason to wait.
        let _ = self.comes.recv();
    }
}
