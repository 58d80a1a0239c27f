//! A minor collection: what is alive in the nursery is copied out of it, and the rest is gone.
//!
//! Above: turns. Below: the mover; the remembered set; what the heap knows of weak pointers and finalisers.
//!
//! ```text
//!   roots, and what is remembered → copy, and visit what was copied, until nothing is grey
//!   ephemerons, finalisers        → may find more
//!   weak pointers                 → learn who died
//!   destructors                   → those that were not copied are dying
//! ```
//!
//! Only between two mutations, so every pointer to a young object is in the roots, in another young object, or in
//! a tenured one that is remembered (M1, M2). Source: Ungar, *Generation scavenging* (1984); the order in which
//! objects are copied is depth first.

use crate::Generational;
use crate::links::{Links, NO_OBJECT};
use crate::mover::{Mover, Plan, place_of};
use crate::nursery::{BLOCK_LEAST_BYTES, Block, Blocks, Table};
use crate::pacer::Found;
use crate::ranges::Ranges;
use crate::remembered::is_remembered;
use alloc_core::Layer;
use alloc_core::gc::{Object, Turn, WORD_BYTES, World, tag};
use core::cell::RefCell;
use core::marker::PhantomData;
use gc_marksweep::{Change, Outside, Queue};

impl<A: Layer> Generational<A> {
    /// Returns whether nothing is young any more. `all`: everything that survives is to be promoted.
    pub(crate) fn minor(&mut self, world: &mut World<'_, Self>, all: bool) -> bool {
        #[cfg(feature = "std")]
        let begin = std::time::Instant::now();
        self.nursery.stop();
        let whole = Whole;
        let (plan, mut found) = self.plan(all);
        let ranges = plan.from.clone();
        // SAFETY: both are this collector's, and are not changed exclusively while the mover is used.
        let mut mover = unsafe { Mover::new(plan, &self.tenured, &self.remembered) };
        let mut young = world.young();
        young.relocate_roots(&mut mover);
        self.visit_remembered(&mut mover);
        mover.drain();
        let mover = Self::find_more(&mut young, mover, &ranges);
        young.settle(&mut |object| place(&ranges, object));
        if mover.copied_bytes == 0 {
            world.grow_old();
        }
        self.part_links(mover.links);
        self.abandon_homes();
        let is_empty = mover.copied_bytes == 0;
        core::mem::forget(whole);
        found.survived_bytes = mover.copied_bytes + mover.promoted_bytes - mover.again_bytes;
        found.again_bytes = mover.again_bytes;
        self.note(&mover, &found);
        self.nursery.table.borrow_mut().reserve = mover.to;
        #[cfg(feature = "std")]
        {
            self.verify_minor(world, &ranges);
            let pause = begin.elapsed();
            self.figures.get_mut().pauses.note(pause);
            found.pause_nanos = pause.as_nanos() as u64;
        }
        let size_bytes = self.nursery.size_bytes.get();
        self.nursery.size_bytes.set(if mover.is_short() {
            // The tenured space needs the memory more.
            (size_bytes / 4).max(BLOCK_LEAST_BYTES)
        } else {
            self.pacer.ended(found, size_bytes)
        });
        if let Some(cycles) = self.pacer.rests(found)
            && is_empty
        {
            self.rest(cycles);
        }
        is_empty
    }

    /// From where to where.
    fn plan(&self, all: bool) -> (Plan, Found) {
        let table = self.nursery.table.borrow();
        let used = |blocks: &Blocks| blocks.iter().map(|b| b.used_bytes).sum();
        let (eden_bytes, survivor_bytes) = (used(&table.eden), used(&table.survivors));
        let waits = !all && self.pacer.waits(eden_bytes, self.nursery.size_bytes.get());
        let plan = Plan {
            from: table.ranges_to_empty(),
            survivors: Table::ranges_of(&table.survivors),
            waits,
            reserve: table.reserve,
            reserve_ranges: Table::ranges_of(&table.reserve),
        };
        let found =
            Found { eden_bytes, survivor_bytes, survived_bytes: 0, again_bytes: 0, pause_nanos: 0 };
        (plan, found)
    }

    /// Tenured objects that may lead to young ones.
    fn visit_remembered(&self, mover: &mut Mover<A>) {
        let mut list: Queue = self.remembered.take();
        let mut cards = 0;
        while let Some(object) = list.pop(self.tenured.below()) {
            // SAFETY: what is remembered is tenured, and was alive when it was put in; no cycle has ended since.
            cards += unsafe { mover.visit_tenured(object) } as u64;
        }
        let is_short = list.was_short();
        list.free(self.tenured.below());
        if is_short || self.remembered.lost.take() {
            self.search(mover);
        }
        let mut figures = self.figures.get();
        figures.remembered_cards += cards;
        self.figures.set(figures);
    }

    /// Some could not be put in: looks for them in the tenured space (M2, M3).
    #[cold]
    fn search(&self, mover: &mut Mover<A>) {
        let below = self.tenured.below();
        let mut found = Queue::default();
        // SAFETY: what is called does nothing with the space.
        unsafe {
            self.tenured.walk(|object| {
                if is_remembered::<Self>(object) {
                    found.push(object, below);
                }
            });
        }
        let is_short = found.was_short();
        while let Some(object) = found.pop(below) {
            // SAFETY: the object was not found dead, so it is alive, or garbage since the last cycle.
            unsafe { mover.visit_tenured(object) };
        }
        found.free(below);
        if is_short {
            self.search_in_place(mover);
        }
    }

    /// The same without memory for a list. What is led to stays young, as nothing may be allocated in the tenured
    /// space while all of it is looked at.
    #[cold]
    fn search_in_place(&self, mover: &mut Mover<A>) {
        mover.set_promotes(false);
        // SAFETY: the mover allocates nothing in the space now; objects as in `search`.
        unsafe {
            self.tenured.walk(|object| {
                if is_remembered::<Self>(object) {
                    mover.visit_tenured(object);
                }
            });
        }
        mover.set_promotes(true);
    }

    /// Asks who else is alive, until nobody is.
    fn find_more(world: &mut World<'_, Self>, mover: Mover<A>, ranges: &Ranges) -> Mover<A> {
        let mover = RefCell::new(mover);
        let alive = |object: Object| place(ranges, object).is_some();
        let found = |object: Object| {
            use alloc_core::gc::VisitorMut;
            mover.borrow_mut().object(object)
        };
        while world.ephemerons(&alive, &mut |object| _ = found(object))
            || world.finalisers(&alive, &mut |object| found(object))
        {
            mover.borrow_mut().drain();
        }
        mover.into_inner()
    }

    /// Of the objects that have destructors, those that were not copied are dying; the copies are young.
    fn part_links(&mut self, copies: Links) {
        let mut old = self.links.replace(copies);
        // SAFETY: each is on the list once, and its slot is there.
        while let Some(slot) = unsafe { old.pop() } {
            // SAFETY: an object was made in the slot, whose first word still tells where its header is.
            unsafe {
                if place_of(Object::in_slot(slot)).is_none() {
                    self.dying.push(slot);
                }
            }
        }
    }

    fn note(&mut self, mover: &Mover<A>, found: &Found) {
        let remembered = self.remembered.take_count();
        let figures = self.figures.get_mut();
        figures.minors += 1;
        figures.nursery_bytes += (found.eden_bytes + found.survivor_bytes) as u64;
        figures.copied_bytes += mover.copied_bytes as u64;
        figures.promoted_bytes += mover.promoted_bytes as u64;
        figures.remembered_objects += remembered as u64;
        figures.short_minors += usize::from(mover.is_short());
    }

    /// Gives up a place that was set out for an object: what is in it is nothing.
    pub(crate) fn abandon(&self, home: Object) {
        // SAFETY: nobody but the young object, which is dead or forgets it, knows of the place.
        unsafe { home.set_word(alloc_core::gc::nothing::<Self>().cast_mut().cast()) };
    }

    /// Gives up the places of all objects that did not come to them.
    pub(crate) fn abandon_homes(&self) {
        let mut homes = self.homes.take();
        while let Some(object) = homes.pop(self.below()) {
            // SAFETY: the object's slot is as the minor collection has left it; its destructor may need the type.
            unsafe {
                let word = object.word();
                if word.addr() & tag::ALL == tag::HOMED
                    && let Some(home) = crate::mover::lead(word)
                {
                    object.set_word(home.word().map_addr(|address| address & !tag::ALL));
                    self.abandon(home);
                }
            }
        }
        homes.free(self.below());
    }

    /// A whole collection for when the tenured space has no memory for what is young: that is marked as well, where it
    /// is, and may be promoted when the garbage is gone.
    #[cold]
    pub(crate) fn squeeze(&mut self, world: &mut World<'_, Self>) {
        // Some of them may be gone afterwards.
        self.remembered.forget(self.tenured.below());
        let survivors = Survivors::<A>(self.nursery.table.borrow().reserve, PhantomData);
        let unmarks = Unmarks(&survivors);
        self.tenured.turn(world, Turn::Full, Change::Beside(&survivors));
        drop(unmarks);
    }
}

/// Ends the process if something unwinds while objects are moved: rules T2 and C6 forbid it, and half of the pointers
/// would lead to where nothing is.
pub(crate) struct Whole;

impl Drop for Whole {
    fn drop(&mut self) {
        // It is forgotten when all went well; so this is a panic within a panic, which aborts.
        panic!("a visit unwound while objects were moved");
    }
}

/// What a minor collection could not promote, right behind it: objects, and words that belong to none. A young object
/// is never watched but for this time, in which that tag is its mark.
struct Survivors<A: Layer>(Blocks, PhantomData<fn(A)>);

impl<A: Layer> Survivors<A> {
    fn each(&self, mut each: impl FnMut(Object)) {
        for block in self.0.iter() {
            let mut at = 0;
            while at < block.used_bytes {
                // SAFETY: the block is filled so far, with words that are no object's, and slots.
                unsafe {
                    let start = block.start.add(at);
                    if start.cast::<usize>().read() & NO_OBJECT == NO_OBJECT {
                        at += WORD_BYTES;
                        continue;
                    }
                    let object = Object::in_slot(start);
                    at += object.shape::<Generational<A>>().layout.size();
                    each(object);
                }
            }
        }
    }
}

impl<A: Layer> Outside for Survivors<A> {
    fn contains(&self, object: Object) -> bool {
        let is_in =
            |block: &Block| object.address().wrapping_sub(block.start.addr().get()) < block.bytes;
        self.0.iter().any(is_in)
    }

    fn mark(&self, object: Object) -> bool {
        let is_first = !self.is_marked(object);
        // SAFETY: it is a young object, and this is its collector's turn.
        unsafe { object.set_word(object.word().map_addr(|address| address | tag::WATCHED)) };
        is_first
    }

    fn is_marked(&self, object: Object) -> bool {
        // SAFETY: it is a young object.
        unsafe { object.word() }.addr() & tag::ALL == tag::WATCHED
    }

    fn each_marked(&self, each: &mut dyn FnMut(Object)) {
        self.each(|object| {
            if self.is_marked(object) {
                each(object);
            }
        });
    }
}

/// Takes the marks away, also if a destructor unwinds.
struct Unmarks<'s, A: Layer>(&'s Survivors<A>);

impl<A: Layer> Drop for Unmarks<'_, A> {
    fn drop(&mut self) {
        self.0.each(|object| {
            // SAFETY: as in `mark`.
            unsafe { object.set_word(object.word().map_addr(|address| address & !tag::ALL)) };
        });
    }
}

/// Where an object is now, if it is alive.
fn place(ranges: &Ranges, object: Object) -> Option<Object> {
    if !ranges.contains(object.address()) {
        return Some(object);
    }
    // SAFETY: the ranges are those that the minor collection empties.
    unsafe { place_of(object) }
}
