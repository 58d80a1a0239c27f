//! The simplest collector: one allocation for each object, everything stops, sets instead of bits.
//!
//! Above: the tests of the handles, and those who write a collector and want one to compare with. Below:
//! any layer. It may move every object at every turn, and take a turn after every mutation. Not here:
//! speed.

use super::{Collector, Object, Shape, Turn, Visitor, VisitorMut, World};
use crate::report::Reports;
use crate::{AllocError, Layer, Report};
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use allocator_api2::alloc::Global;
use core::cell::{Cell, RefCell};
use core::ptr::NonNull;

/// A collector for tests and comparisons.
#[derive(Debug)]
pub struct Reference<A: Layer = Global> {
    slots: RefCell<Vec<Slot>>,
    /// Slots of dead objects whose destructors have not run yet.
    dying: Vec<Slot>,
    below: A,
    moves: bool,
    eager: bool,
    turns: Cell<usize>,
    /// The identities that were asked for.
    ids: RefCell<BTreeMap<Object, usize>>,
    next_id: Cell<usize>,
}

#[derive(Clone, Copy, Debug)]
struct Slot {
    start: NonNull<u8>,
    shape: Shape,
}

// SAFETY: a slot belongs to its collector, and goes where that goes.
unsafe impl Send for Slot {}

impl Slot {
    /// # Safety
    ///
    /// An object was made in the slot.
    unsafe fn object(&self) -> Object {
        // SAFETY: the caller's.
        unsafe { Object::in_slot(self.start) }
    }
}

impl Default for Reference {
    fn default() -> Self {
        Self::new(Global)
    }
}

impl<A: Layer> Reference<A> {
    /// A collector over a layer. It collects when it is asked to.
    pub const fn new(below: A) -> Self {
        Self {
            slots: RefCell::new(Vec::new()),
            dying: Vec::new(),
            below,
            moves: false,
            eager: false,
            turns: Cell::new(0),
            ids: RefCell::new(BTreeMap::new()),
            next_id: Cell::new(1),
        }
    }

    /// Moves every object at every turn.
    #[must_use]
    pub fn moving(mut self) -> Self {
        self.moves = true;
        self
    }

    /// Collects after every mutation.
    #[must_use]
    pub fn eager(mut self) -> Self {
        self.eager = true;
        self
    }

    /// The number of objects, dead ones that were not found dead yet included.
    #[must_use]
    pub fn objects(&self) -> usize {
        self.slots.borrow().len()
    }

    /// The number of turns so far.
    #[must_use]
    pub fn turns(&self) -> usize {
        self.turns.get()
    }

    /// The layer below.
    #[must_use]
    pub const fn below(&self) -> &A {
        &self.below
    }

    fn mark(world: &mut World<'_, Self>) -> BTreeSet<Object> {
        let mut marker = ReferenceMarker::default();
        world.mark_roots(&mut marker);
        loop {
            marker.drain::<A>();
            let mut found = Vec::new();
            let alive = |object| marker.marked.contains(&object);
            if !world.ephemerons(&alive, &mut |object| found.push(object))
                && !world.finalisers(&alive, &mut |object| {
                    found.push(object);
                    object
                })
            {
                return marker.marked;
            }
            found.into_iter().for_each(|object| marker.object(object));
        }
    }

    /// Copies every live object. Without the memory for that, nothing moves.
    fn copies(&self, live: &[Slot]) -> Option<Vec<Slot>> {
        let mut copies = Vec::new();
        for slot in live {
            let Ok(start) = self.below.allocate(slot.shape.layout) else {
                copies.iter().for_each(|copy| self.free(copy));
                return None;
            };
            let copy = Slot { start: start.cast(), ..*slot };
            // SAFETY: both slots have the layout's size; the new one is nobody else's.
            unsafe { slot.start.copy_to_nonoverlapping(copy.start, slot.shape.layout.size()) };
            copies.push(copy);
        }
        Some(copies)
    }

    /// Moves the objects in `live`. Returns where each is now.
    fn relocate(&self, live: &mut Vec<Slot>, world: &mut World<'_, Self>) -> ReferenceMover {
        // SAFETY: objects live in all of them.
        let object = |slot: &Slot| unsafe { slot.object() };
        let Some(copies) = self.copies(live) else {
            return ReferenceMover::new(live.iter().map(|slot| (object(slot), object(slot))));
        };
        let pairs = live.iter().map(object).zip(copies.iter().map(object));
        let mut mover = ReferenceMover::new(pairs);
        world.relocate_roots(&mut mover);
        for copy in &copies {
            let copy = object(copy);
            // SAFETY: the copy is this collector's object, and nobody else uses it.
            unsafe {
                if let Some(relocate) = copy.info::<Self>().relocate {
                    relocate(copy, &mut mover);
                }
            }
        }
        // The old slots are freed by the caller, after `settle` has read them.
        *live = copies;
        mover
    }

    fn keep_ids(&self, place: impl Fn(Object) -> Option<Object>) {
        let ids = self.ids.take();
        let kept = ids.into_iter().filter_map(|(object, id)| Some((place(object)?, id)));
        self.ids.replace(kept.collect());
    }

    fn free(&self, slot: &Slot) {
        // SAFETY: the slot is this collector's, of that layout, and no object lives in it any more.
        unsafe {
            slot.start.write_bytes(0xDD, slot.shape.layout.size());
            self.below.deallocate(slot.start, slot.shape.layout);
        }
    }

    /// Runs the destructors of dead objects. If one panics, the others run at the next turn.
    fn bury(&mut self) {
        while let Some(slot) = self.dying.pop() {
            let grave = Grave { slot, of: self };
            // SAFETY: the object is dead, and this is the one place where dead objects are dropped.
            unsafe {
                let object = slot.object();
                if let Some(drop) = object.info::<Self>().drop {
                    drop(object);
                }
            }
            core::mem::drop(grave);
        }
    }
}

/// Frees a slot, even if the destructor panics.
struct Grave<'c, A: Layer> {
    slot: Slot,
    of: &'c Reference<A>,
}

impl<A: Layer> Drop for Grave<'_, A> {
    fn drop(&mut self) {
        self.of.free(&self.slot);
    }
}

impl<A: Layer> Reports for Reference<A> {
    fn report(&self, report: &mut Report<'_>) {
        report.layer("Reference", |report| {
            report.count("objects", self.objects() as u64);
            report.count("turns", self.turns() as u64);
            self.below.report(report);
        });
    }
}

// SAFETY: slots come from a layer and are freed between mutations only (C1 to C3), when marking did
// not reach the object; nothing goes on beside a mutation (C4); dead slots leave the list before their
// destructors run (C5). Out of memory for the list is an error (C6).
unsafe impl<A: Layer> Collector for Reference<A> {
    type Marker = ReferenceMarker;
    type Mover = ReferenceMover;

    unsafe fn allocate(&self, shape: Shape) -> Result<NonNull<u8>, AllocError> {
        let mut slots = self.slots.borrow_mut();
        slots.try_reserve(1).map_err(|_| AllocError)?;
        let start = self.below.allocate(shape.layout)?.cast();
        slots.push(Slot { start, shape });
        Ok(start)
    }

    #[inline]
    unsafe fn barrier(&self, _: Object) {}

    #[inline]
    unsafe fn retain(&self, _: Object) {}

    #[inline]
    fn is_due(&self) -> bool {
        self.eager
    }

    fn identity(&self, object: Object) -> Result<usize, AllocError> {
        let fresh = || self.next_id.replace(self.next_id.get() + 1);
        Ok(*self.ids.borrow_mut().entry(object).or_insert_with(fresh))
    }

    fn known_identity(&self, object: Object) -> Option<usize> {
        self.ids.borrow().get(&object).copied()
    }

    fn turn(&mut self, world: &mut World<'_, Self>, _: Turn) {
        self.turns.set(self.turns.get() + 1);
        let marked = Self::mark(world);
        let slots = core::mem::take(&mut *self.slots.borrow_mut());
        // SAFETY: an object was made in each.
        let is_marked = |slot: &Slot| marked.contains(&unsafe { slot.object() });
        let (mut live, dead): (Vec<Slot>, Vec<Slot>) = slots.into_iter().partition(is_marked);
        if self.moves {
            let old = live.clone();
            let mover = self.relocate(&mut live, world);
            world.settle(&mut |object| mover.place(object));
            self.keep_ids(|object| mover.to.get(&object).copied());
            let moved = old.iter().zip(&live).filter(|(old, new)| old.start != new.start);
            moved.for_each(|(old, _)| self.free(old));
        } else {
            world.settle(&mut |object| marked.contains(&object).then_some(object));
            self.keep_ids(|object| marked.contains(&object).then_some(object));
        }
        *self.slots.borrow_mut() = live;
        self.dying.extend(dead);
        self.bury();
    }
}

impl<A: Layer> Drop for Reference<A> {
    fn drop(&mut self) {
        self.dying.append(self.slots.get_mut());
        self.bury();
    }
}

/// Marks by keeping a set.
#[derive(Debug, Default)]
pub struct ReferenceMarker {
    marked: BTreeSet<Object>,
    grey: Vec<Object>,
}

impl ReferenceMarker {
    fn drain<A: Layer>(&mut self) {
        while let Some(object) = self.grey.pop() {
            // SAFETY: what is grey was reached from the roots, so it is an object; nobody writes.
            unsafe {
                if let Some(mark) = object.info::<Reference<A>>().mark {
                    mark(object, self);
                }
            }
        }
    }
}

// SAFETY: it only takes notes.
unsafe impl Visitor for ReferenceMarker {
    fn object(&mut self, object: Object) {
        if self.marked.insert(object) {
            self.grey.push(object);
        }
    }
}

/// Moves by a map from old places to new ones.
#[derive(Debug)]
pub struct ReferenceMover {
    to: BTreeMap<Object, Object>,
    new: BTreeSet<Object>,
}

impl ReferenceMover {
    fn new(pairs: impl Iterator<Item = (Object, Object)>) -> Self {
        let to: BTreeMap<_, _> = pairs.collect();
        let new = to.values().copied().collect();
        Self { to, new }
    }

    /// Where a live object is now, whether it is named by its old place or by its new one.
    fn place(&self, object: Object) -> Option<Object> {
        self.to.get(&object).copied().or_else(|| self.new.contains(&object).then_some(object))
    }
}

// SAFETY: the map leads to a copy of the object.
unsafe impl VisitorMut for ReferenceMover {
    fn object(&mut self, object: Object) -> Object {
        self.to[&object]
    }
}
