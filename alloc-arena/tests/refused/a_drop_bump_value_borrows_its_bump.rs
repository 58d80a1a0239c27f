//! Values that are dropped do not borrow what lies in their bump, nor collections in it.
use alloc_arena::DropBump;
use alloc_core::api2::{alloc::Global, vec::Vec};
fn main() {
    let bump = DropBump::new(Global);
    bump.alloc(Vec::<u8, _>::new_in(bump.bump()));
}
