//! `transhume provider check`: whether its server can be reached as it is described.

use std::path::PathBuf;
use std::time::Instant;

use clap::Args;
use serde_json::json;
use transhume_model::directory::{Provider, Role};
use transhume_ops::check_provider::{CheckFault, CheckProblem, TestLogin, check_provider};

use super::account::password::{self, OF_SOURCE};
use super::directory::Answer;
use crate::exit::{Exit, Failure};

/// What is checked.
#[derive(Debug, Args)]
pub(crate) struct Check {
    /// Its name
    pub(crate) name: String,

    /// Log in as this user of the old server, too. The password is asked for, or comes from --password-file or
    /// `TRANSHUME_PASSWORD`
    #[arg(long, value_name = "USER")]
    user: Option<String>,

    /// File that holds that user's password on its only line (- for standard input)
    #[arg(long, value_name = "FILE", requires = "user")]
    password_file: Option<PathBuf>,
}

/// Asks the server. Whoever runs commands here has the rights of a `SuperAdmin`.
pub(crate) async fn check(provider: &Provider, how: &Check) -> Result<Answer, Failure> {
    let password = match &how.user {
        Some(user) => {
            let host = provider.host.as_str();
            Some(password::obtain(OF_SOURCE, how.password_file.as_deref(), user, host)?.reveal())
        }
        None => None,
    };
    let login = how.user.as_deref().zip(password.as_deref());
    let login = login.map(|(login, password)| TestLogin { login, password });
    let begun = Instant::now();
    let checked = check_provider(provider, Role::SuperAdmins, login, &|| begun.elapsed()).await;
    let checked = checked.map_err(|problem| failure(&problem))?;
    let logged_in = if checked.logged_in {
        " and takes the login"
    } else {
        ""
    };
    let notes: String = checked.notes.iter().flat_map(|note| ["\n", note]).collect();
    let text = format!(
        "“{}” answers{logged_in}, in {} ms.{notes}",
        provider.name,
        checked.took.as_millis()
    );
    let json = json!({
        "provider": provider.name.as_str(),
        "logged_in": checked.logged_in,
        "milliseconds": u64::try_from(checked.took.as_millis()).unwrap_or(u64::MAX),
        "capabilities": checked.capabilities,
        "notes": checked.notes,
    });
    Ok(Answer::new(text, json))
}

fn failure(problem: &CheckProblem) -> Failure {
    match problem {
        CheckProblem::NotAllowed => Failure::usage(problem, ""),
        CheckProblem::Server { fault, said, advice } => {
            let exit = match fault {
                CheckFault::Unreachable => Exit::Unreachable,
                CheckFault::Untrusted => Exit::Untrusted,
                CheckFault::LoginRefused => Exit::LoginRefused,
            };
            Failure::new(exit, said, advice.as_str())
        }
    }
}
