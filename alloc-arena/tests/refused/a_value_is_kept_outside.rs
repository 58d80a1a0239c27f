//! Nor does it leave through a variable outside.
use alloc_arena::Bump;
use alloc_core::api2::alloc::Global;
fn main() {
    let mut bump = Bump::new(Global);
    let mut kept: Option<&mut i32> = None;
    bump.frame(|frame| kept = Some(frame.alloc(7)));
    drop(kept);
}
