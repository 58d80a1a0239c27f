//! A heap in a static buffer: no operating system, no global allocator. This is what firmware would
//! do; only the printing needs the standard library here. Without that, alloc-core's feature `alloc` is needed for `Vec` and `Box`,
//! and for rustc an allocator that refuses everything: `#[global_allocator] static NONE: AsGlobal<Null> = AsGlobal::new(Null);`.
//!
//! ```sh
//! cargo run -p benches --example buffer
//! ```

use alloc_arena::{Arena, Fixed, Ground};
use alloc_core::api2::{boxed::Box, vec::Vec};
use alloc_core::{AllocError, Layer};
use alloc_sizeclass::{Compact, SizeClassHeap};

/// 64 KiB that are part of the program's image, and take no room in its file.
static GROUND: Ground<{ 64 << 10 }> = Ground::new();

type Heap = SizeClassHeap<Arena<Fixed<'static>>, Compact>;

/// Pages of 512 bytes and a table with few size classes, so that little is wasted.
static HEAP: Heap = SizeClassHeap::new(Arena::new(Fixed::of(&GROUND).with_page_bytes(512)));

/// A sensor's readings, in a list that grows as it needs to.
struct Sensor {
    name: &'static str,
    readings: Vec<u32, &'static Heap>,
}

impl Sensor {
    fn new(name: &'static str) -> Result<Box<Self, &'static Heap>, AllocError> {
        Box::try_new_in(Self { name, readings: Vec::new_in(&HEAP) }, &HEAP)
    }
}

fn main() {
    let mut sensors = ["depth", "pressure", "heat"].map(|name| Sensor::new(name).expect("room"));
    // Until the buffer is full, which is an error like any other, not the end of the program.
    let mut taken = 0;
    while sensors.iter_mut().all(|sensor| sensor.readings.try_reserve(1).is_ok()) {
        for sensor in &mut sensors {
            sensor.readings.push(taken * 7 % 100);
        }
        taken += 1;
    }
    println!("{taken} readings of each sensor fit into {} bytes", 64 << 10);
    // A list that grows needs room for its old and its new place at once.
    assert!(taken > 1000, "three lists of a power of two each");
    HEAP.verify().expect("a full heap is a whole heap");
    for sensor in &sensors {
        let sum: u32 = sensor.readings.iter().sum();
        println!("{}: {} on average", sensor.name, sum / taken);
        assert!(sensor.readings.iter().zip(0..).all(|(reading, n)| *reading == n * 7 % 100));
    }

    // What is freed serves again.
    drop(sensors);
    let mut long = Vec::new_in(&HEAP);
    long.try_reserve_exact(10_000).expect("memory is back");
    long.extend_from_slice(&[1_u8; 10_000]);
    println!("then {} bytes in one piece", long.len());
    let place = long.as_ptr().addr();
    assert!(HEAP.range().is_some_and(|range| range.contains(&place)), "it is in the buffer");
}
