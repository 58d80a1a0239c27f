//! The global store: the free slots that are in no shard.
//!
//! Above: refills, flushes, and everything while the pool is shared (`shared.rs`, `gather.rs`). Below: a stack or a
//! queue of indices, both lock-free.
//!
//! It also keeps count of what is out: slots in use or in a shard. They are counted before they leave and after they
//! are back, so that the count, and the high-water mark made of it, are never too low.

use super::Order;
use super::queue::Queue;
use super::row::Row;
use super::stack::Stack;
use alloc_core::Layout;
use alloc_core::sync::{AtomicU32, AtomicU64, AtomicUsize, Ordering};
use core::ptr::NonNull;

pub(super) enum Kind {
    Lifo(Stack),
    Fifo(Queue),
}

pub(super) struct Store {
    kind: Kind,
    out_slots: AtomicUsize,
    most_out_slots: AtomicUsize,
}

/// Where a store's rows lie in the run.
pub(super) struct StorePlan {
    order: Order,
    slots: usize,
    offsets: [usize; 3],
}

impl StorePlan {
    /// `None` if that is too large.
    pub fn add_to(run: &mut Layout, order: Order, slots: usize) -> Option<Self> {
        let offsets = match order {
            Order::Lifo => [Row::<AtomicU32>::plan(run, slots)?, 0, 0],
            Order::Fifo => [
                Row::<AtomicU64>::plan(run, slots + 1)?,
                Row::<AtomicU32>::plan(run, slots + 1)?,
                Row::<AtomicU32>::plan(run, slots)?,
            ],
        };
        Some(Self { order, slots, offsets })
    }

    /// A store of all slots.
    ///
    /// # Safety
    ///
    /// As for [`Row::make`].
    pub unsafe fn make(self, base: NonNull<u8>) -> Store {
        let Self { order, slots, offsets: [a, b, c] } = self;
        // SAFETY: the offsets are `plan`'s, for so many elements; the rest is the caller's.
        let words =
            |offset, count| unsafe { Row::make(base, offset, count, |_| AtomicU32::new(0)) };
        let kind = match order {
            Order::Lifo => Kind::Lifo(Stack::full(words(a, slots))),
            Order::Fifo => {
                // SAFETY: the same.
                let next = unsafe { Row::make(base, a, slots + 1, |_| AtomicU64::new(0)) };
                Kind::Fifo(Queue::full(next, words(b, slots + 1), words(c, slots)))
            }
        };
        Store { kind, out_slots: AtomicUsize::new(0), most_out_slots: AtomicUsize::new(0) }
    }
}

impl Store {
    /// Takes up to `batch.len()` slots, the next one to be used first. Returns how many.
    pub fn pop(&self, batch: &mut [u32]) -> usize {
        // ORDERING: Relaxed, as all of the counts: they count.
        let out = self.out_slots.fetch_add(batch.len(), Ordering::Relaxed) + batch.len();
        let count = match &self.kind {
            Kind::Lifo(stack) => stack.pop(batch),
            Kind::Fifo(queue) => queue.pop(batch),
        };
        let missed = batch.len() - count;
        if missed > 0 {
            self.out_slots.fetch_sub(missed, Ordering::Relaxed);
        }
        if count > 0 && out - missed > self.most_out_slots.load(Ordering::Relaxed) {
            self.most_out_slots.fetch_max(out - missed, Ordering::Relaxed);
        }
        count
    }

    /// Takes one.
    pub fn pop_one(&self) -> Option<u32> {
        let mut one = [0];
        (self.pop(&mut one) == 1).then_some(one[0])
    }

    /// Puts slots back: in LIFO order the last one is used first, in FIFO order the first one.
    pub fn push(&self, batch: &mut [u32]) {
        match &self.kind {
            Kind::Lifo(stack) => {
                batch.reverse();
                stack.push(batch);
            }
            Kind::Fifo(queue) => queue.push(batch),
        }
        self.out_slots.fetch_sub(batch.len(), Ordering::Relaxed);
    }

    /// Slots in use or in a shard; at rest exactly, else a moment's.
    pub fn out_slots(&self) -> usize {
        self.out_slots.load(Ordering::Relaxed)
    }

    pub fn most_out_slots(&self) -> usize {
        self.most_out_slots.load(Ordering::Relaxed)
    }
}
