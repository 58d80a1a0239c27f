//! `Map`, whose keys may hold traced pointers.
//!
//! Above: the user, who changes it in a `RefLock`, as any container; `set.rs`. Below: hashbrown's table, which
//! shows its entries exclusively, keys too, and `trace.rs`. Not here: maps with 'static keys (`impls`); keys
//! that do not keep their objects alive (`Ephemeron`).
//!
//! A collector that moves objects rewrites the pointers in keys where they lie. That is right as long as
//! a key's hash stays what it was; and it does, for `Gc` compares and hashes what it points at, of which the move
//! changes nothing. The table itself has no address of an object.

use super::{Trace, Visitor, VisitorMut};
use crate::AllocError;
use core::borrow::Borrow;
use core::fmt;
use core::hash::{BuildHasher, Hash};
use core::iter::FusedIterator;
use core::ops::Index;
use hashbrown::{HashTable, hash_table};
#[cfg(feature = "std")]
use std::hash::RandomState;

/// A hash map whose keys may hold traced pointers. (The standard library's maps can have them in values only.)
///
/// It has these methods of the standard library's map: `new`, `with_capacity`, `with_hasher`,
/// `with_capacity_and_hasher`, `hasher`, `len`, `is_empty`, `capacity`, `reserve`, `try_reserve`, `shrink_to_fit`, `get`,
/// `get_mut`, `get_key_value`, `contains_key`, `insert`, `remove`, `remove_entry`, `retain`, `clear`, `iter`, `iter_mut`,
/// `keys`, `values`, `values_mut`; `extend`, `collect`, `map[&key]`, `for`. In place of `entry` there is
/// [`get_or_insert_with`](Map::get_or_insert_with); there is no `drain`, `into_keys` or `into_values`. Keys are compared and hashed by their values, so a map
/// with keys `Gc<'gc, str>` is asked by a `&str`. It is a container without a cell of its own: put it into a
/// [`RefLock`](super::RefLock) to change it in an object.
///
/// ```
/// # #[cfg(all(feature = "conformance", feature = "derive", feature = "std"))] {
/// use alloc_core::Rootable;
/// use alloc_core::gc::{Gc, Heap, Map, RefLock, Reference};
///
/// Rootable!(type Ages<'gc> = Gc<'gc, RefLock<Map<Gc<'gc, str>, u64>>>);
///
/// let collector = Reference::default().moving().eager();
/// let mut heap = Heap::<_, Ages>::new(collector, |mc| Gc::new(mc, RefLock::default()));
/// heap.mutate(|mc, ages| {
///     ages.borrow_mut(mc).insert(Gc::str(mc, "Ada"), 36);
/// });
/// heap.collect(); // the string moves, and the key follows
/// heap.mutate(|_, ages| assert_eq!(ages.borrow().get("Ada"), Some(&36)));
/// # }
/// ```
///
/// Look-ups, insertion and removal take constant time on average, growth takes time linear in the length. Without `std`
/// there is no hasher by default.
///
/// # Limits
///
/// * What a key's `Hash` and `Eq` look at must not change, as with any map; nor may it be an address
///   ([`Gc::as_ptr`](super::Gc::as_ptr)): objects move. For keys by identity, any map with keys
///   [`Gc::id`](super::Gc::id) does. Nothing unsafe comes of it, but entries are not found.
/// * The map is part of one object. Where collections go on beside mutations, the first write to it in
///   each collection takes time linear in its capacity.
#[derive(Clone)]
pub struct Map<K, V, #[cfg(feature = "std")] S = RandomState, #[cfg(not(feature = "std"))] S> {
    pub(super) table: HashTable<(K, V)>,
    pub(super) hasher: S,
}

// SAFETY: the table shows every key and every value to either visitor. The hasher holds no pointer with a brand,
// since it is 'static, and is not touched; it may go to another thread (T6). Nobody's `Drop` is here (T4).
unsafe impl<'gc, K: Trace<'gc>, V: Trace<'gc>, S: Send + 'static> Trace<'gc> for Map<K, V, S> {
    const NEEDS_TRACE: bool = <HashTable<(K, V)> as Trace<'gc>>::NEEDS_TRACE;
    const HOLDS_COUNTED: bool = <HashTable<(K, V)> as Trace<'gc>>::HOLDS_COUNTED;
    const MAY_CYCLE: bool = <HashTable<(K, V)> as Trace<'gc>>::MAY_CYCLE;
    const SENDS: bool = <HashTable<(K, V)> as Trace<'gc>>::SENDS;

    #[inline]
    fn trace<W: Visitor + ?Sized>(&self, visitor: &mut W) {
        self.table.trace(visitor);
    }

    #[inline]
    fn trace_mut<W: VisitorMut + ?Sized>(&mut self, visitor: &mut W) {
        self.table.trace_mut(visitor);
    }
}

#[cfg(feature = "std")]
impl<K, V> Map<K, V> {
    /// An empty map. It has no memory yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty map with room for `capacity` entries.
    ///
    /// # Panics
    ///
    /// As [`with_capacity_and_hasher`](Map::with_capacity_and_hasher).
    #[must_use]
    pub fn with_capacity(capacity: usize) -> Self {
        Self::with_capacity_and_hasher(capacity, RandomState::new())
    }
}

impl<K, V, S> Map<K, V, S> {
    /// An empty map that hashes by `hasher`. It has no memory yet.
    pub const fn with_hasher(hasher: S) -> Self {
        Self { table: HashTable::new(), hasher }
    }

    /// An empty map with room for `capacity` entries, that hashes by `hasher`.
    ///
    /// # Panics
    ///
    /// When a table cannot be that large. When there is no memory, the program ends: see
    /// [`try_reserve`](Map::try_reserve).
    pub fn with_capacity_and_hasher(capacity: usize, hasher: S) -> Self {
        Self { table: HashTable::with_capacity(capacity), hasher }
    }

    /// What the map hashes by.
    #[must_use]
    pub const fn hasher(&self) -> &S {
        &self.hasher
    }

    /// The number of entries.
    #[must_use]
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// Whether there is no entry.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.table.is_empty()
    }

    /// The number of entries that there is room for without growth.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.table.capacity()
    }

    /// Each entry, in no order.
    pub fn iter(&self) -> Iter<'_, K, V> {
        Iter(self.table.iter())
    }

    /// Each entry, in no order; values may be changed.
    pub fn iter_mut(&mut self) -> IterMut<'_, K, V> {
        IterMut(self.table.iter_mut())
    }

    /// Each key, in no order.
    pub fn keys(&self) -> impl ExactSizeIterator<Item = &K> + FusedIterator + Clone {
        self.iter().map(|(key, _)| key)
    }

    /// Each value, in no order.
    pub fn values(&self) -> impl ExactSizeIterator<Item = &V> + FusedIterator + Clone {
        self.iter().map(|(_, value)| value)
    }

    /// Each value, in no order, to be changed.
    pub fn values_mut(&mut self) -> impl ExactSizeIterator<Item = &mut V> + FusedIterator {
        self.iter_mut().map(|(_, value)| value)
    }

    /// Drops every entry for which `keep` is `false`. Takes time linear in the capacity.
    pub fn retain(&mut self, mut keep: impl FnMut(&K, &mut V) -> bool) {
        self.table.retain(|(key, value)| keep(key, value));
    }

    /// Drops every entry, and keeps the memory.
    pub fn clear(&mut self) {
        self.table.clear();
    }
}

impl<K: Eq + Hash, V, S: BuildHasher> Map<K, V, S> {
    /// Makes room for `additional` more entries.
    ///
    /// # Panics
    ///
    /// As [`with_capacity_and_hasher`](Map::with_capacity_and_hasher).
    pub fn reserve(&mut self, additional: usize) {
        self.table.reserve(additional, |(key, _)| self.hasher.hash_one(key));
    }

    /// Makes room for `additional` more entries: as many insertions need no memory.
    ///
    /// # Errors
    ///
    /// When there is no memory, or a table cannot be that large. The map stays as it is.
    pub fn try_reserve(&mut self, additional: usize) -> Result<(), AllocError> {
        let hash = |(key, _): &(K, V)| self.hasher.hash_one(key);
        self.table.try_reserve(additional, hash).map_err(|_| AllocError)
    }

    /// Gives back the memory that the entries do not need.
    pub fn shrink_to_fit(&mut self) {
        self.table.shrink_to_fit(|(key, _)| self.hasher.hash_one(key));
    }

    /// The value of a key.
    #[must_use]
    pub fn get<Q: ?Sized + Eq + Hash>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        self.get_key_value(key).map(|(_, value)| value)
    }

    /// The value of a key, to be changed.
    pub fn get_mut<Q: ?Sized + Eq + Hash>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        let hash = self.hasher.hash_one(key);
        self.table.find_mut(hash, |(of, _)| *key == *of.borrow()).map(|(_, value)| value)
    }

    /// A key as it lies in the map, and its value.
    pub fn get_key_value<Q: ?Sized + Eq + Hash>(&self, key: &Q) -> Option<(&K, &V)>
    where
        K: Borrow<Q>,
    {
        let hash = self.hasher.hash_one(key);
        self.table.find(hash, |(of, _)| *key == *of.borrow()).map(|(key, value)| (key, value))
    }

    /// Whether the map has a key.
    pub fn contains_key<Q: ?Sized + Eq + Hash>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.get_key_value(key).is_some()
    }

    /// Sets the value of a key, and returns the one before. A key that is there stays, and `key` is dropped.
    ///
    /// # Panics
    ///
    /// As [`with_capacity_and_hasher`](Map::with_capacity_and_hasher).
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        match self.entry(&key) {
            hash_table::Entry::Occupied(mut entry) => {
                Some(core::mem::replace(&mut entry.get_mut().1, value))
            }
            hash_table::Entry::Vacant(entry) => {
                entry.insert((key, value));
                None
            }
        }
    }

    /// The value of a key, to be changed. Where there is none, `make` makes it.
    ///
    /// # Panics
    ///
    /// As [`with_capacity_and_hasher`](Map::with_capacity_and_hasher).
    pub fn get_or_insert_with(&mut self, key: K, make: impl FnOnce() -> V) -> &mut V {
        &mut self.entry(&key).or_insert_with(|| (key, make())).into_mut().1
    }

    /// Takes an entry out, and returns its value.
    pub fn remove<Q: ?Sized + Eq + Hash>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        self.remove_entry(key).map(|(_, value)| value)
    }

    /// Takes an entry out.
    pub fn remove_entry<Q: ?Sized + Eq + Hash>(&mut self, key: &Q) -> Option<(K, V)>
    where
        K: Borrow<Q>,
    {
        let hash = self.hasher.hash_one(key);
        let entry = self.table.find_entry(hash, |(of, _)| *key == *of.borrow()).ok()?;
        Some(entry.remove().0)
    }

    /// The place of a key; when it is vacant, there is room for the entry.
    pub(super) fn entry<Q: ?Sized + Eq + Hash>(&mut self, key: &Q) -> hash_table::Entry<'_, (K, V)>
    where
        K: Borrow<Q>,
    {
        let hash = self.hasher.hash_one(key);
        let is_it = |(of, _): &(K, V)| *key == *of.borrow();
        self.table.entry(hash, is_it, |(key, _)| self.hasher.hash_one(key))
    }
}

impl<K, V, S: Default> Default for Map<K, V, S> {
    fn default() -> Self {
        Self::with_hasher(S::default())
    }
}

impl<K: fmt::Debug, V: fmt::Debug, S> fmt::Debug for Map<K, V, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self).finish()
    }
}

impl<K: Eq + Hash, V: PartialEq, S: BuildHasher> PartialEq for Map<K, V, S> {
    fn eq(&self, other: &Self) -> bool {
        let is_there = |(key, value): (&K, &V)| other.get::<K>(key).is_some_and(|of| *value == *of);
        self.len() == other.len() && self.iter().all(is_there)
    }
}

impl<K: Eq + Hash, V: Eq, S: BuildHasher> Eq for Map<K, V, S> {}

/// Panics when the map has no such key.
impl<K: Eq + Hash + Borrow<Q>, Q: ?Sized + Eq + Hash, V, S: BuildHasher> Index<&Q>
    for Map<K, V, S>
{
    type Output = V;

    #[track_caller]
    fn index(&self, key: &Q) -> &V {
        self.get(key).expect("the map has no such key")
    }
}

impl<K: Eq + Hash, V, S: BuildHasher> Extend<(K, V)> for Map<K, V, S> {
    fn extend<I: IntoIterator<Item = (K, V)>>(&mut self, entries: I) {
        let entries = entries.into_iter();
        // Half of the entries may be there already.
        let additional = entries.size_hint().0;
        self.reserve(if self.is_empty() { additional } else { additional.div_ceil(2) });
        entries.for_each(|(key, value)| _ = self.insert(key, value));
    }
}

impl<'a, K: Eq + Hash + Copy, V: Copy, S: BuildHasher> Extend<(&'a K, &'a V)> for Map<K, V, S> {
    fn extend<I: IntoIterator<Item = (&'a K, &'a V)>>(&mut self, entries: I) {
        self.extend(entries.into_iter().map(|(key, value)| (*key, *value)));
    }
}

impl<K: Eq + Hash, V, S: BuildHasher + Default> FromIterator<(K, V)> for Map<K, V, S> {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        let mut map = Self::default();
        map.extend(entries);
        map
    }
}

impl<K: Eq + Hash, V, S: BuildHasher + Default, const N: usize> From<[(K, V); N]> for Map<K, V, S> {
    fn from(entries: [(K, V); N]) -> Self {
        Self::from_iter(entries)
    }
}

/// An iterator that shows another one's items in another way.
macro_rules! iterator {
    ($(#[$attr:meta])* $name:ident<$($of:tt),*>, $below:ty, $item:ty, |$from:ident| $to:expr) => {
        $(#[$attr])*
        pub struct $name<$($of),*>(pub(super) $below);

        impl<$($of),*> Iterator for $name<$($of),*> {
            type Item = $item;

            #[inline]
            fn next(&mut self) -> Option<$item> {
                self.0.next().map(|$from| $to)
            }

            #[inline]
            fn size_hint(&self) -> (usize, Option<usize>) {
                self.0.size_hint()
            }

            #[inline]
            fn fold<B, F: FnMut(B, $item) -> B>(self, first: B, mut join: F) -> B {
                self.0.fold(first, |all, $from| join(all, $to))
            }
        }

        impl<$($of),*> ExactSizeIterator for $name<$($of),*> {}

        impl<$($of),*> FusedIterator for $name<$($of),*> {}

        impl<$($of),*> fmt::Debug for $name<$($of),*> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($name)).field("left", &self.0.len()).finish()
            }
        }
    };
}
pub(super) use iterator;

iterator!(
    /// The entries of a [`Map`].
    Iter<'a, K, V>, hash_table::Iter<'a, (K, V)>, (&'a K, &'a V), |entry| (&entry.0, &entry.1)
);
iterator!(
    /// The entries of a [`Map`], whose values may be changed.
    IterMut<'a, K, V>, hash_table::IterMut<'a, (K, V)>, (&'a K, &'a mut V), |entry| (&entry.0, &mut entry.1)
);
iterator!(
    /// The entries that a [`Map`] had.
    IntoIter<K, V>, hash_table::IntoIter<(K, V)>, (K, V), |entry| entry
);

impl<K, V> Clone for Iter<'_, K, V> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<K, V, S> IntoIterator for Map<K, V, S> {
    type Item = (K, V);
    type IntoIter = IntoIter<K, V>;

    fn into_iter(self) -> IntoIter<K, V> {
        IntoIter(self.table.into_iter())
    }
}

impl<'a, K, V, S> IntoIterator for &'a Map<K, V, S> {
    type Item = (&'a K, &'a V);
    type IntoIter = Iter<'a, K, V>;

    fn into_iter(self) -> Iter<'a, K, V> {
        self.iter()
    }
}

impl<'a, K, V, S> IntoIterator for &'a mut Map<K, V, S> {
    type Item = (&'a K, &'a mut V);
    type IntoIter = IterMut<'a, K, V>;

    fn into_iter(self) -> IterMut<'a, K, V> {
        self.iter_mut()
    }
}
