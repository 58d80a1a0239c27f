//! Which core holds which line, as a coherent machine has it: one writer, or any number of readers.
//!
//! Above: `cores`. Below: nothing.
//!
//! | an access finds the line | it is | and takes |
//! |---|---|---|
//! | held by this core (alone, for a write) | a hit | [`HIT_STEPS`] |
//! | held by nobody | cold: it comes from memory | [`COLD_STEPS`] |
//! | held by others | a transfer | [`TRANSFER_STEPS`], behind those transfers of this line that are under way |
//!
//! Caches are as large as need be: a line is lost to other cores alone.

use super::Access;
use std::collections::HashMap;

/// Bytes of a line.
pub const LINE_BYTES: usize = 64;

/// An access to a line that the core holds.
pub(super) const HIT_STEPS: u64 = 1;
/// A line from memory.
pub(super) const COLD_STEPS: u64 = 80;
/// A line from another core.
pub(super) const TRANSFER_STEPS: u64 = 60;

/// What an access found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    Hit,
    Cold,
    Transfer,
}

/// Who holds a line.
#[derive(Clone, Copy, Debug, Default)]
struct Line {
    /// By core.
    holders: u128,
    /// Whether the one holder has written to it.
    written: bool,
    /// When the last transfer of it is over.
    free_at: u64,
}

/// All lines that were ever accessed.
#[derive(Debug, Default)]
pub(super) struct Directory {
    lines: HashMap<usize, Line>,
    /// Addresses whose writes are none: see [`Directory::only_read`].
    only_read: Vec<(usize, usize)>,
}

impl Directory {
    /// Cells in this range count as read, also where the code could have written: an access that may
    /// write, and does not because it finds what it finds, looks like a write to the shim.
    pub fn only_read(&mut self, start: usize, end: usize) {
        self.only_read.push((start, end));
    }

    /// The lines of a stretch of memory.
    pub fn lines(start: usize, bytes: usize) -> impl Iterator<Item = usize> {
        let last = start + bytes.max(1) - 1;
        start / LINE_BYTES..=last / LINE_BYTES
    }

    /// How the access is to be taken.
    pub fn kind(&self, start: usize, access: Access) -> Access {
        let only_read = self.only_read.iter().any(|&(low, high)| (low..high).contains(&start));
        if only_read { Access::Read } else { access }
    }

    /// What an access would find.
    pub fn look(&self, core: usize, line: usize, access: Access) -> Found {
        let state = self.lines.get(&line).copied().unwrap_or_default();
        let own = 1 << core;
        match access {
            _ if state.holders == 0 => Found::Cold,
            _ if state.holders == own => Found::Hit,
            Access::Read if state.holders & own != 0 => Found::Hit,
            _ => Found::Transfer,
        }
    }

    /// Does it, at the time `now`. Returns what was found, and when the core can go on.
    pub fn access(&mut self, core: usize, line: usize, access: Access, now: u64) -> (Found, u64) {
        let found = self.look(core, line, access);
        let state = self.lines.entry(line).or_default();
        let own = 1 << core;
        match access {
            Access::Read => {
                state.holders |= own;
                state.written = state.written && state.holders == own;
            }
            Access::Write => {
                state.holders = own;
                state.written = true;
            }
        }
        let over = match found {
            Found::Hit => now + HIT_STEPS,
            Found::Cold => now + COLD_STEPS,
            Found::Transfer => {
                state.free_at = state.free_at.max(now) + TRANSFER_STEPS;
                state.free_at
            }
        };
        (found, over)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_one_writer_or_many_readers() {
        let mut directory = Directory::default();
        let mut access = |core, kind| directory.access(core, 7, kind, 0).0;
        assert_eq!(access(0, Access::Read), Found::Cold);
        assert_eq!(access(0, Access::Write), Found::Hit);
        assert_eq!(access(1, Access::Read), Found::Transfer);
        assert_eq!(access(0, Access::Read), Found::Hit, "both hold it");
        assert_eq!(access(0, Access::Write), Found::Transfer, "the other loses it");
        assert_eq!(access(0, Access::Write), Found::Hit);
        assert_eq!(access(1, Access::Write), Found::Transfer);
    }

    #[test]
    fn transfers_of_a_line_wait_for_each_other() {
        let mut directory = Directory::default();
        directory.access(0, 7, Access::Write, 0);
        let over = |directory: &mut Directory, core| directory.access(core, 7, Access::Write, 5).1;
        assert_eq!(over(&mut directory, 1), 5 + TRANSFER_STEPS);
        assert_eq!(over(&mut directory, 2), 5 + 2 * TRANSFER_STEPS);
        assert_eq!(over(&mut directory, 2), 6, "a hit");
    }

    #[test]
    fn lines_of_a_stretch() {
        assert_eq!(Directory::lines(60, 8).count(), 2);
        assert_eq!(Directory::lines(64, 64).count(), 1);
        assert_eq!(Directory::lines(64, 0).count(), 1);
    }
}
