//! What has become of a message since a report was made.

use super::{Fate, Section, Whereabouts};
use crate::verify::{Difference, Finding};

/// Something that is no longer as a report says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Change {
    /// It was on the target, and is not there any more.
    GoneHere,
    /// Its bytes on the target are others.
    OtherBytesHere,
    /// Its date on the target is another.
    OtherDateHere,
    /// Its UID on the target is another, in the same mailbox.
    OtherUidHere,
    /// It was on the source, and is not there any more.
    GoneThere,
    /// The source tells another size or date of it, or serves other bytes.
    OtherThere,
    /// The source has numbered the mailbox's messages anew: none can be told by its UID.
    NumberedAnewThere,
    /// It was on neither side's account whole, and still is not.
    StillMissing,
    /// Its flags on the target are others.
    FlagsHere,
    /// Its flags on the source are others.
    FlagsThere,
    /// It is in another mailbox of the target.
    MovedHere,
    /// It was not on the target, and is now.
    CameHere,
    /// It has come to the source since.
    CameThere,
}

impl Change {
    /// Its word, by which programs know it; never changed.
    pub const fn word(self) -> &'static str {
        match self {
            Self::GoneHere => "gone_here",
            Self::OtherBytesHere => "other_bytes_here",
            Self::OtherDateHere => "other_date_here",
            Self::OtherUidHere => "other_uid_here",
            Self::GoneThere => "gone_there",
            Self::OtherThere => "other_there",
            Self::NumberedAnewThere => "numbered_anew_there",
            Self::StillMissing => "still_missing",
            Self::FlagsHere => "flags_here",
            Self::FlagsThere => "flags_there",
            Self::MovedHere => "moved_here",
            Self::CameHere => "came_here",
            Self::CameThere => "came_there",
        }
    }

    /// What it means, to follow a number of messages.
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::GoneHere => "no longer on the new side, though the report says that they are there",
            Self::OtherBytesHere => "with other bytes on the new side than the report says",
            Self::OtherDateHere => "with another date on the new side than the report says",
            Self::OtherUidHere => "with another UID on the new side than the report says",
            Self::GoneThere => "no longer on the old server",
            Self::OtherThere => "of another size, date or content on the old server than the report says",
            Self::NumberedAnewThere => {
                "that the old server has numbered anew, so that they cannot be told by their UIDs"
            }
            Self::StillMissing => {
                "of which the report says that they are missing, and which are missing still"
            }
            Self::FlagsHere => "with other flags on the new side, as their owner uses them",
            Self::FlagsThere => "with other flags on the old server",
            Self::MovedHere => "in another mailbox on the new side, where their owner has put them",
            Self::CameHere => "that were not on the new side then, and are now",
            Self::CameThere => "that came to the old server since",
        }
    }

    /// Whether the report no longer holds for such a message. All else is what people do with mail, and is told.
    pub const fn breaks(self) -> bool {
        matches!(
            self,
            Self::GoneHere
                | Self::OtherBytesHere
                | Self::OtherDateHere
                | Self::OtherUidHere
                | Self::GoneThere
                | Self::OtherThere
                | Self::NumberedAnewThere
                | Self::StillMissing
        )
    }
}

/// What has become of a message since a report was made: `then` is what that says, `now` what is found, with every file of the
/// target read; `None` where nothing is left of it on any side that was looked at. `source_is_asked` says whether that one was.
/// A message that the report does not have is [`Change::CameThere`].
pub fn changes(
    (section, then): (&Section, &Whereabouts),
    now: Option<(&Section, &Whereabouts)>,
    source_is_asked: bool,
) -> Vec<Change> {
    let is_anew = now.is_some_and(|(new, _)| {
        let numbers = section.uid_validity.zip(new.uid_validity);
        numbers.is_some_and(|(before, after)| before != after)
    });
    if is_anew {
        return vec![Change::NumberedAnewThere];
    }
    let mut found = Vec::new();
    let spot = now.and_then(|(_, now)| now.spot.as_ref());
    match (&then.spot, spot) {
        (Some(_), None) => found.push(Change::GoneHere),
        (None, Some(_)) => found.push(Change::CameHere),
        (None, None) if then.fate == Fate::Missing => found.push(Change::StillMissing),
        (None, None) => {}
        (Some(before), Some(after)) => {
            let digest = then.digest.or(before.digest);
            if digest.is_some() && after.digest.is_some() && after.digest != digest {
                found.push(Change::OtherBytesHere);
            }
            if before.date.is_some() && after.date.is_some() && before.date != after.date {
                found.push(Change::OtherDateHere);
            }
            if before.mailbox != after.mailbox {
                found.push(Change::MovedHere);
            } else if before.uid.is_some() && before.uid != after.uid {
                found.push(Change::OtherUidHere);
            }
            if before.flags != after.flags {
                found.push(Change::FlagsHere);
            }
        }
    }
    if then.on_source == Some(true) {
        match now {
            Some((_, now)) if now.on_source == Some(true) => {
                let served_otherwise = |finding: &Finding| finding.difference == Difference::ServedOtherwise;
                if now.size != then.size
                    || now.internal_date != then.internal_date
                    || now.findings.iter().any(served_otherwise)
                {
                    found.push(Change::OtherThere);
                }
                if now.flags != then.flags {
                    found.push(Change::FlagsThere);
                }
            }
            Some((_, now)) if now.on_source.is_none() => {}
            None if !source_is_asked => {}
            _ => found.push(Change::GoneThere),
        }
    }
    found
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
