//! The collector's turns: what happens between two mutations, and in which order.
//!
//! Above: `Heap`, which gives a turn. Below: minor collections; the tenured space's turns.
//!
//! ```text
//!   1  bury     destructors of young objects that died          (here)
//!   2  minor    copies what is alive out of eden                 (minor.rs)
//!   3  tenured  a step of marking or of sweeping; a cycle begins or ends only if 2 has promoted all
//!   4  bury
//! ```
//!
//! A cycle begins right behind a minor collection that has promoted everything. From then on
//!
//! * N1: the marker never meets a young object: what it still has to visit was not written to since, and led to
//!   tenured objects then.
//! * N2: a minor collection never changes an object that the marker may visit: what it changes is remembered, so
//!   it was claimed when it was written to, or born claimed.
//!
//! So the two need no handshake. It ends right behind such a minor collection, too: so everything that it has to
//! know of is tenured.
//!
//! If the tenured space has no memory for what is young, a whole cycle is made at once, in which both are marked
//! (`squeeze()` in `minor.rs`); the next minor collection may find room then.

use crate::Generational;
use alloc_core::Layer;
use alloc_core::gc::{Object, Turn, World, tag};
use gc_marksweep::{Change, Torture};

/// The part of its length that the nursery has after a rest.
const WAKING_PART: usize = 4;

impl<A: Layer> Generational<A> {
    pub(crate) fn take_turn(&mut self, world: &mut World<'_, Self>, turn: Turn) {
        self.bury();
        self.wake();
        let compacts = self.wants_compaction.take();
        let turn = if compacts { Turn::Full } else { turn };
        let begins = matches!(turn, Turn::Some { .. }) && self.tenured.is_idle();
        let wants_all = turn == Turn::Full || begins || self.tenured.wants_change();
        let is_tortured = self.config.tenured.torture != Torture::Off;
        let is_due = turn != Turn::Pay || self.nursery.due.get() || is_tortured;
        let rests = self.nursery.rests.get();
        if rests {
            self.nursery.due.set(false);
        }
        let all_old = rests || ((wants_all || is_due) && self.minor(world, wants_all));
        match (wants_all, all_old) {
            (true, true) => {
                debug_assert!(
                    self.nursery.has_copied_nothing(),
                    "N1: a cycle begins when nothing is young"
                );
                self.tenured.turn(world, turn, Change::Yes);
                if compacts {
                    self.compact(world);
                }
            }
            (true, false) => self.squeeze(world),
            (false, _) => self.tenured.turn(world, turn, Change::No),
        }
        self.set_barrier();
        self.trims = wants_all;
        self.bury();
    }

    /// Has the nursery rest for so many cycles: it is empty, and so is the remembered set.
    pub(crate) fn rest(&mut self, cycles: usize) {
        self.nursery.rests.set(true);
        // At once: what is made from now on has to be watched.
        self.set_barrier();
        self.rested_cycles = self.tenured.figures().cycles + cycles;
        self.figures.get_mut().rests += 1;
    }

    /// The nursery has rested enough.
    fn wake(&mut self) {
        if self.nursery.rests.get() && self.tenured.figures().cycles >= self.rested_cycles {
            self.nursery.rests.set(false);
            // A short one tells as much.
            self.nursery.size_bytes.set(self.config.nursery_bytes / WAKING_PART);
            self.set_barrier();
        }
    }

    /// Which headers the barrier asks for, and which ones new objects get. While the nursery rests, all objects are
    /// watched (M1: none leads to a young one), and only the marker has to know of a write.
    fn set_barrier(&self) {
        let (mask, new_tag) = match (self.nursery.rests.get(), self.tenured.is_marking()) {
            (false, _) => (tag::NOT_PLAIN, 0),
            (true, false) => (0, tag::WATCHED),
            (true, true) => (usize::MAX, tag::WATCHED),
        };
        self.mask.set(mask);
        self.new_tag.set(new_tag);
    }

    /// Runs the destructors of young objects that were found dead. If one panics, the others run in the next
    /// turn.
    pub(crate) fn bury(&mut self) {
        // SAFETY: the list's objects are dead, and the nursery stands still until they are dropped.
        while let Some(object) = unsafe { self.dying.pop_object() } {
            // SAFETY: it was taken off the list, so this happens once.
            unsafe { Self::finish(object) };
        }
        if self.nursery.stands_still.get() {
            let renews = self.config.tenured.torture != Torture::Off || self.nursery.rests.get();
            self.nursery.flip(self.tenured.heap(), renews, self.trims);
        }
    }

    /// Runs an object's destructor.
    ///
    /// # Safety
    ///
    /// The object is of this collector, dead, and not dropped yet.
    pub(crate) unsafe fn finish(object: Object) {
        // SAFETY: the caller's.
        unsafe {
            if let Some(drop) = object.info::<Self>().drop {
                drop(object);
            }
        }
    }
}
