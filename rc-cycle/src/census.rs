//! What is alive, by type: a report of leaks, where a program should have let go of everything (feature `census`).
//!
//! Above: who notes that a box is made or freed (`cycles.rs`, `sync/collector.rs`), and has it told to the user. Below:
//! records. Without the feature there is nothing here, and boxes tell nobody.

use crate::header::Record;
use alloc::vec::Vec;
use core::ptr::NonNull;
use hashbrown::HashMap;

/// Values of one type that are alive, or were not found dead yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Count {
    /// The type, as the compiler names it; printing shortens that.
    pub name: &'static str,
    /// How many values.
    pub objects: usize,
    /// Bytes of their boxes.
    pub bytes: usize,
}

/// The counts of all types.
#[derive(Debug, Default)]
pub(crate) struct Census(Option<HashMap<&'static str, Count>>);

impl Census {
    pub const fn new() -> Self {
        Self(None)
    }

    /// A box was made, or is freed. Without memory for the table, its type is not counted.
    pub fn note(&mut self, value: NonNull<u8>, record: &'static Record, is_new: bool) {
        let name = (record.name)();
        // SAFETY: who calls has the box.
        let bytes = unsafe { (record.bytes)(value) };
        let table = self.0.get_or_insert_default();
        if table.try_reserve(1).is_err() {
            return;
        }
        let count = table.entry(name).or_insert(Count { name, objects: 0, bytes: 0 });
        if is_new {
            count.objects += 1;
            count.bytes += bytes;
        } else {
            count.objects = count.objects.saturating_sub(1);
            count.bytes = count.bytes.saturating_sub(bytes);
        }
    }

    /// The types of which there are values, those with the most bytes first.
    pub fn counts(&self) -> Vec<Count> {
        let counts = self.0.iter().flat_map(HashMap::values).filter(|count| count.objects > 0);
        let mut counts: Vec<Count> = counts.copied().collect();
        counts.sort_by(|a, b| b.bytes.cmp(&a.bytes).then(a.name.cmp(b.name)));
        counts
    }
}
