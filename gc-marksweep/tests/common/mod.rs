//! What tests share: a heap beside a model of it, a table of the objects that should be in it.
#![allow(dead_code, reason = "not every test uses all of it")]

use alloc_core::{AllocError, Layer, Layout};
use gc_marksweep::heap::{Marker, Mutator, ObjectHeap};
use std::collections::BTreeMap;
use std::ptr::NonNull;

pub type Owned<A, const KIB: usize> = Mutator<ObjectHeap<A, KIB>, A, KIB>;

pub fn heap<A: Layer, const KIB: usize>(below: A) -> Owned<A, KIB> {
    // SAFETY: the heap moves into its one mutator.
    unsafe { Mutator::new(ObjectHeap::new(below)) }
}

#[derive(Clone, Copy, Debug)]
pub struct Live {
    pub layout: Layout,
    pub drops: bool,
    pub stamp: u8,
    pub marked: bool,
}

/// A heap, and which objects it should have, by address.
pub struct Model<A: Layer, const KIB: usize> {
    pub mutator: Owned<A, KIB>,
    pub live: BTreeMap<NonNull<u8>, Live>,
    /// Found dead, and to be handed out by `sweep_dropping`.
    pub doomed: BTreeMap<NonNull<u8>, Live>,
    stamp: u8,
}

impl<A: Layer, const KIB: usize> Model<A, KIB> {
    pub fn new(below: A) -> Self {
        Self { mutator: heap(below), live: BTreeMap::new(), doomed: BTreeMap::new(), stamp: 0 }
    }

    pub fn allocate(&mut self, layout: Layout, drops: bool) -> Result<NonNull<u8>, AllocError> {
        let object = self.mutator.allocate(layout, drops)?;
        assert!(object.addr().get().is_multiple_of(layout.align()));
        self.stamp = self.stamp.wrapping_add(1) | 1;
        for others in [&self.live, &self.doomed] {
            let before = others.range(..=object).next_back();
            let behind = others.range(object..).next();
            let ends_before = |at: &NonNull<u8>, bytes: usize, next: &NonNull<u8>| {
                at.addr().get() + bytes <= next.addr().get()
            };
            assert!(before.is_none_or(|(at, live)| ends_before(at, live.layout.size(), &object)));
            assert!(behind.is_none_or(|(at, _)| ends_before(&object, layout.size(), at)));
        }
        // SAFETY: the object was just allocated with this layout.
        unsafe { object.write_bytes(self.stamp, layout.size()) };
        let marked = match self.mutator.marker() {
            // SAFETY: the object is alive, and the heap is marking.
            Some(marker) => unsafe { marker.is_marked(object) && marker.is_claimed(object) },
            None => false,
        };
        assert_eq!(marked, self.mutator.marker().is_some(), "born marked while marking");
        self.live.insert(object, Live { layout, drops, stamp: self.stamp, marked });
        Ok(object)
    }

    /// The contents of every object are as they were written.
    pub fn check(&mut self) {
        self.mutator.verify().unwrap();
        for (object, live) in self.live.iter().chain(&self.doomed) {
            // SAFETY: the object was not handed out as dead.
            let bytes = unsafe { std::slice::from_raw_parts(object.as_ptr(), live.layout.size()) };
            assert!(bytes.iter().all(|byte| *byte == live.stamp), "{object:?} {live:?}");
        }
        for object in self.live.keys() {
            // SAFETY: the object is alive.
            assert!(unsafe { self.mutator.is_alive(*object) });
        }
        let mut seen = 0;
        let live = &self.live;
        self.mutator.for_each_object(|object| {
            seen += 1;
            let known = live[&object.address];
            assert!(known.drops == object.drops && known.layout.size() <= object.slot_bytes);
        });
        assert_eq!(seen, live.len());
        assert_eq!(self.mutator.figures().objects, seen);
    }

    /// Marks one of the objects, as many times as `again` says and once more.
    pub fn mark(&mut self, which: usize, marker: Marker<KIB>, alone: bool) {
        let count = self.live.len();
        let Some((object, live)) = self.live.iter_mut().nth(which % count.max(1)) else { return };
        // SAFETY: the object is alive, and the heap is marking; no other thread is.
        unsafe {
            assert_eq!(marker.is_marked(*object), live.marked);
            let first = if alone { marker.mark_alone(*object) } else { marker.mark(*object) };
            assert_eq!(first, !live.marked, "exactly once");
            assert!(!marker.mark(*object) && !marker.mark_alone(*object));
            assert_eq!(marker.claim(*object), first);
            assert!(!marker.claim(*object) && marker.is_claimed(*object));
        }
        live.marked = true;
    }

    /// Ends marking: what the model did not mark is dead.
    pub fn finish_marking(&mut self) {
        assert!(self.mutator.marker().is_some());
        // SAFETY: the model forgets all but the marked objects.
        unsafe { self.mutator.finish_marking() };
        let mut dead = BTreeMap::new();
        self.live.retain(|object, live| {
            if !live.marked {
                dead.insert(*object, *live);
            }
            std::mem::replace(&mut live.marked, false)
        });
        for object in dead.keys() {
            // SAFETY: the object was alive when marking began, and nothing was allocated since.
            assert!(!unsafe { self.mutator.is_alive(*object) });
        }
        dead.retain(|_, live| live.drops);
        self.doomed.append(&mut dead);
    }

    /// Has up to `objects` destructors run; whether none is left.
    pub fn sweep_dropping(&mut self, objects: usize) -> bool {
        let doomed = &mut self.doomed;
        let mut calls = 0;
        let all = self.mutator.sweep_dropping(objects, |object| {
            calls += 1;
            let live = doomed.remove(&object).expect("dead, and not handed out before");
            // SAFETY: a dead object's memory is intact while it is handed out.
            let bytes = unsafe { std::slice::from_raw_parts(object.as_ptr(), live.layout.size()) };
            assert!(bytes.iter().all(|byte| *byte == live.stamp));
        });
        assert!(calls <= objects);
        assert!(!all || self.doomed.is_empty());
        all
    }

    pub fn sweep_all(&mut self) {
        self.mutator.heap().sweep_some(usize::MAX);
        self.sweep_dropping(usize::MAX);
        assert!(self.mutator.heap().is_swept());
    }
}
