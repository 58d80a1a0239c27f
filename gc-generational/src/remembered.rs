//! Tenured objects that may lead into the nursery: the remembered set.
//!
//! Above: the barrier, allocation in the tenured space, minor collections. Below: a queue of batches.
//!
//! * M1: a tenured object that holds a pointer to a young one is not *watched* (its header has no such tag).
//! * M2: an object that is not watched, and can hold pointers, stands here; or, if memory for that was short, is
//!   looked for in the tenured space.
//! * M3: a huge slice that is watched stands here if a card of it was noted (`cards.rs`).
//!
//! So the header's tag is the truth, and the list an index of it. An object is put in once as a whole, and once for its
//! cards.

use crate::cards::Cards;
use alloc_core::Layer;
use alloc_core::gc::{Collector, Object, tag};
use core::cell::Cell;
use gc_marksweep::Queue;

/// Looking at so many takes half a millisecond, if each lies elsewhere.
const MANY_OBJECTS: usize = 4096;

/// The set.
#[derive(Default)]
pub(crate) struct Remembered {
    list: Cell<Queue>,
    /// Objects that were put in since this was asked last.
    count: Cell<usize>,
    /// The list does not lead to all of them.
    pub lost: Cell<bool>,
}

impl Remembered {
    /// Whether so many were put in that looking at them will take long.
    pub fn is_long(&self) -> bool {
        self.count.get() >= MANY_OBJECTS
    }

    /// Puts an object in.
    pub fn push<A: Layer>(&self, object: Object, below: &A) {
        self.count.set(self.count.get() + 1);
        let mut list = self.list.take();
        list.push(object, below);
        self.list.set(list);
    }

    /// Takes all out; the list is empty then.
    pub fn take(&self) -> Queue {
        self.list.take()
    }

    pub fn take_count(&self) -> usize {
        self.count.take()
    }

    /// Forgets which they are: they will be looked for (M2).
    pub fn forget<A: Layer>(&self, below: &A) {
        self.free(below);
        self.lost.set(true);
    }

    pub fn free<A: Layer>(&self, below: &A) {
        self.list.take().free(below);
    }
}

/// Whether a tenured object is remembered, or a card of it is.
///
/// # Safety
///
/// It is an object of the collector `C`, in its tenured space, and was not found dead.
pub(crate) unsafe fn is_remembered<C: Collector>(object: Object) -> bool {
    // SAFETY: the caller's.
    unsafe {
        if object.word().addr() & tag::ALL == tag::MOVED {
            return false; // A home: nothing is in it yet.
        }
        if object.info::<C>().relocate.is_none() {
            return false;
        }
        object.word().addr() & tag::ALL != tag::WATCHED
            || Cards::of::<C>(object).is_some_and(|c| c.any())
    }
}
