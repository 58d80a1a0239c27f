//! Empty spans that lie ready: taken from the layer below, and touched, by a thread that helps, so that the mutator
//! does not wait for the system's page faults while a heap grows.
//!
//! Above: the helper thread, which is called when few are left. Below: the pool, the layer below.
//! Not here: the reserve, which is for when the layer below refuses.
//!
//! Rule R1 holds as for any span: one that is on its way to the pool belongs to the thread that took its run.

use super::ObjectHeap;
use super::header::header_bytes;
use super::span::SpanRef;
use alloc_core::Layer;
use alloc_core::sync::Ordering;

/// What is touched: no system's pages are shorter.
const TOUCH_BYTES: usize = 4096;
const _: () = assert!(header_bytes::<64>() <= TOUCH_BYTES);

impl<A: Layer, const KIB: usize> ObjectHeap<A, KIB> {
    /// From now on `helper` is unparked when spans should be made ready, once for each
    /// [`make_ready`](Self::make_ready). `false`: there is another already.
    #[cfg(feature = "std")]
    pub fn set_helper(&self, helper: std::thread::Thread) -> bool {
        self.helper.set(helper).is_ok()
    }

    /// Calls the helper, if there is one, and fewer spans lie ready than should, and it was not called before.
    #[cfg(feature = "std")]
    #[inline]
    pub(super) fn see_that_some_are_ready(&self) {
        // ORDERING: Relaxed, here and below: a wish, which guards no other memory; unparking carries it over.
        if let Some(helper) = self.helper.get()
            && self.lists.lock().wants_ready()
            && !self.calls_helper.swap(true, Ordering::Relaxed)
        {
            helper.unpark();
        }
    }

    /// For the helper, when it was unparked: takes spans from the layer below, touches their memory, and puts them
    /// where allocations look first, until there are as many as should be, or the layer below refuses; `goes_on` is
    /// asked before each. Returns how many that were: 0 if the mutator has not asked for any.
    ///
    /// A sixteenth of the heap's spans lie ready, at most eight; they are untouched memory no more, and count as the
    /// heap's. None if memory is short.
    pub fn make_ready(&self, goes_on: impl Fn() -> bool) -> usize {
        if !self.calls_helper.swap(false, Ordering::Relaxed) {
            return 0;
        }
        let mut spans = 0;
        while !self.is_short() && goes_on() && self.lists.lock().expect_ready() {
            let span = self.acquire(SpanRef::<KIB>::SPAN_BYTES);
            span.iter().for_each(|span| touch(*span));
            let mut lists = self.lists.lock();
            lists.on_the_way -= 1;
            let Ok(span) = span else { break };
            lists.pool.push(span);
            spans += 1;
        }
        spans
    }
}

/// Has the system provide a new span's memory.
fn touch<const KIB: usize>(span: SpanRef<KIB>) {
    for offset in (TOUCH_BYTES..SpanRef::<KIB>::SPAN_BYTES).step_by(TOUCH_BYTES) {
        // SAFETY: the byte lies in the span, behind its header, and nothing is in it yet.
        unsafe { span.run().add(offset).write_volatile(0) };
    }
}
