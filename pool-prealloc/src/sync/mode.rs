//! The mode of a pool: who may touch the lists of its shards. Who changes it is said in `mod.rs`.
//!
//! Above: hits, which ask for it; gatherings. Below: nothing.

/// The states of the mode, below a count of how often the pool was shared.
pub(super) const PRIVATE: usize = 0;
pub(super) const GATHERING: usize = 1;
pub(super) const SHARED: usize = 2;
pub(super) const STATES: usize = 3;

pub(super) const fn state(mode: usize) -> usize {
    mode & STATES
}
