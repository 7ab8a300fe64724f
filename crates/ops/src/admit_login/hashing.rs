//! Hashes, which are slow on purpose: apart from everything else, and no more at a time than there are cores.
//!
//! A login waits for one: nothing is stored that was not hashed. Argon2id with 19 MiB (what all new passwords get) takes some
//! 20 ms of a core: a hundred people who come at the same moment have waited for one second on two cores. The cheaper it
//! were, the sooner a stolen directory would be read; Dovecot pays the same for each of their logins from then on.

use std::thread::available_parallelism;

use tokio::sync::Semaphore;

use super::Trouble;

pub(super) struct Hashing {
    cores: Semaphore,
}

impl Hashing {
    pub(super) fn new() -> Self {
        Self {
            cores: Semaphore::new(available_parallelism().map_or(1, usize::from)),
        }
    }

    /// Runs what occupies a core.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Trouble> {
        let stopped = |error: &dyn std::fmt::Display| Trouble::Internal(error.to_string());
        let _core = self.cores.acquire().await.map_err(|error| stopped(&error))?;
        tokio::task::spawn_blocking(work)
            .await
            .map_err(|error| stopped(&error))
    }
}
