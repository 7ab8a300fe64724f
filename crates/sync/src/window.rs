//! Windows: the ranges of UIDs in which a mailbox is read, so that memory does not grow with it (I9).

use std::collections::VecDeque;

use transhume_model::mail::{Checkpoint, MessageRow, Uid};

/// Messages that a window holds, about.
pub(crate) const WINDOW: u64 = 2_000;

/// Cuts a mailbox into windows. Where UIDs have gaps they are wider, by the mean.
pub(crate) fn windows(checkpoint: &Checkpoint) -> VecDeque<(Uid, Uid)> {
    let messages = u64::from(checkpoint.messages);
    if messages == 0 {
        return VecDeque::new();
    }
    let last = match checkpoint.uid_next.map(Uid::get) {
        Some(next @ 2..) if messages > WINDOW => next - 1,
        // Few messages, or a server that does not say how far its UIDs go: all at once.
        _ => return VecDeque::from([(Uid::FIRST, Uid::LAST)]),
    };
    let width = (u64::from(last) * WINDOW).div_ceil(messages).max(1);
    let mut windows = VecDeque::new();
    let mut first = 1;
    while first <= u64::from(last) {
        // The last one is open at its end: some servers' UIDNEXT is behind.
        let end = if first + width > u64::from(last) {
            u64::from(Uid::LAST.get())
        } else {
            first + width - 1
        };
        if let (Some(first), Some(end)) = (to_uid(first), to_uid(end)) {
            windows.push_back((first, end));
        }
        first = end + 1;
    }
    windows
}

fn to_uid(value: u64) -> Option<Uid> {
    u32::try_from(value).ok().and_then(Uid::new)
}

/// The shortest set that names just the messages for which `wanted` is true, given all rows of a window, ascending:
/// a gap in which the mailbox has no message does not end a range.
pub(crate) fn compact_set(
    rows: &[MessageRow],
    mut wanted: impl FnMut(&MessageRow) -> bool,
) -> Vec<(Uid, Uid)> {
    let mut ranges: Vec<(Uid, Uid)> = Vec::new();
    let mut open = false;
    for row in rows {
        let take = wanted(row);
        match ranges.last_mut().filter(|_| open) {
            Some(range) if take => range.1 = row.uid,
            _ if take => ranges.push((row.uid, row.uid)),
            _ => {}
        }
        open = take;
    }
    ranges
}

#[cfg(test)]
mod tests {
    use super::*;
    use transhume_model::mail::FlagSet;

    fn cut(messages: u32, next: Option<u32>) -> Vec<(u32, u32)> {
        let checkpoint = Checkpoint {
            uid_validity: None,
            uid_next: next.and_then(Uid::new),
            highest_mod_seq: None,
            messages,
        };
        windows(&checkpoint)
            .into_iter()
            .map(|(first, last)| (first.get(), last.get()))
            .collect()
    }

    #[test]
    fn every_uid_is_in_one_window() {
        assert_eq!(cut(0, Some(10)), []);
        assert_eq!(cut(2_000, Some(5_000)), [(1, u32::MAX)]);
        assert_eq!(cut(9, None), [(1, u32::MAX)]);
        assert_eq!(cut(4_000, Some(4_001)), [(1, 2_000), (2_001, u32::MAX)]);
        assert_eq!(
            cut(4_001, Some(8_003)),
            [(1, 4_000), (4_001, 8_000), (8_001, u32::MAX)]
        );
        let sparse = cut(5_000, Some(u32::MAX));
        assert_eq!(sparse.first().unwrap().0, 1);
        assert_eq!(sparse.last().unwrap().1, u32::MAX);
        assert!(sparse.windows(2).all(|pair| pair[0].1 + 1 == pair[1].0));
        assert_eq!(sparse.len(), 3);
    }

    #[test]
    fn gaps_without_messages_do_not_end_a_range() {
        let rows: Vec<MessageRow> = [1, 5, 9, 20, 21]
            .into_iter()
            .map(|uid| MessageRow {
                uid: Uid::new(uid).unwrap(),
                flags: FlagSet::new(),
                internal_date: None,
                size: 0,
            })
            .collect();
        let set = |unwanted: u32| -> Vec<(u32, u32)> {
            let ranges = compact_set(&rows, |row| row.uid.get() != unwanted);
            ranges
                .into_iter()
                .map(|(first, last)| (first.get(), last.get()))
                .collect()
        };
        assert_eq!(set(0), [(1, 21)]);
        assert_eq!(set(9), [(1, 5), (20, 21)]);
        assert_eq!(set(1), [(5, 21)]);
    }
}
