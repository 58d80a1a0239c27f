//! A pooled stack is a stack for corosensei's coroutines.

use super::{PoolRef, PooledStack};
use corosensei::stack::{MIN_STACK_SIZE, STACK_ALIGNMENT, Stack, StackPointer};

const _: () = assert!(STACK_ALIGNMENT <= 16 && MIN_STACK_SIZE <= 4 << 10);

// SAFETY: a live place has a guard below it (R4), at least 4 KiB of committed pages above that (`Shape::of`), and one
// hand (R1). `high` and the guard's start are multiples of 16.
unsafe impl<P: PoolRef> Stack for PooledStack<P> {
    #[inline]
    fn base(&self) -> StackPointer {
        // A stack does not end at address 0.
        StackPointer::new(self.high()).unwrap_or(StackPointer::MAX)
    }

    #[inline]
    fn limit(&self) -> StackPointer {
        let low = self.usable().cast::<u8>().addr().get();
        StackPointer::new(low - self.guard_bytes()).unwrap_or(StackPointer::MIN)
    }
}
