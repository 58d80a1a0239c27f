//! Runs so long that each has a mapping of its own: a sorted table of them.
//!
//! Above: [`Arena`](crate::Arena), which maps, grows and unmaps outside its lock, and changes the
//! table under it. Below: memory for the table from the source.
//!
//! Rule D1: an entry is the truth about a mapping's length. (A layout may say less: when the system
//! refuses to take back the tail of a run that shrinks, the entry keeps the tail.)
//! Rule D2: a mapping whose run was freed stays for a while as an idle entry (and longer, if the system
//! refuses to take it back): the next long run is made of it, with the memory that it has. So a program
//! that needs a long run over and over does not take the same page faults over and over.
//! Rule D3: an entry is lent while its mapping is moved, which happens without the lock: it is not in the
//! table, its place is kept free, and its bytes count as used. Whoever has it gives an entry back, with
//! the mapping's new bounds or the old ones.
//! Rule D4: an idle entry stays no longer when the program grows elsewhere: what lies idle and what is taken
//! fresh would add up. Fresh memory of a part of what is idle sends the longest idle mapping back.

use crate::below::Below;
use crate::decay::STEPS;
use crate::mapping::{Mapping, MappingKind};
use crate::source::{Contents, Source};
use crate::table::METADATA_ALIGN;
use alloc_core::AllocError;
use core::ptr::NonNull;

/// A mapping for one run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub(crate) struct Entry {
    pub base: NonNull<u8>,
    pub bytes: usize,
    pub used: bool,
    /// When it was freed, in ticks of the decay.
    pub tick: u32,
}

// SAFETY: the address of a mapping, which is the process's.
unsafe impl Send for Entry {}

/// Idle mappings are kept up to this sum; what is freed beyond goes back at once.
const MOST_IDLE_BYTES: usize = 128 << 20;

impl Entry {
    fn start(&self) -> usize {
        self.base.as_ptr().addr()
    }

    fn contains(&self, address: usize) -> bool {
        address.wrapping_sub(self.start()) < self.bytes
    }

    pub fn mapping(&self) -> Mapping {
        let Self { base, bytes, .. } = *self;
        Mapping { base, bytes, committed_bytes: bytes, kind: MappingKind::Dedicated }
    }
}

/// All such mappings, in order of address.
#[derive(Debug)]
pub(crate) struct Dedicated {
    entries: NonNull<Entry>,
    count: usize,
    /// What the source gave for the table, in bytes.
    table_bytes: usize,
    /// The lengths of all entries in use.
    used_bytes: usize,
    idle_bytes: usize,
    /// How many entries are lent (D3), and their bytes.
    lent: usize,
    lent_bytes: usize,
}

// SAFETY: the table and the mappings belong to this struct alone, and hold no thread's own.
unsafe impl Send for Dedicated {}

impl Dedicated {
    pub const fn new() -> Self {
        let entries = NonNull::dangling();
        let (used_bytes, idle_bytes, lent, lent_bytes) = (0, 0, 0, 0);
        Self { entries, count: 0, table_bytes: 0, used_bytes, idle_bytes, lent, lent_bytes }
    }

    pub fn entries(&self) -> &[Entry] {
        // SAFETY: `count` entries are initialised (`insert`); a count of 0 reads nothing.
        unsafe { core::slice::from_raw_parts(self.entries.as_ptr(), self.count) }
    }

    fn entries_mut(&mut self) -> &mut [Entry] {
        // SAFETY: as for `entries`, under `&mut self`.
        unsafe { core::slice::from_raw_parts_mut(self.entries.as_ptr(), self.count) }
    }

    pub fn table_bytes(&self) -> usize {
        self.table_bytes
    }
    pub fn used_bytes(&self) -> usize {
        self.used_bytes + self.lent_bytes
    }
    pub fn idle_bytes(&self) -> usize {
        self.idle_bytes
    }

    /// Makes room for one more entry.
    ///
    /// # Errors
    ///
    /// When the source has no memory for a longer table.
    pub fn make_room<S: Source>(&mut self, below: &Below<S>) -> Result<(), AllocError> {
        if self.count + self.lent < self.table_bytes / size_of::<Entry>() {
            return Ok(());
        }
        let page_bytes = below.source.page_bytes();
        let wanted_bytes = (self.table_bytes * 2).max(page_bytes.max(size_of::<Entry>()));
        let new = below.map(wanted_bytes, page_bytes.max(METADATA_ALIGN))?;
        let entries = new.base.cast::<Entry>();
        // SAFETY: the new table is longer than the old one, and both are valid and apart (S1).
        unsafe { entries.copy_from_nonoverlapping(self.entries, self.count) };
        self.give_table_back(below);
        self.entries = entries;
        self.table_bytes = new.bytes;
        Ok(())
    }

    fn give_table_back<S: Source>(&mut self, below: &Below<S>) {
        if self.table_bytes > 0 {
            // SAFETY: the table was mapped by `make_room`, and is not read again. A refusal costs
            // a little memory.
            let _ = unsafe { below.unreserve(self.entries.cast(), self.table_bytes) };
        }
    }

    /// Adds an entry; there is room for it (`make_room`).
    pub fn insert(&mut self, entry: Entry) {
        assert!(self.count < self.table_bytes / size_of::<Entry>());
        let at = self.entries().partition_point(|other| other.start() < entry.start());
        // SAFETY: the table has room for `count + 1` entries, and `at` is at most `count`.
        unsafe {
            let place = self.entries.add(at);
            place.add(1).copy_from(place, self.count - at);
            place.write(entry);
        }
        self.count += 1;
        *self.sum_of(entry.used) += entry.bytes;
    }

    fn sum_of(&mut self, used: bool) -> &mut usize {
        if used { &mut self.used_bytes } else { &mut self.idle_bytes }
    }

    /// Takes the entry at an index out.
    pub fn remove(&mut self, at: usize) -> Entry {
        let entry = self.entries()[at];
        self.entries_mut().copy_within(at + 1.., at);
        self.count -= 1;
        *self.sum_of(entry.used) -= entry.bytes;
        entry
    }

    /// Takes the entry at an index out to move its mapping (D3).
    pub fn lend(&mut self, at: usize) -> Entry {
        let entry = self.remove(at);
        self.lent += 1;
        self.lent_bytes += entry.bytes;
        entry
    }

    /// Whether something is lent.
    pub fn is_lent(&self) -> bool {
        self.lent > 0
    }

    /// Takes back what was lent as `lent`, as `entry`.
    pub fn take_back(&mut self, lent: Entry, entry: Entry) {
        self.lent -= 1;
        self.lent_bytes -= lent.bytes;
        self.insert(entry);
    }

    /// The index of the used entry that begins at `address`.
    pub fn at(&self, address: usize) -> Option<usize> {
        let at = self.entries().binary_search_by_key(&address, Entry::start).ok()?;
        self.entries()[at].used.then_some(at)
    }

    /// Changes the length of the entry at an index.
    pub fn set_bytes(&mut self, at: usize, bytes: usize) {
        let entry = self.remove(at);
        self.insert(Entry { bytes, ..entry });
    }

    /// Whether `address` lies in one of the mappings.
    #[must_use]
    pub fn contains(&self, address: usize) -> bool {
        self.containing(address).is_some()
    }

    /// The entry in whose mapping `address` lies.
    pub fn containing(&self, address: usize) -> Option<Entry> {
        let after = self.entries().partition_point(|entry| entry.start() <= address);
        self.entries()[..after].last().filter(|entry| entry.contains(address)).copied()
    }

    /// The index of the idle entry that is best made into one of `bytes`: the shortest that is long
    /// enough, else the longest.
    pub fn idle(&self, bytes: usize) -> Option<usize> {
        if self.idle_bytes == 0 {
            return None;
        }
        let fit = |entry: &Entry| match entry.bytes.checked_sub(bytes) {
            Some(more) => (0, more),
            None => (1, bytes - entry.bytes),
        };
        let idle = self.entries().iter().enumerate().filter(|(_, entry)| !entry.used);
        idle.min_by_key(|(_, entry)| fit(entry)).map(|(at, _)| at)
    }

    /// Whether a mapping of `bytes` may stay as an idle entry.
    pub fn may_keep(&self, bytes: usize) -> bool {
        self.idle_bytes.checked_add(bytes).is_some_and(|sum| sum <= MOST_IDLE_BYTES)
    }

    /// Takes out an entry that has been idle for a whole delay at `tick`.
    pub fn expired(&mut self, tick: u32) -> Option<Entry> {
        if self.idle_bytes == 0 {
            return None;
        }
        let old = |entry: &Entry| !entry.used && tick.wrapping_sub(entry.tick) >= STEPS as u32;
        let at = self.entries().iter().position(old)?;
        Some(self.remove(at))
    }

    /// Takes out the longest idle entry.
    pub fn take_longest_idle(&mut self) -> Option<Entry> {
        let idle = self.entries().iter().enumerate().filter(|(_, entry)| !entry.used);
        let (at, _) = idle.max_by_key(|(_, entry)| entry.bytes)?;
        Some(self.remove(at))
    }

    /// Whether the entries stand in order, do not overlap, and are counted.
    pub fn is_sound(&self) -> bool {
        let pairs = self.entries().windows(2);
        let ordered =
            pairs.into_iter().all(|pair| pair[1].start() - pair[0].start() >= pair[0].bytes);
        let sum = |used| {
            let same = self.entries().iter().filter(move |entry| entry.used == used);
            same.map(|entry| entry.bytes).sum::<usize>()
        };
        ordered && sum(true) == self.used_bytes && sum(false) == self.idle_bytes
    }

    /// Takes out the first idle entry that begins after `address`.
    pub fn idle_after(&mut self, address: usize) -> Option<Entry> {
        let at = self.entries().iter().position(|entry| !entry.used && entry.start() > address)?;
        Some(self.remove(at))
    }

    /// Gives every mapping and the table back.
    pub fn dispose<S: Source>(&mut self, below: &Below<S>) {
        for Entry { base, bytes, .. } in self.entries() {
            // SAFETY: each is a mapping of the source, whole; the arena ends, and with it all use.
            let _ = unsafe { below.unreserve(*base, *bytes) };
        }
        self.give_table_back(below);
        *self = Self::new();
    }
}

/// A mapping of its own for one run.
///
/// # Errors
///
/// When the source has none.
pub(crate) fn map<S: Source>(
    below: &Below<S>,
    bytes: usize,
    align_bytes: usize,
) -> Result<(Entry, Contents), AllocError> {
    let range = below.map(bytes, align_bytes.max(below.source.page_bytes()))?;
    Ok((Entry { base: range.base, bytes: range.bytes, used: true, tick: 0 }, range.contents))
}
