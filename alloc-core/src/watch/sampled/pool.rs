//! The pool: pages between guard pages, and a record of what each held last.
//!
//! Above: `layer.rs`, under the lock of `Sampled`. Below: `record.rs`; `system.rs`; `fault.rs`, which is told where the records lie,
//! and looks for the object beside an address.
//!
//! Guards and pages take turns, a guard first and last:
//!
//! ```text
//!   guard | page 0 | guard | page 1 | guard | … | page n-1 | guard
//! ```
//!
//! | state | accessible | leads to |
//! |---|---|---|
//! | `Fresh`, `Freed` | no | `Opening`, when it is its turn: fresh pages first, then the one that was freed first |
//! | `Opening`, `Closing` | who knows | `Live` or `Freed`: the thread that took it is at work without the lock |
//! | `Live` | yes | `Closing`, by the free |
//!
//! Not here: what is said when something is wrong.

use super::record::{NONE, Record, State};
use super::{fault, system};
use crate::Broken;
use crate::watch::calls::Calls;
use core::alloc::Layout;
use core::ptr::NonNull;

/// What a page's unused bytes hold.
pub(super) const PATTERN: u8 = 0xa5;

/// The pool; without memory until [`map`](Self::map).
#[derive(Debug)]
pub(super) struct Pool {
    base: Option<NonNull<u8>>,
    records: NonNull<Record>,
    page_bytes: usize,
    pages: usize,
    /// How many pages were used at all.
    used: usize,
    live: usize,
    /// The pages that wait: the first and the last that was freed.
    first: usize,
    last: usize,
    /// The system refused the pool; it is not asked again.
    refused: bool,
}

// SAFETY: the memory behind the pointers is the pool's own, and moves with it.
unsafe impl Send for Pool {}

impl Pool {
    /// A pool without memory.
    pub(super) const fn new() -> Self {
        Self {
            base: None,
            records: NonNull::dangling(),
            page_bytes: 0,
            pages: 0,
            used: 0,
            live: 0,
            first: NONE,
            last: NONE,
            refused: false,
        }
    }

    pub(super) const fn live(&self) -> usize {
        self.live
    }

    pub(super) const fn is_mapped(&self) -> bool {
        self.base.is_some()
    }

    pub(super) const fn page_bytes(&self) -> usize {
        self.page_bytes
    }

    /// Takes the memory for so many pages, at a place by this random word; the range of the pool's addresses. `None` if there is none,
    /// now and later.
    pub(super) fn map(&mut self, pages: usize, random: u64) -> Option<(usize, usize)> {
        if self.refused || pages == 0 {
            return None;
        }
        self.refused = true;
        let page_bytes = system::page_bytes();
        let bytes = pages.checked_mul(2)?.checked_add(1)?.checked_mul(page_bytes)?;
        let records = system::map(Self::record_bytes(pages), true, 0)?;
        let Some(base) = system::map(bytes, false, system::place_of_pool(random)) else {
            // SAFETY: mapped right above.
            unsafe { system::unmap(records, Self::record_bytes(pages)) };
            return None;
        };
        (self.base, self.records, self.page_bytes, self.pages) =
            (Some(base), records.cast(), page_bytes, pages);
        self.refused = false;
        fault::watch(base.addr().get(), bytes, page_bytes, records.cast());
        Some((base.addr().get(), bytes))
    }

    /// Gives the memory back.
    pub(super) fn unmap(&mut self) {
        let Some(base) = self.base.take() else { return };
        fault::forget(base.addr().get());
        // SAFETY: mapped by `map`, with these sizes; the pool is empty from now on.
        unsafe {
            system::unmap(base, (2 * self.pages + 1) * self.page_bytes);
            system::unmap(self.records.cast(), Self::record_bytes(self.pages));
        }
        *self = Self::new();
    }

    const fn record_bytes(pages: usize) -> usize {
        pages * size_of::<Record>()
    }

    /// Takes the page whose turn it is.
    pub(super) fn take(&mut self) -> Option<usize> {
        let page = if self.used < self.pages {
            self.used += 1;
            self.used - 1
        } else {
            let page = self.first;
            if page == NONE {
                return None;
            }
            self.first = self.record(page).next;
            if self.first == NONE {
                self.last = NONE;
            }
            page
        };
        self.record_mut(page).state = State::Opening;
        Some(page)
    }

    /// Where a page starts.
    pub(super) fn start(&self, page: usize) -> NonNull<u8> {
        let base = self.base.unwrap_or(NonNull::dangling());
        // SAFETY: within the mapping: there are `2 * pages + 1` pages in it.
        unsafe { base.add((2 * page + 1) * self.page_bytes) }
    }

    /// A page that was taken holds an object from now on.
    pub(super) fn enter(&mut self, page: usize, start: usize, layout: Layout, calls: Calls) {
        let record = self.record_mut(page);
        (record.start, record.bytes, record.allocated) = (start, layout.size(), calls);
        record.freed = Calls::none();
        record.state = State::Live;
        self.live += 1;
    }

    /// A live object is about to be freed, by whoever calls this first.
    pub(super) fn leave(&mut self, page: usize) {
        let record = self.record_mut(page);
        debug_assert_eq!(record.state, State::Live, "the caller has looked, under the same lock");
        record.state = State::Closing;
        self.live -= 1;
    }

    /// Who frees it.
    pub(super) fn note_freed(&mut self, page: usize, calls: Calls) {
        self.record_mut(page).freed = calls;
    }

    /// A page that was taken, or whose object was freed, waits for its next turn.
    pub(super) fn put_back(&mut self, page: usize) {
        let record = self.record_mut(page);
        (record.state, record.next) = (State::Freed, NONE);
        match self.last {
            NONE => self.first = page,
            last => self.record_mut(last).next = page,
        }
        self.last = page;
    }

    /// The record of a page.
    pub(super) fn record(&self, page: usize) -> &Record {
        assert!(page < self.pages, "a page of the pool");
        // SAFETY: within the records, as asserted; all of them are initialised, by `map` or since.
        unsafe { self.records.add(page).as_ref() }
    }

    fn record_mut(&mut self, page: usize) -> &mut Record {
        assert!(page < self.pages, "a page of the pool");
        // SAFETY: as in `record`, and `&mut self`.
        unsafe { self.records.add(page).as_mut() }
    }

    /// The page that an address of the pool lies in; `None` for a guard.
    pub(super) fn page_of(&self, address: usize) -> Option<usize> {
        let base = self.base?.addr().get();
        let at = (address - base) / self.page_bytes;
        (at % 2 == 1).then_some(at / 2)
    }

    /// The pages that wait are freed ones; every object lies in its page; the counts agree.
    pub(super) fn verify(&self) -> Result<(), Broken> {
        let rule = |holds, rule, page| Broken::unless(holds, "Sampled", rule, page);
        let mut live = 0;
        for page in 0..self.used {
            let record = self.record(page);
            if record.state == State::Live {
                live += 1;
                let start = self.start(page).addr().get();
                let inside =
                    record.start >= start && record.start + record.bytes <= start + self.page_bytes;
                rule(inside, "an object lies in its page", page)?;
            }
        }
        rule(live == self.live, "live objects are counted", live)?;
        let mut waiting = 0;
        let mut page = self.first;
        while page != NONE && waiting <= self.used {
            rule(
                self.record(page).state == State::Freed,
                "a page that waits is a freed one",
                page,
            )?;
            waiting += 1;
            page = self.record(page).next;
        }
        rule(waiting + live <= self.used, "a page waits once", waiting)
    }
}
