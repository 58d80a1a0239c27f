//! A bump is not used, nor reset, while a frame of it is open.
use alloc_arena::Bump;
use alloc_core::api2::alloc::Global;
fn main() {
    let mut bump = Bump::new(Global);
    bump.frame(|_| bump.alloc(7));
    bump.frame(|_| bump.reset());
}
