//! The collector's turns: one loop over the phases.
//!
//! Above: `Heap`, which gives a turn between two mutations. Below: the tracer, the heap's phases.
//!
//! ```text
//!   Idle  => the pacer says go → shade the roots        → Mark
//!   Mark  => visit one object at a time, until none is grey; then ephemerons and finalisers may
//!            find more; then settle                     → Sweep
//!   Sweep => some spans, some destructors, until all    → Idle
//! ```

use crate::Space;
use crate::cards::Partly;
use crate::config::{Config, Mode, Torture};
use crate::figures::Cause;
use crate::heap::Marker;
use crate::tracer::{Claims, Tracer};
use alloc_core::Layer;
use alloc_core::gc::{Collector, Object, Turn, Visitor, World};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    Idle,
    Mark,
    Sweep,
}

/// Bytes between two turns that are due while a cycle is under way.
const QUANTUM_BYTES: usize = 16 << 10;
/// What sweeping a span counts for, and finding and dropping an object.
const SPAN_COST_BYTES: usize = 4 << 10;
const DROP_COST_BYTES: usize = 64;

/// How far `allocated_bytes` has come since it was `then_bytes`. It wraps; and when a cycle ends it
/// goes back a little, as slots that were not handed out are no longer counted.
pub(crate) fn gained_bytes(now_bytes: usize, then_bytes: usize) -> usize {
    now_bytes.wrapping_sub(then_bytes).cast_signed().max(0).cast_unsigned()
}

impl Config {
    /// Whether a mutation can come before marking has ended.
    pub(crate) fn in_steps(&self) -> bool {
        self.mode != Mode::StopTheWorld
    }
}

impl<A: Layer, C: Collector<Marker = Tracer<A, C>>> Space<A, C> {
    pub(crate) fn take_turn(&mut self, world: &mut World<'_, C>, turn: Turn) {
        if self.mutator.heap().take_short() && self.wish.get_mut().is_none() {
            self.wish.set(Some(Cause::Exhaustion));
        }
        match (turn, self.config.torture) {
            // A whole cycle follows below.
            (Turn::Pay, Torture::Off) if self.may_change && self.wish.get_mut().is_some() => {}
            (Turn::Full, _) if self.may_change => {
                self.wish.set(None);
                self.full(world, Cause::Asked);
            }
            (Turn::Pay, Torture::Cycles) if self.may_change => self.full(world, Cause::Torture),
            (Turn::Pay, Torture::Steps | Torture::Cycles) => self.step(world, 1, Cause::Torture),
            (Turn::Some { budget_bytes }, _) => self.step(world, budget_bytes, Cause::Asked),
            (Turn::Pay | Turn::Full, _) => self.pay(world),
        }
        if self.may_change
            && let Some(cause) = self.wish.take()
        {
            self.full(world, cause);
        }
        let now_bytes = self.mutator.allocated_bytes();
        self.turn_bytes = now_bytes;
        self.due_bytes.set(match self.phase {
            Phase::Idle => self.cycle_bytes.wrapping_add(self.pacer.start_bytes()),
            Phase::Mark | Phase::Sweep => now_bytes.wrapping_add(QUANTUM_BYTES),
        });
    }

    /// As much as the mutations since the last turn have to pay for.
    fn pay(&mut self, world: &mut World<'_, C>) {
        let now_bytes = self.mutator.allocated_bytes();
        let allocated_bytes = gained_bytes(now_bytes, self.turn_bytes);
        let since_bytes = gained_bytes(now_bytes, self.cycle_bytes);
        match self.phase {
            Phase::Idle => self.step(world, QUANTUM_BYTES, Cause::Growth),
            Phase::Mark => self.step(world, self.pacer.share_bytes(allocated_bytes), Cause::Growth),
            // Sweeping has to have ended when the next cycle begins.
            Phase::Sweep if self.may_change && since_bytes >= self.pacer.start_bytes() => {
                self.sweep_all();
                self.phase = Phase::Idle;
                self.step(world, QUANTUM_BYTES, Cause::Growth);
            }
            Phase::Sweep => self.step(world, allocated_bytes.saturating_mul(4), Cause::Growth),
        }
    }

    /// Goes on by about so much, to the end of a cycle at most.
    fn step(&mut self, world: &mut World<'_, C>, budget_bytes: usize, cause: Cause) {
        let mut budget_bytes = budget_bytes;
        if self.phase == Phase::Idle && self.may_change {
            self.begin(world, cause, true);
        }
        if self.phase == Phase::Mark {
            let stops = !self.config.in_steps();
            let claims = if stops { Claims::Idle } else { Claims::Needed };
            let mut all_bytes = usize::MAX;
            let budget = if stops { &mut all_bytes } else { &mut budget_bytes };
            // Where a thread sweeps, it has begun to.
            if !self.mark(world, budget, claims) || budget_bytes == 0 || self.has_background() {
                return;
            }
        }
        if self.phase == Phase::Sweep && self.sweep(budget_bytes) {
            self.phase = Phase::Idle;
        }
    }

    /// A whole cycle, after the one that may be under way.
    fn full(&mut self, world: &mut World<'_, C>, cause: Cause) {
        if self.phase == Phase::Mark && self.beyond.is_nothing() {
            self.mark_to_the_end(world, Claims::Needed);
        } else if self.phase == Phase::Mark {
            self.give_up();
        }
        self.sweep_all();
        self.phase = Phase::Idle;
        self.begin(world, cause, false);
        self.mark_to_the_end(world, Claims::Idle);
        self.sweep_all();
        self.phase = Phase::Idle;
    }

    /// Mark → Sweep, with nothing found dead: the cycle did not mark what is outside.
    fn give_up(&mut self) {
        #[cfg(feature = "std")]
        self.take_over();
        self.queue.take().free(self.below());
        self.mutator.cancel_marking();
        self.marking.set(false);
        self.wants_change = false;
        self.phase = Phase::Sweep;
    }

    fn mark_to_the_end(&mut self, world: &mut World<'_, C>, claims: Claims) {
        #[cfg(feature = "std")]
        self.take_over();
        while !self.mark(world, &mut usize::MAX.clone(), claims) {}
    }

    /// Idle → Mark: shades the roots.
    fn begin(&mut self, world: &mut World<'_, C>, cause: Cause, beside: bool) {
        debug_assert!(self.mutator.heap().is_swept(), "a cycle begins when all is swept");
        self.tell(); // of the last one, if it ended in this turn
        if self.mutator.start_marking().is_none() {
            return;
        }
        self.phase = Phase::Mark;
        self.story.begins();
        self.marking.set(true);
        self.visited_bytes = 0;
        let live_bytes = self.pacer.live_bytes();
        let now_bytes = self.mutator.allocated_bytes();
        let figures = self.figures.get_mut();
        figures.last_cause = Some(cause);
        figures.before_bytes = live_bytes + gained_bytes(now_bytes, self.cycle_bytes);
        self.begin_bytes = now_bytes;
        self.queue.get_mut().provide(self.mutator.heap());
        self.searched = false;
        if let Some(mut tracer) = self.tracer() {
            world.mark_roots(&mut tracer);
            self.put_back(tracer);
        }
        #[cfg(feature = "std")]
        if beside {
            self.hand_over();
        }
        #[cfg(not(feature = "std"))]
        let _ = beside;
    }

    /// Marks some. `true`: marking has ended, and what is dead is known.
    fn mark(
        &mut self,
        world: &mut World<'_, C>,
        budget_bytes: &mut usize,
        mut claims: Claims,
    ) -> bool {
        #[cfg(feature = "std")]
        if !self.background_is_done() {
            return false;
        }
        loop {
            let Some(mut tracer) = self.tracer() else { return true };
            #[cfg(feature = "std")]
            self.mark_together(&mut tracer, claims);
            // SAFETY: this is a turn, so nobody writes; without claims, nothing comes before the end.
            unsafe { tracer.drain(&claims, budget_bytes) };
            self.visited_bytes += self.put_back(tracer);
            if !self.queue.get_mut().is_empty() {
                return false;
            }
            if self.queue.get_mut().was_short() {
                // So that the next search does not visit them all again.
                claims = Claims::Needed;
                self.search();
            } else if !self.may_change {
                self.wants_change = true;
                return false;
            } else if !self.find_more(world) {
                break;
            }
        }
        self.finish(world);
        true
    }

    /// Empties the queue with several threads, where there are, and that pays.
    #[cfg(feature = "std")]
    fn mark_together(&self, tracer: &mut Tracer<A, C>, claims: Claims) {
        let is_large = self.pacer.live_bytes() >= crate::crew::WORTH_HELP_BYTES;
        if let (Some(crew), Some(marker)) = (&self.crew, self.mutator.marker())
            && claims == Claims::Idle
            && self.beyond.is_nothing()
            && (is_large || self.config.torture != Torture::Off)
        {
            tracer.set_alone(false);
            // SAFETY: this is a turn, so nobody writes; there is no other thread that marks.
            unsafe { crew.mark(tracer, marker) };
            tracer.set_alone(true);
        }
    }

    /// Nothing is grey: asks who else is alive. `true`: somebody.
    fn find_more(&mut self, world: &mut World<'_, C>) -> bool {
        let Some(marker) = self.mutator.marker() else { return false };
        let Some(tracer) = self.tracer() else { return false };
        let alive = |object: Object| match self.beyond.is_marked(object) {
            Some(is_marked) => is_marked,
            // SAFETY: registered objects are this heap's, and their slots are not freed before `settle`.
            None => unsafe { marker.is_marked(object.header()) },
        };
        let tracer = core::cell::RefCell::new(tracer);
        let found = |object| {
            tracer.borrow_mut().object(object);
            object
        };
        let any = world.ephemerons(&alive, &mut |object| _ = found(object))
            || world.finalisers(&alive, &mut |object| found(object));
        self.put_back(tracer.into_inner());
        any
    }

    /// The queue could not grow, so marked objects were not visited: looks for them in the heap. Those that
    /// were visited without a claim are visited again, once.
    #[cold]
    fn search(&mut self) {
        self.figures.get_mut().searches += 1;
        self.searched = true;
        let Some(mut tracer) = self.tracer() else { return };
        self.beyond.each_marked(|object| {
            // SAFETY: this is a turn, so nobody writes; it is visited again, perhaps.
            unsafe {
                tracer.visit(object);
                tracer.drain(&Claims::Needed, &mut usize::MAX.clone());
            }
        });
        self.mutator.for_each_object(|slot| {
            // SAFETY: an object was made in each slot that was handed out.
            let object = unsafe { Object::in_slot(slot.address) };
            if tracer.is_marked(object) {
                // SAFETY: this is a turn, so nobody writes.
                unsafe {
                    if let Some(cards) = tracer.cards(object) {
                        if !tracer.is_claimed(object) {
                            tracer.queue.partly = Some(Partly { cards, next: 0 });
                        }
                    } else if tracer.claim(object) {
                        tracer.visit(object);
                    }
                    tracer.drain(&Claims::Needed, &mut usize::MAX.clone());
                }
            }
        });
        self.put_back(tracer);
    }

    /// Bytes of the objects that are marked, for when they could not be counted as they were visited.
    #[cold]
    fn marked_bytes(&mut self, marker: Marker) -> usize {
        let mut marked_bytes = 0;
        self.mutator.for_each_object(|slot| {
            // SAFETY: an object was made in each slot that was handed out.
            let object = unsafe { Object::in_slot(slot.address) };
            // SAFETY: it is this heap's, which is marking.
            if unsafe { marker.is_marked(object.header()) } {
                marked_bytes += slot.slot_bytes;
            }
        });
        marked_bytes
    }

    /// Mark → Sweep.
    fn finish(&mut self, world: &mut World<'_, C>) {
        let Some(marker) = self.mutator.marker() else { return };
        #[cfg(feature = "std")]
        if self.config.verify {
            self.verify_marks(world);
        }
        if self.searched {
            let born_bytes = gained_bytes(self.mutator.allocated_bytes(), self.begin_bytes);
            self.visited_bytes = self.marked_bytes(marker).saturating_sub(born_bytes);
        }
        let is_alive = |object: Object| match self.beyond.is_marked(object) {
            Some(is_marked) => is_marked,
            // SAFETY: as in `find_more`.
            None => unsafe { marker.is_marked(object.header()) },
        };
        world.settle(&mut |object| is_alive(object).then_some(object));
        // SAFETY: everything that the roots lead to is marked: it was reached when the cycle began, and
        // visited before it changed, or it was born since. Nothing else can be reached, as weak
        // pointers are settled. No other thread marks: `background_is_done`.
        unsafe { self.mutator.finish_marking() };
        self.marking.set(false);
        self.wants_change = false;
        self.phase = Phase::Sweep;
        let now_bytes = self.mutator.allocated_bytes();
        let born_bytes = gained_bytes(now_bytes, self.begin_bytes);
        self.pacer.cycle_ended(self.visited_bytes, born_bytes);
        let live_bytes = self.pacer.live_bytes();
        self.cycle_bytes = now_bytes;
        let figures = self.figures.get_mut();
        figures.cycles += 1;
        figures.live_bytes = live_bytes;
        figures.born_bytes = born_bytes;
        self.story.ends(figures.cycles);
        #[cfg(feature = "std")]
        self.sweep_beside();
    }

    /// Sweeps some. `true`: all is swept.
    fn sweep(&mut self, budget_bytes: usize) -> bool {
        let heap = self.mutator.heap();
        let spans = budget_bytes.div_ceil(SPAN_COST_BYTES);
        let objects = budget_bytes.div_ceil(DROP_COST_BYTES);
        let is_empty = heap.sweep_some(spans) < spans;
        self.mutator.sweep_dropping(objects, |slot| Self::finish_object(slot))
            && is_empty
            && heap.is_swept()
    }

    /// Sweeps all.
    pub(crate) fn sweep_all(&mut self) {
        let mut round = 0;
        while !self.sweep(usize::MAX / 2) {
            // A span is in the background thread's hand.
            alloc_core::sync::wait_a_moment(round);
            round += 1;
        }
        #[cfg(feature = "std")]
        if self.config.verify && self.background.is_none() {
            let verified = self.mutator.verify();
            assert!(verified.is_ok() || std::thread::panicking(), "{verified:?}");
        }
    }

    /// Runs an object's destructor.
    fn finish_object(slot: core::ptr::NonNull<u8>) {
        // SAFETY: the heap hands out dead objects of this collector, once each, in turns only.
        unsafe {
            let object = Object::in_slot(slot);
            if let Some(drop) = object.info::<C>().drop {
                drop(object);
            }
        }
    }
}
