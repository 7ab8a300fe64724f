//! Who asks for a change through a page or the API, and why nothing came of it.

use transhume_db::SealError;
use transhume_db::directory::{DirectoryError, DirectoryTransaction, NewAudit};
use transhume_model::directory::Secret;
use transhume_model::plan::directory::{Field, Problem};
use transhume_model::rights::{Actor, Denied, Right, Scope, permits};

use crate::account::told;
use crate::admit_login::Surroundings;
use crate::audit::Did;

/// Who asks for a change, and with what it is done. Each change looks for itself whose things they may change, and notes in
/// the same stroke who did it.
#[derive(Clone, Copy)]
pub struct Asked<'a> {
    /// The directory, and what else is needed.
    pub around: &'a Surroundings,
    /// Who.
    pub actor: &'a Actor,
    /// Where from; `None` is this machine.
    pub network: Option<&'a str>,
}

/// Something that is wrong with what was asked, and in which field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The field's name; empty for all of it.
    pub field: &'static str,
    /// What is wrong and what would be right, in a sentence.
    pub said: String,
}

/// Why nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// There is no such thing, or it is not theirs.
    #[error("there is no {0}")]
    Unknown(String),
    /// They may not.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// It cannot be as it was said.
    #[error("{}", sentences(.0))]
    Refused(Vec<Fault>),
    /// It cannot be now.
    #[error("{0}")]
    Conflict(String),
    /// The directory failed.
    #[error(transparent)]
    Directory(DirectoryError),
    /// Something does not work here.
    #[error("{0}")]
    Internal(String),
}

fn sentences(faults: &[Fault]) -> String {
    let said: Vec<&str> = faults.iter().map(|fault| fault.said.as_str()).collect();
    said.join("; ")
}

impl Fault {
    /// A fault of a field.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "an error is told where it is heard, and done with"
    )]
    pub fn of(field: &'static str, said: impl ToString) -> Self {
        let said = said.to_string();
        Self { field, said }
    }
}

impl ChangeError {
    /// One thing is wrong, with this field.
    pub fn refused(field: &'static str, said: impl ToString) -> Self {
        Self::Refused(vec![Fault::of(field, said)])
    }

    /// What the planner of imports found wrong.
    pub(crate) fn problems(problems: Vec<Problem>) -> Self {
        let fault = |problem: Problem| Fault {
            field: match problem.field {
                Field::Name => "name",
                Field::Target => "target",
                Field::Quota => "quota",
                Field::DefaultQuota => "default_mailbox_quota",
                Field::Address => "address",
                Field::Administers(_) => "administers",
                Field::Recipient(_) => "recipients",
            },
            said: told(&[problem]),
        };
        Self::Refused(problems.into_iter().map(fault).collect())
    }
}

impl From<DirectoryError> for ChangeError {
    fn from(error: DirectoryError) -> Self {
        match error {
            DirectoryError::Contradiction { row, .. } => Self::Conflict(format!(
                "“{row}” cannot be written: something else has its name, or what it belongs to is gone"
            )),
            DirectoryError::Unstorable { .. } => Self::refused("", error.to_string()),
            other => Self::Directory(other),
        }
    }
}

impl From<SealError> for ChangeError {
    fn from(error: SealError) -> Self {
        Self::Internal(error.to_string())
    }
}

impl Asked<'_> {
    /// Whose things they may change. Whoever may not at all has nothing.
    pub fn scope(&self, right: Right) -> Scope {
        permits(self.actor, right).unwrap_or_else(|| Scope::Domains(std::collections::BTreeSet::new()))
    }

    /// Seconds since 1970 UTC.
    pub fn now(&self) -> i64 {
        self.around.now()
    }

    /// Notes what is done, in the transaction that does it.
    pub(crate) async fn note(
        &self,
        transaction: &mut DirectoryTransaction<'_>,
        did: Did,
        what: &str,
        details: &str,
    ) -> Result<(), DirectoryError> {
        let new = NewAudit {
            at: self.now(),
            login: self.actor.login.as_str(),
            network: self.network,
            did: did.as_str(),
            what,
            details,
        };
        transaction.note(new).await
    }
}

impl Surroundings {
    /// Seconds since 1970 UTC.
    pub(crate) fn now(&self) -> i64 {
        i64::try_from((self.clock)().as_secs()).unwrap_or(i64::MAX)
    }

    /// What nobody guesses: 256 random bits, in 64 hexadecimal digits.
    pub(crate) fn new_secret(&self) -> Result<Secret, String> {
        crate::sign_in::new_secret(&self.random)
    }
}
