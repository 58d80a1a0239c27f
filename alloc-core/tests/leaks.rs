//! `Leaks`: through the kit; what it says of a program that forgets.

#![cfg_attr(strata_nightly, feature(allocator_api))]
#![cfg(not(all(loom, feature = "loom")))]

mod common;

use alloc_core::api2::alloc::{Global, System};
use alloc_core::api2::boxed::Box as StackBox;
use alloc_core::api2::vec::Vec as StackVec;
use alloc_core::conformance::Kit;
use alloc_core::{Failing, Layer, Leaks, Limit, Locked, Observe, Schedule};
use common::Toy;

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
