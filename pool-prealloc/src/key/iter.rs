//! Ways through the values of a [`KeyPool`], in the order of their slots.
//!
//! Above: the user. Below: the versions, which say where values live.

use super::{Key, KeyPool};
use alloc_core::Layer;
use core::fmt;
use core::iter::FusedIterator;

/// The keys of values that live: see [`KeyPool::keys`].
pub struct Keys<'a, T, A: Layer> {
    pool: &'a KeyPool<T, A>,
    index: usize,
    left_slots: usize,
}

/// The values that live, with their keys: see [`KeyPool::iter`].
pub struct Iter<'a, T, A: Layer>(Keys<'a, T, A>);

/// The values that live, to be changed, with their keys: see [`KeyPool::iter_mut`].
pub struct IterMut<'a, T, A: Layer> {
    pool: &'a mut KeyPool<T, A>,
    index: usize,
    left_slots: usize,
}

/// Values that are moved out one by one: see [`KeyPool::drain`].
pub struct Drain<'a, T, A: Layer> {
    pool: &'a mut KeyPool<T, A>,
    index: usize,
}

impl<T, A: Layer> KeyPool<T, A> {
    /// The keys of all values that live.
    pub fn keys(&self) -> Keys<'_, T, A> {
        Keys { pool: self, index: 0, left_slots: self.len() }
    }

    /// All values that live, with their keys.
    pub fn iter(&self) -> Iter<'_, T, A> {
        Iter(self.keys())
    }

    /// All values that live, to be changed, with their keys.
    pub fn iter_mut(&mut self) -> IterMut<'_, T, A> {
        let left_slots = self.len();
        IterMut { pool: self, index: 0, left_slots }
    }

    /// Moves all values out. Those that are left when it is dropped are dropped too; if it is forgotten,
    /// they stay.
    pub fn drain(&mut self) -> Drain<'_, T, A> {
        Drain { pool: self, index: 0 }
    }

    /// The first living value's key from slot `index` on; `index` is behind it then.
    fn next_key(&self, index: &mut usize) -> Option<Key<T>> {
        while *index < self.capacity() {
            let key = self.key_at(*index);
            *index += 1;
            if key.is_some() {
                return key;
            }
        }
        None
    }
}

// Not derived: a value need not be `Clone` for the walk over it to be.
impl<T, A: Layer> Clone for Keys<'_, T, A> {
    fn clone(&self) -> Self {
        Self { ..*self }
    }
}

impl<T, A: Layer> Clone for Iter<'_, T, A> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T, A: Layer> Iterator for Keys<'_, T, A> {
    type Item = Key<T>;

    fn next(&mut self) -> Option<Key<T>> {
        // Nothing is asked of the versions when all values have been seen.
        self.left_slots = self.left_slots.checked_sub(1)?;
        self.pool.next_key(&mut self.index)
    }
    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left_slots, Some(self.left_slots))
    }
}

impl<'a, T, A: Layer> Iterator for Iter<'a, T, A> {
    type Item = (Key<T>, &'a T);

    fn next(&mut self) -> Option<Self::Item> {
        let key = self.0.next()?;
        Some((key, self.0.pool.get(key)?))
    }
    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

impl<'a, T, A: Layer> Iterator for IterMut<'a, T, A> {
    type Item = (Key<T>, &'a mut T);

    fn next(&mut self) -> Option<Self::Item> {
        self.left_slots = self.left_slots.checked_sub(1)?;
        let key = self.pool.next_key(&mut self.index)?;
        // SAFETY: a value lives there; the pool is borrowed exclusively for `'a`, and each index comes up
        // once, so the references are apart.
        Some((key, unsafe { self.pool.value(key.index() as u32).as_mut() }))
    }
    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left_slots, Some(self.left_slots))
    }
}

impl<T, A: Layer> Iterator for Drain<'_, T, A> {
    type Item = (Key<T>, T);

    fn next(&mut self) -> Option<Self::Item> {
        let key = self.pool.next_key(&mut self.index)?;
        Some((key, self.pool.remove(key).ok()?))
    }
    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.pool.len(), Some(self.pool.len()))
    }
}

impl<T, A: Layer> Drop for Drain<'_, T, A> {
    fn drop(&mut self) {
        self.pool.clear();
    }
}

impl<T, A: Layer> ExactSizeIterator for Keys<'_, T, A> {}
impl<T, A: Layer> ExactSizeIterator for Iter<'_, T, A> {}
impl<T, A: Layer> ExactSizeIterator for IterMut<'_, T, A> {}
impl<T, A: Layer> ExactSizeIterator for Drain<'_, T, A> {}
impl<T, A: Layer> FusedIterator for Keys<'_, T, A> {}
impl<T, A: Layer> FusedIterator for Iter<'_, T, A> {}
impl<T, A: Layer> FusedIterator for IterMut<'_, T, A> {}
impl<T, A: Layer> FusedIterator for Drain<'_, T, A> {}

impl<'a, T, A: Layer> IntoIterator for &'a KeyPool<T, A> {
    type Item = (Key<T>, &'a T);
    type IntoIter = Iter<'a, T, A>;
    fn into_iter(self) -> Iter<'a, T, A> {
        self.iter()
    }
}

impl<'a, T, A: Layer> IntoIterator for &'a mut KeyPool<T, A> {
    type Item = (Key<T>, &'a mut T);
    type IntoIter = IterMut<'a, T, A>;
    fn into_iter(self) -> IterMut<'a, T, A> {
        self.iter_mut()
    }
}

macro_rules! debug {
    ($($iter:ident)*) => {$(
        impl<T, A: Layer> fmt::Debug for $iter<'_, T, A> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($iter)).finish_non_exhaustive()
            }
        }
    )*};
}
debug!(Keys Iter IterMut Drain);
