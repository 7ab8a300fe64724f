//! What the commands that work on the directory have in common.

mod answer;

use std::path::PathBuf;

use transhume_db::directory::{DirectoryError, DirectoryLocation, DirectoryPool};

use crate::config::DirectoryOptions;
use crate::exit::{Exit, Failure};

pub(crate) use answer::{Answer, amount, moment, table, tell};

/// The options of every command about single things of the directory.
#[derive(Debug, clap::Args)]
pub(crate) struct Common {
    #[command(flatten)]
    directory: DirectoryOptions,

    /// Print the answer as JSON
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

impl Common {
    /// Where the directory and the configuration are said to be.
    pub(crate) fn options(&self) -> &DirectoryOptions {
        &self.directory
    }

    /// Where the directory is, and the file with the key that seals passwords of old servers.
    pub(crate) fn places(&self) -> Result<(DirectoryLocation, PathBuf), Failure> {
        let config = self.directory.config()?;
        let location = self.directory.location(&config)?;
        let key = config.key_file(&location);
        Ok((location, key))
    }

    /// Runs a request on the directory, which is made where there is none yet.
    pub(crate) fn change<T>(
        &self,
        request: impl AsyncFnOnce(&DirectoryPool) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let (location, _) = self.places()?;
        run(async {
            let pool = DirectoryPool::open(&location).await;
            finish(&pool.map_err(|error| failure(&error))?, request).await
        })
    }

    /// Runs a request on the directory that changes nothing.
    pub(crate) fn look<T>(
        &self,
        request: impl AsyncFnOnce(&DirectoryPool) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let (location, _) = self.places()?;
        run(async {
            let pool = DirectoryPool::open_to_read(&location).await;
            finish(&pool.map_err(|error| failure(&error))?, request).await
        })
    }
}

async fn finish<T>(
    pool: &DirectoryPool,
    request: impl AsyncFnOnce(&DirectoryPool) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let answer = request(pool).await;
    pool.close().await;
    answer
}

/// Runs what is asynchronous to its end.
pub(crate) fn run<T>(future: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(Exit::Internal, format!("the program cannot begin: {error}"), ""))?;
    runtime.block_on(future)
}

/// A directory's trouble, with its exit code. What to do stands in the error itself.
pub(crate) fn failure(error: &DirectoryError) -> Failure {
    let exit = match error {
        DirectoryError::Busy { .. } => Exit::Busy,
        DirectoryError::NotThere { .. }
        | DirectoryError::SomethingElse { .. }
        | DirectoryError::Newer { .. }
        | DirectoryError::Older { .. } => Exit::Usage,
        DirectoryError::Contradiction { .. } | DirectoryError::Unstorable { .. } => Exit::Partial,
        _ => Exit::TargetFailed,
    };
    Failure::new(exit, error, "")
}
