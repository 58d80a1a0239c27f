//! Memory back from a collected heap, on behalf of whoever shares its ground.
//!
//! Above: the user, on any thread. Below: the heap's pool, the layer below it. A stack is called from above
//! only, so a layer below cannot ask a collector for memory by itself; who runs short there asks here.

use crate::heap::ObjectHeap;
use alloc_core::Layer;
use core::fmt;
use std::sync::Arc;

/// Has a [`MarkSweep`](crate::MarkSweep) give memory back. Made by
/// [`MarkSweep::reclaimer`](crate::MarkSweep::reclaimer); it keeps the collector's memory, but no object, alive.
///
/// ```
/// use alloc_core::{Limit, Shared, api2::alloc::Global, api2::vec::Vec, gc::{Gc, Heap, Static}};
/// use gc_marksweep::MarkSweep;
///
/// let ground = Shared::new(Limit::new(4 << 20, Global));
/// let collector = MarkSweep::new(ground.clone());
/// let reclaimer = collector.reclaimer();
/// let mut heap = Heap::<_, Static<()>>::new(collector, |_| ());
/// heap.mutate(|mc, ()| _ = Gc::slice(mc, 3 << 20, |_| 0_u8)); // garbage, and most of the ground
///
/// let mut numbers = Vec::<u8, _>::new_in(&ground);
/// assert!(numbers.try_reserve(2 << 20).is_err());
/// reclaimer.reclaim(2 << 20);
/// heap.mutate(|_, ()| ()); // the next chance: when a mutation ends
/// assert!(numbers.try_reserve(2 << 20).is_ok());
/// ```
pub struct Reclaimer<A: Layer> {
    heap: Arc<ObjectHeap<A>>,
}

impl<A: Layer> Reclaimer<A> {
    pub(crate) const fn new(heap: Arc<ObjectHeap<A>>) -> Self {
        Self { heap }
    }

    /// Gives spans that are empty to the layer below, has that give back what it can, and has a whole cycle
    /// follow at the end of the next mutation, or of the one that is under way. Returns the bytes that went at
    /// once; 0 of `goal_bytes` asks for what is due by its age, and no cycle.
    pub fn reclaim(&self, goal_bytes: usize) -> usize {
        self.heap.reclaim(goal_bytes)
    }
}

impl<A: Layer> Clone for Reclaimer<A> {
    fn clone(&self) -> Self {
        Self { heap: self.heap.clone() }
    }
}

impl<A: Layer> fmt::Debug for Reclaimer<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reclaimer").finish_non_exhaustive()
    }
}
