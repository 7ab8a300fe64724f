//! What the commands that work on the directory have in common.

use transhume_db::directory::DirectoryError;

use crate::exit::{Exit, Failure};

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
