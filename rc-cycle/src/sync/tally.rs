//! What a thread has made and freed, until it tells all: so that making a box touches no line that others write to.
//!
//! Above: `word.rs`. Below: the collector's counters.

use super::collector;
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
            collector::live_changed(self.objects.take(), self.bytes.take());
        }
    }
}
