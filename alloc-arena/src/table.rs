//! The memory in which a mapping's records and bits lie, as slices.
//!
//! Above: [`Runs`](crate::runs::Runs), which sees two slices and is safe code; the mapping's node,
//! which stands before them, and has obtained the memory. Below: that memory, raw. The slices grow as
//! the mapping is committed:
//!
//! ```text
//!   | node | words: 16 bytes for 64 pages ........ | records: 20 bytes for a page ............. |
//!            accessible up to `known_pages` |        accessible up to `known_pages` |
//! ```

use crate::bits::{WORD_PAGES, Word};
use crate::record::{Page, Record};
use core::ops::Range;
use core::ptr::NonNull;

/// Where the parts of the metadata of a number of pages lie, in bytes from its start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    pub words: usize,
    pub records: usize,
    pub end: usize,
}

impl Plan {
    /// For `pages` pages, behind `node_bytes` of the mapping's own.
    pub const fn of(pages: u32, node_bytes: usize) -> Self {
        let words = node_bytes.next_multiple_of(align_of::<Word>());
        let records = words + words_for(pages) * size_of::<Word>();
        Self { words, records, end: records + pages as usize * size_of::<Record>() }
    }

    /// The parts that have to be accessible for the first `known_pages`: two ranges of bytes.
    pub fn parts(self, known_pages: u32) -> [Range<usize>; 2] {
        let words_end = self.words + words_for(known_pages) * size_of::<Word>();
        let records_end = self.records + known_pages as usize * size_of::<Record>();
        [0..words_end, self.records..records_end]
    }
}

const fn words_for(pages: u32) -> usize {
    pages.div_ceil(WORD_PAGES) as usize
}

const _: () = assert!(align_of::<Word>() <= METADATA_ALIGN);
const _: () = assert!(size_of::<Word>().is_multiple_of(align_of::<Record>()));

/// What the start of a mapping's metadata is aligned to.
pub(crate) const METADATA_ALIGN: usize = 16;

/// The records and bits of the first `known_pages` of a mapping.
#[derive(Debug)]
pub(crate) struct Table {
    words: NonNull<Word>,
    records: NonNull<Record>,
    known_pages: u32,
}

impl Table {
    /// The table in the metadata at `base`, planned by `plan`; nothing of it is known yet.
    ///
    /// # Safety
    ///
    /// T1: `plan.end` bytes at `base`, aligned to [`METADATA_ALIGN`], belong to the table alone
    /// for as long as it lives.
    pub unsafe fn new(base: NonNull<u8>, plan: Plan) -> Self {
        // SAFETY: both offsets lie within the `plan.end` bytes (T1).
        let (words, records) = unsafe { (base.add(plan.words), base.add(plan.records)) };
        Self { words: words.cast(), records: records.cast(), known_pages: 0 }
    }

    /// A table of `pages` pages, all of them known, in memory that nobody frees.
    #[cfg(test)]
    pub fn known(pages: u32) -> Self {
        let plan = Plan::of(pages, 0);
        let memory: &mut [u128] = Vec::leak(vec![0; plan.end.div_ceil(size_of::<u128>())]);
        const { assert!(align_of::<u128>() >= METADATA_ALIGN) }
        // SAFETY: T1, T2: the memory is this table's alone, so long and so aligned, and zeroed.
        unsafe {
            let mut table = Self::new(NonNull::from(memory).cast(), plan);
            table.know(pages);
            table
        }
    }

    pub fn known_pages(&self) -> u32 {
        self.known_pages
    }

    /// Makes the first `pages` known.
    ///
    /// # Safety
    ///
    /// T2: the parts that the plan names for `pages` are readable, writable and initialised (to
    /// zero, where they were not known before), and stay so.
    pub unsafe fn know(&mut self, pages: u32) {
        debug_assert!(pages >= self.known_pages);
        self.known_pages = pages;
    }

    #[inline]
    pub fn records(&self) -> &[Record] {
        // SAFETY: T1 gives the memory, T2 its first `known_pages` records; `&self` keeps writers out.
        unsafe { core::slice::from_raw_parts(self.records.as_ptr(), self.known_pages as usize) }
    }

    #[inline]
    pub fn records_mut(&mut self) -> &mut [Record] {
        // SAFETY: as for `records`; `&mut self` makes it the only access.
        unsafe { core::slice::from_raw_parts_mut(self.records.as_ptr(), self.known_pages as usize) }
    }

    /// The memory, in whole pages of `page_bytes`, under the records of `pages` that are known.
    pub fn memory_of(&self, pages: Range<Page>, page_bytes: usize) -> Option<(NonNull<u8>, usize)> {
        let pages = pages.start..pages.end.min(self.known_pages);
        let base = self.records.as_ptr().addr();
        let at = |page: Page| base + page as usize * size_of::<Record>();
        let start = at(pages.start).next_multiple_of(page_bytes);
        let end = at(pages.end.max(pages.start)) & !(page_bytes - 1);
        // SAFETY: between two records, or at the end of the last (T1, T2), if it is before `end`.
        (start < end).then(|| (unsafe { self.records.cast::<u8>().add(start - base) }, end - start))
    }

    #[inline]
    pub fn words(&self) -> &[Word] {
        // SAFETY: T1 gives the memory, T2 the words of its first `known_pages`.
        unsafe { core::slice::from_raw_parts(self.words.as_ptr(), words_for(self.known_pages)) }
    }

    #[inline]
    pub fn words_mut(&mut self) -> &mut [Word] {
        let words = words_for(self.known_pages);
        // SAFETY: as for `words`; `&mut self` makes it the only access.
        unsafe { core::slice::from_raw_parts_mut(self.words.as_ptr(), words) }
    }
}
