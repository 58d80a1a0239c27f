//! The runs of one mapping: which pages are used, which are free, which fit best.
//!
//! Above: [`State`](crate::state::State), which asks each mapping in turn. Below: the table of
//! records and bits, and two forests of free runs.
//!
//! Rules:
//! * R1: the runs tile the mapping: each page belongs to one run.
//! * R2: no two free runs stand side by side.
//! * R3: the first and the last record of a run agree on its state and length. (Not so at the end of
//!   the mapping: that record may not be known yet, and nobody asks for it, as nothing follows.)
//! * R4: a free run stands in the forest `dirty` if it has a dirty page, else in `clean`.
//! * R5: used pages are committed, and their bits are clear.
#![forbid(unsafe_code)]

mod fresh;
#[cfg(test)]
mod tests;
mod verify;

use crate::bits;
use crate::forest::Forest;
use crate::record::{Key, Page, Record, State};
use crate::table::Table;
use core::ops::Range;
use core::ptr::NonNull;

/// How many runs that are long enough but lie askew are looked at, before a run is taken that is so
/// long that it fits wherever it lies.
const TRIES: usize = 12;

#[derive(Debug)]
pub(crate) struct Runs {
    base: usize,
    page_shift: u32,
    pages: u32,
    committed_pages: u32,
    used_pages: u32,
    dirty_pages: u32,
    /// Of the used: on their way to the source.
    away_pages: u32,
    dirty: Forest,
    clean: Forest,
    table: Table,
}

/// A request: its length, and where it may lie.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Need {
    pub pages: u32,
    pub align_bytes: usize,
    /// A place in fresh memory had better be aligned to this too.
    pub fresh_align_bytes: usize,
    /// The pages have to read as zero.
    pub zeroed: bool,
}

impl Need {
    pub fn new(pages: u32, align_bytes: usize) -> Self {
        Self { pages, align_bytes, fresh_align_bytes: align_bytes, zeroed: false }
    }
}

/// A part of a free run that fits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    pub run: Page,
    pub start: Page,
    /// How many of the pages that fit are dirty.
    pub dirty_pages: u32,
}

/// One run, as `walk` and `verify` see it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Run {
    pub start: Page,
    pub pages: u32,
    pub state: State,
}

impl Runs {
    /// One free run of `pages` pages at `base`, of which none is committed. The table knows at
    /// least one page.
    pub fn new(base: usize, page_shift: u32, pages: u32, table: Table) -> Self {
        let (dirty, clean) = (Forest::new(), Forest::new());
        let (committed_pages, used_pages, dirty_pages, away_pages) = (0, 0, 0, 0);
        let mut runs = Self {
            base,
            page_shift,
            pages,
            committed_pages,
            used_pages,
            dirty_pages,
            away_pages,
            dirty,
            clean,
            table,
        };
        runs.put_free(0..pages, 0, 0);
        runs
    }

    pub fn pages(&self) -> u32 {
        self.pages
    }
    pub fn committed_pages(&self) -> u32 {
        self.committed_pages
    }
    pub fn used_pages(&self) -> u32 {
        self.used_pages
    }
    pub fn dirty_pages(&self) -> u32 {
        self.dirty_pages
    }
    pub fn away_pages(&self) -> u32 {
        self.away_pages
    }
    pub fn known_pages(&self) -> u32 {
        self.table.known_pages()
    }
    pub fn table_mut(&mut self) -> &mut Table {
        &mut self.table
    }

    /// The address of a page, or of the end of the last.
    pub fn address(&self, page: Page) -> usize {
        self.base + ((page as usize) << self.page_shift)
    }

    /// The page at an address within the mapping.
    pub fn page_at(&self, address: usize) -> Page {
        ((address - self.base) >> self.page_shift) as Page
    }

    pub fn contains(&self, address: usize) -> bool {
        address.wrapping_sub(self.base) < (self.pages as usize) << self.page_shift
    }

    /// Notes that the pages before `end` are committed; the new ones are stale if `stale`. The
    /// table knows them, and the page after them if there is one.
    pub fn note_committed(&mut self, end: Page, stale: bool) {
        if stale {
            bits::set_clean(self.table.words_mut(), self.committed_pages..end, true);
        }
        self.committed_pages = end;
    }

    /// The best fit: first among runs with dirty pages, so that memory is used again before fresh
    /// memory is touched; the shortest that fits; the lowest of these. The place ends before
    /// `limit`.
    pub fn best_fit(&self, need: Need, limit: Page) -> Option<Place> {
        let mut dirty = self.fit(&self.dirty, need, limit);
        if let Some(place) = &mut dirty {
            place.dirty_pages = self.dirty_at(*place, need.pages);
            if place.dirty_pages > 0 {
                return dirty;
            }
        }
        // What the dirty run would give here is clean as well: the better fit counts.
        let clean = self.fresh_fit(need, limit);
        let key = |place: Place| Key::of(self.table.records(), place.run);
        match (dirty, clean) {
            (Some(dirty), Some(clean)) if key(dirty) < key(clean) => Some(dirty),
            (dirty, None) => dirty,
            (_, clean) => clean,
        }
    }

    fn fresh_fit(&self, need: Need, limit: Page) -> Option<Place> {
        if need.fresh_align_bytes > need.align_bytes {
            let aligned = Need { align_bytes: need.fresh_align_bytes, ..need };
            let place = self.fit(&self.clean, aligned, limit);
            if place.is_some() {
                return place;
            }
        }
        self.fit(&self.clean, need, limit)
    }

    fn fit(&self, tree: &Forest, need: Need, limit: Page) -> Option<Place> {
        let records = self.table.records();
        let fits = |run: Key| {
            let start = run.page + self.askew_pages(run.page, need.align_bytes)?;
            let end = start.checked_add(need.pages)?;
            (end <= run.page + run.pages && end <= limit).then_some(Place {
                run: run.page,
                start,
                dirty_pages: 0,
            })
        };
        let next = |key: Key| Key { pages: key.pages, page: key.page + 1 };

        let mut key = Key { pages: need.pages, page: 0 };
        for _ in 0..TRIES {
            let run = tree.at_least(records, key)?;
            if let Some(place) = fits(run) {
                return Some(place);
            }
            key = next(run);
        }
        let align_pages = u32::try_from(need.align_bytes >> self.page_shift).unwrap_or(u32::MAX);
        let roomy = Key { pages: need.pages.saturating_add(align_pages), page: 0 };
        if let Some(place) = tree.at_least(records, roomy).and_then(fits) {
            return Some(place);
        }
        // Nothing is left but to look at every run: memory is all but exhausted.
        while let Some(run) = tree.at_least(records, key) {
            if let Some(place) = fits(run) {
                return Some(place);
            }
            key = next(run);
        }
        None
    }

    /// How many pages after `page` the next aligned address begins.
    fn askew_pages(&self, page: Page, align_bytes: usize) -> Option<u32> {
        let askew_bytes = self.address(page).wrapping_neg() & (align_bytes - 1);
        u32::try_from(askew_bytes >> self.page_shift).ok()
    }

    /// Uses `pages` pages at `place`, which `best_fit` found and which are committed. Returns the
    /// shortest range outside of which they all read as zero.
    pub fn take(&mut self, place: Place, pages: u32) -> Range<Page> {
        let Place { run, start, dirty_pages: taken_dirty } = place;
        debug_assert_eq!(taken_dirty, self.dirty_at(place, pages));
        let record = self.table.records()[run as usize];
        let run_end = run + record.pages();
        self.remove_free(run);

        let head_dirty = self.dirty_at(Place { start: run, ..place }, start - run);
        let unclear = bits::take(self.table.words_mut(), start..start + pages);
        let tail_dirty = record.dirty_pages - head_dirty - taken_dirty;

        self.put_free(run..start, head_dirty, record.tick);
        self.put_free(start + pages..run_end, tail_dirty, record.tick);
        self.put_ends(start..start + pages, Record::end(State::Used, pages));
        self.dirty_pages -= taken_dirty;
        self.used_pages += pages;
        unclear
    }

    /// Makes the used run at `start` one of `pages` pages by taking the first pages of the free run
    /// behind it, `place`, which are that many and committed. Returns the shortest range outside of
    /// which the new pages all read as zero.
    pub fn extend(&mut self, start: Page, pages: u32, place: Place) -> Range<Page> {
        let old_pages = self.table.records()[start as usize].pages();
        debug_assert!(place.start == start + old_pages);
        let unclear = self.take(place, pages - old_pages);
        self.put_ends(start..start + pages, Record::end(State::Used, pages));
        unclear
    }

    /// Where the used run at `start` would be extended by `pages` pages, for which there is room.
    pub fn place_behind(&self, start: Page, pages: u32) -> Place {
        let end = start + self.table.records()[start as usize].pages();
        let place = Place { run: end, start: end, dirty_pages: 0 };
        Place { dirty_pages: self.dirty_at(place, pages), ..place }
    }

    /// The length of the free run behind the used run at `start`.
    pub fn room_behind(&self, start: Page) -> u32 {
        let records = self.table.records();
        let end = start + records[start as usize].pages();
        if end < self.pages && records[end as usize].state() == State::Free {
            records[end as usize].pages()
        } else {
            0
        }
    }

    /// Makes the used run at `start` one of `pages` pages; the rest becomes free.
    pub fn truncate(&mut self, start: Page, pages: u32, tick: u32) {
        let old_pages = self.table.records()[start as usize].pages();
        self.put_ends(start..start + pages, Record::end(State::Used, pages));
        self.give(start + pages, old_pages - pages, tick);
    }

    /// The length of the used run at `start`, if there is one that begins there.
    pub fn used_at(&self, start: Page) -> Option<u32> {
        let record = self.table.records().get(start as usize)?;
        (record.state() == State::Used).then(|| record.pages())
    }

    /// Frees the `pages` used pages at `start`, and joins them to the free runs beside them.
    pub fn give(&mut self, start: Page, pages: u32, tick: u32) {
        bits::set_dirty(self.table.words_mut(), start..start + pages);
        self.dirty_pages += pages;
        self.join(start..start + pages, pages, tick);
    }

    /// Makes used pages free, `dirty_pages` of them dirty, and joins them to the free runs beside them.
    fn join(&mut self, pages: Range<Page>, dirty_pages: u32, tick: u32) {
        self.used_pages -= pages.end - pages.start;
        let mut whole = pages;
        let (mut dirty, mut oldest_tick, mut most) = (dirty_pages, tick, dirty_pages);
        for neighbour in
            [self.free_before(whole.start), self.free_at(whole.end)].into_iter().flatten()
        {
            let record = self.table.records()[neighbour as usize];
            self.remove_free(neighbour);
            whole.start = whole.start.min(neighbour);
            whole.end = whole.end.max(neighbour + record.pages());
            dirty += record.dirty_pages;
            // The whole is as old as most of its dirty pages.
            if record.dirty_pages > most {
                (most, oldest_tick) = (record.dirty_pages, record.tick);
            }
        }
        self.put_free(whole, dirty, oldest_tick);
    }

    fn free_before(&self, page: Page) -> Option<Page> {
        let last = self.table.records().get(page.checked_sub(1)? as usize)?;
        (last.state() == State::Free).then(|| page - last.pages())
    }

    fn free_at(&self, page: Page) -> Option<Page> {
        let first = (page < self.pages).then(|| self.table.records()[page as usize])?;
        (first.state() == State::Free).then_some(page)
    }

    /// The longest run with dirty pages that comes before `key` and did not get them at `tick`.
    pub fn purgeable(&self, key: Key, tick: Option<u32>) -> Option<Key> {
        let records = self.table.records();
        let mut key = self.dirty.before(records, key)?;
        for _ in 0..TRIES {
            if Some(records[key.page as usize].tick) != tick {
                return Some(key);
            }
            key = self.dirty.before(records, key)?;
        }
        None
    }

    /// The last stretch of dirty pages in the free run at `run`, no longer than `most`.
    pub fn dirty_stretch(&self, run: Page, most: u32) -> Option<Range<Page>> {
        let end = run + self.table.records()[run as usize].pages();
        bits::last_dirty(self.table.words(), run..end.min(self.committed_pages), most)
    }

    /// Takes a stretch of dirty pages out of the free run at `run`: it is on its way to the source,
    /// and used until it arrives.
    pub fn depart(&mut self, run: Page, stretch: Range<Page>) {
        let pages = stretch.end - stretch.start;
        self.take(Place { run, start: stretch.start, dirty_pages: pages }, pages);
        self.away_pages += pages;
    }

    /// Frees a stretch that is back: as dirty as before, or clean, and then `stale` or not.
    pub fn arrive(&mut self, stretch: Range<Page>, stale: Option<bool>, tick: u32) {
        let pages = stretch.end - stretch.start;
        self.away_pages -= pages;
        match stale {
            None => self.give(stretch.start, pages, tick),
            Some(stale) => {
                bits::set_clean(self.table.words_mut(), stretch.clone(), stale);
                self.join(stretch, 0, tick);
            }
        }
    }

    /// The free run at `start` or the first one after it, and its end.
    pub fn next_free(&self, mut start: Page) -> Option<Range<Page>> {
        let records = self.table.records();
        while start < self.pages {
            let record = &records[start as usize];
            let end = start + record.pages();
            if record.state() == State::Free {
                return Some(start..end);
            }
            start = end;
        }
        None
    }

    /// The memory of those records within a run that nobody reads.
    pub fn unread_records(&self, run: Range<Page>) -> Option<(NonNull<u8>, usize)> {
        self.table.memory_of(run.start + 1..run.end - 1, 1 << self.page_shift)
    }

    /// Visits all runs in order of address.
    pub fn walk(&self, visit: &mut dyn FnMut(Run)) {
        let records = self.table.records();
        let mut start = 0;
        while start < self.pages {
            let record = &records[start as usize];
            visit(Run { start, pages: record.pages(), state: record.state() });
            start += record.pages();
        }
    }

    /// The end of the stretch at the start of `pages` that is all dirty or all not, and which.
    pub fn stretch(&self, pages: Range<Page>) -> (Page, bool) {
        bits::stretch(self.table.words(), pages)
    }

    /// How many of the first `pages` pages at `place` are dirty.
    #[inline]
    pub fn dirty_at(&self, place: Place, pages: u32) -> u32 {
        let record = self.table.records()[place.run as usize];
        if record.dirty_pages == record.pages() {
            pages
        } else {
            self.dirty_in(place.start..place.start + pages)
        }
    }

    /// The number of dirty pages of a range.
    pub fn dirty_in(&self, pages: Range<Page>) -> u32 {
        let end = pages.end.min(self.committed_pages);
        bits::count_dirty(self.table.words(), pages.start.min(end)..end)
    }

    fn remove_free(&mut self, run: Page) {
        let dirty_pages = self.table.records()[run as usize].dirty_pages;
        let tree = if dirty_pages > 0 { &mut self.dirty } else { &mut self.clean };
        tree.remove(self.table.records_mut(), run);
    }

    fn put_free(&mut self, run: Range<Page>, dirty_pages: u32, tick: u32) {
        if run.is_empty() {
            return;
        }
        let mut record = Record::end(State::Free, run.end - run.start);
        (record.dirty_pages, record.tick) = (dirty_pages, tick);
        self.put_ends(run.clone(), record);
        let tree = if dirty_pages > 0 { &mut self.dirty } else { &mut self.clean };
        tree.insert(self.table.records_mut(), run.start);
    }

    fn put_ends(&mut self, run: Range<Page>, record: Record) {
        let records = self.table.records_mut();
        if let Some(last) = records.get_mut(run.end as usize - 1) {
            *last = record;
        }
        records[run.start as usize] = record;
    }
}
