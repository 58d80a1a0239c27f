//! What can be set about an arena: plain numbers, read by the arena's parts.
#![forbid(unsafe_code)]

use crate::huge::HugePages;

/// The settings of an [`Arena`](crate::Arena). Its `with_…` methods change one each.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Config {
    /// The first reservation asks for this much address space.
    pub reservation_bytes: usize,
    /// How long freed memory is kept, in milliseconds; `None`: for ever.
    pub purge_delay_ms: Option<u32>,
    /// Runs of at least this length get a mapping of their own.
    pub dedicated_bytes: usize,
    /// What the system is told about huge pages.
    pub huge_pages: HugePages,
}

#[cfg(target_pointer_width = "64")]
pub(crate) const RESERVATION_BYTES: usize = 256 << 30;
#[cfg(not(target_pointer_width = "64"))]
pub(crate) const RESERVATION_BYTES: usize = 256 << 20;

/// A reservation that a limited system grants only in part, and later ones, are not smaller than
/// this unless nothing else can be had.
pub(crate) const LEAST_RESERVATION_BYTES: usize = 1 << 20;

/// The commit of a mapping moves on in steps of this length.
pub(crate) const COMMIT_STEP_BYTES: usize = 64 << 20;

/// What reservations are aligned to where the system can choose: a huge page.
pub(crate) const RESERVATION_ALIGN: usize = 2 << 20;

/// Alignments above this get a mapping of their own: in a shared mapping they would tear holes.
pub(crate) const COMMON_ALIGN: usize = 32 << 20;

impl Config {
    pub const fn new() -> Self {
        Self {
            reservation_bytes: RESERVATION_BYTES,
            purge_delay_ms: Some(1000),
            dedicated_bytes: 32 << 20,
            huge_pages: HugePages::Dense,
        }
    }
}
