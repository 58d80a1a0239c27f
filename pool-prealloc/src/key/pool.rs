//! [`KeyPool`]: values that are reached by keys.
//!
//! Above: the user. Below: [`IndexList`] and a row of versions, in one [`Run`]. Rules R1 to R3 are in `mod.rs`.

use super::handle::Key;
use super::list::IndexList;
use crate::run::Run;
use crate::slots::{Row, Shape};
use crate::{Full, Preparation, StaleKey, TakeError};
#[cfg(feature = "alloc")]
use alloc_core::api2::alloc::Global;
use alloc_core::{Broken, Layer, Layout, Report};
use core::fmt;
use core::marker::PhantomData;
use core::num::NonZeroU32;
use core::ops::{Index, IndexMut};
use core::ptr::NonNull;

/// Slots, and behind them their versions: the layout, and where the versions begin.
pub(crate) const fn layout<T>(capacity_slots: usize) -> Option<(Layout, usize)> {
    if capacity_slots as u64 >= u32::MAX as u64 {
        return None;
    }
    let Some(slots) = Shape::linked::<T>().layout(capacity_slots, align_of::<T>()) else {
        return None;
    };
    let Ok(versions) = Layout::array::<u32>(capacity_slots) else { return None };
    match slots.extend(versions) {
        Ok(both) => Some(both),
        Err(_) => None,
    }
}

macro_rules! declare_pool {
    ($($default:tt)*) => {
        /// A fixed number of slots for values of type `T`, which are reached by [`Key`]s: handles that can be
        /// copied, stored anywhere, and that know when their value is gone.
        ///
        /// ```
        /// use pool_prealloc::{KeyPool, StaleKey};
        ///
        /// let mut pool = KeyPool::with_capacity(100);
        /// let ann = pool.insert("Ann")?;
        /// let bob = pool.insert("Bob")?;
        /// assert_eq!(pool[ann], "Ann");
        /// assert_eq!(pool.remove(ann), Ok("Ann"));
        /// assert_eq!(pool.remove(ann), Err(StaleKey));
        ///
        /// let eve = pool.insert("Eve")?; // in Ann's slot
        /// assert_eq!((pool.get(ann), pool.get(eve)), (None, Some(&"Eve")));
        /// # Ok::<(), pool_prealloc::Full<&str>>(())
        /// ```
        ///
        /// A value costs four bytes beside itself, for its version; a value of less than four bytes takes four. A
        /// slot serves 2³¹ values one after the other; then it is [retired](KeyPool::retired), so that no key
        /// ever names another value than its own.
        pub struct KeyPool<T, A: Layer $($default)*> {
            pub(super) list: IndexList,
            capacity_slots: u32,
            len_slots: u32,
            high_slots: u32,
            retired_slots: u32,
            refused: usize,
            pub(super) versions: NonNull<u32>,
            run: Run<A>,
            values: PhantomData<T>,
        }
    };
}
#[cfg(feature = "alloc")]
declare_pool!(= Global);
#[cfg(not(feature = "alloc"))]
declare_pool!();

// SAFETY: the versions lie in the run, which moves with the pool.
unsafe impl<T: Send, A: Layer + Send> Send for KeyPool<T, A> {}
// SAFETY: what has `&self` reads, and gives `&T`.
unsafe impl<T: Sync, A: Layer + Sync> Sync for KeyPool<T, A> {}

#[cfg(feature = "alloc")]
impl<T> KeyPool<T> {
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

impl<T, A: Layer> KeyPool<T, A> {
    const SHAPE: Shape = Shape::linked::<T>();

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
    /// If the memory cannot be had, or cannot be prepared so; [`TakeError::TooLarge`] from 2³² - 1 slots on.
    pub fn prepared_in(
        capacity_slots: usize,
        preparation: Preparation,
        below: A,
    ) -> Result<Self, TakeError> {
        let (layout, offset) = layout::<T>(capacity_slots).ok_or(TakeError::TooLarge)?;
        let run = Run::prepared(layout, preparation, below)?;
        // SAFETY: `layout` has the versions there, aligned to a word of four bytes.
        let versions = unsafe { run.ptr().add(offset).cast() };
        Ok(Self {
            list: IndexList::new(),
            capacity_slots: capacity_slots as u32, // `layout` has compared
            len_slots: 0,
            high_slots: 0,
            retired_slots: 0,
            refused: 0,
            versions,
            run,
            values: PhantomData,
        })
    }

    /// What a pool of `capacity_slots` slots asks for from the layer below, if it can be that large.
    #[must_use]
    pub const fn layout(capacity_slots: usize) -> Option<Layout> {
        match layout::<T>(capacity_slots) {
            Some((layout, _)) => Some(layout),
            None => None,
        }
    }

    #[inline(always)]
    pub(super) fn row(&self) -> Row {
        Row { base: self.run.ptr(), slots: self.capacity_slots as usize, shape: Self::SHAPE }
    }

    /// The version of a slot, if it has ever been taken (R1).
    #[inline(always)]
    pub(super) fn version(&self, index: u32) -> Option<u32> {
        // SAFETY: a version of a slot below `fresh_slots` is written (R1), and in the run.
        self.is_written(index).then(|| unsafe { self.versions.add(index as usize).read() })
    }

    #[inline(always)]
    fn is_written(&self, index: u32) -> bool {
        index < self.list.fresh_slots
    }

    /// The value in a slot, where there is one.
    ///
    /// # Safety
    ///
    /// `index` is less than the capacity.
    #[inline(always)]
    pub(super) unsafe fn value(&self, index: u32) -> NonNull<T> {
        // SAFETY: the caller's promise.
        unsafe { self.row().slot(index as usize).cast() }
    }

    /// The value that a key names (R2).
    #[inline(always)]
    fn find(&self, key: Key<T>) -> Option<NonNull<T>> {
        let index = key.index() as u32;
        let lives = self.version(index) == Some(key.version().get());
        // SAFETY: a slot that has a version is one.
        lives.then(|| unsafe { self.value(index) })
    }

    /// Moves `value` into a slot. The key names it from now on.
    ///
    /// # Errors
    ///
    /// When no slot is free, with the value.
    #[inline]
    pub fn insert(&mut self, value: T) -> Result<Key<T>, Full<T>> {
        let Some(key) = self.take() else { return Err(Full(value)) };
        // SAFETY: the slot was free, and has the size and alignment of a `T`.
        unsafe { self.value(key.index() as u32).write(value) };
        self.enter(key);
        Ok(key)
    }

    /// Writes what `make` returns, which is told its own key, into a slot. If it unwinds, the slot is free
    /// again, and the key names nothing until its slot is next used.
    ///
    /// # Errors
    ///
    /// When no slot is free, with `make`, which was not called.
    #[inline]
    pub fn insert_with_key<F: FnOnce(Key<T>) -> T>(&mut self, make: F) -> Result<Key<T>, Full<F>> {
        /// Puts the slot back, if `make` unwinds.
        struct Back<'l>(&'l mut IndexList, Row, u32);
        impl Drop for Back<'_> {
            fn drop(&mut self) {
                // SAFETY: taken by `insert_with_key`, and nothing is in it.
                unsafe { self.0.give(self.1, self.2) };
            }
        }
        let Some(key) = self.take() else { return Err(Full(make)) };
        let row = self.row();
        let back = Back(&mut self.list, row, key.index() as u32);
        let value = make(key);
        core::mem::forget(back);
        // SAFETY: as in `insert`.
        unsafe { self.value(key.index() as u32).write(value) };
        self.enter(key);
        Ok(key)
    }

    /// A free slot, by the key that its value will have. Its version is still even: nothing lives there.
    #[inline(always)]
    fn take(&mut self) -> Option<Key<T>> {
        let row = self.row();
        // SAFETY: the list is of this row, which is the run's for as long as the pool lives.
        let Some(index) = (unsafe { self.list.take(row) }) else {
            return Some(Key::new(self.take_fresh()?, NonZeroU32::MIN));
        };
        // SAFETY: what was taken before has its version written (R1).
        let version = unsafe { self.versions.add(index as usize).read() } | 1;
        // SAFETY: an odd number is not 0.
        Some(Key::new(index, unsafe { NonZeroU32::new_unchecked(version) }))
    }

    /// A slot that nobody has had yet. Its version is 0.
    #[cold]
    #[inline(never)]
    fn take_fresh(&mut self) -> Option<u32> {
        let index = self.list.fresh_slots;
        if index == self.capacity_slots {
            self.refused = self.refused.wrapping_add(1);
            return None;
        }
        self.list.fresh_slots += 1;
        // All others live, or are retired.
        self.high_slots = self.high_slots.max(self.len_slots + 1);
        // SAFETY: a slot's version lies in the run.
        unsafe { self.versions.add(index as usize).write(0) };
        Some(index)
    }

    /// Takes note of the value that a key names from now on.
    #[inline(always)]
    fn enter(&mut self, key: Key<T>) {
        // SAFETY: the key is of a slot that was taken, whose version is in the run.
        unsafe { self.versions.add(key.index()).write(key.version().get()) };
        self.len_slots += 1;
    }

    /// Moves the value out of a slot, which is free then, or retired (R3).
    ///
    /// # Safety
    ///
    /// A value lives there.
    #[inline(always)]
    pub(super) unsafe fn take_out(&mut self, index: u32) -> T {
        // SAFETY: the slot holds a value (caller), which is read once: the version says so.
        let value = unsafe { self.value(index).read() };
        // SAFETY: as in `take`.
        let place = unsafe { self.versions.add(index as usize) };
        // SAFETY: a slot in which a value lives has its version written (R1).
        let version = unsafe { place.read() }.wrapping_add(1);
        // SAFETY: as above.
        unsafe { place.write(version) };
        self.len_slots -= 1;
        if version == 0 {
            self.retired_slots += 1;
        } else {
            // SAFETY: taken from this list (`take`), and its value has gone.
            unsafe { self.list.give(self.row(), index) };
        }
        value
    }

    /// Moves the value out that the key names.
    ///
    /// # Errors
    ///
    /// When it is gone.
    #[inline]
    pub fn remove(&mut self, key: Key<T>) -> Result<T, StaleKey> {
        match self.find(key) {
            // SAFETY: found alive.
            Some(_) => Ok(unsafe { self.take_out(key.index() as u32) }),
            None => Err(StaleKey),
        }
    }

    /// Whether the value that the key names lives.
    #[inline]
    #[must_use]
    pub fn contains(&self, key: Key<T>) -> bool {
        self.find(key).is_some()
    }

    /// The value that the key names, if it lives.
    #[inline]
    #[must_use]
    pub fn get(&self, key: Key<T>) -> Option<&T> {
        // SAFETY: found alive.
        self.find(key).map(|value| unsafe { value.as_ref() })
    }

    /// The value that the key names, if it lives.
    #[inline]
    pub fn get_mut(&mut self, key: Key<T>) -> Option<&mut T> {
        // SAFETY: found alive, and the pool is borrowed exclusively.
        self.find(key).map(|mut value| unsafe { value.as_mut() })
    }

    /// Several values at once; `None` if one of them is gone, or two keys are the same.
    pub fn get_disjoint_mut<const N: usize>(&mut self, keys: [Key<T>; N]) -> Option<[&mut T; N]> {
        for (at, key) in keys.iter().enumerate() {
            if !self.contains(*key) || keys[..at].contains(key) {
                return None;
            }
        }
        // SAFETY: all live, as looked at above, and are apart: living values of different keys are in
        // different slots (R2).
        Some(keys.map(|key| unsafe { self.value(key.index() as u32).as_mut() }))
    }

    /// The key of the value in slot `index`, if one lives there.
    #[inline]
    #[must_use]
    pub fn key_at(&self, index: usize) -> Option<Key<T>> {
        let index = u32::try_from(index).ok()?;
        let version = self.version(index).filter(|version| version & 1 == 1)?;
        NonZeroU32::new(version).map(|version| Key::new(index, version))
    }

    /// Drops all values. Their keys are stale then.
    ///
    /// If a destructor unwinds, the other values are dropped nonetheless.
    pub fn clear(&mut self) {
        /// Goes on when a destructor unwinds.
        struct Rest<'p, T, A: Layer>(&'p mut KeyPool<T, A>);
        impl<T, A: Layer> Drop for Rest<'_, T, A> {
            fn drop(&mut self) {
                self.0.retain(|_, _| false);
            }
        }
        Rest(self).0.retain(|_, _| false);
    }

    /// Drops the values of which `keep` says `false`. If it, or a destructor, unwinds, the others stay.
    pub fn retain(&mut self, mut keep: impl FnMut(Key<T>, &mut T) -> bool) {
        for index in 0..self.list.fresh_slots {
            let Some(key) = self.key_at(index as usize) else { continue };
            if self.get_mut(key).is_some_and(|value| !keep(key, value)) {
                drop(self.remove(key));
            }
        }
    }

    /// How many slots there are, retired ones too.
    #[inline]
    #[must_use]
    pub const fn capacity(&self) -> usize {
        self.capacity_slots as usize
    }

    /// How many values live.
    #[inline]
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len_slots as usize
    }

    /// Whether none lives.
    #[inline]
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len_slots == 0
    }

    /// Whether no slot is free.
    #[inline]
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.list.is_full(self.row())
    }

    /// The most values that ever lived at a time.
    #[inline]
    #[must_use]
    pub const fn peak_slots(&self) -> usize {
        self.high_slots as usize
    }

    /// How many requests were refused: no slot was free.
    #[must_use]
    pub const fn refused(&self) -> usize {
        self.refused
    }

    /// How many slots have served so many values that they serve no more.
    #[must_use]
    pub const fn retired(&self) -> usize {
        self.retired_slots as usize
    }

    /// The layer below.
    #[must_use]
    pub const fn below(&self) -> &A {
        self.run.below()
    }

    /// Writes the pool's figures, then those of the layer below.
    pub fn report(&self, report: &mut Report<'_>) {
        report.layer("KeyPool", |report| {
            report.slots("capacity", self.capacity());
            report.slots("used", self.len());
            report.slots("peak", self.peak_slots());
            report.slots("retired", self.retired());
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
        let free_slots = unsafe { self.list.verify(self.row())? };
        let living =
            (0..self.list.fresh_slots).filter(|&index| self.key_at(index as usize).is_some());
        let living_slots = living.count() as u32;
        let rule = "R1: versions are odd where values live";
        Broken::unless(living_slots == self.len_slots, "KeyPool", rule, living_slots as usize)?;
        let held = living_slots + free_slots + self.retired_slots == self.list.fresh_slots;
        let rule = "R3: what is neither alive nor free is retired";
        Broken::unless(held, "KeyPool", rule, free_slots as usize)?;
        self.below().verify()
    }
}

impl<T, A: Layer> Drop for KeyPool<T, A> {
    fn drop(&mut self) {
        if core::mem::needs_drop::<T>() {
            self.clear();
        }
    }
}

impl<T, A: Layer> Index<Key<T>> for KeyPool<T, A> {
    type Output = T;

    /// # Panics
    ///
    /// If the key is stale.
    #[inline]
    fn index(&self, key: Key<T>) -> &T {
        self.get(key).expect("a stale key")
    }
}

impl<T, A: Layer> IndexMut<Key<T>> for KeyPool<T, A> {
    #[inline]
    fn index_mut(&mut self, key: Key<T>) -> &mut T {
        self.get_mut(key).expect("a stale key")
    }
}

impl<T, A: Layer> fmt::Debug for KeyPool<T, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyPool")
            .field("capacity", &self.capacity())
            .field("used", &self.len())
            .field("peak", &self.peak_slots())
            .field("retired", &self.retired())
            .field("refused", &self.refused())
            .finish_non_exhaustive()
    }
}
