//! Memory for objects: spans by size class over any layer, mark bits beside the objects.
//!
//! Above: a collector, which knows what an object is. Below: any [`Layer`], asked for runs.
//! Not here: types, handles, tracing, when a cycle begins.
//!
//! # An object
//!
//! An object is a header word, which is the collector's, and then its payload: a layout whose first
//! word is the header. The heap touches neither. What it knows of an object stands in the bitmaps of
//! the object's span: two bits that take turns as mark bit, and a claim bit, for each granule of 16
//! bytes. They take 2.4 % of a span of 64 KiB.
//!
//! # The journey of one allocation
//!
//! ```text
//!   1  allocate       the lowest free bit of the lane's cursor            (mutator.rs)
//!   2  refill         the next word of the span's bitmap with a free bit  (refill.rs)
//!   3  next span      one that is swept; else sweep some; else an empty   (refill.rs)
//!                     one from the pool; else a run from the layer below
//!   4  sweep          its mark bits are what is allocated in it           (sweep.rs)
//! ```
//!
//! A *lane* is a size class, with destructors or without. The mutator has a *cursor* for each: the
//! free slots of one word of a span's bitmap, as bits. Handing out a slot takes the lowest. A large
//! object passes all this by: it has a run of its own, as a span of one slot (large.rs).
//!
//! # The journey of one cycle
//!
//! ```text
//!            start_marking                 finish_marking                  the last span
//!   Idle ────────────────────▶ Marking ─────────────────────▶ Sweeping ───────────────────▶ Idle
//!          needs: all swept    mark, claim: anybody           sweep: the mutator, as it allocates;
//!                              allocate: born marked          anybody, where nothing has a destructor;
//!                                                             sweep_dropping, where something has one
//! ```
//!
//! Two planes of mark bits take turns. The *alive* plane says which slots hold objects, dead or not;
//! cursors look there for free ones. While marking, marks go to the other plane. At the end the planes
//! change places: what was not marked is not alive, and its slots are free. No object and no span is
//! touched for that: a pause takes time linear in the lanes. What is left to do for each span is to
//! clear the plane that was alive before and the claims, for the next cycle, and to count: that is
//! sweeping. So whether an object is alive is one bit at a place that does not depend on who swept
//! what already.
//!
//! # Spans: who has them
//!
//! | a span is | owner | bits of the other plane, claims | where to |
//! |---|---|---|---|
//! | a cursor's | the mutator | clear, or marks of this cycle | *full* when used up; with the rest at the end of marking |
//! | partial | the lists | the same | a cursor |
//! | full | the lists | the same | *unswept*, at the end of marking |
//! | unswept | the lists | of the cycle before | *in hand* |
//! | in hand | whoever sweeps it | being cleared | *partial*, *full*, *pooled*, below; a cursor; back to *unswept* if a destructor unwinds |
//! | pooled | the lists | clear, all of them | a cursor, of any lane; below |
//! | on the way | the helper that took its run (ready.rs) | clear, all of them | *pooled* |
//!
//! # Rules
//!
//! * R1, one owner: a span stands on one list, which the heap's lock guards, or belongs to the one
//!   thread that took it off under the lock: to sweep it (it is *in hand*), or as a cursor's.
//! * R2, planes: bits of the alive plane are changed by the mutator only, in a cursor's span, and for
//!   slots that no object is in. The planes change places in `finish_marking` only, between two
//!   mutations, when no marker runs. So an object's alive bit does not change while it is alive.
//! * R3, exactly once: of all calls of `mark` for one object in one cycle, whoever makes them, one
//!   returns `true`; the same holds of `claim`.
//! * R4, born marked: while marking, the mark and claim bits of a slot are set before it is handed out.
//! * R5, swept before marked: marking starts when no span is unswept or in hand. Then all bits of the
//!   plane to be marked, and all claims, are clear, and the thread that starts marking has seen that,
//!   through the lock.
//! * R6, destructors: spans of lanes with destructors are swept by `Mutator::sweep_dropping` only.
//! * R7, a span goes below when nothing in it is alive and it is nobody else's.

mod cards;
mod classes;
mod cycle;
mod evacuate;
mod figures;
mod header;
mod large;
mod list;
mod marker;
mod mutator;
mod ready;
mod refill;
mod span;
mod sweep;
mod verify;

pub use evacuate::Evacuated;
pub use figures::{ClassFigures, HeapFigures, Object};
pub use marker::Marker;
pub use mutator::Mutator;

use alloc_core::report::Reports;
use alloc_core::sync::{AtomicBool, AtomicUsize, Lock, Ordering};
use alloc_core::{AllocError, Layer, Layout, Report};
use core::fmt;
use core::ptr::NonNull;
use list::Lists;
use span::{Plane, SpanRef};

/// How many empty spans wait for the next use; more go to the layer below.
const POOL_SPANS: usize = 8;
/// One in so many spans is kept in the pool as a reserve, for when the layer below refuses: it lets the
/// mutation that is under way come to its end, and a collection begin, before an allocation fails.
const RESERVE_PART: usize = 16;
/// A heap of fewer spans than these has no reserve; from here on it has at least one.
const RESERVE_LEAST_SPANS: usize = 4;

/// One in so many spans is made ready by a helper, and no more than these.
const READY_PART: usize = 16;
const READY_SPANS: usize = 8;

/// Memory that is taken together with the first run and kept apart, so that marking can begin when all other
/// memory is in use: [`ObjectHeap::take_apart`].
pub const APART: Layout = match Layout::from_size_align(4096, align_of::<usize>()) {
    Ok(layout) => layout,
    Err(_) => panic!("a power of two"),
};

/// The part of a heap that threads share: its spans.
///
/// `KIB` is the length of a span in KiB: a power of two, at most 64. The largest slot is a quarter
/// of it. Small spans suit small buffers.
///
/// One [`Mutator`] allocates; any thread may mark with a [`Marker`] while the mutator is marking,
/// and [`sweep_some`](Self::sweep_some).
pub struct ObjectHeap<A: Layer, const KIB: usize = 64> {
    below: A,
    lists: Lock<Lists<KIB>>,
    /// The parity of the alive plane. Changed under the lock, in `finish_marking`.
    parity: AtomicUsize,
    /// What dead slots are filled with when they are swept, or `NO_POISON`.
    poison: usize,
    /// The most bytes of runs.
    limit_bytes: usize,
    /// Memory is short: the layer below refused a span, or somebody reclaims.
    short: AtomicBool,
    /// Who makes spans ready, and whether it was called for that.
    #[cfg(feature = "std")]
    helper: std::sync::OnceLock<std::thread::Thread>,
    calls_helper: AtomicBool,
}

const NO_POISON: usize = usize::MAX;

impl<A: Layer, const KIB: usize> ObjectHeap<A, KIB> {
    alloc_core::const_fn! {
        /// A heap over `below`, which is asked for nothing until something is allocated.
        #[must_use]
        pub const fn new(below: A) -> Self {
            Self {
                below,
                lists: Lock::new(Lists::new()),
                parity: AtomicUsize::new(0),
                poison: NO_POISON,
                limit_bytes: usize::MAX,
                short: AtomicBool::new(false),
                #[cfg(feature = "std")]
                helper: std::sync::OnceLock::new(),
                calls_helper: AtomicBool::new(false),
            }
        }
    }

    /// Runs of more than `limit_bytes` in all are refused, as if the layer below refused them.
    #[must_use]
    pub const fn with_limit_bytes(mut self, limit_bytes: usize) -> Self {
        self.limit_bytes = limit_bytes;
        self
    }

    /// Sweeping fills dead slots with `byte`, for tests that look for objects used after their death.
    /// Sweeping is then no longer done in the bitmaps alone.
    #[must_use]
    pub fn with_poison(mut self, byte: u8) -> Self {
        self.poison = byte.into();
        self
    }

    /// The layer below.
    #[must_use]
    pub const fn below(&self) -> &A {
        &self.below
    }

    /// The plane that says which slots hold objects.
    fn alive(&self) -> Plane {
        // ORDERING: Relaxed: who asks is the mutator, which alone changes it, or has just taken the
        // lock that it is changed under, or holds a span that was taken under it.
        Plane::marks(self.parity.load(Ordering::Relaxed))
    }

    /// Takes a run of `run_bytes` from the layer below and makes it a span on no list.
    fn acquire(&self, run_bytes: usize) -> Result<SpanRef<KIB>, AllocError> {
        let layout = SpanRef::<KIB>::layout(run_bytes).ok_or(AllocError)?;
        // Counted first, so that threads cannot pass the limit together.
        let is_first = self.lists.lock().count(run_bytes, self.limit_bytes)?;
        if is_first {
            self.keep_apart();
        }
        let run =
            self.below.allocate(layout).inspect_err(|_| self.lists.lock().uncount(run_bytes))?;
        // SAFETY: the run was just allocated with this layout.
        Ok(unsafe { SpanRef::create(run.cast(), run_bytes) })
    }

    #[cold]
    fn keep_apart(&self) {
        if self.lists.lock().apart.0.is_none() {
            // Without it, marking does with what it gets when it begins.
            let apart = self.below.allocate(APART).ok().map(NonNull::cast);
            self.lists.lock().apart.0 = apart;
        }
    }

    fn release_apart(&self) {
        if let Some(apart) = self.take_apart() {
            // SAFETY: it came from there, of this layout (`keep_apart`).
            unsafe { self.below.deallocate(apart, APART) };
        }
    }

    /// The memory that was kept apart, of the layout [`APART`], from the layer below; once. Whoever takes
    /// it gives it back to the layer below.
    pub fn take_apart(&self) -> Option<NonNull<u8>> {
        self.lists.lock().apart.0.take()
    }

    /// Memory from the layer below for the collector's own use, counted and limited with the heap's runs.
    ///
    /// # Errors
    ///
    /// When the limit is reached, or the layer below refuses.
    pub fn take_run(&self, layout: Layout) -> Result<NonNull<u8>, AllocError> {
        self.lists.lock().count_bytes(layout.size(), self.limit_bytes)?;
        let run = self.below.allocate(layout);
        run.map(NonNull::cast).inspect_err(|_| self.lists.lock().run_bytes -= layout.size())
    }

    /// Gives such memory back.
    ///
    /// # Safety
    ///
    /// [`take_run`](Self::take_run) gave it, for this layout, and it is used no more.
    pub unsafe fn return_run(&self, run: NonNull<u8>, layout: Layout) {
        self.lists.lock().run_bytes -= layout.size();
        // SAFETY: the caller's.
        unsafe { self.below.deallocate(run, layout) };
    }

    /// Bytes of the runs that this heap has from the layer below.
    pub fn run_bytes(&self) -> usize {
        self.lists.lock().run_bytes
    }

    /// Gives a span's run back to the layer below.
    ///
    /// # Safety
    ///
    /// The span is the caller's, on no list, and no object in it is used any more (R7).
    unsafe fn release(&self, span: SpanRef<KIB>) {
        self.lists.lock().forget(span);
        // SAFETY: the caller's promise.
        unsafe { self.give_back(span) };
    }

    /// `release` for a span that is no longer counted.
    ///
    /// # Safety
    ///
    /// As for `release`.
    unsafe fn give_back(&self, span: SpanRef<KIB>) {
        // SAFETY: the caller's promise.
        let (run, layout) = unsafe { span.dispose() };
        // SAFETY: `acquire` took the run with this layout.
        unsafe { self.below.deallocate(run, layout) };
    }

    /// Whether memory is short: a collection is wanted.
    #[inline(always)]
    pub fn is_short(&self) -> bool {
        // ORDERING: Relaxed, here and where it is set: a wish, which guards no other memory.
        self.short.load(Ordering::Relaxed)
    }

    /// Whether memory is short; from now on it is not, until it is again.
    pub fn take_short(&self) -> bool {
        self.is_short() && self.short.swap(false, Ordering::Relaxed)
    }

    fn run_short(&self) {
        self.short.store(true, Ordering::Relaxed);
    }

    /// Gives the pool's spans to the layer below, and has that give back what it can: see
    /// [`Layer::reclaim`]. What is dead but not swept is not looked for: that takes a collection, which
    /// [`is_short`](Self::is_short) asks for.
    pub fn reclaim(&self, goal_bytes: usize) -> usize {
        if goal_bytes > 0 {
            self.run_short();
        }
        let mut released_bytes = 0;
        while released_bytes < goal_bytes {
            let Some(span) = self.lists.lock().pool.pop() else { break };
            released_bytes += span.run_bytes();
            // SAFETY: the pool owned the span, which is empty.
            unsafe { self.release(span) };
        }
        if self.lists.lock().runs == 0 {
            self.release_apart();
        }
        let reclaimed_bytes = self.below.reclaim(goal_bytes);
        // A layer below that keeps nothing has given the spans on already.
        if reclaimed_bytes == 0 { released_bytes } else { reclaimed_bytes }
    }

    /// Writes this heap's figures, then those of the layer below. What the mutator's cursors hold is
    /// not in the slots; [`Mutator::figures`] is exact.
    pub fn report(&self, report: &mut Report<'_>) {
        report.layer("ObjectHeap", |report| {
            let (runs, run_bytes, pool, unswept) = {
                let lists = self.lists.lock();
                (lists.runs, lists.run_bytes, lists.pool.len(), lists.unswept)
            };
            report.count("runs", runs as u64);
            report.bytes("run bytes", run_bytes);
            report.count("empty spans", pool as u64);
            report.count("unswept spans", unswept[0] as u64);
            report.count("unswept spans with destructors", unswept[1] as u64);
            self.below.report(report);
        });
    }
}

impl<A: Layer, const KIB: usize> Reports for ObjectHeap<A, KIB> {
    fn report(&self, report: &mut Report<'_>) {
        self.report(report);
    }
}

impl<A: Layer, const KIB: usize> Drop for ObjectHeap<A, KIB> {
    /// Gives every run back, objects that are alive included. Destructors are not run: the mutator does
    /// that, with a last cycle in which nothing is marked.
    fn drop(&mut self) {
        let mut all = self.lists.lock().take_all();
        while let Some(span) = all.pop() {
            // SAFETY: the heap goes away, and with it every object; no mutator is left (it borrows
            // or owns the heap), so the span is nobody else's.
            unsafe { self.release(span) };
        }
        self.release_apart();
    }
}

impl<A: Layer + fmt::Debug, const KIB: usize> fmt::Debug for ObjectHeap<A, KIB> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ObjectHeap")
            .field("span_kib", &KIB)
            .field("below", &self.below)
            .finish_non_exhaustive()
    }
}
