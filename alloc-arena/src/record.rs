//! What the arena remembers of a page: 20 bytes outside the page.
//!
//! Above: the trees of free runs and the table of all runs. Only the first and the last page of a
//! run have a record that means something:
//!
//! ```text
//!              first page                         last page
//!   used       length, Used                       length, Used
//!   free       length, Free, links, dirty, tick   length, Free
//! ```
//!
//! A run of one page is its own last page. Records between are never read.

use core::cmp::Ordering;

/// The index of a page in its mapping.
pub(crate) type Page = u32;

/// No page.
pub(crate) const NONE: Page = u32::MAX;

/// The longest run, and the largest mapping, in pages: what `Record::head` can say.
pub(crate) const MAX_PAGES: u32 = (1 << 30) - 1;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum State {
    Used,
    Free,
}

#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub(crate) struct Record {
    head: u32,
    /// The tree below, by key: less.
    pub left: Page,
    /// The tree below, by key: greater.
    pub right: Page,
    /// How many pages of the free run are dirty.
    pub dirty_pages: u32,
    /// When (most of) them became dirty, in ticks of the decay.
    pub tick: u32,
}

const _: () = assert!(size_of::<Record>() == 20);
const _: () = assert!(MAX_PAGES < NONE >> 1);

impl Record {
    /// The record of either end of a run.
    pub fn end(state: State, pages: u32) -> Self {
        let bit = match state {
            State::Used => 0,
            State::Free => 1,
        };
        Self { head: pages << 1 | bit, left: NONE, right: NONE, dirty_pages: 0, tick: 0 }
    }

    #[inline]
    pub fn state(&self) -> State {
        if self.head & 1 == 0 { State::Used } else { State::Free }
    }

    #[inline]
    pub fn pages(&self) -> u32 {
        self.head >> 1
    }
}

/// The order of free runs: by length, then by address, so that the best fit at the lowest address
/// comes first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Key {
    pub pages: u32,
    pub page: Page,
}

impl Key {
    #[inline]
    pub fn of(records: &[Record], page: Page) -> Self {
        Self { pages: records[page as usize].pages(), page }
    }
}

/// Which of two runs stands nearer to the root: a hash of the address, so that the order in which a
/// program frees cannot make a tree deep.
#[inline]
pub(crate) fn rank(page: Page) -> u32 {
    let mixed = (page ^ page >> 15).wrapping_mul(0x2c1b_3c6d);
    let mixed = (mixed ^ mixed >> 12).wrapping_mul(0x297a_2d39);
    mixed ^ mixed >> 15
}

/// `Greater` if `a` stands above `b`. Two pages never stand equal, since `rank` is a bijection.
#[inline]
pub(crate) fn above(a: Page, b: Page) -> Ordering {
    rank(a).cmp(&rank(b))
}
