//! A leaked text lives as long as its bump.
use alloc_arena::{Bump, Text};
use alloc_core::api2::alloc::Global;
fn main() {
    let kept: &'static mut str = { let bump = Bump::new(Global); Text::from_str_in("x", &bump).leak() };
    println!("{kept}");
}
