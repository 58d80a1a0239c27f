//! A heap: a collector, a root, and mutations of it.
//!
//! Above: the user. Below: a [`Collector`], which takes its turn between two mutations. This is the
//! only file that makes a [`Mutation`] or a brand.

use super::registry::{Part, Registry, World};
use super::{Collector, Root, Rootable, Trace, Turn, TypeInfo, Visitor};
use crate::Report;
use crate::report::Reports;
use core::cell::Cell;
use core::fmt;
use core::marker::PhantomData;
use core::mem::ManuallyDrop;
use core::ops::ControlFlow;

/// A heap of objects under the collector `C`, which live as long as the root of family `R` leads to
/// them.
///
/// All pointers into the heap bear a brand, a lifetime that each mutation has for itself. So no pointer
/// leaves its mutation, and none gets into another heap; and as every pointer is in the heap when a
/// mutation ends, objects may be collected, and moved, then.
///
/// The example runs on the simplest collector; `MarkSweep` and `Generational` take its place.
///
/// ```
/// # #[cfg(all(feature = "conformance", feature = "derive"))] {
/// use alloc_core::gc::{Gc, Heap, Lock, Reference, Trace};
/// use alloc_core::Rootable;
///
/// #[derive(Trace)]
/// struct Node<'gc> {
///     value: u64,
///     next: Lock<Option<Gc<'gc, Node<'gc>>>>,
/// }
///
/// Rootable!(type List<'gc> = Lock<Option<Gc<'gc, Node<'gc>>>>);
///
/// let mut heap = Heap::<_, List>::new(Reference::default(), |_| Lock::new(None));
/// heap.mutate_root(|mc, first| {
///     for value in 0..10 {
///         let next = Lock::new(first.get());
///         *first = Lock::new(Some(Gc::new(mc, Node { value, next })));
///     }
/// });
/// heap.collect();
/// let sum = heap.mutate(|_, first| {
///     core::iter::successors(first.get(), |node| node.next.get()).map(|node| node.value).sum::<u64>()
/// });
/// assert_eq!(sum, 45);
/// # }
/// ```
pub struct Heap<C: Collector, R: for<'gc> Rootable<'gc>> {
    // The root is dropped before the objects.
    root: Root<'static, R>,
    pub(super) shared: Shared<C>,
}

/// What a mutation sees of a heap.
pub(super) struct Shared<C: Collector> {
    pub(super) collector: C,
    pub(super) registry: Registry<C>,
}

/// The right to use a heap's pointers: what a mutation is given. `mc` for short.
///
/// It lives exactly as long as its mutation, and so do the pointers of its brand.
#[repr(transparent)]
pub struct Mutation<'gc, C: Collector> {
    pub(super) shared: Shared<C>,
    _brand: Brand<'gc>,
}

/// Makes a lifetime invariant: it neither grows nor shrinks, so it names one mutation.
pub(super) type Brand<'gc> = PhantomData<Cell<&'gc ()>>;

impl<'gc, C: Collector> Mutation<'gc, C> {
    /// The heap's collector, for what it offers during mutations.
    #[inline(always)]
    #[must_use]
    pub fn collector(&self) -> &C {
        &self.shared.collector
    }

    /// What the header of a new object is, whose type has this record.
    #[inline(always)]
    pub(super) fn header(&self, record: *const TypeInfo<C>) -> *const TypeInfo<C> {
        if C::TAGS { record.wrapping_byte_add(self.shared.collector.new_tag()) } else { record }
    }

    /// Notes whether objects of this type tie the heap to its thread.
    #[inline(always)]
    pub(super) fn admit<T: ?Sized + Trace<'gc>>(&self) {
        if !T::SENDS {
            self.shared.registry.stays.set(Some(core::any::type_name::<T>));
        }
    }
}

impl<C: Collector> fmt::Debug for Mutation<'_, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mutation").finish_non_exhaustive()
    }
}

impl<C: Collector, R> Heap<C, R>
where
    R: for<'gc> Rootable<'gc>,
    for<'gc> Root<'gc, R>: Trace<'gc>,
{
    /// A heap whose root `root` makes, inside a first mutation.
    pub fn new(
        collector: C,
        root: impl for<'gc> FnOnce(&'gc Mutation<'gc, C>) -> Root<'gc, R>,
    ) -> Self {
        match Self::try_new(collector, |mc| Ok::<_, core::convert::Infallible>(root(mc))) {
            Ok(heap) => heap,
            Err(never) => match never {},
        }
    }

    /// A heap whose root `root` makes, unless it fails.
    ///
    /// # Errors
    ///
    /// Those of `root`.
    pub fn try_new<E>(
        collector: C,
        root: impl for<'gc> FnOnce(&'gc Mutation<'gc, C>) -> Result<Root<'gc, R>, E>,
    ) -> Result<Self, E> {
        let shared = Shared { collector, registry: Registry::new() };
        // SAFETY: as in `mutate`: what has this brand cannot leave `root`, but for the root itself.
        // `shared` has not come to its place yet, but nothing in a heap refers to where it lies.
        let mc = unsafe { &*(&raw const shared).cast::<Mutation<'_, C>>() };
        let root = ManuallyDrop::new(root(mc)?);
        // SAFETY: the types differ in a lifetime only; the original is not used any more. The heap
        // shows its root with the brands of later mutations only.
        let root = unsafe { (&raw const root).cast::<Root<'static, R>>().read() };
        Ok(Self { root, shared })
    }

    /// Runs a mutation. The collector takes its turn when it has ended, if one is due.
    ///
    /// No pointer of the mutation can leave it:
    ///
    /// ```compile_fail
    /// # use alloc_core::{gc::*, Rootable};
    /// # Rootable!(type Byte<'gc> = Gc<'gc, u8>);
    /// # let mut heap = Heap::<_, Byte>::new(Reference::default(), |mc| Gc::new(mc, 1));
    /// let stolen = heap.mutate(|_, root| *root);
    /// ```
    #[inline]
    pub fn mutate<T>(
        &mut self,
        mutation: impl for<'gc> FnOnce(&'gc Mutation<'gc, C>, &'gc Root<'gc, R>) -> T,
    ) -> T {
        // SAFETY: `mutation` is made for any brand, so what has this one cannot leave it; the
        // brand's lifetime in truth ends with the call, while `self` is borrowed exclusively, so
        // that no turn begins meanwhile. Types differ in lifetimes only.
        let (mc, root) = unsafe {
            let mc = &*(&raw const self.shared).cast::<Mutation<'_, C>>();
            (mc, &*(&raw const self.root).cast::<Root<'_, R>>())
        };
        let value = mutation(mc, root);
        self.after();
        value
    }

    /// Runs a mutation that may change the root itself.
    #[inline]
    pub fn mutate_root<T>(
        &mut self,
        mutation: impl for<'gc> FnOnce(&'gc Mutation<'gc, C>, &'gc mut Root<'gc, R>) -> T,
    ) -> T {
        // SAFETY: as in `mutate`. The root is not an object: it is visited in turns only, so its
        // changes need no barrier.
        let (mc, root) = unsafe {
            let mc = &*(&raw const self.shared).cast::<Mutation<'_, C>>();
            (mc, &mut *(&raw mut self.root).cast::<Root<'_, R>>())
        };
        let value = mutation(mc, root);
        self.after();
        value
    }

    /// Runs a long computation step by step, so that the collector can take its turn between two
    /// steps.
    pub fn run<T>(
        &mut self,
        mut step: impl for<'gc> FnMut(&'gc Mutation<'gc, C>, &'gc mut Root<'gc, R>) -> ControlFlow<T>,
    ) -> T {
        loop {
            if let ControlFlow::Break(value) = self.mutate_root(&mut step) {
                return value;
            }
        }
    }

    #[inline]
    fn after(&mut self) {
        if self.shared.collector.is_due() {
            self.turn(Turn::Pay);
        }
    }

    /// Collects now: what the root does not lead to is gone afterwards, but for objects that a
    /// finaliser was run for.
    pub fn collect(&mut self) {
        self.turn(Turn::Full);
    }

    /// Collects for about as long as it takes to visit or sweep `budget_bytes`.
    pub fn collect_some(&mut self, budget_bytes: usize) {
        self.turn(Turn::Some { budget_bytes });
    }

    #[cold]
    #[inline(never)]
    fn turn(&mut self, turn: Turn) {
        let root: &mut dyn RootSet<C> = RootOf::<R>::new(&mut self.root);
        let mut world = World { root, registry: &mut self.shared.registry, part: Part::All };
        self.shared.collector.turn(&mut world, turn);
        self.finalise();
    }

    /// Runs the finalisers of objects that were found dead, in a mutation each.
    fn finalise(&mut self) {
        while let Some((object, run, with)) = self.shared.registry.next_ready() {
            // SAFETY: as in `mutate`; the object was a root until now, and is alive to the end of
            // this mutation; `run` was registered with `with`, for this object.
            unsafe { run(&*(&raw const self.shared).cast(), object, with) };
        }
    }

    /// The collector, for its figures and settings.
    #[must_use]
    pub fn collector(&self) -> &C {
        &self.shared.collector
    }

    /// Writes the collector's figures, then those of the layer below. A heap is what [`Tree::of`](crate::report::Tree::of)
    /// and [`Text::write`](crate::report::Text::write) take, as a stack of layers is.
    ///
    /// ```
    /// # #[cfg(feature = "conformance")] {
    /// use alloc_core::gc::{Gc, Heap, Reference};
    /// use alloc_core::{Rootable, report::Tree};
    ///
    /// Rootable!(type Byte<'gc> = Gc<'gc, u8>);
    /// let mut heap = Heap::<_, Byte>::new(Reference::default(), |mc| Gc::new(mc, 1));
    /// heap.collect();
    /// let tree = Tree::of(&heap);
    /// assert_eq!(tree.figure("Reference", "objects"), Some(1));
    /// assert_eq!(tree.below[0].name, "Global", "the layer below");
    /// # }
    /// ```
    pub fn report(&self, report: &mut Report<'_>) {
        self.shared.collector.report(report);
    }

    /// Looks at the heap between two mutations, for a check or a dump. It needs no memory of the heap's, so it can be
    /// done when there is none left.
    ///
    /// # Panics
    ///
    /// When `look` does; and when a destructor does, which a collector may have left for its next turn.
    pub fn inspect<T>(&mut self, look: impl FnOnce(&View<'_, C>) -> T) -> T {
        let root: &mut dyn RootSet<C> = RootOf::<R>::new(&mut self.root);
        let mut world = World { root, registry: &mut self.shared.registry, part: Part::All };
        self.shared.collector.prepare_to_show(&mut world);
        look(&View { collector: &self.shared.collector, world })
    }
}

/// A heap between two mutations, to be looked at.
pub struct View<'v, C: Collector> {
    collector: &'v C,
    world: World<'v, C>,
}

impl<C: Collector> View<'_, C> {
    /// The heap's collector.
    #[must_use]
    pub fn collector(&self) -> &C {
        self.collector
    }

    /// Shows every root of the heap to a visitor.
    pub fn visit_roots(&self, visitor: &mut dyn Visitor) {
        self.world.visit_roots(visitor);
    }
}

impl<C: Collector, R: for<'gc> Rootable<'gc>> Reports for Heap<C, R> {
    fn report(&self, report: &mut Report<'_>) {
        self.shared.collector.report(report);
    }
}

impl<C: Collector, R: for<'gc> Rootable<'gc>> fmt::Debug for Heap<C, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Heap").finish_non_exhaustive()
    }
}

impl<C: Collector> fmt::Debug for View<'_, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("View").finish_non_exhaustive()
    }
}

/// The root, for a collector that does not know its type.
pub(super) trait RootSet<C: Collector> {
    fn mark(&self, marker: &mut C::Marker);
    fn visit(&self, visitor: &mut dyn Visitor);
    fn relocate(&mut self, mover: &mut C::Mover);
}

#[repr(transparent)]
struct RootOf<R: for<'gc> Rootable<'gc>>(Root<'static, R>);

impl<R: for<'gc> Rootable<'gc>> RootOf<R> {
    fn new<'r>(root: &'r mut Root<'static, R>) -> &'r mut Self {
        // SAFETY: it is transparent.
        unsafe { &mut *(&raw mut *root).cast::<Self>() }
    }
}

impl<C: Collector, R> RootSet<C> for RootOf<R>
where
    R: for<'gc> Rootable<'gc>,
    for<'gc> Root<'gc, R>: Trace<'gc>,
{
    fn mark(&self, marker: &mut C::Marker) {
        <Root<'static, R> as Trace<'static>>::trace(&self.0, marker);
    }

    fn visit(&self, mut visitor: &mut dyn Visitor) {
        <Root<'static, R> as Trace<'static>>::trace(&self.0, &mut visitor);
    }

    fn relocate(&mut self, mover: &mut C::Mover) {
        <Root<'static, R> as Trace<'static>>::trace_mut(&mut self.0, mover);
    }
}
