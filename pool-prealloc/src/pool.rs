//! [`Pool`]: slots for values of one type, for one thread at a time.
//!
//! Above: the user, through [`PoolBox`]. Below: [`FreeList`], over a [`Run`] of any [`Layer`].
//! Not here: how slots are linked (`slots`), what a box does (`boxed.rs`).

use crate::boxed::{SlotBox, sealed};
use crate::run::Run;
use crate::slots::{FreeList, Row, Shape, Walk, drop_living};
use crate::{Full, Preparation, TakeError};
#[cfg(feature = "alloc")]
use alloc_core::api2::alloc::Global;
use alloc_core::{Broken, Layer, Layout, Report};
use core::cell::Cell;
use core::convert::Infallible;
use core::fmt;
use core::iter::FusedIterator;
use core::marker::PhantomData;
use core::ptr::NonNull;

/// A box in a [`Pool`].
#[cfg(feature = "alloc")]
pub type PoolBox<'p, T, A = Global> = SlotBox<'p, T, Pool<T, A>>;
/// A box in a [`Pool`].
#[cfg(not(feature = "alloc"))]
pub type PoolBox<'p, T, A> = SlotBox<'p, T, Pool<T, A>>;

macro_rules! declare_pool {
    ($($default:tt)*) => {
        /// A fixed number of slots for values of type `T`, taken from a layer `A` at once.
        ///
        /// ```
        /// use pool_prealloc::Pool;
        ///
        /// let pool = Pool::with_capacity(2);
        /// let mut a = pool.alloc([0; 100])?;
        /// let b = pool.alloc([7; 100])?;
        /// a[0] = b[0];
        /// assert_eq!(pool.alloc([1; 100]).unwrap_err().into_inner(), [1; 100]);
        /// drop(b);
        /// assert!(pool.alloc([1; 100]).is_ok());
        /// # Ok::<(), pool_prealloc::Full<[u8; 100]>>(())
        /// ```
        ///
        /// Taking a slot is a load, a test, a load and a store; giving it back a load and two stores.
        /// It is for one thread at a time: `Send`, but not `Sync`.
        pub struct Pool<T, A: Layer $($default)*> {
            list: FreeList,
            capacity_slots: usize,
            run: Run<A>,
            // Values go in and come out by `&self`: a pool of one type cannot stand in for one of another.
            values: PhantomData<Cell<T>>,
        }
    };
}
#[cfg(feature = "alloc")]
declare_pool!(= Global);
#[cfg(not(feature = "alloc"))]
declare_pool!();

#[cfg(feature = "alloc")]
impl<T> Pool<T> {
    /// A pool of `capacity_slots` slots from the global allocator.
    ///
    /// # Panics
    ///
    /// If the memory cannot be had.
    #[must_use]
    pub fn with_capacity(capacity_slots: usize) -> Self {
        Self::with_capacity_in(capacity_slots, Global)
    }

    /// A pool of `capacity_slots` slots from the global allocator.
    ///
    /// # Errors
    ///
    /// If the memory cannot be had.
    pub fn try_with_capacity(capacity_slots: usize) -> Result<Self, TakeError> {
        Self::try_with_capacity_in(capacity_slots, Global)
    }
}

impl<T, A: Layer> Pool<T, A> {
    const SHAPE: Shape = Shape::of::<T>();

    /// A pool of `capacity_slots` slots from `below`.
    ///
    /// # Panics
    ///
    /// If the memory cannot be had.
    #[must_use]
    pub fn with_capacity_in(capacity_slots: usize, below: A) -> Self {
        match Self::try_with_capacity_in(capacity_slots, below) {
            Ok(pool) => pool,
            Err(error) => panic!("{error}"),
        }
    }

    /// A pool of `capacity_slots` slots from `below`.
    ///
    /// # Errors
    ///
    /// If the memory cannot be had.
    pub fn try_with_capacity_in(capacity_slots: usize, below: A) -> Result<Self, TakeError> {
        Self::prepared_in(capacity_slots, Preparation::new(), below)
    }

    /// A pool of `capacity_slots` slots from `below`, whose memory is prepared.
    ///
    /// # Errors
    ///
    /// If the memory cannot be had, or cannot be prepared so.
    pub fn prepared_in(
        capacity_slots: usize,
        preparation: Preparation,
        below: A,
    ) -> Result<Self, TakeError> {
        let layout = Self::layout(capacity_slots).ok_or(TakeError::TooLarge)?;
        let run = Run::prepared(layout, preparation, below)?;
        Ok(Self { list: FreeList::new(), capacity_slots, run, values: PhantomData })
    }

    /// What a pool of `capacity_slots` slots asks for from the layer below, if it can be that large.
    #[must_use]
    pub const fn layout(capacity_slots: usize) -> Option<Layout> {
        Self::SHAPE.layout(capacity_slots, align_of::<T>())
    }

    #[inline(always)]
    fn row(&self) -> Row {
        Row { base: self.run.ptr(), slots: self.capacity_slots, shape: Self::SHAPE }
    }

    #[inline(always)]
    fn take(&self) -> Option<NonNull<T>> {
        // SAFETY: the list is of this row, which is the run's for as long as the pool lives.
        unsafe { self.list.take(self.row()) }.map(NonNull::cast)
    }

    /// Moves `value` into a slot.
    ///
    /// # Errors
    ///
    /// When no slot is free, with the value.
    #[inline(always)]
    pub fn alloc(&self, value: T) -> Result<PoolBox<'_, T, A>, Full<T>> {
        match self.take() {
            // SAFETY: just taken.
            Some(slot) => Ok(unsafe { SlotBox::write(slot, self, value) }),
            None => Err(Full(value)),
        }
    }

    /// Writes what `make` returns into a slot. If it unwinds, the slot is free again.
    ///
    /// # Errors
    ///
    /// When no slot is free, with `make`, which was not called.
    #[inline(always)]
    pub fn alloc_with<F: FnOnce() -> T>(&self, make: F) -> Result<PoolBox<'_, T, A>, Full<F>> {
        let Some(slot) = self.take() else { return Err(Full(make)) };
        // SAFETY: just taken.
        let Ok(boxed) =
            unsafe { SlotBox::try_write_with(slot, self, || Ok::<_, Infallible>(make())) };
        Ok(boxed)
    }

    /// Writes what `make` returns into a slot, which is free again if that is an error.
    ///
    /// # Errors
    ///
    /// The outer one when no slot is free, with `make`, which was not called; the inner one is `make`'s.
    #[inline(always)]
    #[allow(clippy::type_complexity, reason = "two results, one in the other")]
    pub fn try_alloc_with<E, F: FnOnce() -> Result<T, E>>(
        &self,
        make: F,
    ) -> Result<Result<PoolBox<'_, T, A>, E>, Full<F>> {
        match self.take() {
            // SAFETY: just taken.
            Some(slot) => Ok(unsafe { SlotBox::try_write_with(slot, self, make) }),
            None => Err(Full(make)),
        }
    }

    /// The box of a value that is in this pool without one.
    ///
    /// # Safety
    ///
    /// `value` came from [`SlotBox::into_raw`] of a box of this pool, or is what
    /// [`SlotBox::leak`] gave; there is no other box or reference of it, and the pool was not cleared.
    #[inline]
    pub unsafe fn from_raw(&self, value: NonNull<T>) -> PoolBox<'_, T, A> {
        // SAFETY: the caller's promise.
        unsafe { SlotBox::from_slot(value, self) }
    }

    /// How many slots there are.
    #[inline]
    #[must_use]
    pub const fn capacity(&self) -> usize {
        self.capacity_slots
    }

    /// How many slots are used. Walks the free ones: a counter would cost every call a fifth more.
    #[must_use]
    pub fn len(&self) -> usize {
        // SAFETY: as in `take`.
        unsafe { self.list.used_slots(self.row()) }
    }

    /// Whether no slot is used. Walks the free ones, as [`len`](Self::len) does.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether no slot is free.
    #[inline]
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.list.is_full(self.row())
    }

    /// The most slots that were ever used at a time.
    #[must_use]
    pub fn peak_slots(&self) -> usize {
        self.list.high_slots()
    }

    /// How many requests were refused: no slot was free.
    #[must_use]
    pub fn refused(&self) -> usize {
        self.list.refused()
    }

    /// Whether the address lies in this pool's slots.
    #[inline]
    #[must_use]
    pub fn owns(&self, value: NonNull<T>) -> bool {
        self.row().contains(value.cast())
    }

    /// The layer below.
    #[must_use]
    pub const fn below(&self) -> &A {
        self.run.below()
    }

    /// Writes the pool's figures, then those of the layer below.
    pub fn report(&self, report: &mut Report<'_>) {
        report.layer("Pool", |report| {
            report.slots("capacity", self.capacity_slots);
            report.slots("used", self.len());
            report.slots("peak", self.peak_slots());
            report.count("refused", self.refused() as u64);
            self.below().report(report);
        });
    }

    /// The first invariant that does not hold, of the pool and of the layer below.
    ///
    /// # Errors
    ///
    /// [`Broken`] names it. A healthy pool never returns it.
    pub fn verify(&self) -> Result<(), Broken> {
        // SAFETY: as in `take`.
        unsafe { self.list.verify(self.row(), "Pool")? };
        self.below().verify()
    }
}

impl<T, A: Layer> Pool<T, A> {
    /// Drops all values that are still here (leaked, or of boxes that were forgotten). Every slot is
    /// free then.
    ///
    /// If a destructor unwinds, the other values are dropped nonetheless.
    pub fn clear(&mut self) {
        // SAFETY: as in `take`; nothing of the pool is borrowed, so there are no boxes.
        unsafe { drop_living::<T>(&self.list, self.row()) };
    }

    /// The values that are still here (leaked, or of boxes that were forgotten), by address.
    pub fn iter(&mut self) -> Living<'_, T> {
        // SAFETY: as in `clear`, for as long as the walk lives.
        Living { walk: unsafe { Walk::new(&self.list, self.row()) }, pool: PhantomData }
    }

    /// The values that are still here, to be changed. They may have been pinned, so they have to be
    /// `Unpin`.
    pub fn iter_mut(&mut self) -> LivingMut<'_, T>
    where
        T: Unpin,
    {
        LivingMut { walk: self.iter().walk, pool: PhantomData }
    }
}

impl<T, A: Layer> Drop for Pool<T, A> {
    fn drop(&mut self) {
        self.clear();
    }
}

impl<T, A: Layer> sealed::Home<T> for Pool<T, A> {
    #[inline(always)]
    unsafe fn give(&self, slot: NonNull<T>) {
        // SAFETY: the slot is this pool's, and its user is done (caller).
        unsafe { self.list.give(self.row(), slot.cast()) };
    }
}

impl<T, A: Layer> fmt::Debug for Pool<T, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool")
            .field("capacity", &self.capacity_slots)
            .field("used", &self.len())
            .field("peak", &self.peak_slots())
            .field("refused", &self.refused())
            .finish_non_exhaustive()
    }
}

/// The values that are in a pool without a box: see [`Pool::iter`].
pub struct Living<'a, T> {
    walk: Walk,
    pool: PhantomData<&'a T>,
}

/// The values that are in a pool without a box, to be changed: see [`Pool::iter_mut`].
pub struct LivingMut<'a, T> {
    walk: Walk,
    pool: PhantomData<&'a mut T>,
}

impl<T> Living<'_, T> {
    /// Over a row that the caller has to itself.
    ///
    /// # Safety
    ///
    /// Used slots of the walk's row hold a `T`, and nobody changes them while this lives.
    pub(crate) const unsafe fn over(walk: Walk) -> Self {
        Self { walk, pool: PhantomData }
    }
}

impl<'a, T> Iterator for Living<'a, T> {
    type Item = &'a T;

    fn next(&mut self) -> Option<&'a T> {
        // SAFETY: a used slot holds a value (`Pool::iter`).
        self.walk.next().map(|slot| unsafe { slot.cast().as_ref() })
    }
    fn size_hint(&self) -> (usize, Option<usize>) {
        self.walk.size_hint()
    }
}

impl<'a, T> Iterator for LivingMut<'a, T> {
    type Item = &'a mut T;

    fn next(&mut self) -> Option<&'a mut T> {
        // SAFETY: as for `Living`; the walk comes by each once, and the pool is borrowed exclusively.
        self.walk.next().map(|slot| unsafe { slot.cast().as_mut() })
    }
    fn size_hint(&self) -> (usize, Option<usize>) {
        self.walk.size_hint()
    }
}

impl<T> FusedIterator for Living<'_, T> {}
impl<T> FusedIterator for LivingMut<'_, T> {}

impl<T> fmt::Debug for Living<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Living").finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for LivingMut<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LivingMut").finish_non_exhaustive()
    }
}
