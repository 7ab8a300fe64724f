//! Whom a name may be, and what stands in the way of making an account for it.

use super::{Name, Refusal};
use crate::directory::{self, Address, Domain, DomainKind, DomainName, Limit, Login, Provider};

/// Whom a name may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route<'p> {
    /// The login that is theirs here.
    pub here: Login,
    /// Whether what was typed is the old name of it.
    pub renamed: bool,
    /// Where they would come from.
    pub origin: Origin<'p>,
}

/// Where somebody who is not here yet would come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin<'p> {
    /// No provider hosts them.
    Nowhere,
    /// From here.
    One {
        /// The provider.
        provider: &'p Provider,
        /// Their address there.
        old: Address,
        /// Their address here.
        new: Address,
    },
    /// Several old domains have become this one.
    Several(DomainName),
}

/// Finds out whom a name may be. `is_here`: there is an account of this very name, and then it is theirs, whatever providers
/// say.
pub fn route<'p>(name: &Name, is_here: bool, providers: &'p [Provider]) -> Route<'p> {
    let here = Route {
        here: name.login(),
        renamed: false,
        origin: Origin::Nowhere,
    };
    let Name::Address(address) = name else {
        return here;
    };
    if is_here {
        return here;
    }
    let found = directory::find(providers, address);
    if let Some(found) = &found
        && found.address != *address
    {
        return Route {
            here: Login::from(&found.address),
            renamed: true,
            origin: Origin::One {
                provider: found.provider,
                old: address.clone(),
                new: found.address.clone(),
            },
        };
    }
    let origin = |provider, old| Origin::One {
        provider,
        old,
        new: address.clone(),
    };
    let kept = found.map(|found| origin(found.provider, address.clone()));
    let enabled = providers.iter().filter(|provider| provider.enabled);
    let renamed = enabled.flat_map(|provider| {
        let led = |(old, new): (&DomainName, &Option<DomainName>)| {
            let leads_here = new.as_ref().is_some_and(|new| new.as_str() == address.domain());
            let is_other = old.as_str() != address.domain();
            let old = Address::new(address.local(), old).ok();
            old.filter(|_| leads_here && is_other)
                .map(|old| origin(provider, old))
        };
        provider.domains.iter().filter_map(led)
    });
    let mut origins = kept.into_iter().chain(renamed);
    let origin = match (origins.next(), origins.next()) {
        (None, _) => Origin::Nowhere,
        (Some(only), None) => only,
        (Some(_), Some(_)) => match DomainName::parse(address.domain()) {
            Ok(domain) => Origin::Several(domain),
            Err(_) => Origin::Nowhere,
        },
    };
    Route { origin, ..here }
}

/// What the directory has already, where an account would be made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Obstacles {
    /// The domain, where it is there.
    pub domain: Option<Domain>,
    /// How many mailboxes it has; looked at only where that is limited.
    pub mailboxes: u64,
    /// The domain that it is another name of.
    pub alias_of: Option<DomainName>,
    /// Whether an alias has the address.
    pub alias: bool,
    /// The account whose mailbox has the address.
    pub mailbox_of: Option<Login>,
    /// The account that the old mailbox is being moved to.
    pub moves_to: Option<Login>,
}

impl Obstacles {
    /// Why no account can be made; `None` where one can.
    pub fn refusal(&self, old: &Address, new: &Address) -> Option<Refusal> {
        if let Some(login) = &self.moves_to {
            let (old, login) = (old.clone(), login.clone());
            return Some(Refusal::MovesElsewhere { old, login });
        }
        if let (Some(of), Ok(domain)) = (&self.alias_of, DomainName::parse(new.domain())) {
            let of = of.clone();
            return Some(Refusal::DomainIsAlias { domain, of });
        }
        if let Some(domain) = &self.domain {
            let name = domain.name.clone();
            if let DomainKind::Relay(_) = domain.kind {
                return Some(Refusal::DomainIsRelay(name));
            }
            if !domain.enabled {
                return Some(Refusal::DomainDisabled(name));
            }
            if let Limit::At(most) = domain.limits.mailboxes
                && self.mailboxes >= u64::from(most)
            {
                return Some(Refusal::DomainFull(name));
            }
        }
        if let Some(login) = &self.mailbox_of {
            let (address, login) = (new.clone(), login.clone());
            return Some(Refusal::AccountHas { address, login });
        }
        self.alias.then(|| Refusal::AliasHas(new.clone()))
    }
}
