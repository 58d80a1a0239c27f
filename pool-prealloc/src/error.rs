//! What can go wrong: when memory is taken, when a pool is full, when a key is stale.
//!
//! Above: every pool. Below: nothing.
#![forbid(unsafe_code)]

use alloc_core::AllocError;
use core::alloc::LayoutError;
use core::error::Error;
use core::fmt;

/// Why a pool's memory could not be taken. Nothing of it is kept then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TakeError {
    /// So many slots have no layout, or more than the pool can number.
    TooLarge,
    /// The layer below has refused.
    Exhausted,
    /// The memory could not be locked.
    NotLocked {
        /// How much was to be locked.
        bytes: usize,
        /// The system's error, or `None` where memory cannot be locked at all.
        errno: Option<i32>,
    },
    /// The memory could not be put on huge pages.
    NoHugePages {
        /// The system's error, or `None` where there are no huge pages, or they are switched off.
        errno: Option<i32>,
    },
}

impl fmt::Display for TakeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::TooLarge => f.write_str("a pool of so many slots is larger than a pool can be"),
            Self::Exhausted => f.write_str("the layer below has no memory for the pool"),
            Self::NotLocked { bytes, errno: Some(errno) } => write!(
                f,
                "the system refuses to lock {bytes} bytes (errno {errno}): the limit is \
                 RLIMIT_MEMLOCK, `ulimit -l`, which a process with CAP_IPC_LOCK has not"
            ),
            Self::NotLocked { bytes, errno: None } => {
                write!(f, "{bytes} bytes cannot be locked: that needs Unix and the feature `std`")
            }
            Self::NoHugePages { errno: Some(errno) } => {
                write!(f, "the system refuses huge pages (errno {errno})")
            }
            Self::NoHugePages { errno: None } => f.write_str(
                "there are no huge pages: they need Linux, the feature `std`, and `madvise` or \
                 `always` in /sys/kernel/mm/transparent_hugepage/enabled",
            ),
        }
    }
}

impl Error for TakeError {}

impl From<AllocError> for TakeError {
    fn from(_: AllocError) -> Self {
        Self::Exhausted
    }
}

impl From<LayoutError> for TakeError {
    fn from(_: LayoutError) -> Self {
        Self::TooLarge
    }
}

/// A pool has no free slot; here is what was to go into one.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Full<T>(pub T);

impl<T> Full<T> {
    /// What was to go into a slot.
    pub fn into_inner(self) -> T {
        self.0
    }
}

// Not derived: a value need not be printable for its error to be.
impl<T> fmt::Debug for Full<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Full(..)")
    }
}

impl<T> fmt::Display for Full<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the pool has no free slot")
    }
}

impl<T> Error for Full<T> {}

/// A key whose object is gone, or that is another pool's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct StaleKey;

impl fmt::Display for StaleKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the key's object is not in the pool any more")
    }
}

impl Error for StaleKey {}
