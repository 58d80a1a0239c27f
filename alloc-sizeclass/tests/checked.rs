//! Frees that are checked: mistakes are told, and nothing else is.

use alloc_arena::{Arena, Os};
use alloc_core::api2::alloc::System;
use alloc_core::{Allocator, Layer, Layout};
use alloc_sizeclass::{
    Checked, ClassTable, Fine, Lookup, Misuse, SizeClassHeap, ThreadCache, thread_cache,
};
use core::ptr::NonNull;
use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

type Heap = SizeClassHeap<Arena<Os>>;

thread_cache! {
    static STACK: Heap = Heap::new(Arena::new(Os::new()));
}

fn checked() -> Checked<'static, Heap, STACK> {
    Checked::new(&STACK, |misuse| resume_unwind(Box::new(misuse)))
}

/// Frees `ptr`, and returns what is wrong with that.
fn mistake(ptr: NonNull<u8>) -> Option<Misuse> {
    // SAFETY: an address in a slot that was allocated here. What is no memory of the stack's any more is nobody's.
    let free = || unsafe { checked().deallocate_at(ptr) };
    match catch_unwind(AssertUnwindSafe(free)) {
        Ok(is_ours) => {
            assert!(is_ours || checked().layout_at(ptr).is_none());
            None
        }
        Err(misuse) => Some(*misuse.downcast::<Misuse>().expect("a misuse")),
    }
}

fn new(bytes: usize) -> NonNull<u8> {
    checked().allocate(Layout::from_size_align(bytes, 16).unwrap()).unwrap().cast()
}

fn slot_bytes(bytes: usize) -> usize {
    Fine::info(Fine::class_of_size(bytes).unwrap()).slot_bytes
}

#[test]
fn the_second_free_is_told_of() {
    for bytes in [1, 16, 24, 100, 1000, 4096, 5000, 30_000, 100_000, 1 << 20] {
        for between in [0, 1, 10, 3000] {
            let slot = new(bytes);
            let others: Vec<_> = (0..between).map(|_| new(bytes.min(200))).collect();
            assert_eq!(mistake(slot), None, "{bytes}");
            others.into_iter().for_each(|other| assert_eq!(mistake(other), None));
            // The span of a medium slot goes back at once: then nothing of it is known.
            let is_gone = checked().layout_at(slot).is_none();
            let misuse = mistake(slot);
            let (address, slot_bytes) = (slot.addr().get(), slot_bytes(bytes));
            assert!(
                is_gone || misuse == Some(Misuse::DoubleFree { address, slot_bytes }),
                "{misuse:?}"
            );
        }
    }
}

#[test]
fn a_free_in_the_middle_is_told_of() {
    for bytes in [16, 24, 48, 100, 1000, 4096, 5000, 30_000, 100_000, 1 << 20] {
        let slot = new(bytes);
        let slot_bytes = slot_bytes(bytes);
        for offset in [1, 8, 16, slot_bytes / 2, slot_bytes - 1] {
            // SAFETY: within the slot.
            let inner = unsafe { slot.add(offset % slot_bytes) };
            if inner != slot {
                let address = inner.addr().get();
                assert_eq!(
                    mistake(inner),
                    Some(Misuse::NoStart { address, slot_bytes }),
                    "{bytes}"
                );
            }
        }
        assert_eq!(mistake(slot), None);
    }
}

#[test]
fn what_a_program_writes_is_no_mistake() {
    // Whatever was in a slot before, also a stamp: who gets it anew may free it.
    let mut slots: Vec<NonNull<u8>> = (0..500).map(|_| new(64)).collect();
    for round in 0..20_u8 {
        for slot in &slots {
            if round % 2 == 0 {
                // SAFETY: so many bytes, and ours.
                unsafe { slot.as_ptr().write_bytes(round, 64) };
            }
        }
        slots.drain(..).for_each(|slot| assert_eq!(mistake(slot), None));
        slots.extend((0..500).map(|_| new(64)));
    }
    // Slots that others free, without a stamp, and slots that others get, with one.
    for _ in 0..1000 {
        let layout = Layout::new::<[u64; 8]>();
        let slot = STACK.allocate(layout).unwrap().cast();
        // SAFETY: allocated right above.
        unsafe { STACK.deallocate(slot, layout) };
        let slot = new(64);
        assert_eq!(mistake(slot), None);
        let slot = checked().allocate_zeroed(layout).unwrap().cast();
        assert_eq!(mistake(slot), None);
    }
}

#[test]
fn what_moves_is_stamped_where_it_was() {
    let small = Layout::array::<u8>(40).unwrap();
    let large = Layout::array::<u8>(4000).unwrap();
    let old: NonNull<u8> = checked().allocate(small).unwrap().cast();
    // SAFETY: live, of this layout.
    let moved = unsafe { checked().grow(old, small, large) }.unwrap().cast();
    assert!(matches!(mistake(old), Some(Misuse::DoubleFree { .. })));
    // SAFETY: live, of this layout.
    let back = unsafe { checked().shrink(moved, large, small) }.unwrap().cast();
    assert!(matches!(mistake(moved), Some(Misuse::DoubleFree { .. })));
    assert_eq!(mistake(back), None);
}

#[test]
fn a_thread_may_free_what_another_allocated() {
    let slots: Vec<usize> = (0..5000).map(|_| new(48).addr().get()).collect();
    let again = slots.clone();
    let to_ptr = |address| NonNull::new(core::ptr::with_exposed_provenance_mut(address)).unwrap();
    let free_all = move || slots.iter().for_each(|slot| assert_eq!(mistake(to_ptr(*slot)), None));
    std::thread::spawn(free_all).join().unwrap();
    // They went through the transfer cache and to their spans: each is found, or its span is gone.
    let live: HashSet<usize> = (0..100).map(|_| new(48).addr().get()).collect();
    for address in again.iter().filter(|address| !live.contains(address)) {
        let is_gone = checked().layout_at(to_ptr(*address)).is_none();
        assert!(is_gone || matches!(mistake(to_ptr(*address)), Some(Misuse::DoubleFree { .. })));
    }
    STACK.verify().unwrap();
}

#[test]
fn tables_know_where_slots_start() {
    // The quick test and the division agree, at every address of a span.
    let heap = ThreadCache::new(Heap::new(Arena::new(Os::new())));
    for class in Fine::classes() {
        let slot = heap.allocate_class(class).unwrap();
        let layout = heap.layout_at(slot).unwrap();
        for offset in (0..layout.size()).step_by(if layout.size() > 4096 { 509 } else { 1 }) {
            // SAFETY: within the slot.
            let ptr = unsafe { slot.add(offset) };
            let index = alloc_sizeclass::BatchHeap::start_in_table(&heap, ptr.addr().get());
            assert!(index.is_none_or(|index| index == class.index() && offset == 0));
            let is_quick = layout.size() <= 4096;
            assert!(!is_quick || offset != 0 || index.is_some(), "{layout:?}");
        }
        // SAFETY: allocated above.
        unsafe { heap.deallocate_class(slot, class) };
    }
}

#[test]
fn over_another_layer() {
    let stack = ThreadCache::new(SizeClassHeap::<System>::new(System));
    let checked = Checked::new(&stack, |misuse| panic!("{misuse}"));
    let mut vec = alloc_core::api2::vec::Vec::new_in(checked);
    vec.extend(0..10_000);
    assert_eq!(vec[9999], 9999);
    assert!(format!("{checked:?}").contains("Checked"));
}

/// Out of `Allocator`'s methods nothing unwinds: the process ends.
#[test]
fn a_panic_does_not_leave_the_allocator() {
    let program = std::env::current_exe().unwrap();
    let mut child = std::process::Command::new(program);
    let output = child.args(["--exact", "panics", "--ignored"]).output().unwrap();
    assert!(!output.status.success() && output.status.code() != Some(101), "{output:?}");
    assert!(!String::from_utf8_lossy(&output.stdout).contains("FAILED"), "{output:?}");
}

#[test]
#[ignore = "a child of the test above runs it"]
fn panics() {
    let slot = new(64);
    for _ in 0..2 {
        // SAFETY: the second time it is not: that is what is to be found.
        unsafe { checked().deallocate(slot, Layout::from_size_align(64, 16).unwrap()) };
    }
}
