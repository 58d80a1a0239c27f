//! `MarkSweep`: the collector, as the handles see it: a space, and nothing else.
//!
//! Above: `alloc_core::gc`. Below: `space.rs`.

#[cfg(feature = "std")]
use crate::Reclaimer;
use crate::config::Config;
use crate::figures::{Cycle, Figures};
use crate::outside::Change;
use crate::space::Space;
use crate::tracer::Tracer;
use alloc_core::gc::{Collector, NeverMoves, Object, Shape, Turn, World};
use alloc_core::report::{Report, Reports};
use alloc_core::{AllocError, Layer};
use core::fmt;
use core::ops::Range;
use core::ptr::NonNull;

/// A mark-sweep collector over any layer.
///
/// ```
/// use alloc_core::Rootable;
/// use alloc_core::api2::alloc::Global;
/// use alloc_core::gc::{Gc, Heap};
/// use gc_marksweep::MarkSweep;
///
/// Rootable!(type Names<'gc> = Vec<Gc<'gc, str>>);
/// let mut heap = Heap::<_, Names>::new(MarkSweep::new(Global), |_| Vec::new());
/// heap.mutate_root(|mc, names| names.push(Gc::str(mc, "Ada")));
/// heap.collect();
/// assert_eq!(heap.mutate(|_, names| names[0].len()), 3);
/// ```
pub struct MarkSweep<A: Layer>(Space<A, Self>);

impl<A: Layer> MarkSweep<A> {
    /// A collector with the default settings over `below`, which is asked for nothing yet.
    pub fn new(below: A) -> Self {
        Self::with_config(Config::default(), below)
    }

    /// A collector with these settings over `below`. [`Mode::Background`](crate::Mode::Background) needs
    /// [`background`](Self::background); here it means [`Mode::Incremental`](crate::Mode::Incremental).
    pub fn with_config(config: Config, below: A) -> Self {
        Self(Space::with_config(config, below))
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
        Space::background(config, below).map(Self)
    }

    /// A collector that stops mutations, and marks with `markers` threads, the caller's included, where the
    /// heap is large enough for that to pay; whatever the mode in `config` is.
    ///
    /// The other threads are parked between collections. They save time where memory can serve several
    /// processors at once; on two cores that share one, measure first.
    ///
    /// ```
    /// use alloc_core::api2::alloc::Global;
    /// use gc_marksweep::{Config, MarkSweep};
    ///
    /// let collector = MarkSweep::parallel(4, Config::default(), Global)?;
    /// # let _ = collector;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// When a thread cannot be started.
    #[cfg(feature = "std")]
    pub fn parallel(markers: usize, config: Config, below: A) -> std::io::Result<Self>
    where
        A: Send + Sync + 'static,
    {
        Space::parallel(markers, config, below).map(Self)
    }

    /// Has `trace` be shown each cycle, at the end of the turn in which its marking ended; or before another begins
    /// in that turn.
    ///
    /// ```
    /// use alloc_core::api2::alloc::Global;
    /// use gc_marksweep::MarkSweep;
    ///
    /// let collector = MarkSweep::new(Global).with_trace(|cycle| eprintln!("{cycle}"));
    /// # let _ = collector;
    /// ```
    #[must_use]
    pub fn with_trace(self, trace: fn(&Cycle)) -> Self {
        Self(self.0.with_trace(trace))
    }

    /// Has a whole cycle follow at the end of the mutation that is under way, or of the next: for a
    /// mutation that knows that it has dropped much, or for whoever ran short of memory elsewhere.
    pub fn collect_soon(&self) {
        self.0.collect_soon();
    }

    /// A handle by which anybody can have this collector give memory back, on any thread.
    #[cfg(feature = "std")]
    #[must_use]
    pub fn reclaimer(&self) -> Reclaimer<A> {
        self.0.reclaimer()
    }

    /// What the collector did so far.
    #[must_use]
    pub fn figures(&self) -> Figures {
        self.0.figures()
    }

    /// The layer below.
    #[must_use]
    pub fn below(&self) -> &A {
        self.0.below()
    }
}

/// The collector's figures, then its object heap's, then those of the layer below.
impl<A: Layer> Reports for MarkSweep<A> {
    fn report(&self, report: &mut Report<'_>) {
        report.layer("MarkSweep", |report| self.0.report(report));
    }
}

// SAFETY:
// C1: slots are the heap's, of the shape's layout, and stay alive until a cycle has not marked them.
// C2, C3: marking is complete before `finish_marking` (`cycle.rs`); objects born meanwhile are marked
// (the heap's R4); phases change in turns only. Sweeping beside a mutation takes slots of objects that
// were not marked. C4: who visits claims (`protocol.rs`), and the barrier claims too, or waits. C5: the
// heap hands each dead object out once, in turns and in `drop`. C6: nothing here panics.
unsafe impl<A: Layer> Collector for MarkSweep<A> {
    type Marker = Tracer<A, Self>;
    type Mover = NeverMoves;

    #[inline(always)]
    unsafe fn allocate(&self, shape: Shape) -> Result<NonNull<u8>, AllocError> {
        self.0.allocate(shape)
    }

    #[inline(always)]
    unsafe fn barrier(&self, object: Object) {
        // SAFETY: the caller's.
        unsafe { self.0.barrier(object) };
    }

    #[inline(always)]
    unsafe fn barrier_part(&self, object: Object, elements: Range<usize>) {
        // SAFETY: the caller's.
        unsafe { self.0.barrier_part(object, elements) };
    }

    #[inline(always)]
    unsafe fn retain(&self, object: Object) {
        self.0.retain(object);
    }

    #[inline(always)]
    fn is_due(&self) -> bool {
        self.0.is_due()
    }

    fn turn(&mut self, world: &mut World<'_, Self>, turn: Turn) {
        self.0.turn(world, turn, Change::Yes);
    }
}

impl<A: Layer + Default> Default for MarkSweep<A> {
    fn default() -> Self {
        Self::new(A::default())
    }
}

impl<A: Layer> fmt::Debug for MarkSweep<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("MarkSweep").field(&self.0).finish()
    }
}
