use alloc_arena::Stack;
use alloc_core::api2::alloc::Global;

fn main() {
    Stack::with_capacity_in(1 << 10, Global).frame(|outer| {
        let mut numbers = outer.vec();
        outer.frame(|_| numbers.push(1));
    });
}
