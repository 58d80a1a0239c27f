//! The heap's verbs one by one, and what they do when something goes wrong.

mod common;

use alloc_arena::{Arena, Os};
use alloc_core::api2::alloc::System;
use alloc_core::report::Tree;
use alloc_core::{Failing, Foreign, Layer, Layout, Limit, Schedule};
use common::{Model, heap};
use gc_marksweep::heap::{Mutator, ObjectHeap};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

const NODE: Layout = Layout::new::<[usize; 3]>();

#[test]
fn objects_lie_side_by_side() {
    let mutator = heap::<_, 64>(System);
    let first = mutator.allocate(NODE, false).unwrap().addr().get();
    for number in 1..2000 {
        let object = mutator.allocate(NODE, false).unwrap();
        assert_eq!(object.addr().get(), first + number * 24);
    }
    assert!((2000 * 24..2100 * 24).contains(&mutator.allocated_bytes()));
    mutator.verify().unwrap();
}

#[test]
fn types_have_lanes_by_their_size_and_whether_they_drop() {
    #[repr(C)]
    struct Dropping(usize, String);
    #[repr(C)]
    struct Plain(usize, [usize; 3]);
    #[repr(C, align(256))]
    struct Aligned(usize, [usize; 3]);
    let mut mutator = heap::<_, 64>(System);
    let _ = mutator.allocate_for::<Dropping>().unwrap();
    let _ = mutator.allocate_for::<Plain>().unwrap();
    let aligned = mutator.allocate_for::<Aligned>().unwrap();
    assert!(aligned.addr().get().is_multiple_of(256));
    let mut seen = Vec::new();
    mutator.for_each_object(|object| seen.push((object.slot_bytes, object.drops)));
    assert_eq!(seen, [(32, false), (32, true), (256, false)]);
}

#[test]
fn a_cycle_frees_what_is_not_marked_and_its_memory_is_used_again() {
    let mut model = Model::<_, 64>::new(Arena::new(Os::new()));
    for _ in 0..10_000 {
        model.allocate(NODE, false).unwrap();
    }
    let before = model.mutator.figures();
    for _ in 0..5 {
        let marker = model.mutator.start_marking().unwrap();
        for which in (0..10_000).step_by(7) {
            model.mark(which, marker, false);
        }
        model.finish_marking();
        let kept = model.live.len();
        assert_eq!(kept, 10_000usize.div_ceil(7));
        while model.live.len() < 10_000 {
            model.allocate(NODE, false).unwrap();
        }
        model.sweep_all();
        assert_eq!(model.mutator.figures().run_bytes, before.run_bytes, "no new span");
        model.check();
    }
}

#[test]
fn dead_spans_and_large_objects_go_below() {
    let arena = Arena::new(Os::new());
    let mut model = Model::<_, 64>::new(&arena);
    for _ in 0..100_000 {
        model.allocate(NODE, false).unwrap();
    }
    for _ in 0..10 {
        model.allocate(Layout::new::<[usize; 10_000]>(), false).unwrap();
    }
    assert!(arena.figures().used_bytes > 3_000_000);
    assert!(model.mutator.start_marking().is_some());
    model.finish_marking();
    model.sweep_all();
    assert!(model.mutator.figures().pool_bytes > 0);
    assert!(arena.figures().used_bytes < 1_000_000, "only a few spans are kept");
    model.mutator.heap().reclaim(usize::MAX);
    assert_eq!(arena.figures().used_bytes, 0);
}

#[test]
fn alignments_up_to_a_page_and_sizes_of_all_kinds() {
    let mut model = Model::<_, 64>::new(Arena::new(Os::new()));
    for align_shift in 0..15 {
        for bytes in [0, 8, 24, 100, 1000, 1025, 5000, 15_000, 16_000, 70_000, 1 << 20] {
            let layout = Layout::from_size_align(bytes, 1 << align_shift).unwrap();
            model.allocate(layout, bytes % 3 == 0).unwrap();
        }
    }
    model.check();
    let too_aligned = Layout::from_size_align(64, 1 << 16).unwrap();
    assert!(model.mutator.allocate(too_aligned, false).is_err());
    let too_large = Layout::from_size_align(isize::MAX as usize & !7, 8).unwrap();
    assert!(model.mutator.allocate(too_large, false).is_err());
    model.check();
}

#[test]
fn destructors_are_handed_out_once_in_any_portions() {
    let mut model = Model::<_, 16>::new(System);
    for number in 0..3000 {
        let bytes = if number % 100 == 0 { 50_000 } else { 40 };
        model.allocate(Layout::from_size_align(bytes, 8).unwrap(), number % 2 == 0).unwrap();
    }
    let marker = model.mutator.start_marking().unwrap();
    for which in (0..3000).step_by(5) {
        model.mark(which, marker, false);
    }
    model.finish_marking();
    assert!(model.mutator.heap().sweep_some(usize::MAX) > 0);
    assert!(!model.mutator.heap().is_swept(), "destructors are left");
    assert!(model.mutator.start_marking().is_none());
    while !model.sweep_dropping(7) {
        model.mutator.verify().unwrap();
    }
    assert!(model.mutator.heap().is_swept() && model.doomed.is_empty());
    model.check();
}

#[test]
fn a_destructor_that_panics_is_done_with() {
    let mutator = heap::<_, 64>(System);
    for _ in 0..500 {
        mutator.allocate(NODE, true).unwrap();
    }
    assert!(mutator.start_marking().is_some());
    // SAFETY: no object is used any more.
    unsafe { mutator.finish_marking() };
    let mut calls = 0;
    let mut panics = 0;
    loop {
        let run = catch_unwind(AssertUnwindSafe(|| {
            mutator.sweep_dropping(usize::MAX, |_| {
                calls += 1;
                assert!(calls % 100 != 50, "on purpose");
            })
        }));
        mutator.verify().unwrap();
        match run {
            Ok(all) => break assert!(all),
            Err(_) => panics += 1,
        }
    }
    assert_eq!((calls, panics), (500, 5));
    assert!(mutator.heap().is_swept());
}

#[test]
fn a_destructor_may_allocate() {
    let mutator = heap::<_, 64>(System);
    for _ in 0..5000 {
        mutator.allocate(NODE, true).unwrap();
    }
    assert!(mutator.start_marking().is_some());
    // SAFETY: no object is used any more.
    unsafe { mutator.finish_marking() };
    let mut made = 0;
    assert!(mutator.sweep_dropping(usize::MAX, |dead| {
        made += 1;
        assert_ne!(mutator.allocate(NODE, true).unwrap(), dead);
    }));
    mutator.verify().unwrap();
    assert_eq!(made, 5000);
    let mut mutator = mutator;
    assert_eq!(mutator.figures().objects, 5000);
}

#[test]
fn marking_that_is_cancelled_finds_nothing_dead() {
    let mut model = Model::<_, 64>::new(System);
    for number in 0..1000 {
        model.allocate(NODE, number % 2 == 0).unwrap();
    }
    let marker = model.mutator.start_marking().unwrap();
    model.mark(3, marker, false);
    model.allocate(NODE, true).unwrap();
    model.mutator.cancel_marking();
    for live in model.live.values_mut() {
        live.marked = false;
    }
    model.check();
    model.sweep_all();
    model.check();
    assert_eq!(model.live.len(), 1001);
    assert!(model.mutator.start_marking().is_some());
    model.finish_marking();
    model.sweep_all();
    assert_eq!(model.mutator.figures().objects, 0);
}

#[test]
fn while_sweeping_is_held_the_dead_stay_intact() {
    let mut model = Model::<_, 64>::new(System);
    let objects: Vec<_> = (0..5000).map(|_| model.allocate(NODE, false).unwrap()).collect();
    let marker = model.mutator.start_marking().unwrap();
    for which in (0..5000).step_by(2) {
        model.mark(which, marker, false);
    }
    model.mutator.hold_sweeping();
    model.finish_marking();
    assert_eq!(model.mutator.heap().sweep_some(100), 0);
    let spans = model.mutator.figures().runs;
    for _ in 0..5000 {
        let new = model.allocate(NODE, false).unwrap();
        assert!(!objects.contains(&new), "the dead are not used again");
    }
    assert!(model.mutator.figures().runs > spans);
    for object in &objects {
        // SAFETY: sweeping is held since the objects were alive.
        let is_alive = unsafe { model.mutator.is_alive(*object) };
        assert_eq!(is_alive, model.live.contains_key(object));
    }
    model.mutator.resume_sweeping();
    model.sweep_all();
    model.check();
}

#[test]
fn dead_slots_are_poisoned_on_request() {
    // SAFETY: the heap moves into its one mutator.
    let mutator: Mutator<_, _, 64> =
        unsafe { Mutator::new(ObjectHeap::new(System).with_poison(0xDD)) };
    let objects: Vec<_> =
        (0..100).map(|number| (number, mutator.allocate(NODE, number % 3 == 0).unwrap())).collect();
    let marker = mutator.start_marking().unwrap();
    for (number, object) in &objects {
        // SAFETY: the objects are alive, 24 bytes long, and the heap is marking.
        unsafe {
            object.write_bytes(1, 24);
            assert!(number % 2 == 0 || marker.mark(*object));
        }
    }
    // SAFETY: of the others only the bytes are looked at.
    unsafe { mutator.finish_marking() };
    assert_eq!(mutator.heap().sweep_some(10), 1);
    assert!(mutator.sweep_dropping(100, |object| {
        // SAFETY: a dead object's memory is intact while it is handed out.
        assert_eq!(unsafe { object.read() }, 1);
    }));
    for (number, object) in &objects {
        // SAFETY: the span is still the heap's: half of it is alive.
        let bytes = unsafe { std::slice::from_raw_parts(object.as_ptr(), 24) };
        let expected = if number % 2 == 0 { 0xDD } else { 1 };
        assert!(bytes.iter().all(|byte| *byte == expected), "{number}: {bytes:?}");
    }
}

/// Objects of the sizes that a program might have, until the layer below refuses.
fn fill<A: Layer, const KIB: usize>(model: &mut Model<A, KIB>) -> usize {
    let sizes = [16, 24, 32, 48, 100, 300, 2000, 20_000];
    let mut refused = 0;
    for number in 0.. {
        let layout = Layout::from_size_align(sizes[number % sizes.len()], 8).unwrap();
        if model.allocate(layout, number % 5 == 0).is_err() {
            refused += 1;
            model.mutator.verify().unwrap();
            if refused == 20 {
                return model.live.len();
            }
        }
    }
    unreachable!()
}

#[test]
fn exhaustion_loses_nothing() {
    let mut model = Model::<_, 16>::new(Limit::new(1 << 20, System));
    let full = fill(&mut model);
    model.check();
    for round in 0..4 {
        // Of what is left, every third; the rest is found by allocations that the limit refuses.
        let marker = model.mutator.start_marking().unwrap();
        for which in (0..model.live.len()).step_by(3) {
            model.mark(which, marker, false);
        }
        model.finish_marking();
        if round % 2 == 0 {
            model.sweep_dropping(usize::MAX);
        }
        let again = fill(&mut model);
        assert!(again * 2 > full, "{again} of {full}");
        model.sweep_all();
        model.check();
    }
}

#[test]
fn refusals_at_every_step_lose_nothing() {
    for step in 1..40 {
        let mut model = Model::<_, 4>::new(Failing::new(Schedule::Every(step), System));
        for number in 0..200 {
            let bytes = [24, 600, 5000][number % 3];
            let layout = Layout::from_size_align(bytes, 8).unwrap();
            let _ = model.allocate(layout, number % 2 == 0);
            if number % 50 == 49 {
                model.check();
                let marker = model.mutator.start_marking().unwrap();
                model.mark(0, marker, false);
                model.finish_marking();
                model.sweep_all();
            }
        }
        model.check();
    }
}

#[test]
fn a_mutator_may_end_before_its_heap() {
    let heap: Arc<ObjectHeap<System>> = Arc::new(ObjectHeap::new(System));
    for round in 0..3 {
        // SAFETY: the mutator of the round before is gone.
        let mut mutator: Mutator<_, System> = unsafe { Mutator::new(Arc::clone(&heap)) };
        assert_eq!(mutator.figures().objects, round * 100);
        for _ in 0..100 {
            mutator.allocate(NODE, false).unwrap();
        }
        mutator.verify().unwrap();
        heap.sweep_some(usize::MAX);
        assert!(mutator.start_marking().is_some());
    }
}

#[test]
fn the_report_is_that_of_the_stack() {
    let mut mutator = heap::<_, 64>(Foreign::new(System));
    mutator.allocate(NODE, false).unwrap();
    mutator.allocate(Layout::new::<[usize; 10_000]>(), false).unwrap();
    let mut text = String::new();
    let mut sink = alloc_core::report::Text::new(&mut text);
    mutator.report(&mut alloc_core::Report::new(&mut sink));
    sink.finish().unwrap();
    for part in ["ObjectHeap", "24 B", "large", "Foreign", "object bytes"] {
        assert!(text.contains(part), "{text}");
    }
    let mut text = String::new();
    let mut sink = alloc_core::report::Text::new(&mut text);
    mutator.heap().report(&mut alloc_core::Report::new(&mut sink));
    sink.finish().unwrap();
    assert!(text.contains("unswept spans"), "{text}");
    let _ = Tree::of(mutator.heap().below());
}
