//! `Set`, whose keys may hold traced pointers.
//!
//! Above: the user, who changes it in a `RefLock`. Below: `map.rs`, whose map this is, without values; what is said
//! there holds here. Not here: sets with 'static keys (`impls`).

use super::map::{self, Map, iterator};
use super::{Trace, Visitor, VisitorMut};
use crate::AllocError;
use core::borrow::Borrow;
use core::fmt;
use core::hash::{BuildHasher, Hash};
use core::iter::FusedIterator;
#[cfg(feature = "std")]
use std::hash::RandomState;

/// A hash set whose keys may hold traced pointers: a [`Map`] without values.
///
/// One use is to have each string once:
///
/// ```
/// # #[cfg(all(feature = "conformance", feature = "derive", feature = "std"))] {
/// use alloc_core::Rootable;
/// use alloc_core::gc::{Gc, Heap, Reference, Set};
///
/// Rootable!(type Names<'gc> = Set<Gc<'gc, str>>);
///
/// let collector = Reference::default().moving().eager();
/// let mut heap = Heap::<_, Names>::new(collector, |_| Set::new());
/// for _ in 0..3 {
///     heap.mutate_root(|mc, names| {
///         let ada = *names.get_or_insert_with("Ada", |name| Gc::str(mc, name));
///         assert!(ada.ptr_eq(*names.get("Ada").unwrap()));
///         assert_eq!(names.len(), 1);
///     });
/// }
/// # }
/// ```
#[derive(Clone)]
pub struct Set<K, #[cfg(feature = "std")] S = RandomState, #[cfg(not(feature = "std"))] S> {
    map: Map<K, (), S>,
}

// SAFETY: the map is all there is.
unsafe impl<'gc, K: Trace<'gc>, S: Send + 'static> Trace<'gc> for Set<K, S> {
    const NEEDS_TRACE: bool = <Map<K, (), S> as Trace<'gc>>::NEEDS_TRACE;
    const HOLDS_COUNTED: bool = <Map<K, (), S> as Trace<'gc>>::HOLDS_COUNTED;
    const MAY_CYCLE: bool = <Map<K, (), S> as Trace<'gc>>::MAY_CYCLE;
    const SENDS: bool = <Map<K, (), S> as Trace<'gc>>::SENDS;

    #[inline]
    fn trace<W: Visitor + ?Sized>(&self, visitor: &mut W) {
        self.map.trace(visitor);
    }

    #[inline]
    fn trace_mut<W: VisitorMut + ?Sized>(&mut self, visitor: &mut W) {
        self.map.trace_mut(visitor);
    }
}

#[cfg(feature = "std")]
impl<K> Set<K> {
    /// An empty set. It has no memory yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty set with room for `capacity` keys.
    ///
    /// # Panics
    ///
    /// As [`Map::with_capacity_and_hasher`].
    #[must_use]
    pub fn with_capacity(capacity: usize) -> Self {
        Self { map: Map::with_capacity(capacity) }
    }
}

impl<K, S> Set<K, S> {
    /// An empty set that hashes by `hasher`. It has no memory yet.
    pub const fn with_hasher(hasher: S) -> Self {
        Self { map: Map::with_hasher(hasher) }
    }

    /// An empty set with room for `capacity` keys, that hashes by `hasher`.
    ///
    /// # Panics
    ///
    /// As [`Map::with_capacity_and_hasher`].
    pub fn with_capacity_and_hasher(capacity: usize, hasher: S) -> Self {
        Self { map: Map::with_capacity_and_hasher(capacity, hasher) }
    }

    /// What the set hashes by.
    #[must_use]
    pub const fn hasher(&self) -> &S {
        self.map.hasher()
    }

    /// The number of keys.
    #[must_use]
    pub fn len(&self) -> usize {
        self.map.len()
    }

    /// Whether there is no key.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.map.is_empty()
    }

    /// The number of keys that there is room for without growth.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.map.capacity()
    }

    /// Each key, in no order.
    pub fn iter(&self) -> Iter<'_, K> {
        Iter(self.map.iter())
    }

    /// Drops every key for which `keep` is `false`. Takes time linear in the capacity.
    pub fn retain(&mut self, mut keep: impl FnMut(&K) -> bool) {
        self.map.retain(|key, ()| keep(key));
    }

    /// Drops every key, and keeps the memory.
    pub fn clear(&mut self) {
        self.map.clear();
    }
}

impl<K: Eq + Hash, S: BuildHasher> Set<K, S> {
    /// Makes room for `additional` more keys.
    ///
    /// # Panics
    ///
    /// As [`Map::with_capacity_and_hasher`].
    pub fn reserve(&mut self, additional: usize) {
        self.map.reserve(additional);
    }

    /// Makes room for `additional` more keys: as many insertions need no memory.
    ///
    /// # Errors
    ///
    /// When there is no memory, or a table cannot be that large. The set stays as it is.
    pub fn try_reserve(&mut self, additional: usize) -> Result<(), AllocError> {
        self.map.try_reserve(additional)
    }

    /// Gives back the memory that the keys do not need.
    pub fn shrink_to_fit(&mut self) {
        self.map.shrink_to_fit();
    }

    /// Whether a key is there.
    #[must_use]
    pub fn contains<Q: ?Sized + Eq + Hash>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.map.contains_key(key)
    }

    /// A key as it lies in the set.
    #[must_use]
    pub fn get<Q: ?Sized + Eq + Hash>(&self, key: &Q) -> Option<&K>
    where
        K: Borrow<Q>,
    {
        self.map.get_key_value(key).map(|(key, ())| key)
    }

    /// A key as it lies in the set. Where there is none, `make` makes it.
    ///
    /// # Panics
    ///
    /// When `make` makes another key than `key`; and as [`Map::with_capacity_and_hasher`].
    pub fn get_or_insert_with<Q>(&mut self, key: &Q, make: impl FnOnce(&Q) -> K) -> &K
    where
        K: Borrow<Q>,
        Q: ?Sized + Eq + Hash,
    {
        let made = || {
            let made = make(key);
            assert!(*key == *made.borrow(), "a key was made that was not asked for");
            (made, ())
        };
        &self.map.entry(key).or_insert_with(made).into_mut().0
    }

    /// Puts a key in. Returns whether there was none like it; else that one stays, and `key` is dropped.
    ///
    /// # Panics
    ///
    /// As [`Map::with_capacity_and_hasher`].
    pub fn insert(&mut self, key: K) -> bool {
        self.map.insert(key, ()).is_none()
    }

    /// Takes a key out. Returns whether it was there.
    pub fn remove<Q: ?Sized + Eq + Hash>(&mut self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.map.remove(key).is_some()
    }

    /// Takes a key out, and returns it.
    pub fn take<Q: ?Sized + Eq + Hash>(&mut self, key: &Q) -> Option<K>
    where
        K: Borrow<Q>,
    {
        self.map.remove_entry(key).map(|(key, ())| key)
    }

    /// Each key that is in `other`, too.
    pub fn intersection<'a>(&'a self, other: &'a Self) -> impl Iterator<Item = &'a K> + Clone {
        self.iter().filter(|key| other.contains::<K>(key))
    }

    /// Each key that is not in `other`.
    pub fn difference<'a>(&'a self, other: &'a Self) -> impl Iterator<Item = &'a K> + Clone {
        self.iter().filter(|key| !other.contains::<K>(key))
    }

    /// Each key that is in either, once.
    pub fn union<'a>(&'a self, other: &'a Self) -> impl Iterator<Item = &'a K> + Clone {
        self.iter().chain(other.difference(self))
    }

    /// Whether every key is in `other`, too.
    pub fn is_subset(&self, other: &Self) -> bool {
        self.len() <= other.len() && self.iter().all(|key| other.contains::<K>(key))
    }

    /// Whether no key is in `other`.
    pub fn is_disjoint(&self, other: &Self) -> bool {
        self.intersection(other).next().is_none()
    }
}

impl<K, S: Default> Default for Set<K, S> {
    fn default() -> Self {
        Self { map: Map::default() }
    }
}

impl<K: fmt::Debug, S> fmt::Debug for Set<K, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self).finish()
    }
}

impl<K: Eq + Hash, S: BuildHasher> PartialEq for Set<K, S> {
    fn eq(&self, other: &Self) -> bool {
        self.map == other.map
    }
}

impl<K: Eq + Hash, S: BuildHasher> Eq for Set<K, S> {}

impl<K: Eq + Hash, S: BuildHasher> Extend<K> for Set<K, S> {
    fn extend<I: IntoIterator<Item = K>>(&mut self, keys: I) {
        self.map.extend(keys.into_iter().map(|key| (key, ())));
    }
}

impl<'a, K: Eq + Hash + Copy, S: BuildHasher> Extend<&'a K> for Set<K, S> {
    fn extend<I: IntoIterator<Item = &'a K>>(&mut self, keys: I) {
        self.extend(keys.into_iter().copied());
    }
}

impl<K: Eq + Hash, S: BuildHasher + Default> FromIterator<K> for Set<K, S> {
    fn from_iter<I: IntoIterator<Item = K>>(keys: I) -> Self {
        Self { map: keys.into_iter().map(|key| (key, ())).collect() }
    }
}

impl<K: Eq + Hash, S: BuildHasher + Default, const N: usize> From<[K; N]> for Set<K, S> {
    fn from(keys: [K; N]) -> Self {
        Self::from_iter(keys)
    }
}

iterator!(
    /// The keys of a [`Set`].
    Iter<'a, K>, map::Iter<'a, K, ()>, &'a K, |entry| entry.0
);
iterator!(
    /// The keys that a [`Set`] had.
    IntoIter<K>, map::IntoIter<K, ()>, K, |entry| entry.0
);

impl<K> Clone for Iter<'_, K> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<K, S> IntoIterator for Set<K, S> {
    type Item = K;
    type IntoIter = IntoIter<K>;

    fn into_iter(self) -> IntoIter<K> {
        IntoIter(self.map.into_iter())
    }
}

impl<'a, K, S> IntoIterator for &'a Set<K, S> {
    type Item = &'a K;
    type IntoIter = Iter<'a, K>;

    fn into_iter(self) -> Iter<'a, K> {
        self.iter()
    }
}
