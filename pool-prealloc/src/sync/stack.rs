//! A stack of slots, of which a batch moves by one exchange; or of other things that are named by an index.
//!
//! Above: the global store (`store.rs`). Below: a link per slot.
//!
//! ```text
//!   head   [tag: 32 bits][index of the slot on top, or NONE]      links[i]   the slot below slot i
//! ```
//!
//! * **T1** Who pushes owns the slots, and links them before it exchanges the head (Release).
//! * **T2** Every exchange of the head counts the tag up. Who pops reads the head (Acquire), then as many links
//!   as it wants slots, and exchanges the head: if that succeeds, nothing was pushed or popped since the
//!   head was read, so the links that it read are those of the stack (ABA). What it read of another's links
//!   is an index in any case, and forgotten.
//! * **T3** The exchange of a pop releases as well: who sees that the stack is empty sees what the one that
//!   emptied it saw before (`gather.rs`, R6).

use super::row::Row;
use alloc_core::sync::{AtomicU32, AtomicU64, Ordering};

/// No slot.
pub(super) const NONE: u32 = u32::MAX;

/// An index beside a tag. Loom's models of 32 tag bits would not wrap; nor does a program's, in the time of an exchange.
pub(super) const fn tagged(index: u32, tag: u32) -> u64 {
    (tag as u64) << 32 | index as u64
}

pub(super) const fn index(word: u64) -> u32 {
    word as u32
}

pub(super) const fn tag(word: u64) -> u32 {
    (word >> 32) as u32
}

pub(super) struct Stack {
    head: AtomicU64,
    links: Row<AtomicU32>,
}

impl Stack {
    /// A stack of all slots, the first one on top.
    pub fn full(links: Row<AtomicU32>) -> Self {
        let slots = links.len() as u32;
        for at in 0..slots {
            let below = if at + 1 < slots { at + 1 } else { NONE };
            links[at as usize].store(below, Ordering::Relaxed);
        }
        let top = if slots > 0 { 0 } else { NONE };
        Self { head: AtomicU64::new(tagged(top, 0)), links }
    }

    /// A stack of nothing yet.
    pub fn empty(links: Row<AtomicU32>) -> Self {
        Self { head: AtomicU64::new(tagged(NONE, 0)), links }
    }

    /// Puts slots on top; the first one will be on top of all.
    pub fn push(&self, batch: &[u32]) {
        let (Some(&first), Some(&last)) = (batch.first(), batch.last()) else { return };
        for pair in batch.windows(2) {
            self.links[pair[0] as usize].store(pair[1], Ordering::Relaxed);
        }
        let mut old = self.head.load(Ordering::Relaxed);
        loop {
            self.links[last as usize].store(index(old), Ordering::Relaxed);
            let new = tagged(first, tag(old).wrapping_add(1));
            // ORDERING: Release, for the Acquire of `pop` (T1): the links, and what was done in the slots.
            match self.head.compare_exchange_weak(old, new, Ordering::Release, Ordering::Relaxed) {
                Ok(_) => return,
                Err(now) => old = now,
            }
        }
    }

    /// Takes up to `batch.len()` slots from the top, the top one first. Returns how many.
    pub fn pop(&self, batch: &mut [u32]) -> usize {
        // ORDERING: Acquire, for the Release of `push`, and of `pop` (T3).
        let mut old = self.head.load(Ordering::Acquire);
        loop {
            let (mut top, mut count) = (index(old), 0);
            while count < batch.len() && top != NONE {
                batch[count] = top;
                count += 1;
                // ORDERING: Relaxed: what counts was seen with the head (T2).
                top = self.links[top as usize].load(Ordering::Relaxed);
            }
            if count == 0 {
                return 0;
            }
            let new = tagged(top, tag(old).wrapping_add(1));
            // ORDERING: Acquire as above; Release: T3.
            match self.head.compare_exchange_weak(old, new, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => return count,
                Err(now) => old = now,
            }
        }
    }
}
