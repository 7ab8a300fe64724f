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
        /// Whether it had nothing to do, and had begun after whatever a person has wanted last.
        is_quiet: bool,
        /// Seconds for which an old mailbox is swept after its cut-over.
        sweep_for: u32,
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
    /// A person wants it to be finished: passes until one has nothing to do, and people are not led to the old server any more.
    CutOver,
    /// A person takes a cut-over back.
    Reopen,
    /// The time is over for which the old mailbox was to be swept.
    SweepOver,
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
    /// It is not cut over.
    #[error("is not cut over")]
    NotCutOver,
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
    /// | event | pending | seeding | following | finishing | finished, swept |
    /// |---|---|---|---|---|---|
    /// | pass began ¹ | seeding | seeding | following | finishing | stays |
    /// | pass complete ² | – | following | following | finished if it was quiet, swept for a while | stays |
    /// | cut-over | – | – | finishing | finishing | – |
    /// | reopen | – | – | – | following | following |
    /// | cancel | cancelled | cancelled | cancelled | cancelled | swept no more |
    /// | sweep over, held for its credential | the phase stays | | | | swept no more |
    /// | otherwise held, cause gone, retry, credential renewed | the phase stays | | | | stays |
    /// | pause, resume | the phase stays | | | | – |
    ///
    /// Nothing can happen to what is cancelled, or finished and not swept. ¹ Not while it is paused. ² Ends every hold but a pause.
    ///
    /// What is swept is never held: what cannot be logged in to any more is swept no more, and all else is tried again until the time
    /// is over.
    ///
    /// A pause is a person's word: no other hold takes its place, and only *resume* ends it (where it was paused while held,
    /// the cause will show itself again). *Retry* ends every other hold; *cause gone* those that are tried again by
    /// themselves; *credential renewed* those that a password cures. What ends nothing changes nothing.
    pub fn apply(self, event: Event) -> Result<Self, InvalidTransition> {
        let address = self.address.to_string();
        let refuse = |why| InvalidTransition { address, why };
        match self.phase {
            Phase::Finished => return self.when_cut_over(&event).ok_or_else(|| refuse(Why::Finished)),
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
            Event::PassComplete {
                at,
                is_quiet,
                sweep_for,
            } => {
                let phase = match self.phase {
                    Phase::Pending => return Err(refuse(Why::NotBegun)),
                    Phase::Finishing if is_quiet => Phase::Finished,
                    Phase::Finishing => Phase::Finishing,
                    _ => Phase::Following,
                };
                let is_swept = phase == Phase::Finished && sweep_for > 0;
                Self {
                    phase,
                    // What is finished cannot be held.
                    hold: self.hold.filter(|_| is_paused && phase.is_under_way()),
                    seeded: self.seeded.or(Some(at)),
                    swept_until: is_swept.then(|| at.saturating_add(i64::from(sweep_for))),
                    ..self
                }
            }
            Event::Held(hold) if !is_paused => Self {
                hold: Some(hold),
                ..self
            },
            Event::Held(_) | Event::SweepOver => self,
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
            Event::Reopen if self.phase == Phase::Finishing => Self {
                phase: Phase::Following,
                ..self
            },
            Event::Reopen => return Err(refuse(Why::NotCutOver)),
            Event::Cancel => Self {
                phase: Phase::Cancelled,
                hold: None,
                ..self
            },
        };
        Ok(next)
    }

    /// What becomes of one that is finished; `None` where nothing can.
    fn when_cut_over(self, event: &Event) -> Option<Self> {
        self.swept_until?;
        let over = |phase| Self {
            phase,
            swept_until: None,
            ..self.clone()
        };
        match event {
            Event::Reopen => Some(over(Phase::Following)),
            Event::Cancel | Event::SweepOver => Some(over(Phase::Finished)),
            Event::Held(hold) if hold.is_of_credential() => Some(over(Phase::Finished)),
            Event::Held(_)
            | Event::PassBegan
            | Event::PassComplete { .. }
            | Event::CauseGone
            | Event::CredentialRenewed
            | Event::Retry => Some(self),
            Event::CutOver | Event::Pause { .. } | Event::Resume => None,
        }
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
            Self::CredentialRenewed | Self::Resume | Self::Retry | Self::CutOver | Self::Reopen
        )
    }

    /// The same, of a pass during which a person has wanted something: it is not the last one.
    #[must_use]
    pub fn with_more_to_come(self) -> Self {
        match self {
            Self::PassComplete { at, sweep_for, .. } => Self::PassComplete {
                at,
                is_quiet: false,
                sweep_for,
            },
            other => other,
        }
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
            swept_until: None,
        }
    }

    fn complete(at: i64, is_quiet: bool) -> Event {
        Event::PassComplete {
            at,
            is_quiet,
            sweep_for: 10,
        }
    }

    fn events() -> Vec<Event> {
        vec![
            Event::PassBegan,
            complete(5, false),
            complete(5, true),
            Event::CutOver,
            Event::Reopen,
            Event::SweepOver,
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
                phase,
                hold: None,
                swept_until: Some(until),
                ..
            }) => format!("{phase}, swept until {until}"),
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
                let swept = Migration {
                    swept_until: Some(7),
                    ..migration(Phase::Finished, None)
                };
                let all = Phase::ALL.into_iter().map(|phase| migration(phase, None));
                let cells: Vec<String> = all
                    .chain([swept])
                    .map(|migration| becomes(migration, event.clone()))
                    .collect();
                format!("{event:?}: {}\n", cells.join(" | "))
            })
            .collect();
        expect![[r#"
            PassBegan: seeding | seeding | following | finishing | ✗Finished | ✗Cancelled | finished, swept until 7
            PassComplete { at: 5, is_quiet: false, sweep_for: 10 }: ✗NotBegun | following | following | finishing | ✗Finished | ✗Cancelled | finished, swept until 7
            PassComplete { at: 5, is_quiet: true, sweep_for: 10 }: ✗NotBegun | following | following | finished, swept until 15 | ✗Finished | ✗Cancelled | finished, swept until 7
            CutOver: ✗NotSeeded | ✗NotSeeded | finishing | finishing | ✗Finished | ✗Cancelled | ✗Finished
            Reopen: ✗NotCutOver | ✗NotCutOver | ✗NotCutOver | following | ✗Finished | ✗Cancelled | following
            SweepOver: pending | seeding | following | finishing | ✗Finished | ✗Cancelled | finished
            Cancel: cancelled | cancelled | cancelled | cancelled | ✗Finished | ✗Cancelled | finished
            Held(TargetFull): pending+target-full | seeding+target-full | following+target-full | finishing+target-full | ✗Finished | ✗Cancelled | finished, swept until 7
            CauseGone: pending | seeding | following | finishing | ✗Finished | ✗Cancelled | finished, swept until 7
            CredentialRenewed: pending | seeding | following | finishing | ✗Finished | ✗Cancelled | finished, swept until 7
            Pause { by: "root" }: pending+paused | seeding+paused | following+paused | finishing+paused | ✗Finished | ✗Cancelled | ✗Finished
            Resume: ✗NotPaused | ✗NotPaused | ✗NotPaused | ✗NotPaused | ✗Finished | ✗Cancelled | ✗Finished
            Retry: pending | seeding | following | finishing | ✗Finished | ✗Cancelled | finished, swept until 7
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
            PassComplete { at: 5, is_quiet: false, sweep_for: 10 }: following+paused | following | following | following | following | following | following
            PassComplete { at: 5, is_quiet: true, sweep_for: 10 }: following+paused | following | following | following | following | following | following
            CutOver: ✗NotSeeded | ✗NotSeeded | ✗NotSeeded | ✗NotSeeded | ✗NotSeeded | ✗NotSeeded | ✗NotSeeded
            Reopen: ✗NotCutOver | ✗NotCutOver | ✗NotCutOver | ✗NotCutOver | ✗NotCutOver | ✗NotCutOver | ✗NotCutOver
            SweepOver: seeding+paused | seeding+credential-rejected | seeding+credential-unreadable | seeding+target-full | seeding+target-unwritable | seeding+certificate-changed | seeding+too-many-refused
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
        let once = migration(Phase::Seeding, None).apply(complete(5, true)).unwrap();
        let paused = Event::Pause { by: String::new() };
        let twice = once
            .apply(complete(9, true))
            .unwrap()
            .apply(Event::CutOver)
            .unwrap();
        let finished = twice.apply(paused).unwrap().apply(complete(10, true)).unwrap();
        assert_eq!((finished.seeded, finished.swept_until), (Some(5), Some(20)));
        assert_eq!((finished.phase, finished.hold), (Phase::Finished, None));
    }

    #[test]
    fn a_cut_over_takes_a_pass_that_had_nothing_to_do_and_began_after_it_was_asked_for() {
        let asked = migration(Phase::Following, None).apply(Event::CutOver).unwrap();
        let under_way = asked
            .clone()
            .apply(complete(9, true).with_more_to_come())
            .unwrap();
        assert_eq!((under_way.phase, under_way.swept_until), (Phase::Finishing, None));
        let carried = asked.apply(complete(9, false)).unwrap();
        let unswept = Event::PassComplete {
            at: 10,
            is_quiet: true,
            sweep_for: 0,
        };
        let finished = carried.apply(unswept).unwrap();
        assert_eq!((finished.phase, finished.swept_until), (Phase::Finished, None));
        assert!(!finished.wants_passes() && under_way.wants_passes());
    }

    #[test]
    fn what_is_swept_ends_with_its_password_and_can_be_taken_back_as_long() {
        let swept = Migration {
            seeded: Some(5),
            swept_until: Some(20),
            ..migration(Phase::Finished, None)
        };
        assert!(swept.wants_passes() && !swept.phase.is_under_way());
        for hold in Hold::ALL {
            let held = swept.clone().apply(Event::Held(hold.clone())).unwrap();
            assert_eq!((held.phase, &held.hold), (Phase::Finished, &None), "{hold:?}");
            assert_eq!(held.wants_passes(), !hold.is_of_credential(), "{hold:?}");
        }
        let back = swept.clone().apply(Event::Reopen).unwrap();
        assert_eq!(
            (back.phase, back.seeded, back.swept_until),
            (Phase::Following, Some(5), None)
        );
        let over = swept.apply(Event::SweepOver).unwrap();
        assert_eq!(over.apply(Event::Reopen).unwrap_err().why, Why::Finished);
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
