//! Dirty pages on their way back to the source: what is owed by age, and what somebody reclaims.
//!
//! Above: [`Arena`]'s methods, when they have let go of the lock; `reclaim`. Below: the source, by the
//! rules P1 to P4 of `away.rs`. A stretch on its way is used, as far as the rules of
//! [`Runs`](crate::runs::Runs) go; to the figures it is dirty.

use crate::arena::Arena;
use crate::below::Below;
use crate::decay::Debt;
use crate::mapping::Node;
use crate::record::{Key, Page};
use crate::source::{Advice, Contents, Source};
use crate::state::State;
use alloc_core::AllocError;
use core::ops::Range;
use core::ptr::NonNull;

/// What is purged in one go, while an allocation or a release waits for it.
const PURGE_BYTES: usize = 8 << 20;
const PURGE_CALLS: usize = 16;

/// The longest stretch that is away at a time.
const STRETCH_BYTES: usize = 8 << 20;

/// What is to be purged.
#[derive(Clone, Copy)]
struct Order {
    bytes: usize,
    calls: usize,
    /// Nothing that was freed in this tick.
    spared: Option<u32>,
    /// No more than is owed at the time: another thread may have paid (P3).
    owed: bool,
}

/// A stretch on its way.
struct Departed {
    /// The free run that it was a part of.
    run: Key,
    pages: Range<Page>,
    base: NonNull<u8>,
    bytes: usize,
    /// The pages from which advice for huge pages is taken back first.
    advised: Option<(NonNull<u8>, usize)>,
}

/// How far a purge has come: the mappings one after the other, in each the longest runs first.
struct Cursor {
    mapping: usize,
    before: Key,
}

impl Cursor {
    const START: Key = Key { pages: u32::MAX, page: 0 };

    const fn new() -> Self {
        Self { mapping: 0, before: Self::START }
    }
}

impl<S: Source> Arena<S> {
    /// Pays a part of a debt, while whoever caused it waits.
    #[cold]
    pub(crate) fn pay(&self, debt: Debt) {
        self.pay_up_to(Debt { bytes: debt.bytes.min(PURGE_BYTES), ..debt }, PURGE_CALLS);
    }

    fn pay_up_to(&self, Debt { bytes, spared }: Debt, calls: usize) -> usize {
        let paid_bytes = self.purge(Order { bytes, calls, spared, owed: true });
        if paid_bytes == 0 {
            self.state.lock().decay.forgive();
        }
        paid_bytes
    }

    /// Decommits dirty pages: the longest free runs first. Returns the bytes that went.
    ///
    /// What other threads have away cuts runs in pieces, which are joined behind the cursor when it is
    /// back. So whoever found something looks once more.
    fn purge(&self, order: Order) -> usize {
        let (mut freed_bytes, mut left) = (0, order);
        while left.bytes > 0 && left.calls > 0 {
            let (more_bytes, calls) = self.purge_once(left);
            if more_bytes == 0 {
                break;
            }
            freed_bytes += more_bytes;
            left.bytes = left.bytes.saturating_sub(more_bytes);
            left.calls -= calls;
        }
        freed_bytes
    }

    /// Goes over all runs once. Returns the bytes that went, and how many calls it took.
    fn purge_once(&self, order: Order) -> (usize, usize) {
        let mut cursor = Cursor::new();
        let mut freed_bytes = 0;
        for call in 0..order.calls {
            let left = Order { bytes: order.bytes - freed_bytes, ..order };
            let mut state = self.lock_to_leave();
            let departed = state.depart(&self.below, &mut cursor, left);
            let Some(departed) = departed else { return (freed_bytes, call) };
            let (mut state, result) = self.away(state, || {
                // SAFETY: it has just departed.
                unsafe { self.decommit(&departed) }
            });
            match result {
                Ok(_) => freed_bytes += departed.bytes,
                // The run stays dirty; the next one may fare better.
                Err(AllocError) => cursor.before = departed.run,
            }
            state.arrive(&departed, result);
            if freed_bytes >= order.bytes {
                return (freed_bytes, call + 1);
            }
        }
        (freed_bytes, order.calls)
    }

    /// # Safety
    ///
    /// The stretch has departed, and not arrived.
    unsafe fn decommit(&self, departed: &Departed) -> Result<Contents, AllocError> {
        if let Some((base, bytes)) = departed.advised {
            // SAFETY: committed pages of the mapping in which the stretch lies, so that it stays (P1).
            // Should it fail, the system may fill them again one day; that is no reason to keep
            // their memory now.
            let _ = unsafe { self.below.advise(base, bytes, Advice::Small) };
        }
        // SAFETY: committed pages (they were dirty) that nobody uses (P1), whose contents nobody needs;
        // the mapping's terms say that they may go (`State::depart` asked).
        unsafe { self.below.decommit(departed.base, departed.bytes) }
    }

    /// Gives up to `goal_bytes` of what is free back to the source; of 0, what is owed by age.
    pub(crate) fn give_back(&self, goal_bytes: usize) -> usize {
        if goal_bytes == 0 {
            return self.age();
        }
        let mut freed_bytes = self.release_idle();
        if freed_bytes < goal_bytes {
            freed_bytes += self.release_unused();
        }
        if freed_bytes < goal_bytes && self.below.source.can_decommit() {
            // No more than is dirty now: other threads may go on freeing.
            let dirty_pages = self.state.lock().settled().purgeable_pages();
            let bytes = (goal_bytes - freed_bytes).min(dirty_pages * self.page_bytes());
            let order = Order { bytes, calls: usize::MAX, spared: None, owed: false };
            let purged_bytes = self.purge(order);
            if purged_bytes > 0 {
                self.trim_metadata();
            }
            freed_bytes += purged_bytes;
        }
        freed_bytes
    }

    /// With the lock held, since the metadata are in use: some 0.1 ms for a GiB that is free.
    fn trim_metadata(&self) {
        let mut state = self.state.lock();
        state.mappings.iter_mut().for_each(|node| node.trim_metadata(&self.below));
    }

    /// Looks at the clock, and pays what is owed, all of it: nobody's allocation waits.
    fn age(&self) -> usize {
        let mut state = self.state.lock();
        state.look(&self.below, &self.config);
        let debt = state.debt.take();
        self.part(state);
        debt.map_or(0, |debt| self.pay_up_to(debt, usize::MAX))
    }

    /// Gives mappings back of which nothing is used, but for the first. Returns how many bytes of
    /// their pages were dirty.
    fn release_unused(&self) -> usize {
        self.release_rests();
        let mut freed_bytes = 0;
        loop {
            let mut state = self.lock_to_leave();
            let keep = state.first.map_or(0, |(start, _)| start);
            let Some(node) = state.settled().mappings.detach_unused(keep) else { break };
            let (mut state, released) = self.away(state, || {
                // SAFETY: a live node that is in no list, of a mapping of the source, whose pages
                // nobody uses (`detach_unused`).
                unsafe { Node::release(node, &self.below) }
            });
            let Ok((dirty_bytes, rest)) = released else {
                // SAFETY: the node is as it was, and in no list.
                unsafe { state.mappings.push(node, false) };
                break;
            };
            if let Some(rest) = rest {
                // SAFETY: a node that is in no list.
                unsafe { state.rests.push(rest, true) };
            }
            state.purged_bytes += dirty_bytes;
            freed_bytes += dirty_bytes;
        }
        freed_bytes
    }

    /// Gives back the metadata that the source refused when their mappings went.
    fn release_rests(&self) {
        loop {
            let mut state = self.lock_to_leave();
            let Some(rest) = state.rests.pop() else { break };
            let (mut state, released) = self.away(state, || {
                // SAFETY: a node of the list: its range has gone, and nobody else has it.
                unsafe { Node::release_rest(rest, &self.below) }
            });
            if released.is_err() {
                // SAFETY: the node is as it was, and in no list.
                unsafe { state.rests.push(rest, true) };
                break;
            }
        }
    }
}

impl State {
    /// Sends the next stretch of dirty pages on its way, no longer than is ordered.
    fn depart<S: Source>(
        &mut self,
        below: &Below<S>,
        cursor: &mut Cursor,
        order: Order,
    ) -> Option<Departed> {
        self.settled();
        let bytes = order.bytes.min(STRETCH_BYTES);
        let mut most_pages = bytes.div_ceil(below.source.page_bytes());
        if order.owed {
            most_pages = most_pages.min(self.decay.owed_pages());
        }
        if most_pages == 0 {
            return None;
        }
        for node in self.mappings.iter_mut().skip(cursor.mapping) {
            let found = (node.terms.purge.is_some())
                .then(|| node.runs.purgeable(cursor.before, order.spared))
                .flatten();
            let stretch =
                found.and_then(|run| node.runs.dirty_stretch(run.page, most_pages as u32));
            let (Some(run), Some(pages)) = (found, stretch) else {
                *cursor = Cursor { mapping: cursor.mapping + 1, before: Cursor::START };
                continue;
            };
            // If there is more in this run, it is found again.
            cursor.before = Key { page: run.page + 1, ..run };
            let advised = node.advised_in(below, &pages);
            node.runs.depart(run.page, pages.clone());
            let (base, bytes) = node.pages_at(pages.start, pages.end);
            self.decay.note_purged(pages.len());
            return Some(Departed { run, pages, base, bytes, advised });
        }
        None
    }

    /// Puts a stretch back, which is clean now if the source has taken its memory.
    fn arrive(&mut self, departed: &Departed, result: Result<Contents, AllocError>) {
        let tick = self.decay.tick();
        // The mapping is there: it stays as long as a page of it is used (P1).
        let Some(node) = self.mappings.at(departed.base.as_ptr().addr()) else { return };
        let stale = result.map(|contents| {
            contents == Contents::Unknown || node.terms.purge != Some(Contents::Zero)
        });
        node.runs.arrive(departed.pages.clone(), stale.ok(), tick);
        if result.is_ok() {
            self.purged_bytes += departed.bytes;
        }
    }
}
