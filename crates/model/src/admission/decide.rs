//! What is to be done with somebody who logs in.

use super::refusal::NoWay;
use super::route::{Origin, Route};
use super::{Door, Finding, Obstacles, Refusal};
use crate::directory::password::Verdict;
use crate::directory::{
    Address, CertificateTrust, DomainName, Login, Provider, ProviderName, Settings, UntilComplete,
};
use crate::migration::{Hold, Phase};

/// All that is known of somebody who logs in.
#[derive(Clone, Debug)]
pub struct Known<'p> {
    /// Where.
    pub door: Door,
    /// Whether the program that asks runs on this machine: that can be led through this one, which checks pinned certificates.
    pub asked_here: bool,
    /// What holds for all.
    pub settings: &'p Settings,
    /// Whom the name may be.
    pub route: Route<'p>,
    /// The account of that login, where there is one.
    pub person: Option<Person<'p>>,
    /// What stands in the way of making one; looked at only where there is none.
    pub obstacles: Obstacles,
}

/// An account, as far as it counts here.
#[derive(Clone, Debug)]
pub struct Person<'p> {
    /// What they log in with.
    pub login: Login,
    /// Whether they may.
    pub enabled: bool,
    /// Their mailbox.
    pub mailbox: Option<MailboxHere>,
    /// What came of checking the password that was typed.
    pub verdict: Verdict,
    /// Their migration.
    pub moving: Option<Moving<'p>>,
}

/// An account's mailbox.
#[derive(Clone, Debug)]
pub struct MailboxHere {
    /// Its address.
    pub address: Address,
    /// Its domain, where that is not in use.
    pub disabled_domain: Option<DomainName>,
    /// Whether its owner may send mail.
    pub may_send: bool,
}

/// A migration, as far as it counts here.
#[derive(Clone, Debug)]
pub struct Moving<'p> {
    /// Where it comes from.
    pub provider_name: ProviderName,
    /// The same, where it is there.
    pub provider: Option<&'p Provider>,
    /// Their address there.
    pub old_address: Address,
    /// How far it is.
    pub phase: Phase,
    /// Why it may not go on.
    pub hold: Option<Hold>,
    /// Whether the password of the account is another than that with which its mail is fetched: its owner has changed it
    /// here. Looked at only where what was typed is not the password of the account.
    pub changed_here: bool,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision<'p> {
    /// They are let in.
    LetIn(Way<'p>),
    /// They are not.
    Refuse(Refusal),
    /// The old server is asked, once.
    Ask(Question<'p>),
}

/// Where they are led.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Way<'p> {
    /// To what is here.
    Here,
    /// Through this server to the old one, with the password that is known.
    Old {
        /// The provider.
        provider: &'p Provider,
        /// What they are called there.
        login: String,
    },
}

/// A question to an old server: whether a password is right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question<'p> {
    /// Which server.
    pub provider: &'p Provider,
    /// Their address there.
    pub old: Address,
    /// What it is asked for.
    pub about: About,
}

/// Why an old server is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum About {
    /// Somebody may come for the first time.
    Newcomer {
        /// What their address will be here.
        new: Address,
        /// Whether they have typed another.
        renamed: bool,
    },
    /// Somebody may have changed their password there.
    NewPassword {
        /// Whether it becomes their password here as well; else their mail is fetched with it, and that is all.
        counts_here: bool,
    },
}

/// What is to be done after the old server has answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Consequence<'p> {
    /// Domain, account, mailbox and migration are made, all or nothing; then comes the decision.
    Admit {
        /// Their address here.
        new: Address,
        /// What follows.
        then: Decision<'p>,
    },
    /// The password is kept; then comes the decision.
    Learn {
        /// Whether it becomes the account's password, too.
        counts_here: bool,
        /// What follows.
        then: Decision<'p>,
    },
    /// Nothing is written.
    Refuse(Refusal),
}

/// Decides, as far as what is here tells.
pub fn decide<'p>(known: &Known<'p>) -> Decision<'p> {
    match &known.person {
        Some(person) => somebody(known, person),
        None => nobody(known),
    }
}

fn somebody<'p>(known: &Known<'p>, person: &Person<'p>) -> Decision<'p> {
    // What an account is like is told to those only who know its password.
    if person.verdict != Verdict::Right {
        return wrong_here(known, person);
    }
    if !person.enabled {
        return Decision::Refuse(Refusal::AccountDisabled);
    }
    match (known.route.renamed, &person.mailbox) {
        (true, Some(mailbox)) => Decision::Refuse(Refusal::Renamed(mailbox.address.clone())),
        _ => way(known, person, Password::Known),
    }
}

/// What is known of the password that was typed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Password {
    /// It is that of the account.
    Known,
    /// The old server has just taken it: a hold that another password cures does not count any more.
    JustTaken,
}

/// The way of somebody whose password is right.
fn way<'p>(known: &Known<'p>, person: &Person<'p>, password: Password) -> Decision<'p> {
    let door = known.door;
    if door == Door::Web {
        return Decision::LetIn(Way::Here);
    }
    let Some(mailbox) = &person.mailbox else {
        return Decision::Refuse(Refusal::NoMailbox);
    };
    if let Some(domain) = &mailbox.disabled_domain {
        return Decision::Refuse(Refusal::DomainDisabled(domain.clone()));
    }
    if door == Door::Smtp && !mailbox.may_send {
        return Decision::Refuse(Refusal::MayNotSend);
    }
    match &person.moving {
        Some(moving) if door.shows_mail() && moving.phase.is_incomplete() => {
            let is_cured = |hold: &Hold| password == Password::JustTaken && hold.is_of_credential();
            incomplete(known, moving, moving.hold.as_ref().filter(|hold| !is_cured(hold)))
        }
        _ => Decision::LetIn(Way::Here),
    }
}

/// The way of somebody whose mail is not here yet.
fn incomplete<'p>(known: &Known<'p>, moving: &Moving<'p>, hold: Option<&Hold>) -> Decision<'p> {
    let no_way = |no_way| Decision::Refuse(Refusal::NoWayThere(no_way));
    match known.settings.until_complete {
        UntilComplete::Local => Decision::LetIn(Way::Here),
        UntilComplete::Refuse => Decision::Refuse(Refusal::BeingMoved),
        UntilComplete::Proxy => {
            let Some(provider) = moving.provider else {
                return no_way(NoWay::Gone(moving.provider_name.clone()));
            };
            if !known.asked_here && provider.certificate != CertificateTrust::Public {
                return no_way(NoWay::Pinned(provider.name.clone()));
            }
            // Where a master user fetches the mail, it is the master's password that was refused.
            match hold.filter(|hold| hold.is_of_credential() && provider.master.is_none()) {
                Some(hold) => no_way(NoWay::Held(hold.clone())),
                None => Decision::LetIn(Way::Old {
                    provider,
                    login: provider.login(&moving.old_address),
                }),
            }
        }
    }
}

/// An account that is here, and not its password.
fn wrong_here<'p>(known: &Known<'p>, person: &Person<'p>) -> Decision<'p> {
    let wrong = Decision::Refuse(Refusal::WrongHere);
    let Some(moving) = &person.moving else {
        return wrong;
    };
    let Some(provider) = moving.provider.filter(|provider| provider.enabled) else {
        return wrong;
    };
    let may_ask = moving.phase.is_under_way() && person.enabled && known.settings.imap_migration;
    if !may_ask || known.route.renamed {
        return wrong;
    }
    let is_refused = moving.hold.as_ref().is_some_and(Hold::is_of_credential);
    if moving.changed_here && !is_refused {
        // Their own password counts; what the old server thinks of another opens no door here any more.
        return Decision::Refuse(Refusal::ChangedHere);
    }
    Decision::Ask(Question {
        provider,
        old: moving.old_address.clone(),
        about: About::NewPassword {
            counts_here: !moving.changed_here,
        },
    })
}

/// A name without an account.
fn nobody<'p>(known: &Known<'p>) -> Decision<'p> {
    let (provider, old, new) = match &known.route.origin {
        Origin::Nowhere => return Decision::Refuse(Refusal::Nobody),
        Origin::Several(domain) => return Decision::Refuse(Refusal::ManyOrigins(domain.clone())),
        Origin::One { provider, old, new } => (*provider, old, new),
    };
    if !known.settings.imap_migration {
        return Decision::Refuse(Refusal::MigrationOff);
    }
    if !known.settings.auto_create {
        return Decision::Refuse(Refusal::AutoCreateOff);
    }
    if let Some(refusal) = known.obstacles.refusal(old, new) {
        return Decision::Refuse(refusal);
    }
    Decision::Ask(Question {
        provider,
        old: old.clone(),
        about: About::Newcomer {
            new: new.clone(),
            renamed: known.route.renamed,
        },
    })
}

/// Decides what follows from an answer of the old server. A finding that tells nothing is refused by the caller, who knows why.
pub fn answered<'p>(known: &Known<'p>, question: &Question<'p>, finding: Finding) -> Consequence<'p> {
    if finding != Finding::Right {
        return Consequence::Refuse(Refusal::WrongThere);
    }
    match (&question.about, &known.person) {
        (About::Newcomer { new, renamed: true }, _) => Consequence::Admit {
            new: new.clone(),
            then: Decision::Refuse(Refusal::Renamed(new.clone())),
        },
        (About::Newcomer { new, renamed: false }, _) => {
            let person = Person {
                login: Login::from(new),
                enabled: true,
                mailbox: Some(MailboxHere {
                    address: new.clone(),
                    disabled_domain: None,
                    may_send: true,
                }),
                verdict: Verdict::Right,
                moving: Some(Moving {
                    provider_name: question.provider.name.clone(),
                    provider: Some(question.provider),
                    old_address: question.old.clone(),
                    phase: Phase::Pending,
                    hold: None,
                    changed_here: false,
                }),
            };
            Consequence::Admit {
                new: new.clone(),
                then: way(known, &person, Password::JustTaken),
            }
        }
        (About::NewPassword { counts_here: true }, Some(person)) => Consequence::Learn {
            counts_here: true,
            then: way(known, person, Password::JustTaken),
        },
        (About::NewPassword { .. }, _) => Consequence::Learn {
            counts_here: false,
            then: Decision::Refuse(Refusal::ChangedHere),
        },
    }
}
