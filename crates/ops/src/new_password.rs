//! Passwords that people choose on a page: looked at, hashed, compared. A core has one at a time.

use tokio::sync::Semaphore;
use transhume_model::directory::password::{NewScheme, SALT_OCTETS, Verdict, hash_new};
use transhume_model::directory::{Secret, StoredPassword};

use crate::admit_login::Surroundings;
use crate::asked::ChangeError;

/// Fewest characters of a new password (NIST SP 800-63B section 5.1.1.1).
pub const SHORTEST: usize = 8;

/// Hashes that are made at a time. They are slow on purpose, and logins want theirs too.
static HASHING: Semaphore = Semaphore::const_new(2);

/// The hash of a new password; refused, as `field`, where it is too short or cannot be hashed.
pub(crate) async fn hash(
    around: &Surroundings,
    field: &'static str,
    password: &Secret,
) -> Result<StoredPassword, ChangeError> {
    let text = String::from_utf8(password.reveal().to_vec());
    let text = text.map_err(|_| ChangeError::refused(field, "the password is not UTF-8"))?;
    if text.chars().count() < SHORTEST {
        let said = format!("a password has at least {SHORTEST} characters");
        return Err(ChangeError::refused(field, said));
    }
    let mut salt = [0; SALT_OCTETS];
    (around.random)(&mut salt).map_err(ChangeError::Internal)?;
    let hashed = run(move || hash_new(NewScheme::default(), &text, salt)).await?;
    hashed.map_err(|problem| ChangeError::refused(field, problem.to_string()))
}

/// Whether somebody knows a password.
pub(crate) async fn is_right(stored: Option<StoredPassword>, password: &Secret) -> Result<bool, ChangeError> {
    let Some(stored) = stored else { return Ok(false) };
    let Ok(text) = String::from_utf8(password.reveal().to_vec()) else {
        return Ok(false);
    };
    Ok(run(move || stored.verify(&text)).await? == Verdict::Right)
}

async fn run<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, ChangeError> {
    let stopped = |error: &dyn std::fmt::Display| ChangeError::Internal(error.to_string());
    let _turn = HASHING.acquire().await.map_err(|error| stopped(&error))?;
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| stopped(&error))
}
