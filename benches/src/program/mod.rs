//! A trace made ready: for each thread of the replay, one list of instructions of 64 bits.
//!
//! Above: `replay` executes a program, `run` has it made once per trace and stored, so that no
//! process that is measured has to decode anything. Below: `strata_trace`.
//!
//! In `compile`: a trace becomes a program. In `facts`: what is counted on the way.
//! In `file`: a program on disk.
//!
//! **Order.** The threads of a replay are as free as those of the program were, under two rules:
//!
//! * **O1.** An event on an object comes after the event before it on the same object. Where that
//!   one belongs to another thread, it is followed by [`Publish`](Step::Publish), and a
//!   [`Wait`](Step::Wait) stands before this one.
//! * **O2.** Events are counted in epochs of [`EPOCH_EVENTS`]. A thread [`Enter`](Step::Enter)s
//!   epoch `e` when all others have done their events of the epochs up to `e - 2`: threads start
//!   about when they started, and their peaks meet as they met.
//!
//! Neither rule can end in a standstill: the earliest event that is not done waits only for earlier
//! ones (O1), and every other thread has come to a later event, so it has left the epochs before
//! (O2).

pub mod compile;
pub mod facts;
pub mod file;

use std::alloc::Layout;

/// Events in an epoch (rule O2).
pub const EPOCH_EVENTS: u64 = 4096;

/// Threads in a replay at most; recorded threads beyond that share.
pub const THREADS_MAX: usize = 64;

/// Points at which memory is sampled.
pub const SAMPLES: u64 = 300;

/// Largest size that an instruction holds.
pub const SIZE_MAX_BYTES: u64 = u32::MAX as u64;

/// Largest alignment that an instruction holds.
pub const ALIGN_MAX_BYTES: u64 = 1 << 31;

/// Objects that an instruction can tell apart.
pub const PLACES_MAX: u32 = 1 << PLACE_BITS;

const KIND_BITS: u32 = 3;
const ALIGN_BITS: u32 = 5;
const PLACE_BITS: u32 = 24;
const SIZE_BITS: u32 = 32;
const _: () = assert!(KIND_BITS + ALIGN_BITS + PLACE_BITS + SIZE_BITS == u64::BITS);
const _: () = assert!(ALIGN_MAX_BYTES.trailing_zeros() < 1 << ALIGN_BITS);
const _: () = assert!(THREADS_MAX <= PLACES_MAX as usize);

const ALLOC: u64 = 0;
const ALLOC_ZEROED: u64 = 1;
const FREE: u64 = 2;
/// Followed by a word with the new layout.
const REALLOC: u64 = 3;
const WAIT: u64 = 4;
const PUBLISH: u64 = 5;
const ENTER: u64 = 6;
/// Its place says of what: a sample at a number of [`SAMPLES`], or [`AT_PEAK`].
const LOOK: u64 = 7;
const AT_PEAK: u32 = PLACES_MAX - 1;

/// Events from one sample to the next, in a trace of so many.
#[must_use]
pub fn stride(events: u64) -> u64 {
    events.div_ceil(SAMPLES).max(1)
}

/// What one thread does, one step after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Allocate; the address goes to `place`.
    Alloc {
        /// The object's entry in the table of addresses.
        place: u32,
        /// What to ask for.
        layout: Layout,
        /// Whether it has to be zero.
        zeroed: bool,
    },
    /// Free what is at `place`.
    Free {
        /// The object's entry.
        place: u32,
        /// What it was asked for with.
        layout: Layout,
    },
    /// Reallocate what is at `place`.
    Realloc {
        /// The object's entry.
        place: u32,
        /// What it has.
        old: Layout,
        /// What it gets.
        new: Layout,
    },
    /// Wait until `thread` has published `count` times (O1).
    Wait {
        /// A thread of the replay.
        thread: u32,
        /// How often.
        count: u32,
    },
    /// Everything before this is visible to those who wait for it (O1).
    Publish,
    /// The next events belong to this epoch (O2).
    Enter {
        /// The epoch.
        epoch: u32,
    },
    /// Sample the memory.
    Sample {
        /// The number of the sample.
        number: u32,
    },
    /// The most bytes of the whole trace are live now.
    Peak,
}

/// A trace, ready to be replayed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    words: Vec<u64>,
    /// Where each thread's words begin and end.
    threads: Vec<(usize, usize)>,
    places: u32,
    events: u64,
}

impl Program {
    /// How many threads it has.
    #[must_use]
    pub fn threads(&self) -> usize {
        self.threads.len()
    }

    /// How many entries the table of addresses needs.
    #[must_use]
    pub fn places(&self) -> u32 {
        self.places
    }

    /// How many events of the trace it holds.
    #[must_use]
    pub fn events(&self) -> u64 {
        self.events
    }

    /// The steps of one thread.
    ///
    /// # Panics
    ///
    /// If there is no such thread.
    #[must_use]
    pub fn steps(&self, thread: usize) -> Steps<'_> {
        let (from, to) = self.threads[thread];
        Steps { words: &self.words[from..to] }
    }
}

/// The steps of one thread, decoded as they are taken.
#[derive(Clone, Debug)]
pub struct Steps<'p> {
    words: &'p [u64],
}

impl Iterator for Steps<'_> {
    type Item = Step;

    #[inline]
    fn next(&mut self) -> Option<Step> {
        let (&word, rest) = self.words.split_first()?;
        self.words = rest;
        let place = place_of(word);
        Some(match kind_of(word) {
            ALLOC => Step::Alloc { place, layout: layout_of(word), zeroed: false },
            ALLOC_ZEROED => Step::Alloc { place, layout: layout_of(word), zeroed: true },
            FREE => Step::Free { place, layout: layout_of(word) },
            REALLOC => {
                let (&new, rest) = self.words.split_first()?;
                self.words = rest;
                Step::Realloc { place, old: layout_of(word), new: layout_of(new) }
            }
            WAIT => Step::Wait { thread: place, count: size_of(word) },
            PUBLISH => Step::Publish,
            ENTER => Step::Enter { epoch: size_of(word) },
            _ if place == AT_PEAK => Step::Peak,
            _ => Step::Sample { number: place },
        })
    }
}

impl Step {
    /// Appends the step's one or two words.
    fn put(self, out: &mut Vec<u64>) {
        let plain = |kind, place, size| word(kind, 0, place, size);
        let laid = |kind, place, layout: Layout| {
            word(kind, layout.align().trailing_zeros(), place, layout.size() as u32)
        };
        let word = match self {
            Self::Alloc { place, layout, zeroed: false } => laid(ALLOC, place, layout),
            Self::Alloc { place, layout, zeroed: true } => laid(ALLOC_ZEROED, place, layout),
            Self::Free { place, layout } => laid(FREE, place, layout),
            Self::Realloc { place, old, new } => {
                out.push(laid(REALLOC, place, old));
                laid(REALLOC, place, new)
            }
            Self::Wait { thread, count } => plain(WAIT, thread, count),
            Self::Publish => plain(PUBLISH, 0, 0),
            Self::Enter { epoch } => plain(ENTER, 0, epoch),
            Self::Sample { number } => plain(LOOK, number, 0),
            Self::Peak => plain(LOOK, AT_PEAK, 0),
        };
        out.push(word);
    }
}

fn word(kind: u64, align_log2: u32, place: u32, size: u32) -> u64 {
    kind | u64::from(align_log2) << KIND_BITS
        | u64::from(place) << (KIND_BITS + ALIGN_BITS)
        | u64::from(size) << (KIND_BITS + ALIGN_BITS + PLACE_BITS)
}

#[inline]
fn kind_of(word: u64) -> u64 {
    word & ((1 << KIND_BITS) - 1)
}

#[inline]
fn place_of(word: u64) -> u32 {
    (word >> (KIND_BITS + ALIGN_BITS)) as u32 & (PLACES_MAX - 1)
}

#[inline]
fn size_of(word: u64) -> u32 {
    (word >> (u64::BITS - SIZE_BITS)) as u32
}

#[inline]
fn layout_of(word: u64) -> Layout {
    let align = 1usize << (word >> KIND_BITS & ((1 << ALIGN_BITS) - 1));
    // SAFETY: the alignment is a power of two of at most 2^31, the size is below 2^32: rounded up,
    // it does not overflow an `isize` of 64 bits (asserted below).
    unsafe { Layout::from_size_align_unchecked(size_of(word) as usize, align) }
}
const _: () = assert!(isize::BITS == 64, "replays need 64-bit addresses");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_return() {
        let layout = |size, align| Layout::from_size_align(size, align).unwrap();
        let (small, large) = (layout(1, 1), layout(u32::MAX as usize, 1 << 31));
        let steps = [
            Step::Enter { epoch: u32::MAX },
            Step::Alloc { place: 0, layout: small, zeroed: false },
            Step::Alloc { place: PLACES_MAX - 1, layout: large, zeroed: true },
            Step::Realloc { place: 5, old: small, new: large },
            Step::Wait { thread: 63, count: 7 },
            Step::Sample { number: 299 },
            Step::Peak,
            Step::Publish,
            Step::Free { place: 5, layout: large },
        ];
        let mut words = Vec::new();
        steps.iter().for_each(|step| step.put(&mut words));
        assert_eq!(words.len(), steps.len() + 1);
        assert_eq!(Steps { words: &words }.collect::<Vec<_>>(), steps);
    }
}
