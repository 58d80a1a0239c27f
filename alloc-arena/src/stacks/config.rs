//! What can be set about a pool of stacks, and the lengths that follow from it.
#![forbid(unsafe_code)]

use super::StackError;

/// The settings of a [`StackPool`](crate::StackPool). Its `with_…` methods change one each.
#[derive(Clone, Copy, Debug)]
pub(super) struct Config {
    pub stack_bytes: usize,
    pub guard_bytes: usize,
    pub limit_stacks: usize,
    /// How long idle stacks keep their memory, in milliseconds; `None`: for ever.
    pub idle_delay_ms: Option<u32>,
    pub kept_bytes: usize,
}

/// corosensei's coroutines need as much.
const LEAST_STACK_BYTES: usize = 4 << 10;

impl Config {
    pub const fn new() -> Self {
        Self {
            stack_bytes: 256 << 10,
            guard_bytes: 64 << 10,
            limit_stacks: usize::MAX,
            idle_delay_ms: Some(1000),
            kept_bytes: 16 << 10,
        }
    }
}

/// Stacks begin in different sets of the caches: the last so many bytes of a place's last page stay unused, in turn. Were
/// all of them to begin at a page's end, their hot ends would share a few sets, and resuming hundreds of coroutines in turn would
/// miss at each one. More than half a page would cost a second page too often.
const COLOURS: usize = 16;
const COLOUR_BYTES: usize = 128;

const _: () = assert!(COLOUR_BYTES.is_multiple_of(64) && COLOURS * COLOUR_BYTES == 2048);

/// The lengths of a place.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    pub page_bytes: usize,
    /// At the place's start.
    pub guard_bytes: usize,
    /// The rest of it: the pages of the stack.
    pub span_bytes: usize,
}

impl Shape {
    /// # Errors
    ///
    /// If a place has no room in the address space.
    pub fn of(config: &Config, page_bytes: usize) -> Result<Self, StackError> {
        let up = |bytes: usize| bytes.checked_next_multiple_of(page_bytes);
        let stack_bytes = config.stack_bytes.max(LEAST_STACK_BYTES);
        let whole = || {
            let span_bytes = up(stack_bytes.checked_add((COLOURS - 1) * COLOUR_BYTES)?)?;
            let guard_bytes = up(config.guard_bytes.max(1))?;
            let shape = Self { page_bytes, guard_bytes, span_bytes };
            let sum = guard_bytes.checked_add(span_bytes)?;
            (sum <= isize::MAX as usize).then_some(shape)
        };
        whole().ok_or(StackError::Addresses { bytes: config.stack_bytes })
    }

    /// From one place to the next.
    pub fn stride_bytes(&self) -> usize {
        self.guard_bytes + self.span_bytes
    }

    /// What stays unused at the high end of the stack of that number.
    pub fn colour_bytes(number: usize) -> usize {
        number % COLOURS * COLOUR_BYTES
    }
}
