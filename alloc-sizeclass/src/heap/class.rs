//! One class of a heap: its spans, and the lock around them.
//!
//! Above: `SizeClassHeap::refill` and `flush`. Below: spans. Every function here runs under the
//! class's lock and calls nothing outside the crate.
//! Spans with something to hand out stand on `partial`, the others on `full`; a span whose pages are
//! being given back stands on `away` until that is done.

use super::chain::Chain;
use super::pages::Grid;
use super::slot::Batch;
use super::span::{Fresh, Span};
use super::transfer::TransferCache;
use crate::table::ClassInfo;
use alloc_core::sync::{Lock, note_plain, wait_a_moment};
use core::ptr::{NonNull, null_mut};

/// A class, on cache lines of its own, so that threads that use different classes do not meet.
#[repr(align(64))]
pub(super) struct ClassHeap {
    pub transfer: TransferCache,
    pub spans: Lock<Spans>,
}

impl ClassHeap {
    alloc_core::const_fn! {
        pub const fn new() -> Self {
            Self { transfer: TransferCache::new(), spans: Lock::new(Spans::new()) }
        }
    }

    /// Takes the lock of `spans`, when none of them is away: in a forked child, nobody would bring
    /// it back.
    pub fn freeze(&self) {
        let mut round = 0;
        loop {
            let spans = self.spans.lock();
            if spans.away.len() == 0 {
                core::mem::forget(spans);
                return;
            }
            drop(spans);
            wait_a_moment(round);
            round = round.saturating_add(1);
        }
    }
}

pub(super) struct Spans {
    pub partial: List,
    pub full: List,
    pub away: List,
}

/// A doubly linked list of spans, through their own links.
pub(super) struct List {
    head: *mut Span,
    last: *mut Span,
    len: usize,
}

// SAFETY: the spans on a list are owned by the list's lock.
unsafe impl Send for List {}

impl List {
    pub const fn new() -> Self {
        Self { head: null_mut(), last: null_mut(), len: 0 }
    }

    pub const fn len(&self) -> usize {
        self.len
    }

    pub fn first(&self) -> Option<NonNull<Span>> {
        NonNull::new(self.head)
    }

    /// The spans, first to last. The list must not change meanwhile.
    pub fn iter(&self) -> impl Iterator<Item = &Span> {
        let mut next = self.head;
        core::iter::from_fn(move || {
            // SAFETY: links of spans on the list lead to spans on the list or are null (R of
            // `push_front` and `remove`), and the borrow of `self` keeps the list as it is.
            let span = unsafe { next.as_ref() }?;
            next = span.next;
            Some(span)
        })
    }

    /// Puts `span` in front.
    ///
    /// # Safety
    ///
    /// `span` is a live record that stands on no list, and the caller owns it.
    pub unsafe fn push_front(&mut self, mut span: NonNull<Span>) {
        // SAFETY: the caller owns `span`; the head, if any, is owned by this list.
        unsafe {
            span.as_mut().prev = null_mut();
            span.as_mut().next = self.head;
            note_plain(span.as_ptr(), true);
            match self.head.as_mut() {
                Some(head) => {
                    note_plain(head, true);
                    head.prev = span.as_ptr();
                }
                None => self.last = span.as_ptr(),
            }
        }
        self.head = span.as_ptr();
        self.len += 1;
    }

    /// Puts `span` at the end.
    ///
    /// # Safety
    ///
    /// As for [`push_front`](List::push_front).
    pub unsafe fn push_back(&mut self, mut span: NonNull<Span>) {
        // SAFETY: the caller owns `span`; the last one, if any, is owned by this list.
        unsafe {
            span.as_mut().prev = self.last;
            span.as_mut().next = null_mut();
            note_plain(span.as_ptr(), true);
            match self.last.as_mut() {
                Some(last) => {
                    note_plain(last, true);
                    last.next = span.as_ptr();
                }
                None => self.head = span.as_ptr(),
            }
        }
        self.last = span.as_ptr();
        self.len += 1;
    }

    /// Takes `span` off.
    ///
    /// # Safety
    ///
    /// `span` stands on this list.
    pub unsafe fn remove(&mut self, span: NonNull<Span>) {
        // SAFETY: the span and its neighbours are owned by this list.
        unsafe {
            let (prev, next) = (span.as_ref().prev, span.as_ref().next);
            match prev.as_mut() {
                Some(prev) => {
                    note_plain(prev, true);
                    prev.next = next;
                }
                None => self.head = next,
            }
            match next.as_mut() {
                Some(next) => {
                    note_plain(next, true);
                    next.prev = prev;
                }
                None => self.last = prev,
            }
        }
        self.len -= 1;
    }
}

impl Spans {
    const fn new() -> Self {
        Self { partial: List::new(), full: List::new(), away: List::new() }
    }

    /// Adds a new span.
    ///
    /// # Safety
    ///
    /// `span` is a live record of this class that stands on no list, and the caller gives it away.
    pub unsafe fn add(&mut self, span: NonNull<Span>) {
        // SAFETY: the caller's promise.
        unsafe {
            let list =
                if span.as_ref().available() > 0 { &mut self.partial } else { &mut self.full };
            list.push_front(span);
        }
    }

    /// Takes slots from partial spans until there are `want` (or some more, see
    /// [`Span::take_freed`]), or there are none: freed ones into `batch`, and the fresh ones of one span.
    pub fn take(&mut self, info: &ClassInfo, want: usize, batch: &mut Batch) -> Fresh {
        let mut fresh = Fresh::NONE;
        while fresh.is_empty()
            && batch.len() < want
            && let Some(mut span) = self.partial.first()
        {
            // SAFETY: the span stands on our list.
            let span_mut = unsafe { span.as_mut() };
            span_mut.take_freed(info, want, batch);
            fresh = span_mut.take_fresh(info, want.saturating_sub(batch.len()));
            if span_mut.available() == 0 {
                // SAFETY: as above; it goes from one of our lists to the other.
                unsafe {
                    self.partial.remove(span);
                    self.full.push_front(span);
                }
            }
        }
        fresh
    }

    /// Takes slots back. Returns their span, off every list, if that is empty now and either of
    /// medium slots or not the only one to allocate from: the caller gives it to the layer below.
    ///
    /// # Safety
    ///
    /// `span` is the span of the slots, of which there is at least one, and on one of these lists;
    /// the caller gives them away.
    pub unsafe fn put(
        &mut self,
        info: &ClassInfo,
        mut span: NonNull<Span>,
        slots: Chain,
    ) -> Option<NonNull<Span>> {
        // SAFETY: the span is owned by these lists, the slots by the caller, who gives them.
        let was_full = unsafe {
            let was_full = span.as_ref().available() == 0;
            span.as_mut().put(slots);
            if span.as_ref().is_away {
                return None;
            }
            was_full
        };
        if was_full {
            // SAFETY: a span with nothing available stands on `full`.
            unsafe {
                self.full.remove(span);
                self.partial.push_front(span);
            }
        }
        self.remove_spare(info, span)
    }

    /// Takes `span`, which is on `partial`, off it if it is empty and not wanted as such.
    fn remove_spare(&mut self, info: &ClassInfo, span: NonNull<Span>) -> Option<NonNull<Span>> {
        // SAFETY: the span is owned by these lists.
        let is_empty = unsafe { span.as_ref().used_slots(info) == 0 };
        if is_empty && (self.partial.len() > 1 || info.is_medium()) {
            // SAFETY: it stands on `partial`: something is available.
            unsafe { self.partial.remove(span) };
            return Some(span);
        }
        None
    }

    /// Sends the first partial span away, with the pages that are to be given back: none, and it
    /// moves to the end of the list, if there is nothing to give.
    pub fn depart(&mut self, info: &ClassInfo, grid: Grid) -> Option<(NonNull<Span>, u64)> {
        let mut span = self.partial.first()?;
        // SAFETY: the span stands on `partial`, and goes from there to its end or to `away`.
        unsafe {
            let leaving = span.as_mut().rest(info, grid);
            self.partial.remove(span);
            if leaving == 0 {
                self.partial.push_back(span);
            } else {
                span.as_mut().is_away = true;
                self.away.push_front(span);
            }
            Some((span, leaving))
        }
    }

    /// Takes a span back that departed. Returns it, off every list, if it became empty meanwhile and
    /// is not wanted as such, as in [`put`](Spans::put).
    ///
    /// # Safety
    ///
    /// `depart` of these lists sent it away, and its pages have been given back.
    pub unsafe fn arrive(
        &mut self,
        info: &ClassInfo,
        mut span: NonNull<Span>,
    ) -> Option<NonNull<Span>> {
        // SAFETY: the span stands on `away`, and had something to hand out when it left.
        unsafe {
            self.away.remove(span);
            span.as_mut().is_away = false;
            self.partial.push_back(span);
        }
        self.remove_spare(info, span)
    }

    /// Takes an empty span off the lists, if there is one.
    pub fn take_empty(&mut self, info: &ClassInfo) -> Option<NonNull<Span>> {
        let empty = self.partial.iter().find(|span| span.used_slots(info) == 0)?;
        let empty = NonNull::from(empty);
        // SAFETY: it was found on `partial`.
        unsafe { self.partial.remove(empty) };
        Some(empty)
    }

    /// How many spans there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.partial.len() + self.full.len() + self.away.len()
    }

    /// Slots of this class that its spans have handed out.
    #[must_use]
    pub fn used_slots(&self, info: &ClassInfo) -> usize {
        let partial = self.partial.iter().chain(self.away.iter());
        let available: usize = partial.map(|span| span.available() as usize).sum();
        self.len() * info.span_slots as usize - available
    }
}
