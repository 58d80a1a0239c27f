//! What a heap knows besides objects: watches, finalisers, dynamic roots; and how a collector's turn
//! treats them.
//!
//! Above: the handles, which register; [`World`], through which a collector asks. Below: objects.
//! Not here: who is alive (a collector says so).
//!
//! Watches and finalisers are small objects of the heap themselves, in chains that lead from here.
//! A chain does not keep its watches alive: a watch that nobody holds any more leaves the chain. The
//! finalisers' chains do.
//!
//! ```text
//!  weak        watch { next, target }                 a GcWeak holds the watch, not the target
//!  ephemerons  watch { next, target, value }          the value lives if the watch and the target do
//!  finalisers  watch { next, target, run }            the target's death is looked for
//!  ready       watch { next, target, run }            … was found: the target lives until `run` has run
//! ```

use super::heap::RootSet;
use super::{Collector, Mutation, Object, Visitor, VisitorMut};
use core::cell::Cell;

#[cfg(feature = "alloc")]
use super::dynamic::Table;

/// What every watch begins with.
#[repr(C)]
pub(super) struct Watch {
    next: Cell<Option<Object>>,
    pub(super) target: Cell<Option<Object>>,
}

/// A watch with a value that lives as long as the target does.
#[repr(C)]
pub(super) struct Ephemeral {
    pub(super) watch: Watch,
    pub(super) value: Cell<Option<Object>>,
}

/// A watch whose target's death is answered by a call.
#[repr(C)]
pub(super) struct Final<C: Collector> {
    pub(super) watch: Watch,
    pub(super) run: RunFinaliser<C>,
    /// The function that `run` calls, a `fn` pointer whose type only `run` knows.
    pub(super) with: *const (),
}

/// Calls a finaliser for an object.
pub(super) type RunFinaliser<C> = unsafe fn(&Mutation<'_, C>, Object, *const ());

impl Watch {
    pub(super) fn on(target: Object) -> Self {
        Self { next: Cell::new(None), target: Cell::new(Some(target)) }
    }

    /// The watch that an object is.
    ///
    /// # Safety
    ///
    /// The object is a watch, and its slot was not freed (though it may have been copied from).
    pub(super) unsafe fn of<'w>(object: Object) -> &'w Self {
        // SAFETY: every kind of watch begins with a `Watch`; all its fields are cells.
        unsafe { object.value_of::<Self>().as_ref() }
    }
}

/// Which watches of a chain: all, or the young ones, which came last, and stand in front.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    All,
    Young,
}

/// A chain of watches.
#[derive(Default)]
pub(super) struct Chain {
    first: Cell<Option<Object>>,
    /// The first one that is not young; `None`: all may be.
    old: Cell<Option<Object>>,
}

impl Chain {
    /// Puts a watch at the front.
    ///
    /// # Safety
    ///
    /// It is a live watch in no chain.
    pub(super) unsafe fn push(&self, watch: Object) {
        // SAFETY: the caller's.
        unsafe { Watch::of(watch) }.next.set(self.first.replace(Some(watch)));
    }

    fn pop(&self) -> Option<Object> {
        let first = self.first.take()?;
        // SAFETY: what is in a chain is a watch, and alive (`settle` takes the others out).
        self.first.set(unsafe { Watch::of(first) }.next.take());
        Some(first)
    }

    /// Puts all of another chain's watches behind this one's.
    fn append(&self, other: &Self) {
        let Some(first) = other.first.take() else { return };
        let mut last = None;
        self.each(|watch| last = Some(watch));
        match last {
            // SAFETY: as for `pop`.
            Some(last) => unsafe { Watch::of(last) }.next.set(Some(first)),
            None => self.first.set(Some(first)),
        }
    }

    /// Every watch, first to last. The next one is read before `each` is called.
    fn each(&self, each: impl FnMut(Object)) {
        Self::each_from(self.first.get(), None, each);
    }

    /// From `next` on, up to `end`.
    fn each_from(mut next: Option<Object>, end: Option<Object>, mut each: impl FnMut(Object)) {
        while let Some(watch) = next
            && next != end
        {
            // SAFETY: as for `pop`.
            next = unsafe { Watch::of(watch) }.next.get();
            each(watch);
        }
    }

    /// From now on, none is young.
    fn grow_old(&self) {
        self.old.set(self.first.get());
    }

    /// Takes watches out and puts those in again for which `keep` gives an object: the watch, or the
    /// place that it moved to. Keeps the order.
    fn rebuild(&self, part: Part, mut keep: impl FnMut(Object) -> Option<Object>) {
        let old = self.old.take();
        let rest = if part == Part::Young { old } else { None };
        let mut last: Option<Object> = None;
        // The first old one may be taken out: then the next one is.
        let mut is_old = false;
        let link = |from: Option<Object>, to| match from {
            // SAFETY: `keep` gave a live watch.
            Some(from) => unsafe { Watch::of(from) }.next.set(to),
            None => self.first.set(to),
        };
        Self::each_from(self.first.take(), rest, |watch| {
            is_old |= Some(watch) == old;
            let Some(kept) = keep(watch) else { return };
            link(last, Some(kept));
            last = Some(kept);
            if is_old && self.old.get().is_none() {
                self.old.set(Some(kept));
            }
        });
        link(last, rest);
        if part == Part::Young {
            self.old.set(old);
        }
    }
}

/// All of it.
pub(super) struct Registry<C: Collector> {
    pub(super) weak: Chain,
    pub(super) ephemerons: Chain,
    pub(super) finalisers: Chain,
    pub(super) ready: Chain,
    #[cfg(feature = "alloc")]
    pub(super) table: Table,
    /// The name of a type whose objects may not go to another thread, if there was one.
    pub(super) stays: Cell<Option<fn() -> &'static str>>,
    _of: core::marker::PhantomData<fn(C)>,
}

impl<C: Collector> Registry<C> {
    pub(super) fn new() -> Self {
        Self {
            weak: Chain::default(),
            ephemerons: Chain::default(),
            finalisers: Chain::default(),
            ready: Chain::default(),
            #[cfg(feature = "alloc")]
            table: Table::default(),
            stays: Cell::new(None),
            _of: core::marker::PhantomData,
        }
    }

    /// The next finaliser to be run, with the object that it is run for.
    pub(super) fn next_ready(&self) -> Option<(Object, RunFinaliser<C>, *const ())> {
        let watch = self.ready.pop()?;
        // SAFETY: what is in this chain is a `Final<C>`.
        let of = unsafe { watch.value_of::<Final<C>>().as_ref() };
        Some((of.watch.target.get()?, of.run, of.with))
    }

    /// What the registry keeps alive.
    fn visit(&self, mut found: impl FnMut(Object)) {
        self.finalisers.each(&mut found);
        self.ready.each(|watch| {
            found(watch);
            // SAFETY: it is a watch, and alive.
            if let Some(target) = unsafe { Watch::of(watch) }.target.get() {
                found(target);
            }
        });
        #[cfg(feature = "alloc")]
        self.table.each(found);
    }
}

/// What a collector sees during its turn: the roots, and what has to be told who is alive.
///
/// A turn that ends a cycle of marking does this, in this order:
///
/// 1. [`mark_roots`](World::mark_roots) when the cycle begins; then marks to the end.
/// 2. [`ephemerons`](World::ephemerons), and marks to the end, until it finds nothing.
/// 3. [`finalisers`](World::finalisers); if it finds something, marks to the end, and 2 again.
/// 4. [`settle`](World::settle).
///
/// A turn that moves objects also calls [`relocate_roots`](World::relocate_roots), once, before
/// `settle`.
///
/// Where objects are young first, most turns are about those only: [`young`](World::young).
pub struct World<'w, C: Collector> {
    pub(super) root: &'w mut dyn RootSet<C>,
    pub(super) registry: &'w mut Registry<C>,
    pub(super) part: Part,
}

impl<C: Collector> core::fmt::Debug for World<'_, C> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("World").finish_non_exhaustive()
    }
}

impl<C: Collector> World<'_, C> {
    /// The same world for a turn in which all objects are alive but those that were made since
    /// [`grow_old`](World::grow_old) was called last. Of weak pointers and finalisers that are older, nothing is
    /// asked, and nothing is shown; so that such a turn takes time linear in the younger ones.
    pub fn young(&mut self) -> World<'_, C> {
        World { root: &mut *self.root, registry: &mut *self.registry, part: Part::Young }
    }

    /// From now on, what is there is no longer young: a turn has moved all of it where it is not looked for
    /// by [`young`](World::young) turns.
    pub fn grow_old(&mut self) {
        self.registry.weak.grow_old();
        self.registry.finalisers.grow_old();
    }

    /// Shows every root to the marker.
    pub fn mark_roots(&mut self, marker: &mut C::Marker) {
        self.root.mark(marker);
        self.registry.visit(|object| marker.object(object));
    }

    /// Shows every root to any visitor: to check, or to dump.
    pub fn visit_roots(&self, mut visitor: &mut dyn Visitor) {
        self.root.visit(&mut visitor);
        self.registry.visit(|object| visitor.object(object));
    }

    /// Shows every root to the mover, which says where it is now.
    pub fn relocate_roots(&mut self, mover: &mut C::Mover) {
        self.root.relocate(mover);
        self.registry.finalisers.rebuild(self.part, |watch| Some(mover.object(watch)));
        self.registry.ready.rebuild(Part::All, |watch| {
            let moved = mover.object(watch);
            // SAFETY: it is a watch; its target is a root too.
            let target = &unsafe { Watch::of(moved) }.target;
            target.set(target.get().map(|target| mover.object(target)));
            Some(moved)
        });
        #[cfg(feature = "alloc")]
        self.registry.table.relocate(|object| mover.object(object));
    }

    /// Gives `found` the value of each ephemeron that is alive, and its key too, while the value is
    /// not. Returns whether there was one. Takes time linear in the number of ephemerons.
    pub fn ephemerons(
        &self,
        alive: &dyn Fn(Object) -> bool,
        found: &mut dyn FnMut(Object),
    ) -> bool {
        let mut any = false;
        self.registry.ephemerons.each(|watch| {
            // SAFETY: what is in this chain is an `Ephemeral` whose slot was not freed yet.
            let of = unsafe { watch.value_of::<Ephemeral>().as_ref() };
            if let (Some(key), Some(value)) = (of.watch.target.get(), of.value.get())
                && alive(watch)
                && alive(key)
                && !alive(value)
            {
                found(value);
                any = true;
            }
        });
        any
    }

    /// Gives `found` each object that has a finaliser and is not alive: its finaliser will run, and
    /// until then it is a root. `found` says where the object is now. Returns whether there was one.
    pub fn finalisers(
        &mut self,
        alive: &dyn Fn(Object) -> bool,
        found: &mut dyn FnMut(Object) -> Object,
    ) -> bool {
        let Registry { finalisers, ready, .. } = &*self.registry;
        let dying = Chain::default();
        // The newest come first, so that the oldest come first in `dying`.
        finalisers.rebuild(self.part, |watch| {
            // SAFETY: it is a watch, and alive; its target's slot was not freed yet.
            if alive(unsafe { Watch::of(watch) }.target.get()?) {
                return Some(watch);
            }
            // SAFETY: `rebuild` has read its `next`, and does not put it in again.
            unsafe { dying.push(watch) };
            None
        });
        // All are known, also those of one object, before the first of them is alive again.
        let any = dying.first.get().is_some();
        dying.each(|watch| {
            // SAFETY: as above.
            let target = &unsafe { Watch::of(watch) }.target;
            target.set(target.get().map(&mut *found));
        });
        ready.append(&dying);
        any
    }

    /// Ends the cycle for watches: `place` says where an object is that is alive, and `None` of one
    /// that is not. Watches that are dead are forgotten, and targets that are dead are cleared.
    pub fn settle(&mut self, place: &mut dyn FnMut(Object) -> Option<Object>) {
        self.registry.weak.rebuild(self.part, |watch| {
            let kept = place(watch)?;
            // SAFETY: it is a watch, and alive.
            let target = &unsafe { Watch::of(kept) }.target;
            target.set(target.get().and_then(&mut *place));
            Some(kept)
        });
        // Its value may be younger than itself.
        self.registry.ephemerons.rebuild(Part::All, |watch| {
            let kept = place(watch)?;
            // SAFETY: it is an `Ephemeral`, and alive.
            let of = unsafe { kept.value_of::<Ephemeral>().as_ref() };
            of.watch.target.set(of.watch.target.get().and_then(&mut *place));
            let value = of.watch.target.get().and(of.value.get());
            of.value.set(value.and_then(&mut *place));
            Some(kept)
        });
        self.registry.finalisers.rebuild(self.part, |watch| {
            let kept = place(watch)?;
            // SAFETY: it is a watch, and alive.
            let target = &unsafe { Watch::of(kept) }.target;
            target.set(target.get().and_then(&mut *place));
            Some(kept)
        });
    }
}
