//! What a pool says of itself.
//!
//! Above: the user. Below: counts that hits do not touch: lengths of lists, and what the global store counts of batches.

use super::{ObjectPool, Shared, SyncPool};
use alloc_core::sync::Ordering;
use alloc_core::{Broken, Layer, Report};
use core::fmt;

/// The figures of a pool: exact while nobody uses it, else each of its own moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SyncFigures {
    /// Slots in all.
    pub capacity_slots: usize,
    /// Slots that are used.
    pub used_slots: usize,
    /// Free slots that lie in the caches of threads.
    pub cached_slots: usize,
    /// The most slots that were in use or in caches at a time: never fewer than were in use, and more by no more than
    /// the caches hold.
    pub peak_out_slots: usize,
    /// How many requests were refused, because all slots were in use.
    pub refused: usize,
    /// How often the caches were gathered, because a thread found no slot elsewhere.
    pub gatherings: usize,
}

impl<T, A: Layer> Shared<T, A> {
    #[cold]
    pub(super) fn refuse(&self) {
        // ORDERING: Relaxed: it counts.
        self.counts.refused.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn figures(&self) -> SyncFigures {
        let capacity_slots = self.capacity();
        let out = self.store.out_slots().min(capacity_slots);
        let cached: usize = self.shards().iter().map(|shard| shard.len(0) + shard.len(1)).sum();
        SyncFigures {
            capacity_slots,
            used_slots: out.saturating_sub(cached),
            cached_slots: cached.min(out),
            peak_out_slots: self.store.peak_out_slots().min(capacity_slots),
            refused: self.counts.refused.load(Ordering::Relaxed),
            gatherings: self.counts.gatherings.load(Ordering::Relaxed),
        }
    }

    fn report(&self, name: &str, report: &mut Report<'_>) {
        let figures = self.figures();
        report.layer(name, |report| {
            report.slots("capacity", figures.capacity_slots);
            report.slots("used", figures.used_slots);
            report.slots("cached", figures.cached_slots);
            report.slots("peak (caches included)", figures.peak_out_slots);
            report.count("refused", figures.refused as u64);
            report.count("gatherings", figures.gatherings as u64);
            self.below().report(report);
        });
    }

    /// Takes all free slots out of the pool, and puts them back: each has to be there once.
    fn verify(&mut self, name: &'static str) -> Result<(), Broken> {
        let used = self.figures().used_slots;
        let free = self.mark_free();
        self.unmark_free();
        Broken::unless(
            free + used == self.capacity(),
            name,
            "each slot is in use, or free once",
            free,
        )
    }
}

/// What both pools say.
macro_rules! says {
    ($name:literal, [$($generics:tt)*], $pool:ty) => {
        impl<$($generics)*> $pool {
            /// How many slots there are.
            #[must_use]
            pub const fn capacity(&self) -> usize {
                self.shared.capacity()
            }

            /// How many slots are used; a moment's number, if other threads use the pool.
            #[must_use]
            pub fn len(&self) -> usize {
                self.figures().used_slots
            }

            /// Whether no slot is used; at that moment, too.
            #[must_use]
            pub fn is_empty(&self) -> bool {
                self.len() == 0
            }

            /// Whether no slot is free; at that moment, too.
            #[must_use]
            pub fn is_full(&self) -> bool {
                self.len() == self.capacity()
            }

            /// The pool's figures.
            #[must_use]
            pub fn figures(&self) -> SyncFigures {
                self.shared.figures()
            }

            /// The layer below.
            #[must_use]
            pub const fn below(&self) -> &A {
                self.shared.below()
            }

            /// Writes the pool's figures, then those of the layer below.
            pub fn report(&self, report: &mut Report<'_>) {
                self.shared.report($name, report);
            }

            /// Walks the metadata, and returns the first broken invariant; for tests.
            ///
            /// # Errors
            ///
            /// [`Broken`] names the rule. A healthy pool never returns it.
            pub fn verify(&mut self) -> Result<(), Broken> {
                self.shared.verify($name)
            }
        }

        impl<$($generics)*> fmt::Debug for $pool {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let figures = self.figures();
                f.debug_struct($name)
                    .field("capacity", &figures.capacity_slots)
                    .field("used", &figures.used_slots)
                    .finish_non_exhaustive()
            }
        }
    };
}

says!("SyncPool", [T, A: Layer], SyncPool<T, A>);
says!(
    "ObjectPool",
    [T, I: Fn() -> T, R: Fn(&mut T), A: Layer],
    ObjectPool<T, I, R, A>
);
