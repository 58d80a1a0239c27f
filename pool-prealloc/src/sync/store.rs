//! The global store: the free slots that are in no shard.
//!
//! Above: refills, flushes, and everything while the pool is shared (`shared.rs`, `gather.rs`). Below: stacks and a
//! queue of indices, all lock-free.
//!
//! In FIFO order it is a queue of slots. In LIFO order it is a stack of slots, the singles, and a stack of *bundles*: a
//! bundle is a row of indices, so that a batch can go from one thread to another in few cache lines, whose addresses
//! are known. Its memory is metadata, and free bundles are on a third stack; where there is none, a batch is pushed as
//! singles.
//!
//! * **B1** Who pops a bundle owns it until it pushes it.
//! * **B2** Bundles of slots are pushed and popped only by R1, or by who gathers: so while the pool is shared, all free
//!   slots are singles (R3).
//!
//! It also keeps count of what is out: slots in use or in a shard. They are counted before they leave and after they
//! are back, so that the count, and the peak made of it, are never too low.

use super::Order;
use super::queue::Queue;
use super::row::Row;
use super::stack::Stack;
use alloc_core::Layout;
use alloc_core::sync::{AtomicU32, AtomicU64, AtomicUsize, Ordering, UnsafeCell};
use core::ptr::NonNull;

#[expect(clippy::large_enum_variant, reason = "a pool has one")]
enum Kind {
    Lifo { singles: Stack, bundles: Bundles },
    Fifo(Queue),
}

pub(super) struct Store {
    out_slots: AtomicUsize,
    peak_out_slots: AtomicUsize,
    kind: Kind,
}

/// All bundles of a pool.
struct Bundles {
    full: Stack,
    spare: Stack,
    /// Of each bundle, so many slots.
    rows: Row<Cell>,
    bundle_slots: usize,
}

/// An index in a bundle.
struct Cell(UnsafeCell<u32>);

// SAFETY: who pops a bundle owns it (B1).
unsafe impl Sync for Cell {}

impl Bundles {
    /// Pushes a batch, if it is as large as a bundle, and there is one for it.
    fn push(&self, batch: &[u32]) -> bool {
        let mut one = [0];
        if batch.len() != self.bundle_slots || self.spare.pop(&mut one) == 0 {
            return false;
        }
        for (cell, slot) in self.row(one[0]).iter().zip(batch) {
            // SAFETY: B1.
            cell.0.with_mut(|cell| unsafe { *cell = *slot });
        }
        self.full.push(&one);
        true
    }

    /// Pops a batch that has space for a bundle. Returns how many slots.
    fn pop(&self, batch: &mut [u32]) -> usize {
        let mut one = [0];
        if batch.len() < self.bundle_slots || self.full.pop(&mut one) == 0 {
            return 0;
        }
        for (cell, slot) in self.row(one[0]).iter().zip(batch) {
            // SAFETY: B1.
            *slot = cell.0.with(|cell| unsafe { *cell });
        }
        self.spare.push(&one);
        self.bundle_slots
    }

    fn row(&self, bundle: u32) -> &[Cell] {
        &self.rows[bundle as usize * self.bundle_slots..][..self.bundle_slots]
    }
}

/// Where a store's rows lie in the run.
pub(super) struct StorePlan {
    order: Order,
    slots: usize,
    batch_slots: usize,
    bundles: usize,
    offsets: [usize; 4],
}

impl StorePlan {
    /// `None` if that is too large.
    pub fn add_to(
        run: &mut Layout,
        order: Order,
        slots: usize,
        batch_slots: usize,
    ) -> Option<Self> {
        // A bundle of one slot would be a single.
        let bundles = if batch_slots > 1 { slots / batch_slots } else { 0 };
        let offsets = match order {
            Order::Lifo => [
                Row::<AtomicU32>::plan(run, slots)?,
                Row::<AtomicU32>::plan(run, bundles)?,
                Row::<AtomicU32>::plan(run, bundles)?,
                Row::<Cell>::plan(run, bundles * batch_slots)?,
            ],
            Order::Fifo => [
                Row::<AtomicU64>::plan(run, slots + 1)?,
                Row::<AtomicU32>::plan(run, slots + 1)?,
                Row::<AtomicU32>::plan(run, slots)?,
                0,
            ],
        };
        Some(Self { order, slots, batch_slots, bundles, offsets })
    }

    /// A store of all slots.
    ///
    /// # Safety
    ///
    /// As for [`Row::make`].
    pub unsafe fn make(self, base: NonNull<u8>) -> Store {
        let Self { order, slots, batch_slots, bundles, offsets: [a, b, c, d] } = self;
        let zero = |_| AtomicU32::new(0);
        // SAFETY: the offsets are `plan`'s, for so many elements; the rest is the caller's.
        let words = |offset, count| unsafe { Row::make(base, offset, count, zero) };
        let kind = match order {
            Order::Lifo => {
                let cell = |_| Cell(UnsafeCell::new(0));
                // SAFETY: the same.
                let rows = unsafe { Row::make(base, d, bundles * batch_slots, cell) };
                let bundles = Bundles {
                    full: Stack::empty(words(b, bundles)),
                    spare: Stack::full(words(c, bundles)),
                    rows,
                    bundle_slots: batch_slots,
                };
                Kind::Lifo { singles: Stack::full(words(a, slots)), bundles }
            }
            Order::Fifo => {
                // SAFETY: the same.
                let next = unsafe { Row::make(base, a, slots + 1, |_| AtomicU64::new(0)) };
                Kind::Fifo(Queue::full(next, words(b, slots + 1), words(c, slots)))
            }
        };
        Store { kind, out_slots: AtomicUsize::new(0), peak_out_slots: AtomicUsize::new(0) }
    }
}

impl Store {
    /// Takes up to `batch.len()` slots, the next one to be used first. Returns how many. By R1.
    pub fn pop(&self, batch: &mut [u32]) -> usize {
        self.counted(batch.len(), || match &self.kind {
            Kind::Lifo { singles, bundles } => match bundles.pop(batch) {
                0 => singles.pop(batch),
                count => count,
            },
            Kind::Fifo(queue) => queue.pop(batch),
        })
    }

    /// Takes one that is in no bundle: of all free slots, while the pool is shared. At any time.
    pub fn pop_one(&self) -> Option<u32> {
        let mut one = [0];
        let count = self.counted(1, || match &self.kind {
            Kind::Lifo { singles, .. } => singles.pop(&mut one),
            Kind::Fifo(queue) => queue.pop(&mut one),
        });
        (count == 1).then_some(one[0])
    }

    /// Counts what `pop` takes out, which is no more than `most`.
    fn counted(&self, most: usize, pop: impl FnOnce() -> usize) -> usize {
        // ORDERING: Relaxed, as all of the counts: they count.
        let out = self.out_slots.fetch_add(most, Ordering::Relaxed) + most;
        let count = pop();
        let missed = most - count;
        if missed > 0 {
            self.out_slots.fetch_sub(missed, Ordering::Relaxed);
        }
        if count > 0 {
            self.note_most(out - missed);
        }
        count
    }

    fn note_most(&self, out: usize) {
        // Models have no time to look at what decides nothing.
        let is_model = cfg!(all(loom, feature = "loom"));
        if !is_model && out > self.peak_out_slots.load(Ordering::Relaxed) {
            self.peak_out_slots.fetch_max(out, Ordering::Relaxed);
        }
    }

    /// Puts slots back: in LIFO order the first one is used first, and so in FIFO order. By R1.
    pub fn push(&self, batch: &[u32]) {
        match &self.kind {
            Kind::Lifo { singles, bundles } => {
                if !bundles.push(batch) {
                    singles.push(batch);
                }
            }
            Kind::Fifo(queue) => queue.push(batch),
        }
        self.out_slots.fetch_sub(batch.len(), Ordering::Relaxed);
    }

    /// Puts slots back, as singles. At any time.
    pub fn push_singles(&self, batch: &[u32]) {
        match &self.kind {
            Kind::Lifo { singles, .. } => singles.push(batch),
            Kind::Fifo(queue) => queue.push(batch),
        }
        self.out_slots.fetch_sub(batch.len(), Ordering::Relaxed);
    }

    /// Makes a bundle's slots singles. `false` if there is no bundle. By R1, or for who gathers.
    pub fn unbundle(&self) -> bool {
        let Kind::Lifo { singles, bundles } = &self.kind else { return false };
        let mut batch = [0; super::shard::SLOTS];
        let count = bundles.pop(&mut batch);
        singles.push(&batch[..count]);
        count > 0
    }

    /// Slots in use or in a shard; at rest exactly, else a moment's.
    pub fn out_slots(&self) -> usize {
        self.out_slots.load(Ordering::Relaxed)
    }

    pub fn peak_out_slots(&self) -> usize {
        self.peak_out_slots.load(Ordering::Relaxed)
    }
}
