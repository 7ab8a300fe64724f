//! Somebody logs in: `docs/operator/logins.md`.
//!
//! What is here is looked up first; then, if the model says so, the old server is asked once; then all that a newcomer needs is
//! written in one transaction. What is decided is decided by [`transhume_model::admission`].

mod ask;
mod hashing;
mod known;
mod tunnels;
mod write;

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::Mutex as Turn;
use transhume_db::directory::{CredentialFor, CredentialOwner, DirectoryError, DirectoryPool};
use transhume_db::{SealError, Sealer};
use transhume_model::admission::{
    Attempt, Consequence, Decision, Door, Guard, GuardRules, Refusal, Way, answered, decide,
};
use transhume_model::directory::password::CannotHash;
use transhume_model::directory::{
    Address, CertificateTrust, Login, Provider, ProviderSecurity, Role, Secret,
};

use hashing::Hashing;
use known::Seen;
use tunnels::Tunnels;

/// Fills with random octets, or says why it cannot.
pub type Randomness = Arc<dyn Fn(&mut [u8]) -> Result<(), String> + Send + Sync>;

/// What the service gives to those who let people in.
#[derive(Clone)]
pub struct Surroundings {
    /// The directory.
    pub directory: DirectoryPool,
    /// What seals passwords of old servers.
    pub sealer: Arc<Sealer>,
    /// What has passed since 1970 UTC.
    pub clock: Arc<dyn Fn() -> Duration + Send + Sync>,
    /// Randomness.
    pub random: Randomness,
    /// Is called when there is a new migration, or one that may go on.
    pub wake: Arc<dyn Fn() + Send + Sync>,
    /// Takes a line for the log.
    pub log: Arc<dyn Fn(String) + Send + Sync>,
}

/// Lets people in. Its copies are the same one, and may be used at the same time.
#[derive(Clone)]
pub struct Admission {
    shared: Arc<Shared>,
}

struct Shared {
    around: Surroundings,
    guard: Mutex<Guard>,
    hashing: Hashing,
    asking: ask::Asking,
    tunnels: Tunnels,
    /// Of this process alone: see [`ask`].
    trial_key: [u8; 32],
    /// One at a time for each login: clients open several connections at once, and the old server is asked once.
    turns: Mutex<HashMap<Login, Weak<Turn<()>>>>,
}

/// Somebody at a door. `Debug` does not show the password.
#[derive(Clone)]
pub struct Visitor {
    /// Where.
    pub door: Door,
    /// Who they say that they are, as they typed it.
    pub name: String,
    /// Their password, as they typed it.
    pub password: Secret,
    /// The network that they come from, as far as it is worth counting; `None` is this machine, or unknown.
    pub network: Option<String>,
    /// Whether the program that asks runs on this machine: only that can be led through this one.
    pub asked_here: bool,
}

/// What they are answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// They are let in.
    LetIn {
        /// Their login.
        login: Login,
        /// Their mailbox.
        address: Option<Address>,
        /// What they may do.
        role: Role,
        /// Where they are led.
        to: Destination,
    },
    /// They are not.
    Refused(Refusal),
}

/// Where somebody is led. `Debug` does not show the password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Destination {
    /// To what is here.
    Here,
    /// To the old server.
    Old {
        /// Its host.
        host: String,
        /// Its port, at this door.
        port: u16,
        /// How the connection is secured.
        security: ProviderSecurity,
        /// The port of this machine that leads there, in clear up to here: the only way where the certificate is pinned.
        tunnel: Option<u16>,
        /// Their login there.
        login: String,
        /// Their password there.
        password: Secret,
    },
}

/// What does not work here. It becomes a refusal that says so in the log, and *later* to everybody else.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    #[error(transparent)]
    Seal(#[from] SealError),
    #[error(transparent)]
    Hash(#[from] CannotHash),
    #[error("the system gives no random numbers: {0}")]
    Random(String),
    #[error("no port of this machine could be opened to lead to the old server: {0}")]
    Tunnel(String),
    #[error("a part of the program has failed (please report it): {0}")]
    Internal(String),
}

impl Admission {
    /// Nobody has come yet. It fails where there are no random octets.
    pub fn new(around: Surroundings, rules: &GuardRules) -> Result<Self, String> {
        let mut trial_key = [0; 32];
        (around.random)(&mut trial_key)?;
        let shared = Shared {
            around,
            guard: Mutex::new(Guard::new(rules)),
            hashing: Hashing::new(),
            asking: ask::Asking::default(),
            tunnels: Tunnels::default(),
            trial_key,
            turns: Mutex::default(),
        };
        Ok(Self {
            shared: Arc::new(shared),
        })
    }

    /// Answers somebody, within a few milliseconds more than the six seconds that an old server may take.
    ///
    /// It is done to its end also when whoever asks goes away: an account is made whole, or not at all.
    pub async fn admit(&self, visitor: Visitor) -> Answer {
        let shared = Arc::clone(&self.shared);
        let task = tokio::spawn(async move {
            let answer = shared.answer(&visitor).await;
            shared.tell(&visitor, &answer);
            answer
        });
        match task.await {
            Ok(answer) => answer,
            Err(error) => Answer::Refused(Refusal::Trouble(Trouble::Internal(error.to_string()).to_string())),
        }
    }
}

impl Shared {
    async fn answer(&self, visitor: &Visitor) -> Answer {
        let attempt = match Attempt::read(&visitor.name, visitor.password.reveal()) {
            Ok(attempt) => attempt,
            Err(refusal) => return Answer::Refused(refusal),
        };
        let answered = self.look_and_ask(visitor, &attempt).await;
        answered.unwrap_or_else(|trouble| Answer::Refused(Refusal::Trouble(trouble.to_string())))
    }

    async fn look_and_ask(&self, visitor: &Visitor, attempt: &Attempt) -> Result<Answer, Trouble> {
        let seen = self.see(attempt).await?;
        let known = seen.known(visitor);
        let decision = decide(&known);
        let Decision::Ask(question) = &decision else {
            return self.carry_out(visitor, &seen, decision, None).await;
        };
        // An attacker gets no further than this.
        if let Some(refusal) = self.denies(visitor, attempt, question) {
            return Ok(Answer::Refused(refusal));
        }
        let login = known.route.here.clone();
        let turn = self.turn(&login);
        let Ok(_turn) = tokio::time::timeout(crate::old_server::PATIENCE, turn.lock()).await else {
            return Ok(Answer::Refused(Refusal::Trouble(
                "others try to log in as the same account".to_owned(),
            )));
        };
        // Somebody may have been let in meanwhile, over another connection of the same client.
        let seen = self.see(attempt).await?;
        let known = seen.known(visitor);
        match decide(&known) {
            Decision::Ask(question) => {
                let finding = match self.ask(visitor, attempt, &question).await {
                    Ok(finding) => finding,
                    Err(refusal) => return Ok(Answer::Refused(refusal)),
                };
                let then = match answered(&known, &question, finding) {
                    Consequence::Refuse(refusal) => return Ok(Answer::Refused(refusal)),
                    Consequence::Admit { new, then } => {
                        let hash = self.hash(attempt).await?;
                        if let Some(refusal) = self.make(&question, &new, hash, attempt).await? {
                            return Ok(Answer::Refused(refusal));
                        }
                        then
                    }
                    Consequence::Learn { counts_here, then } => {
                        let hash = if counts_here {
                            Some(self.hash(attempt).await?)
                        } else {
                            None
                        };
                        self.learn(&seen, &question, hash, attempt).await?;
                        then
                    }
                };
                (self.around.wake)();
                self.carry_out(visitor, &seen, then, Some(attempt)).await
            }
            decision => self.carry_out(visitor, &seen, decision, None).await,
        }
    }

    /// Makes an answer of a decision. `fresh`: the old server has just taken this password.
    async fn carry_out(
        &self,
        visitor: &Visitor,
        seen: &Seen,
        decision: Decision<'_>,
        fresh: Option<&Attempt>,
    ) -> Result<Answer, Trouble> {
        let way = match decision {
            Decision::Refuse(refusal) => return Ok(Answer::Refused(refusal)),
            Decision::Ask(_) => {
                return Err(Trouble::Internal("an old server is to be asked twice".to_owned()));
            }
            Decision::LetIn(way) => way,
        };
        let to = match way {
            Way::Here => Destination::Here,
            Way::Old { provider, login } => Destination::Old {
                host: provider.host.as_str().to_owned(),
                port: match visitor.door {
                    Door::Pop3 => provider.security.pop3_port().get(),
                    _ => provider.port.get(),
                },
                security: provider.security,
                tunnel: match provider.certificate {
                    CertificateTrust::Public => None,
                    CertificateTrust::Pinned(_) => Some(self.tunnel(provider, visitor.door).await?),
                },
                login,
                password: match fresh {
                    Some(attempt) => attempt.password.clone(),
                    None => self.credential(seen).await?,
                },
            },
        };
        let (login, address, role) = seen.whose();
        Ok(Answer::LetIn {
            login,
            address,
            role,
            to,
        })
    }

    /// The port of this machine that leads to a provider's server.
    async fn tunnel(&self, provider: &Provider, door: Door) -> Result<u16, Trouble> {
        let port = self.tunnels.port(provider, door, &self.around.log).await;
        port.map_err(|error| Trouble::Tunnel(error.to_string()))
    }

    /// The password of the old server that is known of somebody who is here.
    async fn credential(&self, seen: &Seen) -> Result<Secret, Trouble> {
        let missing = || Trouble::Internal("the migration has no password of the old server".to_owned());
        let record = seen.migration.as_ref().ok_or_else(missing)?;
        let owner = CredentialOwner::Migration(record.migration.id);
        let sealed = self
            .around
            .directory
            .credential(owner)
            .await?
            .ok_or_else(missing)?;
        let bound = CredentialFor::OldAddress(&record.migration.old_address);
        Ok(Secret::new(bound.unseal(&self.around.sealer, &sealed)?))
    }

    /// The turn of a login. Those that nobody waits for are forgotten.
    fn turn(&self, login: &Login) -> Arc<Turn<()>> {
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(turn) = turns.get(login).and_then(Weak::upgrade) {
            return turn;
        }
        turns.retain(|_, turn| turn.strong_count() > 0);
        let turn = Arc::new(Turn::new(()));
        turns.insert(login.clone(), Arc::downgrade(&turn));
        turn
    }

    fn guard(&self) -> std::sync::MutexGuard<'_, Guard> {
        self.guard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A line for the log: who, where, and what became of it; never the password.
    fn tell(&self, visitor: &Visitor, answer: &Answer) {
        let Visitor {
            door, name, network, ..
        } = visitor;
        let from = network.as_deref().unwrap_or("this machine");
        let what = match answer {
            Answer::LetIn {
                to: Destination::Here,
                ..
            } => "let in".to_owned(),
            Answer::LetIn {
                to: Destination::Old { host, .. },
                ..
            } => format!("led to {host}"),
            Answer::Refused(refusal) => format!("{}: {refusal}", refusal.kind().as_str()),
        };
        let line = format!("login of {name} ({door:?}, from {from}): {what}");
        // What somebody typed must not look like another line.
        (self.around.log)(
            line.chars()
                .map(|letter| if letter.is_control() { '?' } else { letter })
                .collect(),
        );
    }
}

impl fmt::Debug for Admission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Admission").finish_non_exhaustive()
    }
}

impl fmt::Debug for Visitor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Visitor")
            .field("door", &self.door)
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}
