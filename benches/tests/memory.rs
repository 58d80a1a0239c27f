//! Memory is counted from the first step on, up and down. Alone in its file: a test beside it would
//! be in its figures.

use benches::heap::Flat;
use benches::program::{Program, Step};
use benches::replay::{Pass, replay};
use std::alloc::{Layout, System};

#[test]
fn memory_is_that_of_the_heap() {
    // 64 objects of 1 MiB: resident memory has to follow, up and down.
    let big = Layout::from_size_align(1 << 20, 16).unwrap();
    let place = |n| n as u32;
    let mut steps: Vec<Step> = (0..64)
        .flat_map(|n| {
            let alloc = Step::Alloc { place: place(n), layout: big, zeroed: n % 2 == 0 };
            [alloc, Step::Sample { number: n as u32 }]
        })
        .collect();
    steps.push(Step::Peak);
    steps.extend((0..64).map(|n| Step::Free { place: place(n), layout: big }));
    // SAFETY: each object is freed once, with its layout.
    let program = unsafe { Program::from_steps(&[steps], 64) };
    let memory = replay(&Flat(System), &program, Pass::Memory).unwrap().memory.unwrap();
    let total = 64 << 20;
    assert_eq!(memory.at_peak.live_bytes, total);
    // The kernel's mark lags by some pages, the samples do not.
    let close = |bytes: u64| bytes >= total && bytes < total + (2 << 20);
    assert!(close(memory.peak_bytes), "{}", memory.peak_bytes);
    assert!(close(memory.at_peak.resident_bytes), "{:?}", memory.at_peak);
    assert!(memory.at_end.resident_bytes < total / 4, "{:?}", memory.at_end);
    assert!(memory.samples[5].live_bytes == 6 << 20);
}
