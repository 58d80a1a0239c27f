//! Looks at every object after a minor collection: none may lead to where something was, and none that leads to a
//! young one may be watched.
//!
//! Above: the end of a minor collection. Below: the roots, each type's `visit`. It takes time linear in the heap, so
//! where collections are not tortured, it looks after every second, fourth, eighth … one.

use crate::Generational;
use crate::ranges::Ranges;
use crate::remembered::is_remembered;
use alloc_core::Layer;
use alloc_core::gc::{Object, Visitor, World, tag};
use gc_marksweep::Torture;
use std::collections::HashSet;
use std::vec::Vec;

struct Look<'r> {
    /// What was emptied.
    gone: &'r Ranges,
    young: Ranges,
    seen: HashSet<Object>,
    grey: Vec<Object>,
    met_young: bool,
}

// SAFETY: it only takes notes.
unsafe impl Visitor for Look<'_> {
    fn object(&mut self, object: Object) {
        assert!(!self.gone.contains(object.address()), "a pointer to where an object was");
        self.met_young |= self.young.contains(object.address());
        if self.seen.insert(object) {
            self.grey.push(object);
        }
    }
}

impl<A: Layer> Generational<A> {
    /// # Panics
    ///
    /// When a minor collection has left a pointer behind.
    pub(crate) fn verify_minor(&self, world: &World<'_, Self>, gone: &Ranges) {
        let config = self.config.tenured;
        let is_chosen = self.figures.get().minors.is_power_of_two();
        if !config.verify || (config.torture == Torture::Off && !is_chosen) {
            return;
        }
        let young = crate::nursery::Table::ranges_of(&self.nursery.table.borrow().reserve);
        let mut look =
            Look { gone, young, seen: HashSet::new(), grey: Vec::new(), met_young: false };
        world.visit_roots(&mut look);
        while let Some(object) = look.grey.pop() {
            // SAFETY: the roots lead to it, so it is an object of this heap; nobody writes in a turn.
            unsafe {
                let info = object.info::<Self>();
                assert!(
                    object.word().addr() & tag::ALL != tag::MOVED,
                    "a {} that was moved",
                    (info.name)()
                );
                look.met_young = false;
                if let Some(visit) = info.visit {
                    visit(object, &mut look);
                }
                let is_tenured = !look.young.contains(object.address());
                assert!(
                    !is_tenured || !look.met_young || is_remembered::<Self>(object),
                    "M1: a {} leads to a young object, and is watched",
                    (info.name)()
                );
            }
        }
    }
}
