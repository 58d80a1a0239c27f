//! `Generational`: the collector, as the handles see it.
//!
//! Above: `alloc_core::gc`. Below: the nursery, the tenured space; turns, in `turn.rs` and `minor.rs`.
//! Here: what mutations call. An allocation is a move of a pointer, and the barrier one test of a header.

use crate::cards::{Cards, has_cards, with_cards};
use crate::config::Config;
use crate::figures::Figures;
use crate::links::Links;
use crate::mover::Mover;
use crate::nursery::{LARGEST_BYTES, Nursery, young_bytes};
use crate::pacer::Pacer;
use crate::remembered::Remembered;
use alloc_core::gc::{Collector, Object, Shape, Turn, WORD_BYTES, World, tag};
use alloc_core::report::{Report, Reports};
use alloc_core::{AllocError, Layer};
use core::cell::Cell;
use core::fmt;
use core::ops::Range;
use core::ptr::NonNull;
#[cfg(feature = "std")]
use gc_marksweep::Reclaimer;
use gc_marksweep::{Cycle, Queue, Space, Torture, Tracer};

/// A generational collector over any layer: objects are made in a nursery, and those that survive are copied to
/// a tenured space, which is marked and swept.
///
/// ```
/// use alloc_core::Rootable;
/// use alloc_core::api2::alloc::Global;
/// use alloc_core::gc::{Gc, Heap};
/// use gc_generational::Generational;
///
/// Rootable!(type Names<'gc> = Vec<Gc<'gc, str>>);
/// let mut heap = Heap::<_, Names>::new(Generational::new(Global), |_| Vec::new());
/// heap.mutate_root(|mc, names| names.push(Gc::str(mc, "Ada")));
/// heap.collect();
/// assert_eq!(heap.mutate(|_, names| names[0].len()), 3);
/// ```
pub struct Generational<A: Layer> {
    pub(crate) nursery: Nursery,
    /// Young objects that have destructors.
    pub(crate) links: Cell<Links>,
    pub(crate) remembered: Remembered,
    /// The bits of a header that have the barrier do something.
    pub(crate) mask: Cell<usize>,
    /// The tag of new objects.
    pub(crate) new_tag: Cell<usize>,
    /// A compaction was asked for.
    pub(crate) wants_compaction: Cell<bool>,
    /// Memory is given back that is not needed now.
    pub(crate) trims: bool,
    /// Cycles of the tenured space after which the nursery has rested.
    pub(crate) rested_cycles: usize,
    /// Young objects whose homes are set out for them.
    pub(crate) homes: Cell<Queue>,
    /// Dead young objects whose destructors have not run yet; the nursery stands still until they have.
    pub(crate) dying: Links,
    pub(crate) config: Config,
    pub(crate) pacer: Pacer,
    pub(crate) figures: Cell<Figures>,
    pub(crate) tenured: Space<A, Self>,
}

/// The collector's figures, then its tenured space's, its object heap's, and those of the layer below.
impl<A: Layer> Reports for Generational<A> {
    fn report(&self, report: &mut Report<'_>) {
        report.layer("Generational", |report| {
            self.figures().report(report);
            report.layer("tenured", |report| self.tenured.report(report));
        });
    }
}

// SAFETY: blocks and lists belong to the collector and go where it goes. Nobody else has them.
unsafe impl<A: Layer> Send for Generational<A> where Space<A, Self>: Send {}

impl<A: Layer> Generational<A> {
    /// A collector with the default settings over `below`, which is asked for nothing yet.
    pub fn new(below: A) -> Self {
        Self::with_config(Config::default(), below)
    }

    /// A collector with these settings over `below`. [`Mode::Background`](gc_marksweep::Mode::Background) needs
    /// [`background`](Self::background); here it means [`Mode::Incremental`](gc_marksweep::Mode::Incremental).
    pub fn with_config(config: Config, below: A) -> Self {
        Self::over(config, Space::with_config(config.tenured, below))
    }

    /// A collector that marks its tenured space on a thread of its own, whatever the mode in `config` is.
    ///
    /// # Errors
    ///
    /// When the thread cannot be started.
    #[cfg(feature = "std")]
    pub fn background(config: Config, below: A) -> std::io::Result<Self>
    where
        A: Send + Sync + 'static,
    {
        Ok(Self::over(config, Space::background(config.tenured, below)?))
    }

    /// A collector that marks its tenured space all at once, with so many threads, the caller's included, where
    /// it is large enough for that to pay; whatever the mode in `config` is.
    ///
    /// # Errors
    ///
    /// When a thread cannot be started.
    #[cfg(feature = "std")]
    pub fn parallel(markers: usize, config: Config, below: A) -> std::io::Result<Self>
    where
        A: Send + Sync + 'static,
    {
        Ok(Self::over(config, Space::parallel(markers, config.tenured, below)?))
    }

    fn over(config: Config, tenured: Space<A, Self>) -> Self {
        Self {
            nursery: Nursery::new(config.nursery_bytes),
            links: Cell::new(Links::new()),
            remembered: Remembered::default(),
            mask: Cell::new(tag::NOT_PLAIN),
            new_tag: Cell::new(0),
            wants_compaction: Cell::new(false),
            trims: false,
            rested_cycles: 0,
            homes: Cell::default(),
            dying: Links::new(),
            config,
            pacer: Pacer::new(config),
            figures: Cell::default(),
            tenured,
        }
    }

    /// Has `trace` be shown each cycle of the tenured space, when its marking has ended.
    #[must_use]
    pub fn with_trace(mut self, trace: fn(&Cycle)) -> Self {
        self.tenured.set_trace(trace);
        self
    }

    /// Has a whole collection follow at the end of the mutation that is under way, or of the next.
    pub fn collect_soon(&self) {
        self.tenured.collect_soon();
        self.nursery.due.set(true);
    }

    /// Has a minor collection follow at the end of the mutation that is under way, or of the next: for a mutation that
    /// knows that what it has made is dead.
    pub fn collect_nursery_soon(&self) {
        self.nursery.due.set(true);
    }

    /// Has a whole collection follow at the end of the mutation that is under way, or of the next, and then has objects
    /// of the tenured space move together where it is sparse, so that memory is given back. It takes time linear in
    /// the heap. Objects that are pinned, or were asked for their identity, stay.
    pub fn compact_soon(&self) {
        self.wants_compaction.set(true);
        self.collect_soon();
    }

    /// A handle by which anybody can have this collector give memory back, on any thread.
    #[cfg(feature = "std")]
    #[must_use]
    pub fn reclaimer(&self) -> Reclaimer<A> {
        self.tenured.reclaimer()
    }

    /// What the collector did so far.
    #[must_use]
    pub fn figures(&self) -> Figures {
        let nursery_size_bytes = self.nursery.size_bytes.get();
        Figures { tenured: self.tenured.figures(), nursery_size_bytes, ..self.figures.get() }
    }

    /// The layer below.
    #[must_use]
    pub fn below(&self) -> &A {
        self.tenured.below()
    }

    /// Memory for an object that has a destructor, or is large, or comes when eden is full, or rests.
    #[inline(never)]
    fn allocate_more(&self, shape: Shape) -> Result<NonNull<u8>, AllocError> {
        if self.nursery.rests.get() {
            return self.allocate_tenured(shape);
        }
        let link_bytes = if shape.needs_drop { WORD_BYTES } else { 0 };
        let bytes = young_bytes(shape.layout) + link_bytes;
        if bytes > LARGEST_BYTES || shape.layout.size() > LARGEST_BYTES {
            return self.allocate_tenured(shape);
        }
        let begin = loop {
            match self.nursery.take(bytes) {
                Some(begin) => break begin,
                None if self.nursery.grow(self.tenured.heap(), bytes).is_ok() => {}
                None => match self.allocate_tenured(shape) {
                    Ok(slot) => return Ok(slot),
                    Err(AllocError) => self.nursery.make_do(self.tenured.heap(), bytes)?,
                },
            }
        };
        // SAFETY: `bytes` are enough for a link and for the alignment.
        unsafe {
            let begin = begin.add(link_bytes);
            let slot = begin.add(begin.align_offset(shape.layout.align()));
            let slot = NonNull::new_unchecked(slot);
            if link_bytes > 0 {
                let mut links = self.links.get();
                links.push(slot);
                self.links.set(links);
            }
            Ok(slot)
        }
    }

    /// Memory for an object in the tenured space. It is remembered, because it may be made to lead to young
    /// objects (M2); its header, not written yet, will have no tag.
    #[inline]
    fn allocate_tenured(&self, shape: Shape) -> Result<NonNull<u8>, AllocError> {
        let slot = self.tenured.allocate(Shape { layout: with_cards(shape), ..shape });
        let slot = slot.inspect_err(|_| self.nursery.due.set(true))?;
        self.nursery.due.set(self.nursery.due.get() || self.tenured.is_due());
        // SAFETY: the slot is new, and has this layout; an object is made in it before anything else happens.
        unsafe {
            Cards::clear_new(slot.as_ptr(), shape);
            // While the nursery rests, the header will say that it is watched.
            if shape.needs_trace && !self.nursery.rests.get() {
                let object = Object::from_header(slot.add(shape.header_offset));
                self.remembered.push(object, self.below());
            }
        }
        Ok(slot)
    }

    /// Whether the barrier has something to do. While the nursery rests and nothing is marked, the header is not
    /// even looked at: it may lie in another line of the cache than the field.
    #[inline(always)]
    fn wants_to_know(&self, object: Object) -> bool {
        let mask = self.mask.get();
        // SAFETY: who calls has an object that is alive.
        mask != 0 && unsafe { object.word() }.addr() & mask != 0
    }

    /// The barrier of a tenured object that is not remembered; of a young one that has a home, nothing. While the
    /// nursery rests, there is nothing to remember.
    ///
    /// # Safety
    ///
    /// As for [`Collector::barrier`].
    #[cold]
    #[inline(never)]
    unsafe fn remember(&self, object: Object) {
        // SAFETY: the caller's. The marker first: the snapshot is the object as it is now.
        unsafe {
            if self.nursery.rests.get() {
                return self.tenured.barrier(object);
            }
            let word = object.word();
            if word.addr() & tag::ALL != tag::WATCHED {
                return;
            }
            self.tenured.barrier(object);
            object.set_word(word.map_addr(|address| address & !tag::ALL));
        }
        self.remembered.push(object, self.below());
        if self.remembered.is_long() {
            self.nursery.due.set(true);
        }
    }

    /// The barrier of some elements of such an object.
    ///
    /// # Safety
    ///
    /// As for `remember`.
    #[cold]
    #[inline(never)]
    unsafe fn remember_part(&self, object: Object, elements: Range<usize>) {
        // SAFETY: the caller's. A young object is not that large.
        let Some(cards) = (unsafe { Cards::of::<Self>(object) }) else {
            // SAFETY: the caller's.
            return unsafe { self.remember(object) };
        };
        // SAFETY: the caller's.
        unsafe { self.tenured.barrier_part(object, elements.clone()) };
        if !self.nursery.rests.get() && cards.note(&elements) {
            self.remembered.push(object, self.below());
        }
    }

    /// Sets out a place in the tenured space for a young object, which is its identity from now on.
    #[cold]
    fn home(&self, object: Object) -> Result<Object, AllocError> {
        // SAFETY: the object is alive, and of this heap.
        unsafe {
            let word = object.word();
            let shape = object.shape::<Self>();
            let slot = self.tenured.allocate_slot(shape.layout, shape.needs_drop)?;
            let home = Object::from_header(slot.add(shape.header_offset));
            if shape.header_offset > 0 {
                let count = object.header().sub(WORD_BYTES).cast::<usize>().read();
                slot.cast::<usize>().write(count);
            }
            if shape.value_offset > WORD_BYTES {
                // The length of a slice, or the gap of another type: a slot is long enough for both words.
                let behind =
                    object.header().add(WORD_BYTES).cast::<core::mem::MaybeUninit<usize>>();
                home.header().add(WORD_BYTES).cast().write(behind.read());
            }
            // The tag says that there is nothing in it yet.
            home.header().cast().write(word.map_addr(|address| address | tag::MOVED));
            object.set_word(home.header().as_ptr().map_addr(|address| address | tag::HOMED));
            let mut homes = self.homes.take();
            homes.push(object, self.below());
            let is_short = homes.was_short();
            self.homes.set(homes);
            if is_short {
                self.abandon(home);
                object.set_word(word);
                return Err(AllocError);
            }
            Ok(home)
        }
    }
}

// SAFETY:
// C1: slots are blocks' or the tenured heap's, of the shape's layout. C2: a young object is alive until a minor
// collection, in a turn, has not reached it from the roots or from a tenured object that may lead to it (M1,
// M2); a tenured one as in gc-marksweep, since cycles begin and end when nothing is young (`turn.rs`). C3:
// objects move in turns only. C4: the barrier claims a tenured object before its first change since its header
// was watched last; headers are watched when a cycle begins. C5: a young object's destructor runs when it is taken
// off the list (`turn.rs`), a tenured one's as in gc-marksweep. C6: nothing here panics.
unsafe impl<A: Layer> Collector for Generational<A> {
    type Marker = Tracer<A, Self>;
    type Mover = Mover<A>;

    const TAGS: bool = true;

    #[inline(always)]
    fn new_tag(&self) -> usize {
        self.new_tag.get()
    }

    #[inline(always)]
    unsafe fn allocate(&self, shape: Shape) -> Result<NonNull<u8>, AllocError> {
        let bytes = young_bytes(shape.layout);
        if !shape.needs_drop
            && bytes <= LARGEST_BYTES
            && let Some(begin) = self.nursery.take(bytes)
        {
            // SAFETY: `bytes` are enough for the alignment.
            return unsafe {
                let gap_bytes = if shape.layout.align() > WORD_BYTES {
                    begin.align_offset(shape.layout.align())
                } else {
                    0
                };
                Ok(NonNull::new_unchecked(begin.add(gap_bytes)))
            };
        }
        if self.nursery.rests.get()
            && !has_cards(shape)
            && let Ok(slot) = self.tenured.allocate_slot(shape.layout, shape.needs_drop)
        {
            return Ok(slot); // as in `allocate_tenured`
        }
        self.allocate_more(shape)
    }

    unsafe fn allocate_pinned(&self, shape: Shape) -> Result<NonNull<u8>, AllocError> {
        self.allocate_tenured(shape)
    }

    fn pin(&self, object: Object) {
        // SAFETY: the object is alive, and in the tenured space.
        unsafe { object.set_word(object.word().map_addr(|address| address | tag::PINNED)) };
    }

    #[inline(always)]
    unsafe fn barrier(&self, object: Object) {
        if self.wants_to_know(object) {
            // SAFETY: the caller's.
            unsafe { self.remember(object) };
        }
    }

    #[inline(always)]
    unsafe fn barrier_part(&self, object: Object, elements: Range<usize>) {
        if self.wants_to_know(object) {
            // SAFETY: the caller's.
            unsafe { self.remember_part(object, elements) };
        }
    }

    #[inline]
    unsafe fn retain(&self, object: Object) {
        if self.tenured.is_marking() && !self.nursery.contains(object) {
            self.tenured.retain(object);
        }
    }

    #[inline(always)]
    fn is_due(&self) -> bool {
        if self.nursery.rests.get() {
            return self.nursery.due.get() || self.tenured.is_due();
        }
        self.nursery.due.get()
            || self.tenured.heap().is_short()
            || self.config.tenured.torture != Torture::Off
    }

    fn turn(&mut self, world: &mut World<'_, Self>, turn: Turn) {
        self.take_turn(world, turn);
    }

    fn prepare_to_show(&mut self, world: &mut World<'_, Self>) {
        self.bury();
        self.minor(world, true);
        self.bury();
    }

    /// The address of the object's place in the tenured space, which is set out for it when it is asked for first.
    fn identity(&self, object: Object) -> Result<usize, AllocError> {
        if let Some(known) = self.known_identity(object) {
            if known == object.address() {
                // It stays from now on.
                self.pin(object);
            }
            return Ok(known);
        }
        self.home(object).map(Object::address)
    }

    fn known_identity(&self, object: Object) -> Option<usize> {
        // SAFETY: the object is alive.
        let word = unsafe { object.word() };
        if word.addr() & tag::ALL == tag::HOMED {
            return Some(word.addr() & !tag::ALL);
        }
        (!self.nursery.contains(object)).then(|| object.address())
    }
}

impl<A: Layer> Drop for Generational<A> {
    /// Runs the destructors of all objects. If one panics, the others do not run.
    fn drop(&mut self) {
        struct Free<'c, A: Layer>(&'c Generational<A>);
        impl<A: Layer> Drop for Free<'_, A> {
            fn drop(&mut self) {
                // SAFETY: nothing is used any more.
                unsafe { self.0.nursery.free(self.0.tenured.heap()) };
                self.0.remembered.free(self.0.below());
                self.0.homes.take().free(self.0.below());
            }
        }
        self.abandon_homes();
        let young = self.links.replace(Links::new());
        let dying = core::mem::replace(&mut self.dying, Links::new());
        let _free = Free(self);
        for mut links in [dying, young] {
            // SAFETY: each is on one list, once; nobody uses them any more.
            while let Some(object) = unsafe { links.pop_object() } {
                // SAFETY: the same.
                unsafe { Self::finish(object) };
            }
        }
    }
}

impl<A: Layer + Default> Default for Generational<A> {
    fn default() -> Self {
        Self::new(A::default())
    }
}

impl<A: Layer> fmt::Debug for Generational<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Generational").field("tenured", &self.tenured).finish_non_exhaustive()
    }
}
