//! Windows: the ranges of UIDs in which a mailbox is read, so that memory does not grow with it (I9).

use std::collections::VecDeque;

use transhume_model::mail::{Checkpoint, MessageRow, ModSeq, Uid};
use transhume_model::plan::Reading;

/// Messages that a window holds, about.
pub(crate) const WINDOW: u64 = 2_000;

/// How much larger the range of UIDs may be than the number of messages before it is asked where they lie.
const LOOSE: u64 = 4;

/// A range of UIDs, both ends included, and what is asked of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Window {
    pub(crate) first: Uid,
    pub(crate) last: Uid,
    pub(crate) ask: Ask,
}

/// What is asked of a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ask {
    /// Rows.
    Rows,
    /// Rows of what has come or changed since.
    RowsSince(ModSeq),
    /// Rows and texts.
    Whole,
}

/// The windows of a mailbox.
pub(crate) fn windows(checkpoint: &Checkpoint, reading: Reading) -> VecDeque<Window> {
    let messages = u64::from(checkpoint.messages);
    let (from, ask, messages) = match reading {
        Reading::Rows => (Uid::FIRST, Ask::Rows, messages),
        Reading::Whole => (Uid::FIRST, Ask::Whole, messages),
        Reading::Since(agreed) => {
            let new = checkpoint
                .uid_next
                .map_or(0, |next| next.get() - agreed.uid_next.get());
            (agreed.uid_next, Ask::Rows, messages.min(u64::from(new)))
        }
    };
    let mut windows = cut(from, checkpoint.uid_next, messages, ask);
    if let Reading::Since(agreed) = reading
        && let Some(last) = Uid::new(agreed.uid_next.get() - 1)
    {
        windows.push_front(Window {
            first: Uid::FIRST,
            last,
            ask: Ask::RowsSince(agreed.mod_seq),
        });
    }
    windows
}

/// Cuts the UIDs from `from` on. Where they have gaps, windows are wider, by the mean.
fn cut(from: Uid, uid_next: Option<Uid>, messages: u64, ask: Ask) -> VecDeque<Window> {
    if messages == 0 {
        return VecDeque::new();
    }
    let window = |first, last| Window { first, last, ask };
    let start = u64::from(from.get());
    let last = match uid_next.map(|next| u64::from(next.get())) {
        Some(next) if next > start && messages > WINDOW => next - 1,
        // Few messages, or a server that does not say how far its UIDs go: all at once.
        _ => return VecDeque::from([window(from, Uid::LAST)]),
    };
    let width = ((last - start + 1) * WINDOW).div_ceil(messages).max(1);
    let mut windows = VecDeque::new();
    let mut first = start;
    while first <= last {
        // The last one is open at its end: some servers' UIDNEXT is behind.
        let end = if first + width > last {
            u64::from(Uid::LAST.get())
        } else {
            first + width - 1
        };
        if let (Some(first), Some(end)) = (to_uid(first), to_uid(end)) {
            windows.push_back(window(first, end));
        }
        first = end + 1;
    }
    windows
}

/// The places (sequence numbers) at which windows should end, where the UIDs alone do not tell: in a large mailbox whose messages
/// may lie close together somewhere in a wide range.
pub(crate) fn places(checkpoint: &Checkpoint, reading: Reading) -> Vec<u32> {
    let messages = u64::from(checkpoint.messages);
    let is_loose = checkpoint
        .uid_next
        .is_none_or(|next| u64::from(next.get() - 1) > messages + messages / LOOSE);
    if matches!(reading, Reading::Since(_)) || messages <= WINDOW || !is_loose {
        return Vec::new();
    }
    let step = usize::try_from(WINDOW).unwrap_or(usize::MAX);
    (1..=checkpoint.messages).step_by(step).skip(1).collect()
}

/// Windows that begin at the messages that were found at [`places`].
pub(crate) fn windows_from(mut begins: Vec<Uid>, ask: Ask) -> VecDeque<Window> {
    begins.push(Uid::FIRST);
    begins.sort_unstable();
    begins.dedup();
    let ends = begins
        .iter()
        .skip(1)
        .map(|next| Uid::new(next.get() - 1).unwrap_or(Uid::FIRST));
    let ends = ends.chain([Uid::LAST]);
    begins
        .iter()
        .zip(ends)
        .map(|(&first, last)| Window { first, last, ask })
        .collect()
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
    use transhume_model::plan::Agreed;

    fn checkpoint(messages: u32, next: Option<u32>) -> Checkpoint {
        Checkpoint {
            uid_validity: None,
            uid_next: next.and_then(Uid::new),
            highest_mod_seq: None,
            messages,
        }
    }

    fn ends(windows: impl IntoIterator<Item = Window>) -> Vec<(u32, u32)> {
        windows
            .into_iter()
            .map(|window| (window.first.get(), window.last.get()))
            .collect()
    }

    fn cut(messages: u32, next: Option<u32>) -> Vec<(u32, u32)> {
        ends(windows(&checkpoint(messages, next), Reading::Rows))
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
    fn what_has_come_since_is_cut_by_itself() {
        let since = |uid_next| {
            let uid_next = Uid::new(uid_next).unwrap();
            Reading::Since(Agreed {
                uid_next,
                mod_seq: ModSeq(5),
                messages: 3,
            })
        };
        let cut = |messages, next, agreed| ends(windows(&checkpoint(messages, Some(next)), since(agreed)));
        assert_eq!(cut(9_000, 20_001, 20_001), [(1, 20_000)]);
        assert_eq!(cut(9_000, 20_004, 20_001), [(1, 20_000), (20_001, u32::MAX)]);
        assert_eq!(cut(9, 20, 1), [(1, u32::MAX)]);
        assert_eq!(
            cut(9_000, 23_001, 20_001),
            [(1, 20_000), (20_001, 22_000), (22_001, u32::MAX)]
        );
        let found = windows(&checkpoint(9, Some(20)), since(10));
        let asks: Vec<Ask> = found.iter().map(|window| window.ask).collect();
        assert_eq!(asks, [Ask::RowsSince(ModSeq(5)), Ask::Rows]);
    }

    #[test]
    fn where_messages_lie_is_asked_only_if_it_is_not_plain() {
        let asked = |messages, next| places(&checkpoint(messages, next), Reading::Rows);
        assert_eq!(asked(2_000, Some(1_000_000)), [0; 0]);
        assert_eq!(asked(4_000, Some(5_001)), [0; 0]);
        assert_eq!(asked(4_001, Some(1_000_000)), [2_001, 4_001]);
        assert_eq!(asked(4_000, None), [2_001]);
        let begins = [900_000, 900_500].into_iter().filter_map(Uid::new).collect();
        assert_eq!(
            ends(windows_from(begins, Ask::Rows)),
            [(1, 899_999), (900_000, 900_499), (900_500, u32::MAX)]
        );
        assert_eq!(ends(windows_from(Vec::new(), Ask::Rows)), [(1, u32::MAX)]);
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
