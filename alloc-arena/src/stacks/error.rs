//! Why there is no stack.
#![forbid(unsafe_code)]

use core::fmt;

/// Why a [`StackPool`](crate::StackPool) gave no stack.
///
/// After each of them the pool goes on: what is live stays as it is, and what failed once is tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StackError {
    /// As many stacks as the pool may have are in use.
    Limit {
        /// [`with_limit_stacks`](crate::StackPool::with_limit_stacks)
        limit_stacks: usize,
    },
    /// The source has no address range for another stack.
    Addresses {
        /// What was asked for last.
        bytes: usize,
    },
    /// The source has no memory: for a record of the stack, or to promise for its pages.
    Memory {
        /// How many stacks the pool has.
        stacks: usize,
    },
    /// The source refused a guard, without which a stack is not given out.
    Guard {
        /// How many guards were made before in such a way that each one splits a mapping of the system.
        split_guards: usize,
    },
}

impl fmt::Display for StackError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Limit { limit_stacks } => {
                write!(f, "all {limit_stacks} stacks that the pool may have are in use")
            }
            Self::Addresses { bytes } => {
                write!(f, "no address range of {bytes} bytes for stacks")
            }
            Self::Memory { stacks } => {
                write!(f, "no memory for another stack, beside the {stacks} there are")
            }
            Self::Guard { split_guards: 0 } => {
                write!(f, "the source gives no guard for a stack")
            }
            Self::Guard { split_guards } => write!(
                f,
                "the system refuses another guard after {split_guards} of them; before Linux 6.13 each takes two \
                 mappings, of which vm.max_map_count says how many a process may have"
            ),
        }
    }
}

impl core::error::Error for StackError {}
