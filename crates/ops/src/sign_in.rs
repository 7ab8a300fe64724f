//! Somebody signs in to the console, with the password of their account; and tokens, by which programs ask in their name.
//!
//! What a browser or a program shows is random, and only its digest is kept: whoever reads the directory cannot sign in with
//! what stands there.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use transhume_db::directory::{DirectoryError, DirectoryPool, DirectoryTransaction, NewAudit, NewSignIn};
use transhume_model::admission::{Allowance, Door, Refusal, Throttle};
use transhume_model::directory::{Account, Login, Role, Secret};

use crate::Asked;
use crate::admit_login::{Admission, Answer, Randomness, Surroundings, Visitor};
use crate::asked::ChangeError;
use crate::audit::Did;
use crate::digest;

/// Seconds after which whoever has signed in has to do so again.
const LONGEST: i64 = 24 * 3600;
/// Seconds after which they have to if they were not here meanwhile.
const IDLE: i64 = 2 * 3600;
/// Seconds within which it is not noted again that somebody was here.
const NOTED: i64 = 60;
/// Longest label of a token, in characters.
const LABEL_LIMIT: usize = 100;
/// Most tokens of an account.
const MOST_TOKENS: u64 = 50;

/// What the digests are for.
const SESSION: &str = "session";
const CSRF: &str = "csrf";
const TOKEN: &str = "token";

/// Who has tried to sign in how often.
#[derive(Debug)]
pub struct SignIns {
    networks: Mutex<Throttle<String>>,
    names: Mutex<Throttle<(String, String)>>,
}

/// Somebody who has signed in.
#[derive(Clone, Debug)]
pub struct SignedIn {
    /// What their browser shows from now on.
    pub token: Secret,
    /// Who.
    pub login: Login,
    /// What they may do.
    pub role: Role,
}

/// Why somebody does not come in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignInError {
    /// Name or password are wrong, or something else: as everywhere that people log in.
    #[error("{}", .0.told())]
    Refused(Refusal),
    /// They have tried too often.
    #[error("too many have tried to sign in like this; try again in {0} seconds")]
    TooMany(u64),
    /// Something does not work here; this is for the log.
    #[error("{0}")]
    Trouble(String),
}

impl Default for SignIns {
    fn default() -> Self {
        Self::new()
    }
}

impl SignIns {
    /// Nobody has tried yet.
    pub fn new() -> Self {
        let allowance = |burst, seconds| Allowance {
            burst,
            every: Duration::from_secs(seconds),
        };
        Self {
            networks: Mutex::new(Throttle::new(allowance(20, 6), 20_000)),
            // By name and network: who guesses must not keep others from signing in.
            names: Mutex::new(Throttle::new(allowance(10, 30), 20_000)),
        }
    }

    /// Counts a try; it is given back when it was right.
    fn take(&self, network: &str, name: &str, now: Duration) -> Result<(), SignInError> {
        let mut networks = self.networks.lock().unwrap_or_else(PoisonError::into_inner);
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        let (network, name) = (network.to_owned(), (name.to_owned(), network.to_owned()));
        let wait = networks.wait(&network, now).max(names.wait(&name, now));
        if let Some(wait) = wait {
            return Err(SignInError::TooMany(wait.as_secs().max(1)));
        }
        networks.take(&network, now);
        names.take(&name, now);
        Ok(())
    }

    fn give_back(&self, network: &str, name: &str) {
        let mut networks = self.networks.lock().unwrap_or_else(PoisonError::into_inner);
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        networks.give_back(&network.to_owned());
        names.give_back(&(name.to_owned(), network.to_owned()));
    }
}

/// Lets somebody sign in as they log in everywhere else ([`Door::Web`]): whoever comes for the first time from a provider gets
/// their account thereby.
pub async fn sign_in(
    around: &Surroundings,
    admission: &Admission,
    tries: &SignIns,
    name: &str,
    password: Secret,
    network: Option<&str>,
) -> Result<SignedIn, SignInError> {
    let from = network.unwrap_or_default();
    // What is counted is what is compared: in whatever way it is typed.
    let folded: String = name.trim().to_lowercase().chars().take(300).collect();
    tries.take(from, &folded, (around.clock)())?;
    let visitor = Visitor {
        door: Door::Web,
        name: name.to_owned(),
        password,
        network: network.map(str::to_owned),
        // Nobody is led anywhere from here.
        asked_here: true,
    };
    let (login, role) = match admission.admit(visitor).await {
        Answer::LetIn { login, role, .. } => (login, role),
        Answer::Refused(refusal) => return Err(SignInError::Refused(refusal)),
    };
    tries.give_back(from, &folded);
    let token = around.new_secret().map_err(SignInError::Trouble)?;
    let kept = keep(around, &login, &token, network).await;
    kept.map_err(|error| SignInError::Trouble(error.to_string()))?;
    Ok(SignedIn { token, login, role })
}

async fn keep(
    around: &Surroundings,
    login: &Login,
    token: &Secret,
    network: Option<&str>,
) -> Result<(), DirectoryError> {
    let now = around.now();
    let digest = digest::of(SESSION, text(token));
    let mut transaction = around.directory.begin().await?;
    let new = NewSignIn {
        digest: &digest,
        login,
        begun: now,
        ends: now + LONGEST,
        network,
    };
    transaction.add_sign_in(new).await?;
    transaction
        .note(NewAudit {
            at: now,
            login: login.as_str(),
            network,
            did: Did::SignedIn.as_str(),
            what: "",
            details: "",
        })
        .await?;
    transaction.commit().await
}

/// Whoever a browser belongs to that shows this; `None` when they have to sign in again. With `is_used`, they are here.
pub async fn by_session(
    around: &Surroundings,
    token: &str,
    is_used: bool,
) -> Result<Option<Account>, DirectoryError> {
    let digest = digest::of(SESSION, token);
    let Some(found) = around.directory.sign_in(&digest).await? else {
        return Ok(None);
    };
    let now = around.now();
    if now >= found.ends || now >= found.used.saturating_add(IDLE) {
        around.directory.remove_sign_in(&digest).await?;
        return Ok(None);
    }
    if is_used && now >= found.used.saturating_add(NOTED) {
        around.directory.use_sign_in(&digest, now).await?;
    }
    around.directory.enabled_account(&found.login).await
}

/// Lets somebody sign out.
pub async fn sign_out(around: &Surroundings, token: &str) -> Result<(), DirectoryError> {
    let digest = digest::of(SESSION, token);
    around.directory.remove_sign_in(&digest).await.map(drop)
}

/// What the forms of a browser's pages have to say, which no other page knows.
pub fn csrf(token: &str) -> String {
    digest::of(CSRF, token)
}

/// In whose name a program asks that shows this token.
pub async fn by_token(around: &Surroundings, token: &str) -> Result<Option<Account>, DirectoryError> {
    let Some(found) = around.directory.token(&digest::of(TOKEN, token)).await? else {
        return Ok(None);
    };
    let now = around.now();
    if found.used.is_none_or(|used| now >= used.saturating_add(NOTED)) {
        around.directory.use_token(found.id, now).await?;
    }
    around.directory.enabled_account(&found.login).await
}

/// Makes a token that asks in one's own name; it is shown once.
pub async fn add_token(asked: Asked<'_>, label: &str) -> Result<(i64, Secret), ChangeError> {
    let token = asked.around.new_secret().map_err(ChangeError::Internal)?;
    let mut transaction = asked.around.directory.begin().await?;
    let login = &asked.actor.login;
    let id = keep_token(&mut transaction, login, label, &token, asked.now()).await?;
    let label = label.trim();
    asked.note(&mut transaction, Did::AddedToken, label, "").await?;
    transaction.commit().await?;
    Ok((id, token))
}

/// Makes a token that asks in an account's name, for whoever owns the directory; it is shown once.
pub async fn add_token_of(
    directory: &DirectoryPool,
    login: &Login,
    label: &str,
    random: &Randomness,
    now: i64,
) -> Result<Secret, ChangeError> {
    let token = new_secret(random).map_err(ChangeError::Internal)?;
    let mut transaction = directory.begin().await?;
    if transaction.account(login).await?.is_none() {
        return Err(ChangeError::Unknown(format!("account “{login}”")));
    }
    keep_token(&mut transaction, login, label, &token, now).await?;
    transaction.commit().await?;
    Ok(token)
}

async fn keep_token(
    transaction: &mut DirectoryTransaction<'_>,
    login: &Login,
    label: &str,
    token: &Secret,
    now: i64,
) -> Result<i64, ChangeError> {
    let label = label.trim();
    if label.chars().count() > LABEL_LIMIT || label.chars().any(char::is_control) {
        let said = format!("a label is one line of at most {LABEL_LIMIT} characters");
        return Err(ChangeError::refused("label", said));
    }
    if transaction.count_tokens(login).await? >= MOST_TOKENS {
        let said = format!("nobody has more than {MOST_TOKENS} tokens; remove one that is not used");
        return Err(ChangeError::refused("", said));
    }
    let digest = digest::of(TOKEN, text(token));
    Ok(transaction.add_token(&digest, login, label, now).await?)
}

/// What nobody guesses: 256 random bits, in 64 hexadecimal digits.
pub(crate) fn new_secret(random: &Randomness) -> Result<Secret, String> {
    let mut octets = [0; 32];
    random(&mut octets)?;
    Ok(Secret::new(digest::hex(&octets).into_bytes()))
}

/// Removes a token of one's own.
pub async fn remove_token(asked: Asked<'_>, id: i64) -> Result<(), ChangeError> {
    let mut transaction = asked.around.directory.begin().await?;
    if !transaction.remove_token(&asked.actor.login, id).await? {
        return Err(ChangeError::Unknown(format!("token {id}")));
    }
    let what = id.to_string();
    asked.note(&mut transaction, Did::RemovedToken, &what, "").await?;
    transaction.commit().await?;
    Ok(())
}

/// The digest under which a browser's sign-in is kept.
pub(crate) fn session_digest(token: &str) -> String {
    digest::of(SESSION, token)
}

/// What [`Surroundings::new_secret`] makes is text.
fn text(secret: &Secret) -> &str {
    std::str::from_utf8(secret.reveal()).unwrap_or_default()
}
