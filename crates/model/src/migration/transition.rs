//! What may become of a migration.

use super::{Hold, Migration, Phase};

/// Something that happens to a migration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A pass begins.
    PassBegan,
    /// A pass has found both sides equal.
    PassComplete {
        /// When, in seconds since 1970 UTC.
        at: i64,
    },
    /// A pass could not go on, for a reason that another try will not cure at once.
    Held(Hold),
    /// A pass went on where one before it was held.
    CauseGone,
    /// Another password of the old server has become known.
    CredentialRenewed,
    /// A person wants it to wait.
    Pause {
        /// Who.
        by: String,
    },
    /// A person lets it go on after a pause.
    Resume,
    /// A person wants it to be tried again now.
    Retry,
    /// A person wants it to be finished: one more pass, and the old server is not asked any more.
    CutOver,
    /// A person ends it before its time.
    Cancel,
}

/// Something that cannot happen to a migration as it is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the migration of {address} {why}")]
pub struct InvalidTransition {
    /// Whose.
    pub address: String,
    /// Why not.
    pub why: Why,
}

/// Why something cannot happen to a migration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Why {
    /// It is finished.
    #[error("is finished: the old server is not asked any more")]
    Finished,
    /// It was cancelled.
    #[error("was stopped; delete it, and it begins anew with the next login")]
    Cancelled,
    /// It is paused.
    #[error("is paused; resume it first")]
    Paused,
    /// It is not paused.
    #[error("is not paused")]
    NotPaused,
    /// Not all of its mail is here.
    #[error("cannot be cut over yet: not all of its mail is here")]
    NotSeeded,
    /// No pass has begun.
    #[error("has not begun")]
    NotBegun,
}

impl Migration {
    /// What becomes of it.
    ///
    /// | event | pending | seeding | following | finishing |
    /// |---|---|---|---|---|
    /// | pass began ¹ | seeding | seeding | following | finishing |
    /// | pass complete ² | – | following | following | finished |
    /// | cut-over | – | – | finishing | finishing |
    /// | cancel | cancelled | cancelled | cancelled | cancelled |
    /// | held, cause gone, pause, resume, retry, credential renewed | the phase stays | | | |
    ///
    /// Nothing can happen to what is finished or cancelled. ¹ Not while it is paused. ² Ends every hold but a pause.
    ///
    /// A pause is a person's word: no other hold takes its place, and only *resume* ends it (where it was paused while held,
    /// the cause will show itself again). *Retry* ends every other hold; *cause gone* those that are tried again by
    /// themselves; *credential renewed* those that a password cures. What ends nothing changes nothing.
    pub fn apply(self, event: Event) -> Result<Self, InvalidTransition> {
        let refuse = |why| InvalidTransition {
            address: self.address.to_string(),
            why,
        };
        match self.phase {
            Phase::Finished => return Err(refuse(Why::Finished)),
            Phase::Cancelled => return Err(refuse(Why::Cancelled)),
            Phase::Pending | Phase::Seeding | Phase::Following | Phase::Finishing => {}
        }
        let is_paused = matches!(self.hold, Some(Hold::Paused { .. }));
        let next = match event {
            Event::PassBegan | Event::Retry if is_paused => return Err(refuse(Why::Paused)),
            Event::PassBegan => Self {
                phase: match self.phase {
                    Phase::Pending => Phase::Seeding,
                    other => other,
                },
                ..self
            },
            Event::PassComplete { at } => {
                let phase = match self.phase {
                    Phase::Pending => return Err(refuse(Why::NotBegun)),
                    Phase::Finishing => Phase::Finished,
                    _ => Phase::Following,
                };
                Self {
                    phase,
                    // What is finished cannot be held.
                    hold: self.hold.filter(|_| is_paused && phase.is_under_way()),
                    seeded: self.seeded.or(Some(at)),
                    ..self
                }
            }
            Event::Held(hold) if !is_paused => Self {
                hold: Some(hold),
                ..self
            },
            Event::Held(_) => self,
            Event::CauseGone => self.without(Hold::is_tried_again),
            Event::CredentialRenewed => self.without(Hold::is_of_credential),
            Event::Pause { by } => Self {
                hold: Some(Hold::Paused { by }),
                ..self
            },
            Event::Resume if is_paused => Self { hold: None, ..self },
            Event::Resume => return Err(refuse(Why::NotPaused)),
            Event::Retry => Self { hold: None, ..self },
            Event::CutOver if self.phase.is_incomplete() => return Err(refuse(Why::NotSeeded)),
            Event::CutOver => Self {
                phase: Phase::Finishing,
                ..self
            },
            Event::Cancel => Self {
                phase: Phase::Cancelled,
                hold: None,
                ..self
            },
        };
        Ok(next)
    }

    fn without(self, ends: fn(&Hold) -> bool) -> Self {
        Self {
            hold: self.hold.filter(|hold| !ends(hold)),
            ..self
        }
    }
}

impl Event {
    /// Whether a person or a new password wants a pass soon after it.
    pub fn wants_pass(&self) -> bool {
        matches!(
            self,
            Self::CredentialRenewed | Self::Resume | Self::Retry | Self::CutOver
        )
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;
    use crate::directory::{Address, Login, ProviderName};
    use crate::migration::MigrationId;

    fn migration(phase: Phase, hold: Option<Hold>) -> Migration {
        let address = Address::parse("bob@new.example").unwrap();
        Migration {
            id: MigrationId(1),
            login: Login::from(&address),
            address,
            old_address: Address::parse("bob@old.example").unwrap(),
            provider: ProviderName::parse("Old").unwrap(),
            phase,
            hold,
            created: 1,
            seeded: None,
        }
    }

    fn events() -> Vec<Event> {
        vec![
            Event::PassBegan,
            Event::PassComplete { at: 5 },
            Event::CutOver,
            Event::Cancel,
            Event::Held(Hold::TargetFull),
            Event::CauseGone,
            Event::CredentialRenewed,
            Event::Pause {
                by: "root".to_owned(),
            },
            Event::Resume,
            Event::Retry,
        ]
    }

    /// What the event makes of it: the phase and the hold, or why it cannot be.
    fn becomes(from: Migration, event: Event) -> String {
        match from.apply(event) {
            Ok(Migration {
                phase, hold: None, ..
            }) => phase.to_string(),
            Ok(Migration {
                phase,
                hold: Some(hold),
                ..
            }) => format!("{phase}+{}", hold.as_str()),
            Err(refused) => format!("✗{:?}", refused.why),
        }
    }

    #[test]
    fn every_event_in_every_phase() {
        let table: Vec<String> = events()
            .into_iter()
            .map(|event| {
                let cells: Vec<String> = Phase::ALL
                    .into_iter()
                    .map(|phase| becomes(migration(phase, None), event.clone()))
                    .collect();
                format!("{event:?}: {}\n", cells.join(" | "))
            })
            .collect();
        expect![[r#"
            PassBegan: seeding | seeding | following | finishing | ✗Finished | ✗Cancelled
            PassComplete { at: 5 }: ✗NotBegun | following | following | finished | ✗Finished | ✗Cancelled
            CutOver: ✗NotSeeded | ✗NotSeeded | finishing | finishing | ✗Finished | ✗Cancelled
            Cancel: cancelled | cancelled | cancelled | cancelled | ✗Finished | ✗Cancelled
            Held(TargetFull): pending+target-full | seeding+target-full | following+target-full | finishing+target-full | ✗Finished | ✗Cancelled
            CauseGone: pending | seeding | following | finishing | ✗Finished | ✗Cancelled
            CredentialRenewed: pending | seeding | following | finishing | ✗Finished | ✗Cancelled
            Pause { by: "root" }: pending+paused | seeding+paused | following+paused | finishing+paused | ✗Finished | ✗Cancelled
            Resume: ✗NotPaused | ✗NotPaused | ✗NotPaused | ✗NotPaused | ✗Finished | ✗Cancelled
            Retry: pending | seeding | following | finishing | ✗Finished | ✗Cancelled
        "#]]
        .assert_eq(&table.concat());
    }

    #[test]
    fn every_event_under_every_hold() {
        let table: Vec<String> = events()
            .into_iter()
            .map(|event| {
                let cells: Vec<String> = Hold::ALL
                    .into_iter()
                    .map(|hold| becomes(migration(Phase::Seeding, Some(hold)), event.clone()))
                    .collect();
                format!("{event:?}: {}\n", cells.join(" | "))
            })
            .collect();
        expect![[r#"
            PassBegan: ✗Paused | seeding+credential-rejected | seeding+credential-unreadable | seeding+target-full | seeding+target-unwritable | seeding+certificate-changed | seeding+too-many-refused
            PassComplete { at: 5 }: following+paused | following | following | following | following | following | following
            CutOver: ✗NotSeeded | ✗NotSeeded | ✗NotSeeded | ✗NotSeeded | ✗NotSeeded | ✗NotSeeded | ✗NotSeeded
            Cancel: cancelled | cancelled | cancelled | cancelled | cancelled | cancelled | cancelled
            Held(TargetFull): seeding+paused | seeding+target-full | seeding+target-full | seeding+target-full | seeding+target-full | seeding+target-full | seeding+target-full
            CauseGone: seeding+paused | seeding+credential-rejected | seeding | seeding | seeding | seeding | seeding
            CredentialRenewed: seeding+paused | seeding | seeding | seeding+target-full | seeding+target-unwritable | seeding+certificate-changed | seeding+too-many-refused
            Pause { by: "root" }: seeding+paused | seeding+paused | seeding+paused | seeding+paused | seeding+paused | seeding+paused | seeding+paused
            Resume: seeding | ✗NotPaused | ✗NotPaused | ✗NotPaused | ✗NotPaused | ✗NotPaused | ✗NotPaused
            Retry: ✗Paused | seeding | seeding | seeding | seeding | seeding | seeding
        "#]]
        .assert_eq(&table.concat());
    }

    #[test]
    fn the_first_complete_pass_is_remembered_and_what_is_finished_is_not_held() {
        let complete = |at| Event::PassComplete { at };
        let once = migration(Phase::Seeding, None).apply(complete(5)).unwrap();
        let paused = Event::Pause { by: String::new() };
        let twice = once.apply(complete(9)).unwrap().apply(Event::CutOver).unwrap();
        let finished = twice.apply(paused).unwrap().apply(complete(10)).unwrap();
        assert_eq!(finished.seeded, Some(5));
        assert_eq!((finished.phase, finished.hold), (Phase::Finished, None));
    }

    #[test]
    fn words_are_read_again_and_sentences_say_what_to_do() {
        for phase in Phase::ALL {
            assert_eq!(Phase::named(phase.as_str()), Some(phase));
        }
        for hold in Hold::ALL {
            assert_eq!(Hold::named(hold.as_str(), None), Some(hold.clone()));
            assert!(
                hold.sentence().contains(';') || hold.sentence().contains(':'),
                "{hold:?}"
            );
        }
        let by = Hold::named("paused", Some("eve")).unwrap();
        assert!(by.sentence().starts_with("paused by eve;"));
        assert_eq!(Hold::named("", None), None);
    }
}
