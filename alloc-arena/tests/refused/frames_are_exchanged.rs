use alloc_arena::Stack;
use alloc_core::api2::alloc::Global;

fn main() {
    Stack::with_capacity_in(1 << 10, Global).frame(|one| {
        Stack::with_capacity_in(1 << 10, Global).frame(|other| std::mem::swap(one, other));
    });
}
