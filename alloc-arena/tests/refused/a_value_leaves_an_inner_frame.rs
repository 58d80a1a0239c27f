use alloc_arena::Stack;
use alloc_core::api2::alloc::Global;

fn main() {
    Stack::with_capacity_in(1 << 10, Global).frame(|outer| {
        let mut kept = outer.alloc(1);
        outer.frame(|inner| kept = inner.alloc(2));
        println!("{kept}");
    });
}
