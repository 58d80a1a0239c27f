//! `Memcheck` where valgrind is not there: as if it were, by its own word; and out of the way. What valgrind finds with it
//! is for `.ci/valgrind`.
#![cfg_attr(strata_nightly, feature(allocator_api))]
#![cfg(not(all(loom, feature = "loom")))]

use alloc_core::api2::alloc::{Allocator, Global};
use alloc_core::api2::boxed::Box;
use alloc_core::conformance::Kit;
use alloc_core::report::Tree;
use alloc_core::{Layer, Layout, Limit, Memcheck, Observe};

#[test]
fn it_is_an_allocator_where_it_is_on() {
    Kit::layer(|| Memcheck::new(Global).always()).threads().cases(24).check();
    Kit::layer(|| Memcheck::new(Global).always().with_held_bytes(0)).threads().cases(24).check();
}

#[test]
fn it_is_an_allocator_where_it_is_off() {
    Kit::layer(|| Memcheck::new(Global)).threads().cases(24).check();
}

fn held(stack: &impl Layer) -> u64 {
    Tree::of(stack).figure("Memcheck", "held back").unwrap()
}

#[test]
fn freed_objects_wait_until_there_are_many() {
    let stack = Memcheck::new(Observe::new(Global)).always().with_held_bytes(100);
    let live = || stack.below().figures().live;
    let first = std::ptr::from_ref(&*Box::new_in([1_u8; 40], &stack));
    drop(Box::new_in([2_u8; 60], &stack));
    assert_eq!((held(&stack), live()), (100, 2));
    // The one that waited longest goes.
    let one = Box::new_in([3_u8; 1], &stack);
    assert_ne!(first, std::ptr::from_ref(&*one).cast());
    drop(one);
    assert_eq!((held(&stack), live()), (61, 2));
    stack.verify().unwrap();
    // All go when memory is wanted back, and not when only what is due is.
    stack.reclaim(0);
    assert_eq!(live(), 2);
    stack.reclaim(1);
    assert_eq!((held(&stack), live()), (0, 0));
    stack.verify().unwrap();
}

#[test]
fn what_waits_goes_down_when_memory_is_short_or_the_layer_goes() {
    let limit = Limit::new(1000, Global);
    let stack = Memcheck::new(&limit).always();
    for _ in 0..50 {
        drop(Box::try_new_in([0_u8; 400], &stack).unwrap());
    }
    assert!(held(&stack) > 0 && Box::try_new_in([0_u8; 1000], &stack).is_err());
    drop(Box::new_in(1_u64, &stack));
    assert!(limit.live_bytes() > 0);
    assert_eq!(stack.into_inner().live_bytes(), 0);
    assert_eq!(limit.live_bytes(), 0);
    let stack = Memcheck::new(&limit).always();
    drop(Box::new_in(1_u64, &stack));
    drop(stack);
    assert_eq!(limit.live_bytes(), 0);
}

#[test]
fn red_zones_lie_on_both_sides_of_an_object() {
    let layout = Layout::from_size_align(100, 4).unwrap();
    let aligned = Layout::from_size_align(1, 512).unwrap();
    let stack = Memcheck::new(Observe::new(Global)).always();
    let object = stack.allocate(aligned).unwrap();
    assert!(object.cast::<[u8; 512]>().addr().get().is_multiple_of(512));
    assert_eq!(stack.below().figures().live_bytes, 512 + 1 + 32);
    // SAFETY: allocated above.
    unsafe { stack.deallocate(object.cast(), aligned) };
    let asked_bytes = |stack: Memcheck<Observe<Global>>| {
        let object = stack.allocate(layout).unwrap();
        assert_eq!(object.len(), 100);
        let bytes = stack.below().figures().live_bytes;
        // SAFETY: allocated above.
        unsafe { stack.deallocate(object.cast(), layout) };
        bytes
    };
    assert_eq!(asked_bytes(Memcheck::new(Observe::new(Global)).always()), 32 + 100 + 32);
    assert_eq!(asked_bytes(Memcheck::new(Observe::new(Global))), 100);
}

#[test]
fn a_layout_that_has_no_room_for_its_red_zone_is_refused() {
    let most = Layout::from_size_align(isize::MAX as usize & !7, 8).unwrap();
    assert!(Memcheck::new(Global).always().allocate(most).is_err());
}
