//! A mapping cut into places: their records at its start, then the stacks with their guards.
//!
//! Above: [`State`](super::state::State), under its lock. Below: the source. Both parts are committed in steps, so
//! that the system has a mapping with memory and one without, and no more.

use super::StackError;
use super::config::Shape;
use super::record::{Place, Record};
use crate::below::Below;
use crate::config::COMMIT_STEP_BYTES;
use crate::source::{Advice, Reserved, Source};
use core::ops::Range;
use core::ptr::NonNull;

#[derive(Debug)]
pub(super) struct Places {
    pub shape: Shape,
    /// All of it.
    range: Reserved,
    /// The first place.
    base: NonNull<u8>,
    /// How many places have room, and how many were made: these have records.
    pub room: usize,
    pub made: usize,
    /// How much is accessible, of the records and of the places, in bytes.
    records_bytes: usize,
    places_bytes: usize,
}

/// The records are committed in steps of this length.
const RECORDS_STEP_BYTES: usize = 64 << 10;

const _: () = assert!(align_of::<Record>() <= 64, "S6: a page is aligned to 64 bytes at least");

impl Places {
    /// Reserves addresses for `wished` places, or fewer where addresses are short.
    pub fn reserve<S: Source>(
        below: &Below<S>,
        shape: Shape,
        wished: usize,
    ) -> Result<Self, StackError> {
        let range = Self::addresses(below, shape, wished)?;
        let per_place_bytes = shape.stride_bytes() + size_of::<Record>();
        let head_bytes =
            |room: usize| (room * size_of::<Record>()).next_multiple_of(shape.page_bytes);
        let mut room = range.bytes / per_place_bytes;
        if head_bytes(room) + room * shape.stride_bytes() > range.bytes {
            room = room.saturating_sub(1); // the records' last page takes less than a place
        }
        if room == 0 {
            // SAFETY: reserved just now; nobody uses it.
            let _ = unsafe { below.unreserve(range.base, range.bytes) };
            return Err(StackError::Addresses { bytes: per_place_bytes });
        }
        // SAFETY: the records of `room` places and the places lie within the range, as was just computed.
        let base = unsafe { range.base.add(head_bytes(room)) };
        if below.source.huge_bytes() > 0 {
            // A stack would else have a huge page as soon as it is touched. A refusal costs memory, no more.
            // SAFETY: the range was reserved just now.
            let _ = unsafe { below.advise(range.base, range.bytes, Advice::Small) };
        }
        Ok(Self { shape, range, base, room, made: 0, records_bytes: 0, places_bytes: 0 })
    }

    /// A range for `wished` places. Where there is none so long, half of what there is: the rest of the program needs
    /// addresses, too.
    fn addresses<S: Source>(
        below: &Below<S>,
        shape: Shape,
        wished: usize,
    ) -> Result<Reserved, StackError> {
        let half = |bytes: usize| (bytes / 2).next_multiple_of(shape.page_bytes);
        let least_bytes = Self::bytes_for(shape, 1);
        let wished_bytes = Self::bytes_for(shape, wished);
        let mut bytes = wished_bytes;
        let mut range = loop {
            match below.reserve(bytes, shape.page_bytes) {
                Ok(range) => break range,
                Err(_) if bytes <= least_bytes => return Err(StackError::Addresses { bytes }),
                Err(_) => bytes = half(bytes).max(least_bytes),
            }
        };
        let half_bytes = half(range.bytes);
        if bytes < wished_bytes && half_bytes >= least_bytes {
            // SAFETY: the tail of a range that was reserved just now.
            let tail = unsafe { range.base.add(half_bytes) };
            // SAFETY: as above; nobody uses it.
            if unsafe { below.unreserve(tail, range.bytes - half_bytes) }.is_ok() {
                range.bytes = half_bytes;
            }
        }
        Ok(range)
    }

    /// What a mapping of that many places takes; it may be less than enough only where nothing could be.
    fn bytes_for(shape: Shape, places: usize) -> usize {
        let per_place_bytes = shape.stride_bytes().saturating_add(size_of::<Record>());
        let bytes = places.saturating_mul(per_place_bytes).min(isize::MAX as usize / 2);
        (bytes + shape.page_bytes).next_multiple_of(shape.page_bytes)
    }

    /// Makes the next place: its record, accessible pages. It has no guard yet.
    ///
    /// # Errors
    ///
    /// If the source commits no more; nothing has changed then.
    pub fn make<S: Source>(
        &mut self,
        below: &Below<S>,
        number: usize,
    ) -> Result<Place, StackError> {
        debug_assert!(self.made < self.room);
        let records_end = (self.made + 1) * size_of::<Record>();
        let places_end = (self.made + 1) * self.shape.stride_bytes();
        let records = (self.range.base, self.base.addr().get() - self.range.base.addr().get());
        let places = (self.base, self.room * self.shape.stride_bytes());
        let stacks = StackError::Memory { stacks: number };
        let (part, step_bytes) = (self.records_bytes..records_end, RECORDS_STEP_BYTES);
        self.records_bytes = self.commit(below, records, part, step_bytes, stacks)?;
        let (part, step_bytes) = (self.places_bytes..places_end, COMMIT_STEP_BYTES);
        self.places_bytes = self.commit(below, places, part, step_bytes, stacks)?;

        let offset = self.made * self.shape.stride_bytes() + self.shape.guard_bytes;
        // SAFETY: `made` is less than `room`, so the place lies in the mapping.
        let low = unsafe { self.base.add(offset) };
        let high = low.addr().get() + self.shape.span_bytes - Shape::colour_bytes(number);
        let record = self.record(self.made);
        // SAFETY: the record's memory was committed above, is aligned to a page's part, and not used yet.
        unsafe { record.write(Record::new(low, high)) };
        self.made += 1;
        // SAFETY: made just now; a mapping goes only when no place is live (R5).
        Ok(unsafe { Place::new(record) })
    }

    /// Commits `bytes` of a part at least, in large steps where the source has so much. What is committed then.
    fn commit<S: Source>(
        &self,
        below: &Below<S>,
        part: (NonNull<u8>, usize),
        bytes: Range<usize>,
        step_bytes: usize,
        refused: StackError,
    ) -> Result<usize, StackError> {
        let (base, part_bytes) = part;
        let Range { start: done_bytes, end: end_bytes } = bytes;
        if end_bytes <= done_bytes {
            return Ok(done_bytes);
        }
        let least_bytes = end_bytes.next_multiple_of(self.shape.page_bytes).min(part_bytes);
        let step_bytes = least_bytes.next_multiple_of(step_bytes).min(part_bytes);
        for to_bytes in [step_bytes, least_bytes] {
            // SAFETY: `done_bytes` is at most the part's length.
            let from = unsafe { base.add(done_bytes) };
            // SAFETY: the pages are of the mapping.
            if unsafe { below.commit(from, to_bytes - done_bytes) }.is_ok() {
                return Ok(to_bytes);
            }
        }
        Err(refused)
    }

    fn record(&self, index: usize) -> NonNull<Record> {
        // SAFETY: an index below `room`; the records of so many lie in the mapping.
        unsafe { self.range.base.cast::<Record>().add(index) }
    }

    /// All places that were made.
    pub fn iter(&self) -> impl Iterator<Item = Place> {
        // SAFETY: made, as `make` says.
        (0..self.made).map(|index| unsafe { Place::new(self.record(index)) })
    }

    /// Where the places begin.
    #[cfg(all(feature = "os", unix))]
    pub fn base(&self) -> NonNull<u8> {
        self.base
    }

    #[cfg(all(feature = "os", unix))]
    pub fn records(&self) -> NonNull<Record> {
        self.record(0)
    }

    pub fn reserved_bytes(&self) -> usize {
        self.range.bytes
    }

    pub fn committed_bytes(&self) -> usize {
        self.places_bytes
    }

    pub fn metadata_bytes(&self) -> usize {
        self.records_bytes
    }

    /// Gives the mapping back.
    ///
    /// # Safety
    ///
    /// No place of it is live, and nobody has one any more.
    pub unsafe fn dispose<S: Source>(self, below: &Below<S>) {
        // SAFETY: the range is this mapping's, and nobody uses it (caller). If the system refuses, addresses are lost.
        let _ = unsafe { below.unreserve(self.range.base, self.range.bytes) };
    }
}
