use alloc_arena::Bump;
use alloc_core::api2::alloc::Global;

fn main() {
    Bump::new(Global).frame(|outer| outer.frame(|_| *outer.alloc(1)));
}
