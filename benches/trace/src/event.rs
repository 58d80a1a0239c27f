//! What a trace is made of: one event for every call into the allocator.
//!
//! Above: everything in this crate. Below: nothing.

/// One call into the allocator, at its place in the order of all calls of the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Event {
    /// Which thread called: threads are numbered from 0 in the order of their first event.
    pub thread: u32,
    /// What it asked for.
    pub op: Op,
}

/// What a call asked for.
///
/// An object's `id` is its own from its allocation until it is freed; then the next allocation
/// takes it over, so that ids stay below the largest number of objects that were ever live at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Op {
    /// `malloc`, `aligned_alloc`, `calloc` and their kind.
    Alloc {
        /// The object that begins to live.
        id: u32,
        /// What was asked for; may be 0.
        size_bytes: u64,
        /// A power of two.
        align_bytes: u64,
        /// Whether the memory had to be zero.
        zeroed: bool,
    },
    /// `free`.
    Free {
        /// The object that ends.
        id: u32,
    },
    /// `realloc`: growth or shrinking, in place or not.
    Realloc {
        /// The object; it keeps its id.
        id: u32,
        /// Its new size; may be 0.
        size_bytes: u64,
        /// Its new alignment, a power of two.
        align_bytes: u64,
    },
}

impl Op {
    /// The object that the call is about.
    #[must_use]
    pub const fn id(self) -> u32 {
        match self {
            Self::Alloc { id, .. } | Self::Free { id } | Self::Realloc { id, .. } => id,
        }
    }
}
