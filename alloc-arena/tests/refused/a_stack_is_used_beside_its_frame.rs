use alloc_arena::Stack;
use alloc_core::Allocator;
use alloc_core::api2::alloc::Global;
use std::alloc::Layout;

fn main() {
    let mut stack = Stack::with_capacity_in(1 << 10, Global);
    stack.frame(|_| stack.allocate(Layout::new::<u8>()).is_ok());
}
