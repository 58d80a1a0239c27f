//! Stacks for tests, and panics that they ask for.

use alloc_arena::Stack;
use alloc_core::api2::alloc::Global;
use std::panic::{AssertUnwindSafe, catch_unwind};

pub fn stack(capacity_bytes: usize) -> Stack<Global> {
    Stack::with_capacity_in(capacity_bytes, Global)
}

/// What went wrong, as text.
pub fn panics<R>(body: impl FnOnce() -> R) -> String {
    let payload = catch_unwind(AssertUnwindSafe(body)).err().expect("it has to panic");
    payload.downcast_ref::<&str>().map_or_else(|| "not text".into(), |text| (*text).into())
}
