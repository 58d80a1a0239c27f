//! Runs that were freed a moment ago: for the next run of the same length.
//!
//! Above: [`State`](crate::state::State), which puts freed runs here, and joins all of them to their
//! free neighbours as soon as a request finds none of its length here, or anybody looks. So best fit
//! decides over the same runs as ever, and a program that frees and allocates the same length over and
//! over pays for a few comparisons.
//! To the rules of [`Runs`](crate::runs::Runs) these runs are used still; to the figures they are dirty.

use core::ptr::NonNull;

/// How many runs may wait.
const MOST: usize = 16;

#[derive(Debug)]
pub(crate) struct Recent {
    /// The lengths of the first `count` runs, in pages, and their addresses.
    lengths: [u32; MOST],
    bases: [NonNull<u8>; MOST],
    count: usize,
    /// The sum of the lengths.
    pages: usize,
}

// SAFETY: addresses of free runs of the arena, which are the process's.
unsafe impl Send for Recent {}

impl Recent {
    pub const fn new() -> Self {
        Self { lengths: [0; MOST], bases: [NonNull::dangling(); MOST], count: 0, pages: 0 }
    }

    /// How many pages wait.
    #[inline]
    #[must_use]
    pub fn pages(&self) -> usize {
        self.pages
    }

    pub fn is_full(&self) -> bool {
        self.count == MOST
    }

    /// Adds a run; there is room for it.
    #[inline]
    pub fn put(&mut self, base: NonNull<u8>, pages: u32) {
        self.lengths[self.count] = pages;
        self.bases[self.count] = base;
        self.count += 1;
        self.pages += pages as usize;
    }

    /// Takes the youngest run of `pages` pages, if it is aligned.
    #[inline]
    pub fn take(&mut self, pages: u32, align_bytes: usize) -> Option<NonNull<u8>> {
        let at = self.lengths[..self.count].iter().rposition(|&length| length == pages)?;
        let base = self.bases[at];
        base.as_ptr().addr().is_multiple_of(align_bytes).then(|| {
            self.count -= 1;
            self.lengths[at] = self.lengths[self.count];
            self.bases[at] = self.bases[self.count];
            self.pages -= pages as usize;
            base
        })
    }

    /// Takes any run, and its length.
    #[inline]
    pub fn pop(&mut self) -> Option<(NonNull<u8>, u32)> {
        self.count = self.count.checked_sub(1)?;
        let pages = self.lengths[self.count];
        self.pages -= pages as usize;
        Some((self.bases[self.count], pages))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recent_runs_come_back_by_length_and_alignment() {
        let at = |address: usize| NonNull::new(core::ptr::without_provenance_mut(address)).unwrap();
        let mut recent = Recent::new();
        for (address, pages) in [(0x1000, 1), (0x4000, 2), (0x3000, 1)] {
            recent.put(at(address), pages);
        }
        assert_eq!(recent.pages(), 4);
        assert_eq!(recent.take(3, 1), None);
        assert_eq!(recent.take(1, 0x4000), None);
        assert_eq!(recent.take(1, 0x1000), Some(at(0x3000)));
        assert_eq!(recent.take(2, 0x4000), Some(at(0x4000)));
        assert_eq!(recent.take(2, 1), None);
        assert_eq!((recent.pop(), recent.pop()), (Some((at(0x1000), 1)), None));
        assert_eq!(recent.pages(), 0);
        (0..MOST).for_each(|n| recent.put(at(0x1000), n as u32));
        assert!(recent.is_full());
    }
}
