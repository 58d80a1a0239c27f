//! What is alive: what each thread has made and freed, until it tells all; and what all have told. So making a box touches
//! no line that others write to.
//!
//! Above: what a thread knows (`thread.rs`); the collector. Below: cells, atomics.

use alloc_core::sync::{AtomicUsize, Ordering};
use core::cell::Cell;

/// From so many bytes on, all are told.
const TELL_BYTES: isize = 32 << 10;

#[derive(Debug)]
pub(crate) struct Tally {
    objects: Cell<isize>,
    bytes: Cell<isize>,
}

impl Tally {
    pub const fn new() -> Self {
        Self { objects: Cell::new(0), bytes: Cell::new(0) }
    }

    #[inline]
    pub fn add(&self, objects: isize, bytes: isize) {
        self.objects.set(self.objects.get() + objects);
        self.bytes.set(self.bytes.get() + bytes);
        if self.bytes.get().abs() >= TELL_BYTES {
            self.tell();
        }
    }

    #[cold]
    pub fn tell(&self) {
        // A thread may end outside of a model.
        if cfg!(not(loom)) {
            live_changed(self.objects.take(), self.bytes.take());
        }
    }
}

/// What threads have told.
struct Live {
    objects: AtomicUsize,
    bytes: AtomicUsize,
}

impl Live {
    alloc_core::const_fn! {
        const fn new() -> Self {
            Self { objects: AtomicUsize::new(0), bytes: AtomicUsize::new(0) }
        }
    }
}

#[cfg(not(all(loom, feature = "loom")))]
static LIVE: Live = Live::new();
#[cfg(all(loom, feature = "loom"))]
alloc_core::sync::lazy_static! {
    static ref LIVE: Live = Live::new();
}

/// Threads have made, or freed.
pub(super) fn live_changed(objects: isize, bytes: isize) {
    // ORDERING: Relaxed, both counters: they guard nothing.
    LIVE.objects.fetch_add(objects.cast_unsigned(), Ordering::Relaxed);
    LIVE.bytes.fetch_add(bytes.cast_unsigned(), Ordering::Relaxed);
}

/// Values that are alive, as far as threads have told.
pub(super) fn live_objects() -> usize {
    positive(&LIVE.objects)
}

/// Bytes of their boxes.
pub(super) fn live_bytes() -> usize {
    positive(&LIVE.bytes)
}

/// Who frees may tell before who has made.
fn positive(of: &AtomicUsize) -> usize {
    of.load(Ordering::Relaxed).cast_signed().max(0).cast_unsigned()
}
