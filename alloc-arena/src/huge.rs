//! Where huge pages are asked for: policy alone, numbers in and a wish out.
//!
//! Above: users, who choose a [`HugePages`]; [`State`](crate::state::State), which asks for each run
//! that has fresh pages. Not here: the calls, and which pages are fresh.
//!
//! The first touch of a huge page costs a third of what its small pages would cost one by one, and
//! all of it is resident from then on. So it is right where all of it will be touched soon, and
//! wrong where memory is sparse. What is known when a run is handed out:
//!
//! * when [`DENSE_HUGE_PAGES`] huge pages' worth of memory are in use, one more that is touched in part
//!   weighs little, and free runs beside those that are used fill up before fresh ones are touched;
//! * a long run that need not be zero is written to as a whole, as a rule; a long run of zeroes may be a
//!   sparse table.
#![forbid(unsafe_code)]

/// What an arena tells the system about huge pages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HugePages {
    /// Asks for huge pages where memory will be dense: for fresh memory while more than 6 huge
    /// pages' worth is in use, and for long runs. Advice is taken back after a while, so that the
    /// system does not fill what is purged later.
    #[default]
    Dense,
    /// Says nothing.
    System,
    /// Asks for huge pages everywhere, once for all.
    Prefer,
    /// Asks for small pages everywhere.
    Avoid,
}

/// With so many huge pages' worth of memory in use, fresh memory is asked for in huge pages.
const DENSE_HUGE_PAGES: usize = 6;

/// A run of at least so many huge pages begins where one can, if it lies in fresh memory.
const LONG_HUGE_PAGES: usize = 2;

/// A run of more than so many, and more than twice of all that is in use, may well be a range that
/// somebody reserves to use bits of it.
const MOST_HUGE_PAGES: usize = 64;

/// A long run of zeroes gets huge pages if what is in use is so many times as much.
const ZEROED_SHARE: usize = 16;

/// Which fresh pieces of a run, as long as a huge page and aligned to it, are to be huge pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wish {
    /// None.
    Nothing,
    /// Those that lie within the run.
    Within,
    /// Those that the run has a part of.
    Touched,
}

/// What decides about wishes at a moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Huge {
    /// The size of a huge page; 0 if none are wished for.
    pub huge_bytes: usize,
    /// What is in use.
    pub used_bytes: usize,
}

impl Huge {
    /// The wish for a run of `bytes` that has to read as zero or not.
    pub fn wish(self, bytes: usize, zeroed: bool) -> Wish {
        let Self { huge_bytes, used_bytes } = self;
        let dense_bytes = DENSE_HUGE_PAGES.saturating_mul(huge_bytes);
        let most_bytes = if zeroed && bytes >= huge_bytes {
            used_bytes / ZEROED_SHARE
        } else {
            MOST_HUGE_PAGES.saturating_mul(huge_bytes).max(used_bytes.saturating_mul(2))
        };
        if huge_bytes == 0 || bytes > most_bytes {
            Wish::Nothing
        } else if used_bytes >= dense_bytes {
            Wish::Touched
        } else if used_bytes + bytes >= dense_bytes && !zeroed {
            Wish::Within
        } else {
            Wish::Nothing
        }
    }
}

/// Whether a run is so long that it had better begin where a huge page can.
#[inline]
pub(crate) fn is_long(bytes: usize, huge_bytes: usize) -> bool {
    huge_bytes != 0 && bytes >= LONG_HUGE_PAGES * huge_bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: usize = 1 << 20;
    const HUGE: usize = 2 * MIB;

    #[test]
    fn huge_pages_are_wished_for_where_memory_is_dense() {
        let wish = |bytes, used_bytes| Huge { huge_bytes: HUGE, used_bytes }.wish(bytes, false);
        assert_eq!(wish(64 << 10, 11 * MIB), Wish::Nothing);
        assert_eq!(wish(64 << 10, 12 * MIB), Wish::Touched);
        assert_eq!(wish(8 * MIB, 3 * MIB), Wish::Nothing);
        assert_eq!(wish(8 * MIB, 4 * MIB), Wish::Within);
        assert_eq!(wish(100 * MIB, 0), Wish::Within);
        assert_eq!(wish(100 * MIB, 50 * MIB), Wish::Touched);
        assert_eq!(wish(1000 * MIB, 100 * MIB), Wish::Nothing);
        assert_eq!(wish(1000 * MIB, 500 * MIB), Wish::Touched);
    }

    #[test]
    fn huge_pages_are_not_wished_for_in_large_tables_of_zeroes() {
        let wish = |bytes, used_bytes| Huge { huge_bytes: HUGE, used_bytes }.wish(bytes, true);
        assert_eq!(wish(16 * MIB, 0), Wish::Nothing);
        assert_eq!(wish(16 * MIB, 64 * MIB), Wish::Nothing);
        assert_eq!(wish(16 * MIB, 256 * MIB), Wish::Touched);
        assert_eq!(wish(64 << 10, 12 * MIB), Wish::Touched);
        assert_eq!(wish(64 << 10, 11 * MIB), Wish::Nothing);
    }

    #[test]
    fn huge_pages_are_not_wished_for_where_there_are_none() {
        let none = Huge { huge_bytes: 0, used_bytes: 64 * MIB };
        assert_eq!(none.wish(16 * MIB, false), Wish::Nothing);
    }
}
