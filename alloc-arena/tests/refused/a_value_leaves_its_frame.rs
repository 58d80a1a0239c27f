use alloc_arena::Stack;
use alloc_core::api2::alloc::Global;

fn main() {
    let mut stack = Stack::with_capacity_in(1 << 10, Global);
    let _lost = stack.frame(|frame| frame.alloc(7));
}
