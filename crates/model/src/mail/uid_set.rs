//! Sets of UIDs in the form that commands carry them: ranges, ascending.

use std::fmt;

use super::Uid;

/// A set of UIDs, kept as ascending ranges that neither touch nor overlap (RFC 9051 section 9, `sequence-set`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UidSet {
    ranges: Vec<(Uid, Uid)>,
}

impl UidSet {
    /// The empty set.
    pub fn new() -> Self {
        Self::default()
    }

    /// All UIDs from `first` to `last`, both included; empty when `first` is above `last`.
    pub fn range(first: Uid, last: Uid) -> Self {
        let ranges = if first <= last {
            vec![(first, last)]
        } else {
            Vec::new()
        };
        Self { ranges }
    }

    /// Adds a UID that is above all in the set; others are put in their place.
    pub fn insert(&mut self, uid: Uid) {
        match self.ranges.last_mut() {
            Some((_, last)) if last.next() == Some(uid) => *last = uid,
            Some((_, last)) if *last >= uid => self.insert_within(uid),
            _ => self.ranges.push((uid, uid)),
        }
    }

    fn insert_within(&mut self, uid: Uid) {
        let at = self.ranges.partition_point(|&(_, last)| last < uid);
        if self.ranges.get(at).is_some_and(|&(first, _)| first <= uid) {
            return;
        }
        self.ranges.insert(at, (uid, uid));
        self.join_at(at);
        if at > 0 {
            self.join_at(at - 1);
        }
    }

    fn join_at(&mut self, at: usize) {
        if let (Some(&(first, last)), Some(&(next_first, next_last))) =
            (self.ranges.get(at), self.ranges.get(at + 1))
            && last.next() == Some(next_first)
        {
            self.ranges[at] = (first, next_last);
            self.ranges.remove(at + 1);
        }
    }

    /// Whether no UID is in it. An empty set has no form on the wire.
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// How many UIDs the set spans.
    pub fn len(&self) -> u64 {
        self.ranges
            .iter()
            .map(|(first, last)| u64::from(last.get()) - u64::from(first.get()) + 1)
            .sum()
    }

    /// Whether `uid` is in the set.
    pub fn contains(&self, uid: Uid) -> bool {
        let at = self.ranges.partition_point(|&(_, last)| last < uid);
        self.ranges.get(at).is_some_and(|&(first, _)| first <= uid)
    }

    /// The ranges, ascending, both ends included.
    pub fn ranges(&self) -> &[(Uid, Uid)] {
        &self.ranges
    }

    /// Cuts the set into pieces whose text is at most `octets` long: servers limit the length of a
    /// command line (1,000 octets the shortest known).
    pub fn split_by_octets(&self, octets: usize) -> Vec<UidSet> {
        let mut pieces = Vec::new();
        let mut piece = UidSet::new();
        let mut length = 0;
        for &range in &self.ranges {
            let text = range_text(range).len() + 1;
            if length + text > octets && !piece.is_empty() {
                pieces.push(std::mem::take(&mut piece));
                length = 0;
            }
            piece.ranges.push(range);
            length += text;
        }
        if !piece.is_empty() {
            pieces.push(piece);
        }
        pieces
    }
}

impl FromIterator<Uid> for UidSet {
    fn from_iter<I: IntoIterator<Item = Uid>>(uids: I) -> Self {
        let mut set = Self::new();
        for uid in uids {
            set.insert(uid);
        }
        set
    }
}

impl FromIterator<(Uid, Uid)> for UidSet {
    /// From ranges, both ends included, that ascend without touching; others are taken UID by UID.
    fn from_iter<I: IntoIterator<Item = (Uid, Uid)>>(ranges: I) -> Self {
        let mut set = Self::new();
        for (first, last) in ranges {
            if set
                .ranges
                .last()
                .is_none_or(|&(_, end)| end.next().is_some_and(|next| next < first))
            {
                set.ranges.extend((first <= last).then_some((first, last)));
            } else {
                (first.get()..=last.get())
                    .filter_map(Uid::new)
                    .for_each(|uid| set.insert(uid));
            }
        }
        set
    }
}

impl fmt::Display for UidSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, &range) in self.ranges.iter().enumerate() {
            if index > 0 {
                f.write_str(",")?;
            }
            f.write_str(&range_text(range))?;
        }
        Ok(())
    }
}

fn range_text((first, last): (Uid, Uid)) -> String {
    if first == last {
        first.to_string()
    } else {
        format!("{first}:{last}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn set(uids: &[u32]) -> UidSet {
        uids.iter().filter_map(|&uid| Uid::new(uid)).collect()
    }

    #[test]
    fn is_written_as_ranges() {
        assert_eq!(set(&[1, 2, 3, 7, 9, 10]).to_string(), "1:3,7,9:10");
        assert_eq!(set(&[9, 1, 10, 2]).to_string(), "1:2,9:10");
        assert_eq!(
            set(&[u32::MAX - 1, u32::MAX]).to_string(),
            "4294967294:4294967295"
        );
    }

    #[test]
    fn splits_before_the_line_grows_too_long() {
        let pieces = set(&[1, 3, 5, 7, 9]).split_by_octets(4);
        let texts: Vec<String> = pieces.iter().map(ToString::to_string).collect();
        assert_eq!(texts, ["1,3", "5,7", "9"]);
    }

    proptest! {
        #[test]
        fn holds_what_was_inserted(uids in proptest::collection::vec(1u32..60, 0..80)) {
            let expected: BTreeSet<u32> = uids.iter().copied().collect();
            let set = set(&uids);
            prop_assert_eq!(set.len(), expected.len() as u64);
            for uid in 1u32..60 {
                prop_assert_eq!(set.contains(Uid::new(uid).unwrap()), expected.contains(&uid));
            }
            for pair in set.ranges().windows(2) {
                prop_assert!(pair[0].1.get() + 1 < pair[1].0.get());
            }
        }
    }
}
