//! Marks again, with another tracer and a set instead of bits, and compares.
//!
//! Above: the end of marking. Below: the roots, the ephemerons, and each type's `visit`.

use crate::Space;
use crate::Tracer;
use crate::heap::Marker;
use alloc_core::Layer;
use alloc_core::gc::{Collector, Object, Visitor, World};
use std::collections::HashSet;
use std::vec::Vec;

#[derive(Default)]
struct Again {
    seen: HashSet<Object>,
    grey: Vec<Object>,
}

// SAFETY: it only takes notes.
unsafe impl Visitor for Again {
    fn object(&mut self, object: Object) {
        if self.seen.insert(object) {
            self.grey.push(object);
        }
    }
}

impl<A: Layer, C: Collector<Marker = Tracer<A, C>>> Space<A, C> {
    /// # Panics
    ///
    /// When an object that the roots lead to is not marked.
    pub(crate) fn verify_marks(&self, world: &World<'_, C>) {
        let Some(marker) = self.mutator.marker() else { return };
        let mut again = Again::default();
        world.visit_roots(&mut again);
        loop {
            self.verify_grey(marker, &mut again);
            let mut values = Vec::new();
            let seen = |object| again.seen.contains(&object);
            if !world.ephemerons(&seen, &mut |value| values.push(value)) {
                return;
            }
            values.into_iter().for_each(|value| again.object(value));
        }
    }

    fn verify_grey(&self, marker: Marker, again: &mut Again) {
        while let Some(object) = again.grey.pop() {
            // SAFETY: the roots lead to it, so it is an object of this heap; nobody writes in a turn.
            unsafe {
                let info = object.info::<C>();
                assert!(
                    match self.beyond.is_marked(object) {
                        Some(is_marked) => is_marked,
                        None => marker.is_marked(object.header()),
                    },
                    "marking missed a {} at {:#x}",
                    (info.name)(),
                    object.address()
                );
                if let Some(visit) = info.visit {
                    visit(object, again);
                }
            }
        }
    }
}
