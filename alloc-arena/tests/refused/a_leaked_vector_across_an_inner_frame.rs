//! A vector that is leaked keeps the frame borrowed.
use alloc_arena::Stack;
use alloc_core::api2::alloc::Global;
fn main() {
    Stack::with_capacity_in(64, Global).frame(|frame| {
        let mut numbers = frame.vec();
        numbers.push(1);
        let kept = numbers.leak();
        frame.frame(|_| ());
        kept[0] = 2;
    });
}
