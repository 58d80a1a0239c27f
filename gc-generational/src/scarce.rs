//! Where objects are made when there is neither memory for another block of eden nor for a span of the tenured space.
//!
//! Above: `Nursery::make_do`. Below: the blocks that there are; runs that are shorter than those that were refused.
//!
//! In a small buffer, a single survivor's block may keep the tenured space from having a span, for good. So the nursery
//! goes on with what it has, and copies what is alive to and fro between two blocks. Behind the survivors there is room
//! in their block; and of the reserve, what is not needed for copying may be eden.

use crate::nursery::{Block, Place, SLACK_BYTES, Table};
use alloc_core::gc::WORD_BYTES;
use alloc_core::{AllocError, Layer};
use gc_marksweep::heap::ObjectHeap;

/// The shortest block that is worth its slack, and what it has room for.
const SHORT_BYTES: usize = 12 << 10;
const SHORT_ROOM_BYTES: usize = SHORT_BYTES - SLACK_BYTES;
const _: () = assert!(SHORT_ROOM_BYTES > SHORT_BYTES / 4);

/// What could be filled, of the blocks that there are.
enum Rest {
    /// So much of the survivors' block in this place.
    Survivors(usize, usize),
    /// So much of the reserve's.
    Reserve(usize, usize),
}

impl Rest {
    const fn bytes(&self) -> usize {
        match self {
            Self::Survivors(_, bytes) | Self::Reserve(_, bytes) => *bytes,
        }
    }
}

impl Table {
    /// Finds a place for `bytes`, and more, if it can.
    pub fn make_do<A: Layer>(
        &mut self,
        heap: &ObjectHeap<A>,
        bytes: usize,
    ) -> Result<Place, AllocError> {
        let mut rest = self.best_rest();
        if rest.bytes() < SHORT_ROOM_BYTES.max(bytes) {
            if bytes <= SHORT_ROOM_BYTES
                && let Ok(block) = self.pair(heap, SHORT_BYTES, SHORT_ROOM_BYTES)
            {
                return Ok(Place::Eden(block));
            }
            // More reserve is not as much as a block, too.
            let end_bytes = self.longest_rest().map_or(0, |(_, bytes)| bytes);
            let parts = [end_bytes, end_bytes / 2, SHORT_ROOM_BYTES, SHORT_ROOM_BYTES / 8];
            let mut parts = parts.into_iter().filter(|part| *part >= bytes);
            if parts.any(|part| self.provide(heap, part).is_ok()) {
                rest = self.best_rest();
            }
        }
        if rest.bytes() < bytes {
            return Err(AllocError);
        }
        Ok(match rest {
            Rest::Survivors(place, bytes) => {
                let block = self.survivors.take(place);
                self.survivors.push(block);
                Place::Survivors(Block { usable_bytes: block.used_bytes + bytes, ..block })
            }
            Rest::Reserve(place, bytes) => {
                let block = self.reserve.take(place);
                Place::Eden(Block { usable_bytes: bytes, ..block })
            }
        })
    }

    /// Where most can be made, so that the reserve has room for it.
    fn best_rest(&self) -> Rest {
        let whole = |bytes: usize| bytes / WORD_BYTES * WORD_BYTES;
        let room_bytes = self.reserve.sum(Block::room_bytes);
        let spare_bytes = room_bytes.saturating_sub(self.needed_bytes());
        let (place, end_bytes) = self.longest_rest().unwrap_or_default();
        let behind = Rest::Survivors(place, whole(end_bytes.min(spare_bytes)));
        let blocks = self.reserve.iter().enumerate().map(|(place, block)| {
            let other_bytes = spare_bytes.saturating_sub(block.room_bytes());
            Rest::Reserve(place, whole(self.usable_bytes(block).min(other_bytes)))
        });
        blocks.fold(behind, |best, rest| if rest.bytes() > best.bytes() { rest } else { best })
    }

    /// The survivors' block that has most room behind what is used, and how much: so that it has room for its own
    /// content when it is emptied, and for what others have too much.
    fn longest_rest(&self) -> Option<(usize, usize)> {
        let rest_bytes = |block: &Block| self.usable_bytes(block).saturating_sub(block.used_bytes);
        let rests = self.survivors.iter().map(rest_bytes).enumerate();
        rests.max_by_key(|(_, bytes)| *bytes)
    }
}
