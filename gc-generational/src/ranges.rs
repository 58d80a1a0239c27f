//! Which addresses are the nursery's: a test that comes with every pointer that a minor collection looks at.
//!
//! Above: the mover. Below: nothing. Most of the time all of it is one block, and the test two instructions.
#![forbid(unsafe_code)]

/// Blocks besides the main one.
pub(crate) const MORE: usize = 48;

/// Address ranges.
#[derive(Clone, Debug)]
pub(crate) struct Ranges {
    main_start: usize,
    main_bytes: usize,
    more: [(usize, usize); MORE],
    count: usize,
}

impl Ranges {
    pub const fn new() -> Self {
        Self { main_start: 0, main_bytes: 0, more: [(0, 0); MORE], count: 0 }
    }

    /// The range that most addresses will be in.
    pub const fn set_main(&mut self, start: usize, bytes: usize) {
        self.main_start = start;
        self.main_bytes = bytes;
    }

    /// Another one. There are never more than [`MORE`].
    pub fn add(&mut self, start: usize, bytes: usize) {
        self.more[self.count] = (start, bytes);
        self.count += 1;
    }

    #[inline(always)]
    pub fn contains(&self, address: usize) -> bool {
        address.wrapping_sub(self.main_start) < self.main_bytes
            || (self.count > 0 && self.contains_more(address))
    }

    /// The youngest block, which is the largest, comes last.
    #[inline(never)]
    fn contains_more(&self, address: usize) -> bool {
        let mut more = self.more[..self.count].iter().rev();
        more.any(|(start, bytes)| address.wrapping_sub(*start) < *bytes)
    }
}
