//! Whether a provider's server can be reached as it is described, in words.

use transhume_model::directory::{Provider, Role};
use transhume_ops::check_provider::{CheckProblem, Checked, check_provider};

use crate::WebState;
use crate::console::words;

/// What a check has come to.
pub(super) struct Check {
    pub(super) tone: &'static str,
    pub(super) what: String,
    pub(super) more: Vec<String>,
}

/// Asks the server.
pub(super) async fn check(state: &WebState, role: Role, provider: &Provider) -> Check {
    match check_provider(provider, role, None, &*state.around.clock).await {
        Ok(checked) => good(provider, &checked),
        Err(problem) => bad(&problem),
    }
}

fn good(provider: &Provider, checked: &Checked) -> Check {
    Check {
        tone: if checked.notes.is_empty() { "good" } else { "wait" },
        what: format!(
            "{}, port {}, answers as it should ({} ms).",
            provider.host,
            provider.port,
            checked.took.as_millis()
        ),
        more: checked.notes.iter().map(|note| (*note).to_owned()).collect(),
    }
}

fn bad(problem: &CheckProblem) -> Check {
    let (what, more) = match problem {
        CheckProblem::NotAllowed => (problem.to_string(), Vec::new()),
        CheckProblem::Server { said, advice, .. } => (format!("{said}."), vec![advice.clone()]),
    };
    Check {
        tone: "bad",
        what: words::sentence(&what),
        more,
    }
}
