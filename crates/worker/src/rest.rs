//! Old servers that do not answer are left alone for a while, and then asked by one pass, not by all that wait.
//!
//! Each worker finds that out for itself: what it costs is one login for each of them.

use std::collections::HashMap;

use transhume_model::directory::ProviderName;
use transhume_model::migration::backoff;

/// The longest rest, in seconds: a server that is back is noticed soon.
const LONGEST: u32 = 60;

/// Servers that did not answer when they were last asked.
#[derive(Debug, Default)]
pub(crate) struct Resting(HashMap<ProviderName, Rest>);

#[derive(Debug)]
struct Rest {
    /// How often in a row it did not answer.
    failures: u32,
    /// When it may be asked again, in seconds since 1970 UTC.
    until: i64,
    /// Whether a pass has gone to see.
    is_asked: bool,
}

impl Resting {
    /// Whether a pass may ask the provider's server now; else for how many seconds it is to be left alone. Whoever may ask a
    /// server that did not answer is the one who goes to see, and has to say how it went.
    pub(crate) fn may_ask(&mut self, provider: &ProviderName, now: i64) -> Result<(), u32> {
        let Some(rest) = self.0.get_mut(provider) else {
            return Ok(());
        };
        if rest.is_asked {
            return Err(LONGEST / 4);
        }
        if rest.until > now {
            return Err(u32::try_from(rest.until - now).unwrap_or(LONGEST));
        }
        rest.is_asked = true;
        Ok(())
    }

    /// It has answered, whatever it said. Tells whether it had not before.
    pub(crate) fn answered(&mut self, provider: &ProviderName) -> bool {
        self.0.remove(provider).is_some()
    }

    /// It has not answered. Tells whether it had before. Of passes that were under way together only the first counts, and then
    /// only those that went to see.
    pub(crate) fn silent(&mut self, provider: &ProviderName, now: i64, random: u32) -> bool {
        let failures = match self.0.get(provider) {
            None => 1,
            Some(rest) if !rest.is_asked => return false,
            Some(rest) => rest.failures.saturating_add(1),
        };
        let rest = Rest {
            failures,
            until: now + i64::from(backoff(failures, 0, random).min(LONGEST)),
            is_asked: false,
        };
        self.0.insert(provider.clone(), rest);
        failures == 1
    }

    /// The pass that went to see came to nothing before it saw.
    pub(crate) fn unknown(&mut self, provider: &ProviderName) {
        if let Some(rest) = self.0.get_mut(provider) {
            rest.is_asked = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> ProviderName {
        ProviderName::parse(text).unwrap()
    }

    #[test]
    fn a_silent_server_is_asked_by_one_pass_at_a_time() {
        let (silent, other) = (name("Silent"), name("Other"));
        let mut resting = Resting::default();
        for _ in 0..2 {
            assert_eq!(resting.may_ask(&silent, 100), Ok(()), "nothing is known of it");
        }
        assert!(resting.silent(&silent, 100, 0));
        assert!(
            !resting.silent(&silent, 100, 0),
            "the second pass that was under way"
        );
        assert_eq!(resting.may_ask(&other, 100), Ok(()));
        assert_eq!(resting.may_ask(&silent, 101), Err(7));
        assert_eq!(resting.may_ask(&silent, 108), Ok(()), "one goes to see");
        assert_eq!(resting.may_ask(&silent, 108), Err(15), "and no other");
        resting.unknown(&silent);
        assert_eq!(resting.may_ask(&silent, 108), Ok(()), "that one was stopped");
        assert!(!resting.silent(&silent, 110, 0));
        assert_eq!(resting.may_ask(&silent, 110), Err(15), "longer than before");
        for now in [125, 200, 300, 400, 500] {
            assert_eq!(resting.may_ask(&silent, now), Ok(()));
            resting.silent(&silent, now, 0);
        }
        assert_eq!(resting.may_ask(&silent, 500), Err(60), "never for longer");
        assert_eq!(resting.may_ask(&silent, 560), Ok(()));
        assert!(resting.answered(&silent));
        assert!(!resting.answered(&silent));
        for _ in 0..2 {
            assert_eq!(resting.may_ask(&silent, 560), Ok(()), "as many as before");
        }
    }
}
