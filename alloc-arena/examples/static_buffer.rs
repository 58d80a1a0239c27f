//! Strings and vectors in a static buffer: no operating system, no global allocator, no unsafe code.
//!
//! `cargo run -p alloc-arena --example static_buffer`

use alloc_arena::{Arena, Bump, Fixed, Ground};
use alloc_core::api2::{boxed::Box, vec::Vec};
use alloc_core::report::Tree;

static GROUND: Ground<{ 64 << 10 }> = Ground::new();
static ARENA: Arena<Fixed<'static>> = Arena::new(Fixed::of(&GROUND).with_page_bytes(512));

fn main() {
    // Whole pages for what is large …
    let mut samples = Vec::with_capacity_in(1000, &ARENA);
    samples.extend((0..1000_u16).map(|n| n % 251 * 7));
    println!("{} samples, the last is {}", samples.len(), samples[999]);

    // … and a bump for what is small.
    let bump = Bump::new(&ARENA).with_chunk_bytes(1024, 4096);
    let name = bump.alloc_str("basalt");
    name.make_ascii_uppercase();
    let depths = bump.alloc_slice_copy(&[12, 40, 77]);
    let boxed = Box::new_in([name.len(), depths.len()], &bump);
    println!("{name} at {depths:?}: {boxed:?}");
    drop(boxed);

    // When the buffer is full, that is an error and no more.
    let mut more = Vec::<u8, _>::new_in(&ARENA);
    match more.try_reserve(64 << 10) {
        Ok(()) => unreachable!("the metadata takes some of the buffer"),
        Err(error) => println!("64 KiB more: {error:?}"),
    }
    println!("\n{}", Tree::of(&bump));
}
