//! A space of objects that is marked and swept.
//!
//! Above: [`MarkSweep`](crate::MarkSweep), which is one; a generational collector, whose tenured space it is.
//! Below: the heap of objects; turns, in `cycle.rs`. Here: what mutations call. An allocation is a few
//! instructions of the heap's cursor, and the barrier one test.
//!
//! `C` is the collector whose objects these are: their headers lead to its records of types.

use crate::cards::Cards;
use crate::config::{Config, Torture};
use crate::cycle::{Phase, gained_bytes};
use crate::figures::{Cause, Cycle, Figures};
use crate::heap::{Evacuated, Mutator, ObjectHeap};
use crate::outside::{Beyond, Change};
use crate::pacer::Pacer;
use crate::protocol::Passage;
use crate::queue::Queue;
use crate::tracer::Tracer;
#[cfg(feature = "std")]
use crate::{Reclaimer, background::Background, config::Mode, crew::Crew};
use alloc_core::gc::{Collector, Object, Shape, Turn, World};
use alloc_core::{AllocError, Layer, Layout, Report};
use core::cell::Cell;
use core::fmt;
use core::marker::PhantomData;
use core::ops::Range;
use core::ptr::NonNull;

/// What leads to the heap: the background thread has a share in it.
#[cfg(feature = "std")]
pub(crate) type HeapOf<A> = std::sync::Arc<ObjectHeap<A>>;
#[cfg(not(feature = "std"))]
pub(crate) type HeapOf<A> = ObjectHeap<A>;

/// What is noted of a cycle while it goes on.
#[derive(Default)]
pub(crate) struct Story {
    #[cfg(feature = "std")]
    began: Option<std::time::Instant>,
    /// Since when mutations have waited for its marking.
    #[cfg(feature = "std")]
    waits_since: Option<std::time::Instant>,
    marking_nanos: u64,
    paused_nanos: u64,
    /// The number of the cycle, when its marking has ended, until it was shown.
    ended: Option<usize>,
}

impl Story {
    pub(crate) fn begins(&mut self) {
        *self = Self::default();
        #[cfg(feature = "std")]
        {
            self.began = Some(std::time::Instant::now());
            self.waits_since = self.began;
        }
    }

    pub(crate) fn ends(&mut self, number: usize) {
        self.ended = Some(number);
        #[cfg(feature = "std")]
        {
            self.marking_nanos = self.began.map_or(0, |began| began.elapsed().as_nanos() as u64);
            self.turn_ends();
            self.began = None;
        }
    }

    #[cfg(feature = "std")]
    fn turn_begins(&mut self, now: std::time::Instant) {
        self.waits_since = self.began.and(Some(now));
    }

    #[cfg(feature = "std")]
    fn turn_ends(&mut self) {
        let waited = self.waits_since.take().map_or(0, |since| since.elapsed().as_nanos() as u64);
        self.paused_nanos += waited;
    }
}

/// Objects of the collector `C`, in spans from the layer `A`.
pub struct Space<A: Layer, C: Collector<Marker = Tracer<A, C>>> {
    /// Whether the barrier has something to do.
    pub(crate) marking: Cell<bool>,
    /// When `allocated_bytes` has come so far, a turn is due.
    pub(crate) due_bytes: Cell<usize>,
    pub(crate) queue: Cell<Queue>,
    pub(crate) phase: Phase,
    pub(crate) pacer: Pacer,
    pub(crate) config: Config,
    pub(crate) figures: Cell<Figures>,
    /// A whole cycle is wished for at the next chance, for this reason.
    pub(crate) wish: Cell<Option<Cause>>,
    /// Who is shown each cycle.
    trace: Option<fn(&Cycle)>,
    /// The cycle under way, as far as it is known, and whether it has ended.
    pub(crate) story: Story,
    /// `allocated_bytes`: at the end of the last cycle, when this one began, at the last turn.
    pub(crate) cycle_bytes: usize,
    pub(crate) begin_bytes: usize,
    pub(crate) turn_bytes: usize,
    /// When the last turn ended.
    #[cfg(feature = "std")]
    pub(crate) turn_ended: Option<std::time::Instant>,
    /// Bytes of objects that this cycle has visited.
    pub(crate) visited_bytes: usize,
    /// It had to search the heap, so those are not all.
    pub(crate) searched: bool,
    /// Ends before the heap does.
    #[cfg(feature = "std")]
    pub(crate) background: Option<Background>,
    /// So do those who help to mark.
    #[cfg(feature = "std")]
    pub(crate) crew: Option<Crew>,
    pub(crate) mutator: Mutator<HeapOf<A>, A>,
    /// In this turn, a cycle may begin or end.
    pub(crate) may_change: bool,
    /// What is outside in this turn.
    pub(crate) beyond: Beyond,
    /// Marking has come to its end in a turn in which it might not.
    pub(crate) wants_change: bool,
    of: PhantomData<fn(C)>,
}

impl<A: Layer, C: Collector<Marker = Tracer<A, C>>> Space<A, C> {
    /// A space with the default settings over `below`, which is asked for nothing yet.
    pub fn new(below: A) -> Self {
        Self::with_config(Config::default(), below)
    }

    /// A space with these settings over `below`; [`Mode::Background`] means [`Mode::Incremental`] here.
    pub fn with_config(config: Config, below: A) -> Self {
        let heap = ObjectHeap::new(below).with_limit_bytes(config.pace.limit_bytes);
        let heap = match config.poison {
            Some(byte) => heap.with_poison(byte),
            None => heap,
        };
        #[cfg(feature = "std")]
        let config = match config.mode {
            Mode::Background => Config { mode: Mode::Incremental, ..config },
            _ => config,
        };
        #[cfg(feature = "std")]
        let heap = std::sync::Arc::new(heap);
        let pacer = Pacer::new(config.pace, config.mode);
        let due_bytes = pacer.start_bytes();
        Self {
            marking: Cell::new(false),
            due_bytes: Cell::new(due_bytes),
            queue: Cell::default(),
            phase: Phase::Idle,
            pacer,
            config,
            figures: Cell::default(),
            wish: Cell::new(None),
            trace: None,
            story: Story::default(),
            cycle_bytes: 0,
            begin_bytes: 0,
            turn_bytes: 0,
            #[cfg(feature = "std")]
            turn_ended: None,
            visited_bytes: 0,
            searched: false,
            #[cfg(feature = "std")]
            background: None,
            #[cfg(feature = "std")]
            crew: None,
            // SAFETY: the heap is new, so this is its only mutator; an `Arc` leads to the same one
            // always, and without `std` the mutator owns it.
            mutator: unsafe { Mutator::new(heap) },
            may_change: true,
            beyond: Beyond::NOTHING,
            wants_change: false,
            of: PhantomData,
        }
    }

    /// A collector that marks on a thread of its own, whatever the mode in `config` is.
    ///
    /// # Errors
    ///
    /// When the thread cannot be started.
    #[cfg(feature = "std")]
    pub fn background(config: Config, below: A) -> std::io::Result<Self>
    where
        A: Send + Sync + 'static,
    {
        let mut collector = Self::with_config(Config { mode: Mode::Incremental, ..config }, below);
        collector.background = Some(Background::start::<A, C>(collector.mutator.handle().clone())?);
        collector.config.mode = Mode::Background;
        collector.pacer.mode = Mode::Background;
        Ok(collector)
    }

    /// A collector that stops mutations, and marks with `markers` threads, the caller's included, where the
    /// heap is large enough for that to pay; whatever the mode in `config` is.
    ///
    /// The other threads are parked between collections. They save time where memory can serve several
    /// processors at once; on two cores that share one, measure first.
    ///
    /// # Errors
    ///
    /// When a thread cannot be started.
    #[cfg(feature = "std")]
    pub fn parallel(markers: usize, config: Config, below: A) -> std::io::Result<Self>
    where
        A: Send + Sync + 'static,
    {
        let mut collector = Self::with_config(Config { mode: Mode::StopTheWorld, ..config }, below);
        if let Some(helpers @ 1..) = markers.checked_sub(1) {
            collector.crew = Some(Crew::start::<A, C>(helpers, collector.mutator.handle())?);
        }
        Ok(collector)
    }

    /// Has `trace` be shown each cycle, at the end of the turn in which its marking ended; or before another begins
    /// in that turn.
    #[must_use]
    pub fn with_trace(mut self, trace: fn(&Cycle)) -> Self {
        self.set_trace(trace);
        self
    }

    /// [`with_trace`](Self::with_trace), of a space that is there.
    pub fn set_trace(&mut self, trace: fn(&Cycle)) {
        self.trace = Some(trace);
    }

    /// Whether a cycle is marking.
    #[inline(always)]
    pub fn is_marking(&self) -> bool {
        self.marking.get()
    }

    /// Has a whole cycle follow at the end of the mutation that is under way, or of the next: for a
    /// mutation that knows that it has dropped much, or for whoever ran short of memory elsewhere.
    pub fn collect_soon(&self) {
        self.wish_for(Cause::Asked);
    }

    fn wish_for(&self, cause: Cause) {
        self.wish.set(Some(cause));
        self.due_bytes.set(self.mutator.allocated_bytes());
    }

    /// An allocation failed: what is dead may be enough for the next one.
    #[cold]
    #[inline(never)]
    fn exhausted(&self) {
        self.wish_for(Cause::Exhaustion);
    }

    /// A handle by which anybody can have this collector give memory back, on any thread.
    #[cfg(feature = "std")]
    #[must_use]
    pub fn reclaimer(&self) -> Reclaimer<A> {
        Reclaimer::new(self.mutator.handle().clone())
    }

    /// What the collector did so far.
    #[must_use]
    pub fn figures(&self) -> Figures {
        self.figures.get()
    }

    /// Writes the figures to the layer of a report that is open, then the object heap's, then those of the layer below.
    pub fn report(&self, report: &mut Report<'_>) {
        self.figures().report(report);
        self.heap().report(report);
    }

    /// The layer below.
    #[must_use]
    pub fn below(&self) -> &A {
        self.mutator.heap().below()
    }

    /// Memory for an object of this shape.
    ///
    /// # Errors
    ///
    /// When neither the heap nor the layer below has it; a whole cycle follows then.
    #[inline(always)]
    pub fn allocate(&self, shape: Shape) -> Result<NonNull<u8>, AllocError> {
        self.mutator.allocate(shape.layout, shape.needs_drop).inspect_err(|_| self.exhausted())
    }

    /// Memory for an object of this layout, which another place may do for as well: no cycle follows where there
    /// is none.
    ///
    /// # Errors
    ///
    /// As for [`allocate`](Self::allocate).
    #[inline]
    pub fn allocate_slot(&self, layout: Layout, drops: bool) -> Result<NonNull<u8>, AllocError> {
        self.mutator.allocate(layout, drops)
    }

    /// The same for an object of whole words, aligned to one.
    ///
    /// # Errors
    ///
    /// As for [`allocate`](Self::allocate).
    #[inline]
    pub fn allocate_words(&self, words: usize, drops: bool) -> Result<NonNull<u8>, AllocError> {
        self.mutator.allocate_words(words, drops)
    }

    /// The heap that the objects are in.
    #[must_use]
    pub fn heap(&self) -> &ObjectHeap<A> {
        self.mutator.heap()
    }

    /// Calls `visit` for each object that was not found dead.
    ///
    /// # Safety
    ///
    /// `visit` does nothing with this space, but for its objects.
    pub unsafe fn walk(&self, mut visit: impl FnMut(Object)) {
        // SAFETY: the caller's; and an object was made in each slot that was handed out.
        unsafe { self.mutator.walk(|slot| visit(Object::in_slot(slot.address))) };
    }

    /// Moves the objects of sparse spans, those in which at most `percent` of the slots hold any: `moved` is told from
    /// where to where, and has the old header lead to the new one. Spans with an object that `moves` is `false` of
    /// stay. To be called between two mutations; does nothing but between two cycles.
    ///
    /// # Safety
    ///
    /// Before anything else happens, all pointers to the old places are rewritten, and then
    /// [`finish_evacuation`](Self::finish_evacuation) is called.
    pub unsafe fn evacuate(
        &mut self,
        percent: usize,
        moves: impl Fn(Object) -> bool,
        mut moved: impl FnMut(Object, Object),
    ) -> Evacuated {
        // SAFETY: an object was made in each slot that was handed out.
        let object = |slot: NonNull<u8>| unsafe { Object::in_slot(slot) };
        let (mutator, heap) = (&self.mutator, self.mutator.heap());
        debug_assert!(self.phase != Phase::Sweep || heap.is_swept(), "all is swept");
        let copy = |slot: crate::heap::Object| {
            let from = object(slot.address);
            // SAFETY: the object is of this space.
            let layout = unsafe { from.shape::<C>() }.layout;
            let to = mutator.allocate(layout, slot.drops)?;
            // SAFETY: both are slots for this layout, and different.
            unsafe { slot.address.copy_to_nonoverlapping(to, layout.size()) };
            moved(from, object(to));
            Ok(())
        };
        mutator.evacuate(percent, |slot| moves(object(slot.address)), copy)
    }

    /// Gives the emptied spans to the layer below.
    ///
    /// # Safety
    ///
    /// No pointer leads there any more.
    pub unsafe fn finish_evacuation(&mut self, evacuated: Evacuated) {
        // SAFETY: the caller's.
        unsafe { self.mutator.finish_evacuation(evacuated) };
    }

    /// Whether the object will not be visited by the marker, in the cycle that is under way, if one is.
    ///
    /// # Safety
    ///
    /// It is an object of this space, and alive.
    pub unsafe fn is_left_alone(&self, object: Object) -> bool {
        // SAFETY: the caller's; the heap is marking.
        self.mutator.marker().is_none_or(|marker| unsafe { marker.is_claimed(object.header()) })
    }

    /// The object may be written to from now on, until the mutation ends.
    ///
    /// # Safety
    ///
    /// It is an object of this space, and alive.
    #[inline(always)]
    pub unsafe fn barrier(&self, object: Object) {
        if self.marking.get() {
            // SAFETY: the caller's.
            unsafe { self.barrier_while_marking(object) };
        }
    }

    /// [`barrier`](Self::barrier) for some elements of a slice.
    ///
    /// # Safety
    ///
    /// As for `barrier`.
    #[inline(always)]
    pub unsafe fn barrier_part(&self, object: Object, elements: Range<usize>) {
        if self.marking.get() {
            // SAFETY: the caller's.
            unsafe { self.barrier_part_while_marking(object, &elements) };
        }
    }

    /// The object was reached through a weak pointer, and becomes a strong one.
    #[inline(always)]
    pub fn retain(&self, object: Object) {
        if self.marking.get() {
            self.retain_while_marking(object);
        }
    }

    /// Whether a turn of [`Turn::Pay`] would do anything.
    #[inline(always)]
    pub fn is_due(&self) -> bool {
        let ahead_bytes = self.mutator.allocated_bytes().wrapping_sub(self.due_bytes.get());
        // Less than half the address space ahead means: not before it.
        ahead_bytes.cast_signed() >= 0
            || self.mutator.heap().is_short()
            || self.config.torture != Torture::Off
    }

    /// Whether the next turn could begin or end a cycle: one in which that is not allowed would wait.
    #[must_use]
    pub fn wants_change(&self) -> bool {
        let since_bytes = gained_bytes(self.mutator.allocated_bytes(), self.cycle_bytes);
        self.wants_change
            || self.mutator.heap().is_short()
            || self.is_wished_for()
            || (self.config.torture != Torture::Off && self.phase != Phase::Mark)
            || (self.phase != Phase::Mark && since_bytes >= self.pacer.start_bytes())
    }

    /// Whether no cycle is under way.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.phase == Phase::Idle
    }

    fn is_wished_for(&self) -> bool {
        let wish = self.wish.take();
        self.wish.set(wish);
        wish.is_some()
    }

    /// Collects, between two mutations.
    pub fn turn(&mut self, world: &mut World<'_, C>, turn: Turn, change: Change<'_>) {
        self.may_change = !matches!(change, Change::No);
        if let Change::Beside(outside) = change {
            // SAFETY: it is forgotten when the turn ends, also if a destructor unwinds.
            self.beyond = unsafe { Beyond::new(outside) };
        }
        let forgets = Forgets(&raw mut self.beyond);
        #[cfg(feature = "std")]
        let begin = std::time::Instant::now();
        #[cfg(feature = "std")]
        self.story.turn_begins(begin);
        self.take_turn(world, turn);
        drop(forgets);
        #[cfg(feature = "std")]
        {
            let end = std::time::Instant::now();
            let pause = end.duration_since(begin);
            self.turn_ended = Some(end);
            self.figures.get_mut().pauses.note(pause);
            self.story.turn_ends();
        }
        self.tell();
    }

    /// A tracer for this cycle, with the queue.
    pub(crate) fn tracer(&self) -> Option<Tracer<A, C>> {
        let marker = self.mutator.marker()?;
        let queue = self.queue.take();
        // SAFETY: the tracer is used up before the caller gives `self` back; the heap is marking.
        // Only a background thread marks as well.
        let mut tracer =
            unsafe { Tracer::new(marker, queue, self.mutator.heap(), !self.has_background()) };
        tracer.beyond = self.beyond;
        Some(tracer)
    }

    pub(crate) fn put_back(&self, mut tracer: Tracer<A, C>) -> usize {
        tracer.settle();
        self.queue.set(tracer.queue);
        tracer.visited_bytes
    }

    #[cfg(feature = "std")]
    pub(crate) const fn has_background(&self) -> bool {
        self.background.is_some()
    }

    #[cfg(not(feature = "std"))]
    pub(crate) const fn has_background(&self) -> bool {
        false
    }

    /// # Safety
    ///
    /// As for `barrier`.
    #[cold]
    #[inline(never)]
    unsafe fn barrier_while_marking(&self, object: Object) {
        let Some(marker) = self.mutator.marker() else { return };
        // SAFETY: the object is this heap's and alive (caller), and the heap is marking. K2: the cards of
        // a huge slice were visited, too.
        let is_claimed = || unsafe { marker.is_claimed(object.header()) };
        // SAFETY: the caller's.
        let visits_first = || unsafe { self.visit_to_write(object) };
        Passage::before_write(self.passage(), object.address(), is_claimed, visits_first);
    }

    /// The barrier of an object that nobody had claimed yet. `true`: it was visited as a whole.
    ///
    /// # Safety
    ///
    /// As for `barrier`.
    #[cold]
    unsafe fn visit_to_write(&self, object: Object) -> bool {
        // SAFETY: the object is this heap's and alive (caller).
        if unsafe { object.info::<C>() }.mark.is_none() {
            return false; // The marker does not enter it either.
        }
        let Some(mut tracer) = self.tracer() else { return false };
        let cards = tracer.cards(object);
        if let Some(cards) = &cards {
            // SAFETY: the object is alive (caller); this thread writes later.
            unsafe { self.visit_cards(&mut tracer, cards, 0..cards.count()) };
        }
        // K2: of a huge slice, so that a later write finds it.
        let is_first = tracer.claim(object);
        if is_first && cards.is_none() {
            // SAFETY: it is claimed, so nobody else visits it; this thread writes later.
            unsafe { tracer.visit(object) };
            self.count(|figures| figures.barrier_visits += 1);
        }
        self.put_back(tracer);
        is_first
    }

    /// The barrier for some elements.
    ///
    /// # Safety
    ///
    /// As for `barrier_part`.
    #[cold]
    #[inline(never)]
    unsafe fn barrier_part_while_marking(&self, object: Object, elements: &Range<usize>) {
        let Some(mut tracer) = self.tracer() else { return };
        let Some(cards) = tracer.cards(object) else {
            self.put_back(tracer);
            // SAFETY: the caller's.
            return unsafe { self.barrier_while_marking(object) };
        };
        if !tracer.is_claimed(object) {
            let which = cards.of_elements(elements);
            // SAFETY: the object is alive (caller); this thread writes later.
            unsafe { self.visit_cards(&mut tracer, &cards, which) };
        }
        self.put_back(tracer);
    }

    /// # Safety
    ///
    /// As for [`Tracer::visit_cards`].
    unsafe fn visit_cards(&self, tracer: &mut Tracer<A, C>, cards: &Cards, which: Range<usize>) {
        // SAFETY: the caller's.
        let visited = unsafe { tracer.visit_cards(self.passage(), cards, which) };
        self.count(|figures| figures.barrier_cards += visited);
    }

    fn count(&self, count: impl FnOnce(&mut Figures)) {
        let mut figures = self.figures.get();
        count(&mut figures);
        self.figures.set(figures);
    }

    /// Where the other thread is that marks, if there is one.
    #[cfg(feature = "std")]
    fn passage(&self) -> Option<&Passage> {
        self.background.as_ref().map(Background::passage)
    }

    #[cfg(not(feature = "std"))]
    const fn passage(&self) -> Option<&Passage> {
        None
    }

    /// Shows the cycle whose marking has ended in this turn, if one's has that was not shown yet.
    pub(crate) fn tell(&mut self) {
        let Some(number) = self.story.ended.take() else { return };
        let figures = self.figures.get_mut();
        let cycle = Cycle {
            number,
            cause: figures.last_cause.unwrap_or(Cause::Asked),
            before_bytes: figures.before_bytes,
            live_bytes: figures.live_bytes,
            born_bytes: figures.born_bytes,
            run_bytes: self.mutator.heap().run_bytes(),
            marking_nanos: self.story.marking_nanos,
            paused_nanos: self.story.paused_nanos,
        };
        if let Some(trace) = self.trace {
            trace(&cycle);
        }
    }

    #[cold]
    #[inline(never)]
    fn retain_while_marking(&self, object: Object) {
        if let Some(mut tracer) = self.tracer() {
            alloc_core::gc::Visitor::object(&mut tracer, object);
            self.put_back(tracer);
        }
    }
}

/// Forgets what is outside, when a turn ends.
struct Forgets(*mut Beyond);

impl Drop for Forgets {
    fn drop(&mut self) {
        // SAFETY: it points into the space, whose turn ends.
        unsafe { self.0.write(Beyond::NOTHING) };
    }
}

impl<A: Layer, C: Collector<Marker = Tracer<A, C>>> Drop for Space<A, C> {
    /// Runs the destructors of all objects. If one panics, the others do not run.
    fn drop(&mut self) {
        #[cfg(feature = "std")]
        {
            self.take_over();
            self.background = None;
            self.crew = None;
        }
        self.mutator.cancel_marking();
        let mut queue = self.queue.take();
        queue.free(self.below());
        self.sweep_all();
        if self.mutator.start_marking().is_some() {
            // SAFETY: nothing will be used any more.
            unsafe { self.mutator.finish_marking() };
        }
        self.sweep_all();
    }
}

impl<A: Layer, C: Collector<Marker = Tracer<A, C>>> fmt::Debug for Space<A, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Space").field("phase", &self.phase).finish_non_exhaustive()
    }
}
