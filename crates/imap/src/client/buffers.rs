//! Read buffers, used again and again.
//!
//! Pieces of a message's text are handed on without being copied: each holds the buffer that it lies in. When the last of
//! them has been written, the buffer is free for another read. Memory that was used a moment ago is warm; memory that is new has to
//! be fetched from the system page by page, which costs more than the reading.

use bytes::BytesMut;

/// How much room there is for one read.
const READ_SIZE: usize = 256 * 1024;
/// Another read buffer is taken when less than this is left of the old one.
const LEAST_READ: usize = 64 * 1024;
/// Buffers whose pieces are still under way that are kept in mind.
const SPENT_MAX: usize = 16;

/// Buffers whose pieces may still be held by somebody.
#[derive(Debug, Default)]
pub(super) struct Buffers {
    spent: Vec<BytesMut>,
}

impl Buffers {
    /// Makes room in `input` for a read; what stands in it stays.
    pub(super) fn make_room(&mut self, input: &mut BytesMut) {
        if input.capacity() - input.len() >= LEAST_READ || input.try_reclaim(READ_SIZE) {
            return;
        }
        let free = self
            .spent
            .iter_mut()
            .position(|buffer| buffer.try_reclaim(READ_SIZE));
        let mut fresh = match free {
            Some(at) => self.spent.swap_remove(at),
            None => BytesMut::with_capacity(READ_SIZE),
        };
        fresh.extend_from_slice(input);
        let mut old = std::mem::replace(input, fresh);
        if self.spent.len() < SPENT_MAX {
            old.clear();
            self.spent.push(old);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_is_used_again_when_all_of_its_pieces_are_gone() {
        let mut buffers = Buffers::default();
        let mut input = BytesMut::new();
        let mut held = Vec::new();
        let mut places = std::collections::BTreeSet::new();
        for round in 0..100_usize {
            buffers.make_room(&mut input);
            assert!(input.capacity() - input.len() >= LEAST_READ);
            places.insert(input.as_ptr() as usize / (2 * READ_SIZE));
            let rest = input.len();
            input.resize(rest + LEAST_READ, u8::try_from(round).unwrap());
            // Three octets are left unread each time, as of a line that has not come to its end.
            let piece = input.split_to(input.len() - 3).freeze();
            assert!(piece[rest..].iter().all(|&byte| usize::from(byte) == round));
            assert!(piece[..rest].iter().all(|&byte| usize::from(byte) + 1 == round));
            held.push(piece);
            if held.len() > 8 {
                held.remove(0);
            }
        }
        assert!(
            buffers.spent.len() <= 4,
            "{} buffers for 8 pieces of a quarter",
            buffers.spent.len()
        );
        assert!(places.len() <= 12, "{places:?}");
    }

    #[test]
    fn what_is_held_for_good_is_forgotten() {
        let mut buffers = Buffers::default();
        let mut input = BytesMut::new();
        let mut held = Vec::new();
        for _ in 0..100 {
            buffers.make_room(&mut input);
            input.resize(READ_SIZE, 7);
            held.push(input.split().freeze());
        }
        assert_eq!(buffers.spent.len(), SPENT_MAX);
        assert!(held.iter().all(|piece| piece.iter().all(|&byte| byte == 7)));
    }
}
