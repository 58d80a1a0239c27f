//! `Leaks`: through the kit; what it says of a program that forgets.

#![cfg_attr(strata_nightly, feature(allocator_api))]
#![cfg(not(all(loom, feature = "loom")))]

mod common;

use alloc_core::api2::alloc::{Global, System};
use alloc_core::api2::boxed::Box as StackBox;
use alloc_core::api2::vec::Vec as StackVec;
use alloc_core::conformance::Kit;
use alloc_core::{Allocator, Failing, Layer, Layout, Leaks, Limit, Locked, Observe, Schedule};
use common::Toy;
use std::ptr::NonNull;

const MIB: usize = 1 << 20;

fn toy() -> Locked<Toy> {
    Locked::new(Toy::new(MIB))
}

#[test]
fn the_kit() {
    Kit::layer(|| Leaks::new(Global)).threads().cases(8).balance(|it| it.leaks().count()).check();
    Kit::layer(|| Limit::new(1 << 30, Leaks::new(Observe::new(System)))).threads().cases(8).check();
}

#[test]
fn the_kit_where_memory_runs_out() {
    Kit::layer(|| Leaks::new(toy()))
        .threads()
        .cases(8)
        .max_bytes(2 * MIB)
        .max_align_bytes(1 << 16)
        .may_run_out()
        .check();
    Kit::layer(|| Leaks::new(Failing::new(Schedule::Random { seed: 3, permille: 300 }, toy())))
        .may_refuse_anytime()
        .max_align_bytes(1 << 16)
        .threads()
        .cases(16)
        .balance(|it| it.leaks().count())
        .check();
}

#[inline(never)]
fn forgets_three(stack: &Leaks<Observe<Global>>) {
    // Not known to the compiler: an unrolled loop is three call sites.
    for _ in 0..std::hint::black_box(3) {
        StackBox::leak(StackBox::new_in([0u8; 100], stack));
    }
}

#[inline(never)]
fn forgets_one(stack: &Leaks<Observe<Global>>) {
    let mut list = StackVec::with_capacity_in(1, stack);
    list.extend([1u64; 1000]);
    list.leak();
}

#[test]
fn what_is_forgotten_is_found_by_call_site() {
    let stack = Leaks::new(Observe::new(Global));
    stack.assert_none();
    forgets_three(&stack);
    forgets_one(&stack);
    drop(StackVec::<u8, _>::with_capacity_in(50_000, &stack));
    let leaks = stack.leaks();
    assert_eq!((leaks.count(), leaks.bytes(), leaks.iter().count()), (4, 300 + 8000, 2));
    let found: Vec<_> = leaks
        .iter()
        .map(|leak| {
            let names = leak.functions();
            let is = |name| names.iter().any(|function| function.contains(name));
            (leak.count, leak.bytes, is("forgets_three"), is("forgets_one"))
        })
        .collect();
    assert_eq!(found, [(1, 8000, false, true), (3, 300, true, false)]);
    let text = leaks.to_string();
    assert!(text.starts_with("8300 bytes live in 4 allocations of 2 call sites\n"), "{text}");
    assert!(text.contains("forgets_one") && text.contains("300 bytes in 3 allocations"), "{text}");
    // The watcher's own frames are left out.
    assert!(!text.contains(" watched") && !text.contains("trace_unsynchronized"), "{text}");
    stack.verify().expect("all is well");
}

/// Its own functions are in no list, at whichever of its doors a call came in, and below whichever layer.
#[test]
fn lists_begin_with_the_program() {
    #[inline(never)]
    fn allocates(stack: &impl Allocator) -> NonNull<u8> {
        stack.allocate(layout(100)).expect("there is memory").cast()
    }
    #[inline(never)]
    fn grows(stack: &impl Allocator) -> NonNull<u8> {
        let ptr = allocates(stack);
        // SAFETY: allocated right above, for this layout.
        unsafe { stack.grow(ptr, layout(100), layout(5000)) }.expect("there is memory").cast()
    }
    #[inline(never)]
    fn zeroes(stack: &impl Allocator) -> NonNull<u8> {
        stack.allocate_zeroed(layout(77)).expect("there is memory").cast()
    }
    fn layout(bytes: usize) -> Layout {
        Layout::from_size_align(bytes, 8).expect("it is small")
    }
    let stack = Leaks::new(Global);
    let observed = Observe::new(&stack);
    let made = [(allocates(&observed), 100), (grows(&stack), 5000), (zeroes(&observed), 77)];
    let leaks = stack.leaks();
    for (bytes, name) in [(100, "allocates"), (5000, "grows"), (77, "zeroes")] {
        let leak = leaks.iter().find(|leak| leak.bytes == bytes).expect("it is live");
        let functions = leak.functions();
        assert!(functions[0].contains(name), "{name}: {functions:#?}");
        let text = leak.to_string();
        let first = text.lines().nth(1).expect("there are calls");
        assert!(first.contains(name), "{name}: {text}");
    }
    for (ptr, bytes) in made {
        // SAFETY: allocated above, for this layout, and freed once.
        unsafe { stack.deallocate(ptr, layout(bytes)) };
    }
    stack.assert_none();
}

#[test]
#[should_panic(expected = "100 bytes live in 1 allocations")]
fn the_assertion_fails_with_the_list() {
    let stack = Leaks::new(Global);
    StackBox::leak(StackBox::new_in([0u8; 100], &stack));
    stack.assert_none();
}

#[test]
fn the_ledger_goes_with_the_watcher() {
    let below = Observe::new(Global);
    let stack = Leaks::new(&below);
    let lists: Vec<_> = (1..200).map(|n| StackVec::<u8, _>::with_capacity_in(n, &stack)).collect();
    assert_eq!(stack.leaks().count(), 199);
    drop(lists);
    stack.assert_none();
    assert_eq!(stack.into_inner().figures().live_bytes, 0);
}

#[test]
fn what_is_promised_of_threads() {
    fn sync<T: Send + Sync>() {}
    sync::<Leaks<Global>>();
    sync::<alloc_core::leaks::LeakList>();
}
