//! What is done with samples: entered, freed, grown, shrunk.
//!
//! Above: `layer.rs`, which comes here for the few allocations that are drawn. Below: the ledger, the filter, and the layer
//! below. Room in the ledger is held before the layer below is asked, so that nothing has to be undone that cannot
//! be; and what leaves a place leaves the ledger first, for another thread may be given the place next.

use super::Profile;
use super::filter::PAGE_BYTES;
use crate::combine::zero;
use crate::sync::Ordering;
use crate::watch::calls::{Above, Calls, Inside};
use crate::watch::ledger::{Live, Site};
use crate::{AllocError, Layer, cut, dangling};
use core::alloc::Layout;
use core::ptr::NonNull;

type Answer = Result<NonNull<[u8]>, AllocError>;

/// A change of size, with what the caller of `grow` asked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Growth {
    pub(super) old: Layout,
    pub(super) new: Layout,
    pub(super) zeroed: bool,
}

/// The layout of a sample for the layer below: `bytes`, that begin on a page.
fn paged(bytes: usize, align: usize) -> Option<Layout> {
    Layout::from_size_align(bytes, align.max(PAGE_BYTES)).ok()
}

impl<A: Layer> Profile<A> {
    /// Allocates, and enters it as a sample, whatever the countdown says: for who draws by
    /// [`draw_distance`](Self::draw_distance).
    ///
    /// Returns what [`allocate`](crate::Allocator::allocate) would (or `allocate_zeroed`). If the layer below has no
    /// memory for a sample, the allocation is an ordinary one.
    ///
    /// # Errors
    ///
    /// When the layer below refuses.
    #[cold]
    #[inline(never)]
    pub fn allocate_sampled(&self, layout: Layout, zeroed: bool) -> Answer {
        let bytes = self.below.usable_size(layout);
        // What a watcher allocates for itself is not watched.
        let inside = if layout.size() > 0 { Inside::enter() } else { None };
        let sampled = inside.and_then(|_inside| {
            let paged = paged(bytes, layout.align())?;
            let site = self.hold(Above::this_frame())?;
            let Ok(slice) = self.ask(paged, zeroed) else {
                self.lose();
                return None;
            };
            self.enter(slice.cast(), site, layout.size(), paged);
            Some(slice)
        });
        match sampled {
            Some(slice) => cut(Ok(slice), bytes),
            None => self.ask(layout, zeroed),
        }
    }

    /// Grows what is a sample, or is `due` to become one. `None` if it is neither: nothing has been done.
    ///
    /// # Safety
    ///
    /// As for [`grow`](crate::Allocator::grow).
    #[cold]
    #[inline(never)]
    pub(super) unsafe fn grow_sampled(
        &self,
        ptr: NonNull<u8>,
        growth: Growth,
        due: bool,
    ) -> Option<Answer> {
        let before = self.take(ptr);
        let sampled = if due {
            // SAFETY: the caller's promise; `before` is what was known of `ptr`.
            unsafe { self.grow_into_sample(ptr, growth, before, Above::this_frame()) }
        } else {
            None
        };
        if let Some(slice) = sampled {
            if before.is_some() {
                self.ledger.lock().let_go();
            }
            return Some(Ok(slice));
        }
        let live = before?;
        let Ok(slice) = self.ask(growth.new, growth.zeroed) else {
            self.put_back(ptr, live);
            return Some(Err(AllocError));
        };
        // SAFETY: both are live, distinct, and at least as long as the old size; `ptr` is known below by the
        // layout in the ledger.
        unsafe {
            slice.cast::<u8>().copy_from_nonoverlapping(ptr, growth.old.size());
            self.below.deallocate(ptr, live.below);
        }
        self.ledger.lock().let_go();
        Some(Ok(slice))
    }

    /// Grows to a sample, in place if the layer below can. `None`, and nothing has been done, if there is no memory.
    ///
    /// # Safety
    ///
    /// As for [`grow`](crate::Allocator::grow); `before` is the entry of `ptr`, which has been taken out.
    unsafe fn grow_into_sample(
        &self,
        ptr: NonNull<u8>,
        growth: Growth,
        before: Option<Live>,
        above: Above,
    ) -> Option<NonNull<[u8]>> {
        let _inside = Inside::enter()?;
        let Growth { old, new, zeroed } = growth;
        let old_below = before.map_or(old, |live| live.below);
        let (old_bytes, bytes) = (self.below.usable_size(old), self.below.usable_size(new));
        let paged = paged(bytes.max(old_below.size()), new.align())?;
        let site = self.hold(above)?;
        // SAFETY: `old_below` fits what is at `ptr`; `paged` is no smaller.
        let answer = unsafe {
            if zeroed {
                self.below.grow_zeroed(ptr, old_below, paged)
            } else {
                self.below.grow(ptr, old_below, paged)
            }
        };
        let Ok(slice) = answer else {
            self.lose();
            return None;
        };
        self.enter(slice.cast(), site, new.size(), paged);
        if zeroed {
            // The layer below zeroed what lies beyond its own slice, which may have been longer than ours.
            let zeroed_from = self.below.usable_size(old_below).min(bytes);
            // SAFETY: `bytes` is at most the length of the slice.
            unsafe { zero(slice.cast(), old_bytes, zeroed_from) };
        }
        cut(Ok(slice), bytes).ok()
    }

    /// Shrinks a sample. `None` if it is none: nothing has been done.
    ///
    /// # Safety
    ///
    /// As for [`shrink`](crate::Allocator::shrink).
    #[cold]
    #[inline(never)]
    pub(super) unsafe fn shrink_sampled(&self, ptr: NonNull<u8>, new: Layout) -> Option<Answer> {
        let live = self.take(ptr)?;
        let bytes = self.below.usable_size(new);
        let paged =
            paged(bytes, new.align()).filter(|_| new.size() > 0 && bytes <= live.below.size());
        if let Some(paged) = paged {
            // SAFETY: the layout in the ledger fits what is at `ptr`; `paged` is no larger.
            let answer = unsafe { self.below.shrink(ptr, live.below, paged) };
            let now = match answer {
                Ok(_) => Live { asked_bytes: new.size(), below: paged, ..live },
                Err(_) => live,
            };
            self.put_back(answer.map_or(ptr, NonNull::cast), now);
            return Some(cut(answer, bytes));
        }
        // To nothing; or to an alignment for which even less takes more room: an ordinary allocation then.
        let answer = if new.size() == 0 { Ok(dangling(new)) } else { self.below.allocate(new) };
        let Ok(slice) = answer else {
            self.put_back(ptr, live);
            return Some(answer);
        };
        // SAFETY: both are live (or nothing is copied), distinct, and at least as long as the new size.
        unsafe {
            slice.cast::<u8>().copy_from_nonoverlapping(ptr, new.size());
            self.below.deallocate(ptr, live.below);
        }
        self.ledger.lock().let_go();
        Some(answer)
    }

    /// Takes a sample out for good, if `ptr` is one: the layout by which the layer below knows it.
    #[cold]
    #[inline(never)]
    pub(super) fn leave(&self, ptr: NonNull<u8>) -> Option<Layout> {
        let address = ptr.addr().get();
        let live = self.ledger.lock().leave(address)?;
        self.filter.remove(address);
        Some(live.below)
    }

    pub(super) fn ask(&self, layout: Layout, zeroed: bool) -> Answer {
        if zeroed { self.below.allocate_zeroed(layout) } else { self.below.allocate(layout) }
    }

    /// Holds room for a sample of the calling stack above this place.
    fn hold(&self, above: Above) -> Option<Site> {
        let calls = Calls::here(above);
        // SAFETY: the ledger's allocator is always `below`.
        let site = unsafe { self.ledger.lock().hold(calls.frames(), &self.below) };
        if site.is_none() {
            self.count_lost();
        }
        site
    }

    /// Enters a sample, for which room was held.
    fn enter(&self, ptr: NonNull<u8>, site: Site, asked_bytes: usize, below: Layout) {
        let weight = 1.0 / self.sampler.odds(asked_bytes);
        let address = ptr.addr().get();
        self.ledger.lock().enter(address, site, Live::new(asked_bytes, weight, below));
        self.filter.add(address);
    }

    /// Gives up the room that was held for a sample, which the layer below refused.
    fn lose(&self) {
        self.ledger.lock().let_go();
        self.count_lost();
    }

    fn count_lost(&self) {
        // ORDERING: Relaxed; a figure.
        self.lost.fetch_add(1, Ordering::Relaxed);
    }

    /// Takes a sample out, if `ptr` is one, and holds its room.
    fn take(&self, ptr: NonNull<u8>) -> Option<Live> {
        let address = ptr.addr().get();
        if !self.filter.may_hold(address) {
            return None;
        }
        let live = self.ledger.lock().take(address)?;
        self.filter.remove(address);
        Some(live)
    }

    /// Brings back what `take` took out.
    fn put_back(&self, ptr: NonNull<u8>, live: Live) {
        let address = ptr.addr().get();
        self.ledger.lock().put_back(address, live);
        self.filter.add(address);
    }
}
