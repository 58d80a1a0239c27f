//! `BlockPool`, `Budget` and `Buffer` in stacks: the conformance kit, and who else stands on them.

#![cfg(not(loom))]

use alloc_arena::{Arena, Os};
use alloc_core::api2::alloc::Global;
use alloc_core::api2::{boxed::Box, vec::Vec};
use alloc_core::conformance::Kit;
use alloc_core::report::Tree;
use alloc_core::{Allocator, Failing, Fallback, Layer, Layout, Locked, Schedule, Shared};
use pool_prealloc::{BlockPool, Budget, Buffer, Plan, Share, TakeError};
use std::mem::MaybeUninit;
use std::sync::Mutex;

fn layout(bytes: usize, align_bytes: usize) -> Layout {
    Layout::from_size_align(bytes, align_bytes).unwrap()
}

/// A buffer as static memory is one. Its address stays known, so that it is no leak to those who look for them.
fn buffer(bytes: usize) -> &'static mut [MaybeUninit<u8>] {
    static KNOWN: Mutex<Vec<usize>> = Mutex::new(Vec::new());
    let buffer = std::vec![MaybeUninit::new(0xA5); bytes].leak();
    KNOWN.lock().unwrap().push(buffer.as_ptr().expose_provenance());
    buffer
}

const PLAN: Plan<4> = Plan::new([
    Share::new(layout_of(16, 16), 40).may_borrow_from(1),
    Share::new(layout_of(64, 64), 30).may_borrow_from(3),
    Share::new(layout_of(64, 8), 10),
    Share::new(layout_of(5000, 4096), 8),
]);

const fn layout_of(bytes: usize, align_bytes: usize) -> Layout {
    match Layout::from_size_align(bytes, align_bytes) {
        Ok(layout) => layout,
        Err(_) => panic!("no layout"),
    }
}

#[test]
fn conformance_of_block_pools() {
    for (bytes, align_bytes, slots) in
        [(1, 1, 50), (64, 8, 100), (100, 64, 30), (4096, 4096, 40), (70_000, 16, 60)]
    {
        let make = || BlockPool::with_capacity(layout(bytes, align_bytes), slots);
        Kit::layer(make)
            .may_run_out()
            .max_align_bytes(align_bytes)
            .balance(BlockPool::len)
            .cases(48)
            .check();
    }
}

#[test]
fn conformance_of_pools_that_have_nothing() {
    Kit::layer(|| BlockPool::with_capacity(layout(64, 8), 0)).may_refuse_everything().check();
    Kit::layer(|| BlockPool::with_capacity(layout(0, 1), 10)).may_refuse_everything().check();
}

#[test]
fn conformance_by_reference_and_over_an_arena() {
    let pool = BlockPool::with_capacity_in(layout(256, 16), 200, Arena::new(Os::new()));
    Kit::layer(|| &pool).may_run_out().clones().balance(|pool| pool.len()).check();
}

#[test]
fn conformance_of_a_locked_pool() {
    Kit::layer(|| Locked::new(BlockPool::with_capacity(layout(512, 32), 300)))
        .may_run_out()
        .threads()
        .balance(|pool| pool.with(BlockPool::len))
        .check();
    let shared = || Shared::new(Locked::new(BlockPool::with_capacity(layout(512, 32), 300)));
    Kit::layer(shared).may_run_out().threads().clones().check();
}

#[test]
fn conformance_with_a_fallback() {
    let pool = || BlockPool::with_capacity(layout(256, 16), 20);
    Kit::layer(|| Fallback::new(pool(), Global)).balance(|stack| stack.primary().len()).check();
    Kit::layer(|| Fallback::new(pool(), Failing::new(Schedule::Every(3), Global)))
        .may_refuse_anytime()
        .check();
}

#[test]
fn conformance_of_budgets() {
    let used = |budget: &Budget<Global, 4>| (0..4).map(|index| budget.used_slots(index)).sum();
    Kit::layer(|| Budget::new_in(PLAN, Global).unwrap()).may_run_out().balance(used).check();
    Kit::layer(|| Locked::new(Budget::new_in(PLAN, Global).unwrap()))
        .may_run_out()
        .threads()
        .check();
    Kit::layer(|| Fallback::new(Budget::new_in(PLAN, Global).unwrap(), Global)).check();
    let bytes = PLAN.bytes() + PLAN.align_bytes() - 1;
    Kit::layer(|| Budget::over(PLAN, buffer(bytes)).unwrap()).may_run_out().cases(24).check();
}

#[test]
fn conformance_of_a_buffer() {
    Kit::layer(|| Buffer::new(buffer(100_000))).may_run_out().check();
}

#[test]
fn a_layout_that_does_not_fit_is_refused() {
    let pool = BlockPool::with_capacity(layout(100, 16), 4);
    assert_eq!((pool.slot_bytes(), pool.align_bytes(), pool.capacity()), (112, 16, 4));
    for refused in [layout(113, 1), layout(8, 32), layout(1 << 40, 1)] {
        assert!(pool.allocate(refused).is_err());
        assert!(pool.usable_size(refused) >= refused.size());
    }
    assert_eq!(pool.refused(), 3);
    let slots = [layout(112, 16), layout(1, 1), layout(112, 1), layout(50, 8)];
    let slots = slots.map(|fits| (pool.allocate(fits).unwrap(), fits));
    assert!(pool.allocate(layout(1, 1)).is_err() && pool.is_full());
    assert_eq!(pool.allocate(layout(0, 4096)).unwrap().len(), 0);
    for (slot, fits) in slots {
        assert!(slot.len() == 112 && pool.owns(slot.cast()));
        assert!(pool.range().unwrap().contains(&slot.cast::<u8>().as_ptr().addr()));
        // SAFETY: allocated above with this layout.
        unsafe { pool.deallocate(slot.cast(), fits) };
    }
    assert!(pool.is_empty() && pool.peak_slots() == 4);
}

#[test]
fn no_pool_is_larger_than_memory() {
    let error = |bytes, align, slots| {
        BlockPool::try_with_capacity(layout(bytes, align), slots).map(|_| ()).unwrap_err()
    };
    assert_eq!(error(64, 8, usize::MAX), TakeError::TooLarge);
    assert_eq!(error(64, 8, isize::MAX as usize / 64 + 1), TakeError::TooLarge);
    assert_eq!(error(1, 1 << 62, 2), TakeError::TooLarge);
}

/// Two vectors grow in their slots until these end, and then elsewhere.
#[test]
fn a_slot_grows_in_place_and_moves_out_of_the_pool() {
    let pool = BlockPool::with_capacity(layout(64, 8), 2);
    let stack = Fallback::new(&pool, Global);
    let mut numbers: Vec<u32, _> = Vec::new_in(&stack);
    numbers.extend(0..8);
    let place = numbers.as_ptr();
    numbers.reserve(8);
    assert!(pool.len() == 1 && std::ptr::eq(numbers.as_ptr(), place));
    numbers.extend(8..1000);
    assert!(pool.is_empty() && numbers.iter().copied().eq(0..1000));
}

#[test]
fn a_map_stands_on_a_pool() {
    let pool = BlockPool::with_capacity(layout(4096, 16), 2);
    let mut map = hashbrown::HashMap::with_capacity_in(100, &pool);
    for n in 0..100_u32 {
        map.insert(n, n * n);
    }
    assert!((0..100).all(|n| map[&n] == n * n));
    assert_eq!(pool.len(), 1);
    // Its slot is full: the map is refused a larger table, and stays as it is.
    assert!(map.try_reserve(10_000).is_err());
    assert!(map.len() == 100 && map[&99] == 9801);
    drop(map);
    assert!(pool.is_empty());
}

#[test]
fn a_collector_stands_on_a_pool() {
    use alloc_core::Rootable;
    use alloc_core::gc::{Gc, Heap, Trace};
    use gc_marksweep::MarkSweep;

    #[derive(Trace)]
    struct Node<'gc>(u32, Option<Gc<'gc, Node<'gc>>>);
    Rootable!(type Root<'gc> = Option<Gc<'gc, Node<'gc>>>);

    let pool = Shared::new(Locked::new(BlockPool::with_capacity(layout(1 << 16, 1 << 16), 16)));
    let stack = Fallback::new(pool.clone(), Global);
    let mut heap = Heap::<_, Root>::new(MarkSweep::new(stack), |_| None);
    for n in 0..1000 {
        heap.mutate_root(|mc, root| *root = Some(Gc::new(mc, Node(n, *root))));
    }
    heap.collect();
    let sum = heap.mutate(|_, root| {
        std::iter::successors(*root, |node| node.1).map(|node| node.0).sum::<u32>()
    });
    assert_eq!(sum, 999 * 500);
    assert!(pool.with(|pool| pool.peak_slots()) > 0, "spans come from the pool");
    drop(heap);
    assert!(pool.with(BlockPool::is_empty));
}

#[test]
fn a_share_borrows_where_the_plan_allows() {
    const SMALL: Layout = layout_of(24, 8);
    let plan = Plan::new([
        Share::new(SMALL, 2).may_borrow_from(2),
        Share::of::<[u64; 4]>(2),
        Share::of::<[u64; 8]>(2),
    ]);
    let budget = Budget::new_in(plan, Global).unwrap();
    let take = |layout| budget.allocate(layout);
    let used = || [0, 1, 2].map(|index| budget.used_slots(index));
    let four: std::vec::Vec<_> = (0..4).map(|_| take(SMALL).unwrap()).collect();
    // Two of its own and two of the last share; none of the one between, which is no lender.
    assert_eq!((used(), budget.borrowed(0)), ([2, 0, 2], 2));
    assert!(take(SMALL).is_err() && take(Layout::new::<[u64; 8]>()).is_err());
    assert!(take(Layout::new::<[u64; 4]>()).is_ok());
    assert!(four.iter().all(|slot| slot.len() == 24), "no more than a slot of its own");
    for slot in four {
        // SAFETY: allocated above with this layout.
        unsafe { budget.deallocate(slot.cast(), SMALL) };
    }
    assert_eq!(used(), [0, 1, 0]);
    assert!(take(Layout::new::<[u64; 8]>()).is_ok(), "back with its owner");
    budget.verify().unwrap();
    let text = Tree::of(&budget).to_string();
    assert!(text.contains("Budget") && text.matches("share").count() == 3, "{text}");
}

#[test]
fn a_pool_stands_on_a_budget() {
    use pool_prealloc::{KeyPool, Pool};
    const PLAN: Plan<3> =
        Plan::new([Share::pool::<[u32; 5]>(100), Share::key_pool::<u64>(50), Share::of::<u64>(3)]);
    let run =
        || std::boxed::Box::new([const { MaybeUninit::<u64>::uninit() }; PLAN.bytes().div_ceil(8)]);
    let mut run = run();
    // SAFETY: so many bytes of memory that need not be initialised.
    let bytes = unsafe { std::slice::from_raw_parts_mut(run.as_mut_ptr().cast(), PLAN.bytes()) };
    let budget = Budget::over(PLAN, bytes).unwrap();
    let pool = Pool::<[u32; 5], _>::with_capacity_in(100, &budget);
    let mut keys = KeyPool::<u64, _>::with_capacity_in(50, &budget);
    let boxes: std::vec::Vec<_> = (0..100).map(|n| pool.alloc([n; 5]).unwrap()).collect();
    let named: std::vec::Vec<_> = (0..50).map(|n| keys.insert(n).unwrap()).collect();
    let three = [1_u64, 2, 3].map(|n| Box::new_in(n, &budget));
    assert!(Box::try_new_in(4_u64, &budget).is_err());
    assert!(boxes.iter().enumerate().all(|(n, boxed)| **boxed == [n as u32; 5]));
    assert!(named.iter().enumerate().all(|(n, key)| keys[*key] == n as u64));
    assert_eq!(three.map(|boxed| *boxed), [1, 2, 3]);
    assert!(Pool::<[u32; 5], _>::try_with_capacity_in(100, &budget).is_err());
}

/// A plan whose exact shares lie between the others, and are as long as one of them.
const MIXED: Plan<5> = Plan::new([
    Share::new(layout_of(64, 8), 20),
    Share::new(layout_of(100, 8), 6).exact().may_borrow_from(3),
    Share::new(layout_of(64, 8), 4).exact(),
    Share::new(layout_of(256, 16), 20),
    Share::new(layout_of(5000, 1), 8).exact(),
]);

#[test]
fn conformance_of_budgets_with_exact_shares() {
    let used = |budget: &Budget<Global, 5>| (0..5).map(|index| budget.used_slots(index)).sum();
    Kit::layer(|| Budget::new_in(MIXED, Global).unwrap()).may_run_out().balance(used).check();
    Kit::layer(|| Fallback::new(Budget::new_in(MIXED, Global).unwrap(), Global)).check();
    // Sizes at their edges, which the kit meets by chance only.
    let budget = Budget::new_in(MIXED, Global).unwrap();
    let usable = |bytes, align_bytes| budget.usable_size(layout(bytes, align_bytes));
    assert_eq!([usable(1, 8), usable(63, 8), usable(64, 8), usable(64, 4)], [63, 63, 64, 64]);
    assert_eq!([usable(65, 8), usable(99, 8), usable(100, 8)], [99, 99, 100]);
    assert_eq!([usable(101, 8), usable(65, 4), usable(4999, 1)], [256, 256, 4999]);
}

/// What stands between a pool and its run, if a layout only has to fit: a vector that is made first.
#[test]
fn a_pools_run_waits_for_its_pool() {
    use pool_prealloc::{KeyPool, Pool};
    const PLAN: Plan<3> = Plan::new([
        Share::pool::<[u32; 5]>(100),
        Share::key_pool::<u64>(50),
        Share::of::<[u64; 8]>(2),
    ]);
    for pools_first in [false, true] {
        let budget = Budget::new_in(PLAN, Global).unwrap();
        let mut numbers: Vec<u32, _> = Vec::new_in(&budget);
        let pools = || {
            (
                Pool::<[u32; 5], _>::try_with_capacity_in(100, &budget).unwrap(),
                KeyPool::<u64, _>::try_with_capacity_in(50, &budget).unwrap(),
            )
        };
        let before = pools_first.then(pools);
        assert!(numbers.try_reserve_exact(16).is_ok(), "64 bytes: a slot");
        assert!(numbers.try_reserve_exact(17).is_err(), "more than a slot, and a run is none");
        assert_eq!((budget.used_slots(2), budget.refused_unplanned()), (1, 1));
        let after = (!pools_first).then(pools);
        let _pools = before.or(after).unwrap();
        assert_eq!([0, 1, 2].map(|index| budget.used_slots(index)), [1, 1, 1]);
        budget.verify().unwrap();
    }
}

#[test]
fn what_fits_no_share_is_counted() {
    let budget = Budget::new_in(Plan::new([Share::of::<[u8; 64]>(2)]), Global).unwrap();
    for refused in [layout(65, 1), layout(4, 4)] {
        assert!(budget.allocate(refused).is_err());
    }
    let mut bytes: Vec<u8, _> = Vec::with_capacity_in(64, &budget);
    assert!(bytes.try_reserve(65).is_err(), "a vector that outgrows its slot, too");
    assert_eq!((budget.refused_unplanned(), budget.refused(0)), (3, 0));
    assert_eq!(Tree::of(&budget).figure("Budget", "refused unplanned"), Some(3));
}

#[test]
fn what_has_an_exact_slot_moves_to_another_layout() {
    let budget = Budget::new_in(MIXED, Global).unwrap();
    let used = || [0, 1, 2, 3, 4].map(|index| budget.used_slots(index));
    let mut numbers: Vec<u64, _> = Vec::with_capacity_in(8, &budget); // a layout of the exact share
    numbers.extend(0..8);
    assert_eq!(used(), [0, 0, 1, 0, 0]);
    numbers.pop();
    numbers.shrink_to_fit();
    assert_eq!((used(), numbers.capacity()), ([1, 0, 0, 0, 0], 7));
    numbers.reserve_exact(10);
    assert_eq!((used(), numbers.len()), ([0, 0, 0, 1, 0], 7));
    numbers.reserve_exact(15); // in the same slot
    assert_eq!(used(), [0, 0, 0, 1, 0]);
    assert!(numbers.iter().copied().eq(0..7));
    // Exact slots are used up; then one of the others serves, as for any layout.
    let five: std::vec::Vec<_> = (0..5).map(|_| budget.allocate(layout(64, 8)).unwrap()).collect();
    assert_eq!((used(), budget.refused(2)), ([1, 0, 4, 1, 0], 1));
    assert!(five.iter().all(|slot| slot.len() == 64));
    for slot in five {
        // SAFETY: allocated above with this layout.
        unsafe { budget.deallocate(slot.cast(), layout(64, 8)) };
    }
    budget.verify().unwrap();
}
