//! Everything that an arena's lock guards, and how its mappings are asked in turn.
//!
//! Above: [`Arena`](crate::Arena), which holds the lock. Below: the mappings' nodes, the table of
//! dedicated runs, the decay, the source. In `reserve.rs`: how new mappings come.

use crate::below::Below;
use crate::config::Config;
use crate::decay::{Debt, Decay};
use crate::dedicated::{Dedicated, Entry};
use crate::figures::SysStat;
use crate::huge::{Huge, HugePages};
use crate::mapping::Node;
use crate::mappings::Mappings;
use crate::recent::Recent;
use crate::record::Page;
use crate::runs::{Need, Place};
use crate::source::Source;
use alloc_core::{AllocError, Broken};
use core::ops::Range;
use core::ptr::NonNull;

#[derive(Debug)]
pub(crate) struct State {
    pub mappings: Mappings,
    /// Nodes whose ranges have gone, and whose metadata the source would not take yet.
    pub rests: Mappings,
    pub dedicated: Dedicated,
    pub decay: Decay,
    recent: Recent,
    /// The bounds of the first reservation, once there is one.
    pub first: Option<(usize, usize)>,
    /// What all reservations were so far, in bytes.
    pub(crate) reserved_bytes: usize,
    /// The system granted a reservation only in part: address space is short.
    pub(crate) limited: bool,
    pub(crate) purged_bytes: usize,
    /// How much is away, and whether somebody waits until nothing is (rules P2, P4 of `away.rs`).
    pub(crate) away: usize,
    pub(crate) wanted: bool,
    /// What is owed: whoever holds the lock pays it next, without the lock.
    pub(crate) debt: Option<Debt>,
    /// What became free since the clock was looked at, in bytes.
    freed_bytes: usize,
    /// What huge pages were asked for so far, in bytes.
    pub(crate) huge_bytes: usize,
    /// A dedicated mapping that was idle for too long: whoever holds the lock gives it back next.
    pub expired: Option<Entry>,
    /// Fresh memory that was handed out while dedicated mappings lay idle (rule D4).
    grown_bytes: usize,
}

/// Pages that were just handed out.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Taken {
    pub base: NonNull<u8>,
    /// The part that may not read as zero, in bytes from `base`.
    unclear_start: usize,
    unclear_end: usize,
}

impl Taken {
    pub fn new(base: NonNull<u8>, unclear: Range<usize>) -> Self {
        Self { base, unclear_start: unclear.start, unclear_end: unclear.end }
    }

    /// How much of `bytes` was not touched since the source gave it.
    fn fresh_bytes(&self, bytes: usize) -> usize {
        bytes - (self.unclear_end - self.unclear_start)
    }

    /// Clears what is not clear of the bytes from `start_bytes` on.
    ///
    /// # Safety
    ///
    /// The pages were taken from the state, and nobody else uses them yet.
    pub unsafe fn clear_from(self, start_bytes: usize) {
        let start = self.unclear_start.max(start_bytes);
        let bytes = self.unclear_end.saturating_sub(start);
        // SAFETY: the unclear part lies within the pages, which are committed and the caller's.
        unsafe { self.base.add(start).write_bytes(0, bytes) };
    }
}

/// A look at the clock is due when so many bytes became free since the last one.
const MANY_BYTES: usize = 16 << 20;
/// Fresh memory of this part of what lies idle is enough for an idle mapping to go.
const OUTGROWN_PART: usize = 4;

impl State {
    pub const fn new() -> Self {
        Self {
            mappings: Mappings::new(),
            rests: Mappings::new(),
            dedicated: Dedicated::new(),
            decay: Decay::new(),
            recent: Recent::new(),
            first: None,
            reserved_bytes: 0,
            limited: false,
            purged_bytes: 0,
            away: 0,
            wanted: false,
            debt: None,
            freed_bytes: 0,
            huge_bytes: 0,
            expired: None,
            grown_bytes: 0,
        }
    }

    /// Hands out a run of exactly that length that was freed a moment ago.
    #[inline]
    pub fn take_recent(&mut self, need: Need) -> Option<NonNull<u8>> {
        let base = self.recent.take(need.pages, need.align_bytes)?;
        self.decay.note_dirty(self.purgeable_pages());
        Some(base)
    }

    /// Joins the runs that were freed a moment ago to their free neighbours.
    #[inline]
    pub fn settled(&mut self) -> &mut Self {
        if self.recent.pages() > 0 {
            self.join_recent();
        }
        self
    }

    #[cold]
    fn join_recent(&mut self) {
        let tick = self.decay.tick();
        while let Some((base, pages)) = self.recent.pop() {
            let address = base.as_ptr().addr();
            if let Some(node) = self.mappings.at(address) {
                let start = node.runs.page_at(address);
                node.runs.give(start, pages, tick);
            }
        }
    }

    /// Hands out `need.pages` pages: from the mappings there are, else from a new one.
    pub fn acquire<S: Source>(
        &mut self,
        below: &Below<S>,
        config: &Config,
        need: Need,
    ) -> Result<Taken, AllocError> {
        self.settled();
        let huge = self.huge(below, config);
        let tick = self.decay.tick();
        for node in self.mappings.iter_mut() {
            if let Some(mut place) = node.runs.best_fit(need, node.runs.pages())
                && node.commit(below, config, place.start + need.pages).is_ok()
            {
                self.huge_bytes += ask_for_huge(node, &mut place, need, huge, below, tick);
                let taken = take(node, place, need.pages, below);
                self.decay.note_dirty(self.purgeable_pages());
                if self.dedicated.idle_bytes() > 0 {
                    let bytes = need.pages as usize * below.source.page_bytes();
                    self.outgrow(config, taken.fresh_bytes(bytes));
                }
                self.settle(below, config, 0);
                return Ok(taken);
            }
        }
        self.acquire_hard(below, config, need)
    }

    /// D4: fresh memory was handed out while mappings of their own lie idle. When it comes to a part of what they have,
    /// one of them goes.
    #[cold]
    fn outgrow(&mut self, config: &Config, fresh_bytes: usize) {
        self.grown_bytes += fresh_bytes;
        if self.grown_bytes >= self.dedicated.idle_bytes() / OUTGROWN_PART
            && self.expired.is_none()
            && config.purge_delay_ms.is_some()
        {
            self.grown_bytes = 0;
            self.expired = self.dedicated.take_longest_idle();
        }
    }

    /// The mappings are full, or the system commits no more: what is committed has to do, and after
    /// that a new mapping.
    #[cold]
    fn acquire_hard<S: Source>(
        &mut self,
        below: &Below<S>,
        config: &Config,
        need: Need,
    ) -> Result<Taken, AllocError> {
        for node in self.mappings.iter_mut() {
            if let Some(place) = node.runs.best_fit(need, node.runs.committed_pages()) {
                return Ok(take(node, place, need.pages, below));
            }
        }
        self.reserve(below, config, need)?;
        let (huge, tick) = (self.huge(below, config), self.decay.tick());
        let node = self.mappings.iter_mut().last().ok_or(AllocError)?;
        let mut place = node.runs.best_fit(need, node.runs.pages()).ok_or(AllocError)?;
        node.commit(below, config, place.start + need.pages)?;
        self.huge_bytes += ask_for_huge(node, &mut place, need, huge, below, tick);
        Ok(take(node, place, need.pages, below))
    }

    /// What decides about huge pages now. (Runs with a mapping of their own may be sparse tables.)
    pub fn huge<S: Source>(&self, below: &Below<S>, config: &Config) -> Huge {
        let used = self.mappings.iter().map(|node| node.runs.used_pages() as usize);
        let used_bytes = used.sum::<usize>() * below.source.page_bytes();
        let wished = config.huge_pages == HugePages::Dense;
        Huge { huge_bytes: if wished { below.source.huge_bytes() } else { 0 }, used_bytes }
    }

    /// Takes back the `pages` pages at `base`, which lie in a mapping.
    #[inline]
    pub fn release<S: Source>(
        &mut self,
        below: &Below<S>,
        config: &Config,
        base: NonNull<u8>,
        pages: u32,
    ) {
        debug_assert_eq!(self.used_at(base), Some(pages), "not a live run");
        if self.recent.is_full() {
            self.join_recent();
        }
        self.recent.put(base, pages);
        self.settle(below, config, pages as usize * below.source.page_bytes());
    }

    /// The length of the used run at `base`, in pages.
    fn used_at(&mut self, base: NonNull<u8>) -> Option<u32> {
        let address = base.as_ptr().addr();
        let runs = &self.mappings.at(address)?.runs;
        runs.used_at(runs.page_at(address))
    }

    /// Counts an operation that freed `freed_bytes`; now and then looks at the clock, and notes what
    /// is owed.
    #[inline]
    pub fn settle<S: Source>(&mut self, below: &Below<S>, config: &Config, freed_bytes: usize) {
        self.freed_bytes = self.freed_bytes.saturating_add(freed_bytes);
        let at_once = config.purge_delay_ms == Some(0) && freed_bytes > 0;
        if self.decay.count_operation() || self.freed_bytes >= MANY_BYTES || at_once {
            self.freed_bytes = 0;
            self.look(below, config);
        }
    }

    /// Looks at the clock.
    #[cold]
    pub(crate) fn look<S: Source>(&mut self, below: &Below<S>, config: &Config) {
        let Some(delay_ms) = config.purge_delay_ms.filter(|_| below.source.can_decommit()) else {
            return;
        };
        let now_ms = below.source.now_ms().unwrap_or_else(|| self.decay.operations_ms());
        let (dirty_pages, tick) = (self.purgeable_pages(), self.decay.tick());
        self.decay.look(now_ms, delay_ms, dirty_pages);
        if self.decay.tick() == tick && self.decay.owed_pages() == 0 {
            return;
        }
        self.settled();
        let tick = self.decay.tick();
        self.mappings.iter_mut().for_each(|node| node.forget_huge(below, tick));
        if self.expired.is_none() {
            self.expired = self.dedicated.expired(self.decay.tick());
        }
        let bytes = self.decay.owed_pages().saturating_mul(below.source.page_bytes());
        let spared = (delay_ms > 0).then_some(tick);
        self.debt = (bytes > 0).then_some(Debt { bytes, spared });
    }

    pub(crate) fn purgeable_pages(&self) -> usize {
        let may = self.mappings.iter().filter(|node| node.terms.purge.is_some());
        may.map(|node| node.runs.dirty_pages() as usize).sum::<usize>() + self.recent.pages()
    }

    /// Whether there are mappings of their own that nobody uses.
    pub(crate) fn has_idle(&self) -> bool {
        self.expired.is_some() || self.dedicated.idle_bytes() > 0
    }

    #[must_use]
    pub fn figures<S: Source>(&self, below: &Below<S>) -> SysStat {
        let page_bytes = below.source.page_bytes();
        let mut figures = SysStat {
            purged_bytes: self.purged_bytes,
            discarded_bytes: below.discarded_bytes(),
            huge_bytes: self.huge_bytes,
            dedicated_bytes: self.dedicated.used_bytes(),
            idle_bytes: self.dedicated.idle_bytes() + self.expired.map_or(0, |entry| entry.bytes),
            metadata_bytes: self.dedicated.table_bytes(),
            mappings: self.mappings.count(),
            dedicated_runs: self.dedicated.entries().iter().filter(|entry| entry.used).count(),
            calls: below.calls(),
            ..SysStat::default()
        };
        for node in self.mappings.iter() {
            let mapping = node.mapping();
            let (used, away) = (node.runs.used_pages(), node.runs.away_pages());
            let used_bytes = (used - away) as usize * page_bytes;
            let dirty_bytes = (node.runs.dirty_pages() + away) as usize * page_bytes;
            figures.reserved_bytes += mapping.bytes;
            figures.committed_bytes += mapping.committed_bytes;
            figures.used_bytes += used_bytes;
            figures.dirty_bytes += dirty_bytes;
            figures.clean_bytes += mapping.committed_bytes.saturating_sub(used_bytes + dirty_bytes);
            figures.metadata_bytes += node.metadata_bytes();
        }
        figures
    }

    pub fn verify<S: Source>(&self, below: &Below<S>) -> Result<(), Broken> {
        for node in self.mappings.iter() {
            node.runs.verify()?;
        }
        let counted = self.mappings.iter().count() == self.mappings.count();
        Broken::unless(counted, "Arena", "the mappings are counted", 0)?;
        let away = self.mappings.iter().any(|node| node.runs.away_pages() > 0);
        let told = self.away > 0 || !(away || self.dedicated.is_lent());
        Broken::unless(told, "Arena", "P2: what is away is counted", 0)?;
        let sound = self.dedicated.is_sound();
        Broken::unless(sound, "Arena", "dedicated runs are in order and counted", 0)?;
        let agrees = self.figures(below).agrees();
        Broken::unless(agrees, "Arena", "used + dirty + clean = committed <= reserved", 0)
    }
}

/// Asks for huge pages at `place`, if they are wished for there. Returns the bytes.
#[inline]
fn ask_for_huge<S: Source>(
    node: &mut Node,
    place: &mut Place,
    need: Need,
    huge: Huge,
    below: &Below<S>,
    tick: u32,
) -> usize {
    if place.dirty_pages == need.pages {
        return 0; // nothing is fresh
    }
    let bytes = need.pages as usize * below.source.page_bytes();
    node.ask_for_huge(below, place, need.pages, huge.wish(bytes, need.zeroed), tick)
}

/// Uses the pages at `place`, which are committed.
fn take<S: Source>(node: &mut Node, place: Place, pages: u32, below: &Below<S>) -> Taken {
    let start = place.start;
    let unclear = node.runs.take(place, pages);
    taken(node, start, &unclear, below)
}

/// What was taken at `start`, of which `unclear` may not read as zero.
pub(crate) fn taken<S: Source>(
    node: &Node,
    start: Page,
    unclear: &Range<Page>,
    below: &Below<S>,
) -> Taken {
    let bytes = |page: Page| (page - start) as usize * below.source.page_bytes();
    Taken::new(node.pointer(start), bytes(unclear.start)..bytes(unclear.end))
}
