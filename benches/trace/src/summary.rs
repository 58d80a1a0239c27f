//! What a trace says after its last event: figures over the whole of it.
//!
//! Above: the writer keeps one while it writes, the reader counts again and compares.
//! Below: `format`, `ids`.

use crate::format::{put, take};
use crate::ids::Ids;
use crate::{Event, Op};

/// Figures over a whole trace.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Events in all.
    pub events: u64,
    /// Threads that allocated or freed.
    pub threads: u64,
    /// Objects that were allocated.
    pub objects: u64,
    /// How many of them had to be zero.
    pub zeroed: u64,
    /// How many were freed; the others outlived the recording.
    pub frees: u64,
    /// How often one changed its size.
    pub reallocs: u64,
    /// The largest number of objects live at once; all ids are below it.
    pub peak_live_objects: u64,
    /// The largest sum of the sizes of live objects.
    pub peak_live_bytes: u64,
}

impl Summary {
    /// Takes `event` into account; `ids` is the state after it.
    pub(crate) fn count(&mut self, event: Event, ids: &Ids) {
        self.events += 1;
        self.threads = self.threads.max(u64::from(event.thread) + 1);
        match event.op {
            Op::Alloc { zeroed, .. } => {
                self.objects += 1;
                self.zeroed += u64::from(zeroed);
            }
            Op::Free { .. } => self.frees += 1,
            Op::Realloc { .. } => self.reallocs += 1,
        }
        self.peak_live_objects = ids.used() as u64;
        self.peak_live_bytes = self.peak_live_bytes.max(ids.live_bytes());
    }

    pub(crate) const FIGURES: usize = 8;

    pub(crate) fn put(&self, out: &mut Vec<u8>) {
        for figure in self.figures() {
            put(out, figure);
        }
    }

    pub(crate) fn take(from: &mut &[u8]) -> Option<Self> {
        Some(Self {
            events: take(from)?,
            threads: take(from)?,
            objects: take(from)?,
            zeroed: take(from)?,
            frees: take(from)?,
            reallocs: take(from)?,
            peak_live_objects: take(from)?,
            peak_live_bytes: take(from)?,
        })
    }

    /// In the order in which they stand in the file.
    fn figures(&self) -> [u64; Self::FIGURES] {
        [
            self.events,
            self.threads,
            self.objects,
            self.zeroed,
            self.frees,
            self.reallocs,
            self.peak_live_objects,
            self.peak_live_bytes,
        ]
    }
}
