use alloc_arena::Stack;
use alloc_core::api2::alloc::Global;

fn main() {
    Stack::with_capacity_in(1 << 10, Global).frame(|frame| {
        let mut local = String::from("gone before the call");
        frame.defer(|| local.push('!'));
    });
}
