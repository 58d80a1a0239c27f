//! Who gives stacks to coroutines.
//!
//! Above: `stacks`, `live`. Below: `StackPool`, corosensei's stacks, the system's mappings. All stacks have 64 KiB.

use alloc_arena::{Os, PooledStack, StackPool};
use corosensei::stack::{DefaultStack, Stack, StackPointer};
use std::io;
use std::ptr;

/// The bytes of each stack, without its guard.
pub(super) const STACK_BYTES: usize = 64 << 10;

/// A source of stacks.
pub(super) trait Supplier: Sized {
    /// What it gives.
    type Stack: Stack + 'static;

    fn make() -> Self;

    /// A stack for a coroutine.
    fn stack(&mut self) -> io::Result<Self::Stack>;

    /// Takes it back when the coroutine has ended. What is not kept is dropped.
    #[inline(always)]
    fn back(&mut self, stack: Self::Stack) {
        drop(stack);
    }
}

/// alloc-arena's pool, as a static.
pub(super) struct Pool;

static POOL: StackPool<Os> = StackPool::new(Os::new()).with_stack_bytes(STACK_BYTES);

impl Supplier for Pool {
    type Stack = PooledStack;
    fn make() -> Self {
        Self
    }
    #[inline(always)]
    fn stack(&mut self) -> io::Result<PooledStack> {
        POOL.take().map_err(io::Error::other)
    }
}

/// corosensei's default: a mapping for each stack, and a guard page in it.
pub(super) struct Default;

impl Supplier for Default {
    type Stack = DefaultStack;
    fn make() -> Self {
        Self
    }
    #[inline(always)]
    fn stack(&mut self) -> io::Result<DefaultStack> {
        DefaultStack::new(STACK_BYTES)
    }
}

/// The same, kept when they are free, the last one first: what a program does that has no pool.
pub(super) struct ByHand(Vec<DefaultStack>);

impl Supplier for ByHand {
    type Stack = DefaultStack;
    fn make() -> Self {
        Self(Vec::new())
    }
    #[inline(always)]
    fn stack(&mut self) -> io::Result<DefaultStack> {
        self.0.pop().map_or_else(|| DefaultStack::new(STACK_BYTES), Ok)
    }
    #[inline(always)]
    fn back(&mut self, stack: DefaultStack) {
        self.0.push(stack);
    }
}

/// The bound: one stack, which the coroutines have one after the other.
pub(super) struct Again(Option<DefaultStack>);

impl Supplier for Again {
    type Stack = DefaultStack;
    fn make() -> Self {
        Self(DefaultStack::new(STACK_BYTES).ok())
    }
    #[inline(always)]
    fn stack(&mut self) -> io::Result<DefaultStack> {
        self.0.take().ok_or_else(|| io::ErrorKind::ResourceBusy.into())
    }
    #[inline(always)]
    fn back(&mut self, stack: DefaultStack) {
        self.0 = Some(stack);
    }
}

/// A mapping for each stack, and no guard page: the least that the system can do. Not for use: an overflow would go unnoticed.
pub(super) struct Mapped;

/// Such a mapping.
pub(super) struct Mapping(StackPointer);

impl Supplier for Mapped {
    type Stack = Mapping;
    fn make() -> Self {
        Self
    }
    #[inline(always)]
    fn stack(&mut self) -> io::Result<Mapping> {
        let access = libc::PROT_READ | libc::PROT_WRITE;
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE | libc::MAP_STACK;
        // SAFETY: a new mapping, wherever the system has room.
        let start = unsafe { libc::mmap(ptr::null_mut(), STACK_BYTES, access, flags, -1, 0) };
        if start == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        StackPointer::new(start.addr() + STACK_BYTES)
            .map(Mapping)
            .ok_or(io::ErrorKind::Other.into())
    }
}

impl Drop for Mapping {
    #[inline(always)]
    fn drop(&mut self) {
        let start = ptr::with_exposed_provenance_mut(self.0.get() - STACK_BYTES);
        // SAFETY: the mapping is this one's own (`stack`), and the coroutine on it has ended.
        unsafe { libc::munmap(start, STACK_BYTES) };
    }
}

// SAFETY: the mapping is longer than the least stack, and this one's own. It has no guard page: the coroutines that run on it
// are those of `stacks`, which need less than half of it.
unsafe impl Stack for Mapping {
    #[inline]
    fn base(&self) -> StackPointer {
        self.0
    }
    #[inline]
    fn limit(&self) -> StackPointer {
        // It begins above address zero.
        StackPointer::new(self.0.get() - STACK_BYTES).unwrap_or(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn give_and_take<S: Supplier>() {
        let mut supplier = S::make();
        for _ in 0..3 {
            let stack = supplier.stack().unwrap();
            assert!(stack.base().get() - stack.limit().get() >= STACK_BYTES);
            supplier.back(stack);
        }
    }

    #[test]
    fn everyone_gives_stacks() {
        give_and_take::<Again>();
        give_and_take::<Pool>();
        give_and_take::<Default>();
        give_and_take::<ByHand>();
        give_and_take::<Mapped>();
    }
}
