//! Which addresses are the nursery's: a test that comes with every pointer that a minor collection looks at.
//!
//! Above: the mover. Below: nothing. Most of the time it is one block or two; and most addresses that are in neither
//! are not between the others, either.
#![forbid(unsafe_code)]

/// Blocks besides the main one.
pub(crate) const MORE: usize = 48;

/// Address ranges.
#[derive(Clone, Debug)]
pub(crate) struct Ranges {
    main_start: usize,
    main_bytes: usize,
    /// Where the others lie, from the lowest to the end of the highest.
    hull_start: usize,
    hull_bytes: usize,
    more: [(usize, usize); MORE],
    count: usize,
}

impl Ranges {
    pub const fn new() -> Self {
        Self {
            main_start: 0,
            main_bytes: 0,
            hull_start: 0,
            hull_bytes: 0,
            more: [(0, 0); MORE],
            count: 0,
        }
    }

    /// Another range; the first is that which most addresses will be in. There are never more than [`MORE`] besides.
    pub fn add(&mut self, start: usize, bytes: usize) {
        if self.main_bytes == 0 {
            (self.main_start, self.main_bytes) = (start, bytes);
            return;
        }
        let end = if self.count == 0 { start } else { self.hull_start + self.hull_bytes };
        self.hull_start = if self.count == 0 { start } else { self.hull_start.min(start) };
        self.hull_bytes = end.max(start + bytes) - self.hull_start;
        self.more[self.count] = (start, bytes);
        self.count += 1;
    }

    #[inline(always)]
    pub fn contains(&self, address: usize) -> bool {
        address.wrapping_sub(self.main_start) < self.main_bytes
            || (address.wrapping_sub(self.hull_start) < self.hull_bytes
                && self.contains_more(address))
    }

    /// The youngest block, which is the largest, comes last.
    #[inline(never)]
    fn contains_more(&self, address: usize) -> bool {
        let mut more = self.more[..self.count].iter().rev();
        more.any(|(start, bytes)| address.wrapping_sub(*start) < *bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_range_ends_where_it_ends() {
        let parts = [(4096, 512), (1 << 20, 64), (8192, 1024), (64, 8)];
        let mut ranges = Ranges::new();
        assert!(!ranges.contains(0) && !ranges.contains(usize::MAX));
        for (count, (start, bytes)) in parts.into_iter().enumerate() {
            ranges.add(start, bytes);
            for (place, (start, bytes)) in parts.into_iter().enumerate() {
                let is_in = place <= count;
                assert_eq!(ranges.contains(start), is_in);
                assert_eq!(ranges.contains(start + bytes - 1), is_in);
                assert!(!ranges.contains(start - 1) && !ranges.contains(start + bytes));
            }
        }
    }
}
