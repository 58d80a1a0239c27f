//! One class of a heap: its spans, and the lock around them.
//!
//! Above: `SizeClassHeap::refill` and `flush`. Below: spans. Every function here runs under the
//! class's lock and calls nothing outside the crate.
//! Spans with something to hand out stand on `partial`, the others on `full`.

use super::chain::Chain;
use super::slot::Batch;
use super::span::{Fresh, Span};
use super::transfer::TransferCache;
use crate::table::ClassInfo;
use alloc_core::sync::Lock;
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
}

pub(super) struct Spans {
    pub partial: List,
    pub full: List,
}

/// A doubly linked list of spans, through their own links.
pub(super) struct List {
    head: *mut Span,
    len: usize,
}

// SAFETY: the spans on a list are owned by the list's lock.
unsafe impl Send for List {}

impl List {
    pub const fn new() -> Self {
        Self { head: null_mut(), len: 0 }
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
            if let Some(head) = self.head.as_mut() {
                head.prev = span.as_ptr();
            }
        }
        self.head = span.as_ptr();
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
                Some(prev) => prev.next = next,
                None => self.head = next,
            }
            if let Some(next) = next.as_mut() {
                next.prev = prev;
            }
        }
        self.len -= 1;
    }
}

impl Spans {
    const fn new() -> Self {
        Self { partial: List::new(), full: List::new() }
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
        let (was_full, is_empty) = unsafe {
            let was_full = span.as_ref().available() == 0;
            span.as_mut().put(slots);
            (was_full, span.as_ref().used_slots(info) == 0)
        };
        if was_full {
            // SAFETY: a span with nothing available stands on `full`.
            unsafe {
                self.full.remove(span);
                self.partial.push_front(span);
            }
        }
        if is_empty && (self.partial.len() > 1 || info.is_medium()) {
            // SAFETY: it stands on `partial`: something is available.
            unsafe { self.partial.remove(span) };
            return Some(span);
        }
        None
    }

    /// Takes an empty span off the lists, if there is one.
    pub fn take_empty(&mut self, info: &ClassInfo) -> Option<NonNull<Span>> {
        let empty = self.partial.iter().find(|span| span.used_slots(info) == 0)?;
        let empty = NonNull::from(empty);
        // SAFETY: it was found on `partial`.
        unsafe { self.partial.remove(empty) };
        Some(empty)
    }

    /// Slots of this class that its spans have handed out.
    pub fn used_slots(&self, info: &ClassInfo) -> usize {
        let spans = self.partial.len() + self.full.len();
        let available: usize = self.partial.iter().map(|span| span.available() as usize).sum();
        spans * info.span_slots as usize - available
    }
}
