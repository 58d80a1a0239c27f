//! The standard library's own `Allocator`, which every layer implements where the compiler has it
//! stable. Until then the impl is kept honest on a nightly compiler:
//! `RUSTFLAGS="--cfg strata_nightly" cargo +nightly test -p alloc-core`.

#![cfg_attr(strata_nightly, feature(allocator_api))]
#![cfg(not(all(loom, feature = "loom")))]
#![cfg(any(strata_nightly, strata_std_allocator))]

use alloc_core::api2::alloc::Global;
use alloc_core::{Layer, Limit, Observe, Shared};
use core::alloc::{Allocator, Layout};

/// The standard library's collections take a layer as their allocator.
#[test]
fn the_standard_collections() {
    let stack = Observe::new(Limit::new(4096, Global));
    let seven = Box::new_in([7u8; 100], &stack);
    let mut numbers = Vec::with_capacity_in(10, &stack);
    numbers.extend(0..10u32);
    assert_eq!(stack.figures().live_bytes, 140);
    numbers.push(10);
    numbers.shrink_to_fit();
    assert_eq!((stack.figures().live_bytes, numbers[10], seven[99]), (144, 10, 7));
    assert!(numbers.try_reserve(4096).is_err(), "the limit holds for std's collections");
    drop((seven, numbers));
    assert_eq!(stack.figures().live_bytes, 0);
}

/// Each method of the standard trait reaches ours.
#[test]
fn each_method_forwards() {
    let stack = Shared::new(Observe::new(Global));
    let dynamic: &dyn Layer = &stack;
    assert!(dynamic.verify().is_ok());
    let layout = Layout::new::<[u8; 16]>();
    let large = Layout::new::<[u8; 64]>();
    let zeroed = Allocator::allocate_zeroed(&stack, layout).unwrap();
    // SAFETY: each is live, with the layout given, until the next line takes it.
    unsafe {
        assert_eq!(zeroed.as_ref(), [0; 16]);
        let grown = Allocator::grow_zeroed(&stack, zeroed.cast(), layout, large).unwrap();
        assert_eq!(grown.as_ref(), [0; 64]);
        let shrunk = Allocator::shrink(&stack, grown.cast(), large, layout).unwrap();
        let grown = Allocator::grow(&stack, shrunk.cast(), layout, large).unwrap();
        Allocator::deallocate(&stack, grown.cast(), large);
    }
    let figures = stack.figures();
    assert_eq!((figures.allocations, figures.grows, figures.shrinks), (1, 2, 1));
    assert_eq!((figures.deallocations, figures.live_bytes), (1, 0));
}
