//! A deferred call does not defer, nor allocate, in its own frame.
use alloc_arena::Stack;
use alloc_core::api2::alloc::Global;
fn main() {
    Stack::with_capacity_in(64, Global).frame(|frame| {
        let frame = &*frame;
        frame.defer(|| drop(frame.alloc(7)));
    });
}
