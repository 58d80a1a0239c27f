//! A map from words to plain values, in memory of the layer below.
//!
//! Above: `ledger.rs`. Below: `row.rs`. Open addressing with linear probing; a removal moves the entries behind it
//! (Knuth, *The Art of Computer Programming* 3, 6.4, algorithm R), so that no probe is longer than its cluster.
//! Several entries may have one key: a search is told which of them it means. The key 0 stands for no entry.

use super::row::Row;
use crate::Allocator;

/// An entry; none where the key is 0.
#[derive(Clone, Copy, Debug)]
struct Entry<V> {
    key: u64,
    value: V,
}

/// The map. The memory is freed by [`free`](Self::free) alone.
#[derive(Debug)]
pub(super) struct Map<V: Copy + Default> {
    entries: Row<Entry<V>>,
    len: usize,
    /// Entries that may come without asking for room.
    held: usize,
}

impl<V: Copy + Default> Map<V> {
    /// An empty map, without memory.
    pub(super) const fn new() -> Self {
        Self { entries: Row::new(), len: 0, held: 0 }
    }

    pub(super) const fn len(&self) -> usize {
        self.len
    }

    /// Holds room for one entry more: an [`insert`](Self::insert) that is to come, or a
    /// [`let_go`](Self::let_go). `None`, and nothing has changed, if there is no memory.
    ///
    /// # Safety
    ///
    /// As for [`Row::reserve`].
    pub(super) unsafe fn hold(&mut self, below: &impl Allocator) -> Option<()> {
        let places = self.entries.as_slice().len();
        // Three quarters full at most: an empty place ends every search.
        if (self.len + self.held + 1) * 4 > places * 3 {
            // SAFETY: the caller's promise.
            unsafe { self.enlarge(places, below)? };
        }
        self.held += 1;
        Some(())
    }

    /// Gives up the room for an entry that was held.
    pub(super) const fn let_go(&mut self) {
        debug_assert!(self.held > 0);
        self.held -= 1;
    }

    /// # Safety
    ///
    /// As for [`hold`](Self::hold).
    #[cold]
    unsafe fn enlarge(&mut self, places: usize, below: &impl Allocator) -> Option<()> {
        let mut larger = Self::new();
        let wanted = (places * 2).max(64);
        // SAFETY: the caller's promise.
        unsafe { larger.entries.reserve(wanted, below)? };
        for _ in 0..wanted {
            larger.entries.push(Entry { key: 0, value: V::default() });
        }
        for entry in self.entries.as_slice().iter().filter(|entry| entry.key != 0) {
            larger.held += 1;
            larger.insert(entry.key, entry.value);
        }
        larger.held = self.held;
        // SAFETY: the caller's promise; `larger` has all entries.
        unsafe { self.free(below) };
        *self = larger;
        Some(())
    }

    /// Adds an entry, for which room was held.
    pub(super) fn insert(&mut self, key: u64, value: V) {
        debug_assert!(key != 0);
        self.let_go();
        let mut place = self.home(key);
        let entries = self.entries.as_mut_slice();
        while entries[place].key != 0 {
            place = (place + 1) & (entries.len() - 1);
        }
        entries[place] = Entry { key, value };
        self.len += 1;
    }

    /// The value under this key that `is` means.
    pub(super) fn find(&self, key: u64, is: impl Fn(&V) -> bool) -> Option<&V> {
        let place = self.place(key, is)?;
        Some(&self.entries.as_slice()[place].value)
    }

    /// Takes the entry of this key out. Its room stays held.
    pub(super) fn take(&mut self, key: u64) -> Option<V> {
        let value = self.remove(key)?;
        self.held += 1;
        Some(value)
    }

    /// Takes the entry of this key out.
    pub(super) fn remove(&mut self, key: u64) -> Option<V> {
        let mut hole = self.place(key, |_| true)?;
        let last = self.entries.as_slice().len() - 1;
        let value = self.entries.as_slice()[hole].value;
        let mut place = hole;
        loop {
            place = (place + 1) & last;
            let entry = self.entries.as_slice()[place];
            if entry.key == 0 {
                break;
            }
            // It may move to the hole unless its home lies behind the hole, up to where it stands.
            let from_home = place.wrapping_sub(self.home(entry.key)) & last;
            if from_home >= (place.wrapping_sub(hole) & last) {
                self.entries.as_mut_slice()[hole] = entry;
                hole = place;
            }
        }
        self.entries.as_mut_slice()[hole].key = 0;
        self.len -= 1;
        Some(value)
    }

    /// All entries.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u64, &V)> {
        let entries = self.entries.as_slice().iter();
        entries.filter(|entry| entry.key != 0).map(|entry| (entry.key, &entry.value))
    }

    /// Gives the memory back; the map is empty then.
    ///
    /// # Safety
    ///
    /// As for [`Row::free`].
    pub(super) unsafe fn free(&mut self, below: &impl Allocator) {
        // SAFETY: the caller's.
        unsafe { self.entries.free(below) };
        (self.len, self.held) = (0, 0);
    }

    fn place(&self, key: u64, is: impl Fn(&V) -> bool) -> Option<usize> {
        let entries = self.entries.as_slice();
        if entries.is_empty() {
            return None;
        }
        let mut place = self.home(key);
        loop {
            let entry = &entries[place];
            if entry.key == 0 {
                return None;
            }
            if entry.key == key && is(&entry.value) {
                return Some(place);
            }
            place = (place + 1) & (entries.len() - 1);
        }
    }

    /// Where the search for a key begins: Fibonacci hashing.
    fn home(&self, key: u64) -> usize {
        let spread = key.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (spread >> 32) as usize & (self.entries.as_slice().len() - 1)
    }
}

#[cfg(all(test, not(all(loom, feature = "loom"))))]
mod tests {
    use super::Map;
    use crate::Observe;
    use crate::api2::alloc::Global;
    use std::collections::HashMap;

    #[test]
    fn agrees_with_the_standard_library() {
        let below = Observe::new(Global);
        let (mut map, mut model) = (Map::new(), HashMap::new());
        let mut word = 1u64;
        for _ in 0..20_000 {
            word = word.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let key = (word >> 33) % 500 + 1;
            assert_eq!(map.find(key, |_| true).copied(), model.get(&key).copied());
            let known = model.remove(&key);
            assert_eq!(map.remove(key), known);
            if known.is_none() {
                // SAFETY: always the same allocator.
                unsafe { map.hold(&below) }.expect("there is memory");
                map.insert(key, word);
                model.insert(key, word);
            }
            assert_eq!(map.len(), model.len());
        }
        assert_eq!(map.iter().map(|(key, value)| (key, *value)).collect::<HashMap<_, _>>(), model);
        // SAFETY: as above.
        unsafe { map.free(&below) };
        assert_eq!(below.figures().live_bytes, 0);
    }

    #[test]
    fn entries_of_one_key_are_told_apart() {
        let mut map = Map::new();
        for value in 0..3u32 {
            // SAFETY: always the same allocator.
            unsafe { map.hold(&Global) }.expect("there is memory");
            map.insert(9, value);
        }
        assert_eq!(map.find(9, |value| *value == 2), Some(&2));
        assert_eq!(map.find(9, |value| *value == 3), None);
        // SAFETY: as above.
        unsafe { map.free(&Global) };
    }
}
