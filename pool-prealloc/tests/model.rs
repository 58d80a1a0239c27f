//! Random programs on each pool beside a model of it: a pool holds exactly what the model does, at places of
//! its own, refuses exactly when the model is full, and its metadata is sound after every step.

#![cfg(not(loom))]

mod common;

use alloc_core::api2::alloc::Global;
use alloc_core::{Allocator, Layer, Layout};
use common::{Census, One};
use pool_prealloc::{
    BlockPool, Budget, Key, KeyPool, Plan, Pool, PoolBox, Share, SlotBox, StaticPool,
};
use proptest::prelude::*;
use std::ptr::NonNull;

#[derive(Clone, Debug)]
enum Op {
    Alloc,
    Free(usize),
    IntoInner(usize),
    Leak(usize),
    /// Leak, and box again.
    Round(usize),
    Clear,
    Look,
}

fn op() -> impl Strategy<Value = Op> {
    let n = || 0..32_usize;
    prop_oneof![
        8 => Just(Op::Alloc),
        5 => n().prop_map(Op::Free),
        1 => n().prop_map(Op::IntoInner),
        1 => n().prop_map(Op::Leak),
        1 => n().prop_map(Op::Round),
        1 => Just(Op::Clear),
        1 => Just(Op::Look),
    ]
}

/// Runs steps until one that needs the pool exclusively; gives the rest, and what was leaked by then.
fn run_boxes<'o>(
    pool: &Pool<One>,
    census: &Census,
    ops: &'o [Op],
    leaked: &mut Vec<u32>,
    high: &mut usize,
) -> &'o [Op] {
    let mut boxes: Vec<PoolBox<'_, One>> = Vec::new();
    for (at, op) in ops.iter().enumerate() {
        let number = at as u32;
        let pick = |n: usize, boxes: &[_]| (!boxes.is_empty()).then(|| n % boxes.len());
        match *op {
            Op::Alloc => match pool.alloc(census.one(number)) {
                Ok(boxed) => boxes.push(boxed),
                Err(full) => {
                    assert_eq!(boxes.len() + leaked.len(), pool.capacity());
                    assert_eq!(full.into_inner().number, number);
                }
            },
            Op::Free(n) => drop(pick(n, &boxes).map(|n| boxes.swap_remove(n))),
            Op::IntoInner(n) => {
                let one = pick(n, &boxes).map(|n| SlotBox::into_inner(boxes.swap_remove(n)));
                assert_eq!(pool.len(), boxes.len() + leaked.len());
                drop(one);
            }
            Op::Leak(n) => {
                leaked.extend(pick(n, &boxes).map(|n| SlotBox::leak(boxes.swap_remove(n)).number))
            }
            Op::Round(n) => {
                if let Some(n) = pick(n, &boxes) {
                    let raw = SlotBox::into_raw(boxes.swap_remove(n));
                    // SAFETY: it came from `into_raw` just now.
                    boxes.push(unsafe { pool.from_raw(raw) });
                }
            }
            Op::Clear | Op::Look => return &ops[at..],
        }
        *high = (*high).max(boxes.len() + leaked.len());
        assert_eq!((pool.len(), pool.peak_slots()), (boxes.len() + leaked.len(), *high));
        assert_eq!(pool.is_full(), pool.len() == pool.capacity());
        pool.verify().unwrap();
    }
    &[]
}

fn places<T>(values: impl Iterator<Item = NonNull<T>>) -> usize {
    values.collect::<std::collections::HashSet<_>>().len()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn pool(capacity in 0_usize..12, ops in prop::collection::vec(op(), 0..200)) {
        let census = Census::default();
        let mut pool = Pool::with_capacity(capacity);
        let (mut leaked, mut high) = (Vec::new(), 0);
        let mut rest = &ops[..];
        loop {
            rest = run_boxes(&pool, &census, rest, &mut leaked, &mut high);
            // All boxes are gone: what lives now was leaked.
            prop_assert_eq!(census.living(), leaked.len() as isize);
            let Some((op, later)) = rest.split_first() else { break };
            rest = later;
            if matches!(op, Op::Clear) {
                pool.clear();
                leaked.clear();
            }
            let mut found: Vec<_> = pool.iter().map(|one| one.number).collect();
            prop_assert_eq!(places(pool.iter().map(NonNull::from)), found.len());
            found.sort_unstable();
            leaked.sort_unstable();
            prop_assert_eq!(&found, &leaked);
            pool.verify().unwrap();
        }
        drop(pool);
        prop_assert_eq!(census.living(), 0);
    }

    /// Small values, whose slots are linked by indexes; and a pool that moves between handles.
    #[test]
    fn static_pool(ops in prop::collection::vec((any::<u8>(), any::<bool>()), 0..300)) {
        let mut pool = StaticPool::<u8, 16>::new();
        let mut model = Vec::new();
        for round in ops.chunks(40) {
            let handle = pool.handle();
            let mut boxes = Vec::new();
            for &(n, takes) in round {
                if takes || boxes.is_empty() {
                    match handle.alloc(n) {
                        Ok(boxed) => boxes.push((boxed, n)),
                        Err(full) => prop_assert_eq!((full.0, boxes.len() + model.len()), (n, 16)),
                    }
                } else {
                    let (boxed, value) = boxes.swap_remove(usize::from(n) % boxes.len());
                    prop_assert_eq!(*boxed, value);
                }
                prop_assert_eq!(handle.len(), boxes.len() + model.len());
                handle.verify().unwrap();
            }
            if let Some((boxed, value)) = boxes.pop() {
                let _ = SlotBox::leak(boxed);
                model.push(value);
            }
            drop(boxes);
            pool = *Box::new(pool);
            let mut found: Vec<_> = pool.iter().copied().collect();
            found.sort_unstable();
            model.sort_unstable();
            prop_assert_eq!(&found, &model);
        }
    }

    #[test]
    fn key_pool(capacity in 0_usize..12, ops in prop::collection::vec((0_usize..40, 0_u8..20), 0..300)) {
        let census = Census::default();
        let mut pool = KeyPool::<One>::with_capacity(capacity);
        // Every key that there ever was, with what it names while that lives.
        let mut model: Vec<(Key<One>, Option<u32>)> = Vec::new();
        let mut high = 0;
        for (at, (n, kind)) in ops.into_iter().enumerate() {
            let number = at as u32;
            match kind {
                0..10 => match pool.insert(census.one(number)) {
                    Ok(key) => model.push((key, Some(number))),
                    Err(_) => prop_assert_eq!(pool.len(), capacity),
                },
                10..18 if !model.is_empty() => {
                    let place = n % model.len();
                    let (key, named) = &mut model[place];
                    prop_assert_eq!(pool.remove(*key).ok().map(|one| one.number), named.take());
                }
                18 => {
                    pool.retain(|_, one| one.number as usize % 3 != n % 3);
                    for (_, named) in &mut model {
                        *named = named.filter(|number| *number as usize % 3 != n % 3);
                    }
                }
                _ if n == 0 => {
                    pool.clear();
                    model.iter_mut().for_each(|(_, named)| *named = None);
                }
                _ => {}
            }
            for (key, named) in &model {
                prop_assert_eq!(pool.get(*key).map(|one| one.number), *named);
            }
            let living = model.iter().filter(|(_, named)| named.is_some()).count();
            high = high.max(living);
            prop_assert_eq!((pool.len(), pool.peak_slots(), census.living()), (living, high, living as isize));
            let listed: Vec<_> = pool.iter().map(|(key, one)| (key, Some(one.number))).collect();
            prop_assert!(listed.len() == living && listed.iter().all(|one| model.contains(one)));
            pool.verify().unwrap();
        }
        drop(pool);
        prop_assert_eq!(census.living(), 0);
    }

    #[test]
    fn block_pool(ops in prop::collection::vec((1_usize..80, 0_u32..5, any::<bool>()), 0..200)) {
        let pool = BlockPool::with_capacity(Layout::new::<[u64; 8]>(), 10);
        let mut live: Vec<(NonNull<[u8]>, Layout)> = Vec::new();
        for (bytes, shift, takes) in ops {
            let layout = Layout::from_size_align(bytes, 1 << shift).unwrap();
            if takes {
                let serves = bytes <= 64 && shift <= 3 && live.len() < 10;
                let answer = pool.allocate(layout);
                prop_assert_eq!(answer.is_ok(), serves);
                live.extend(answer.ok().map(|slot| (slot, layout)));
            } else if !live.is_empty() {
                let (slot, layout) = live.swap_remove(bytes % live.len());
                // SAFETY: live, and allocated with this layout.
                unsafe { pool.deallocate(slot.cast(), layout) };
            }
            prop_assert_eq!(pool.len(), live.len());
            prop_assert_eq!(places(live.iter().map(|(slot, _)| slot.cast::<u8>())), live.len());
            pool.verify().unwrap();
        }
    }

    /// The model: how many of each share's slots are used, by whom they were taken.
    #[test]
    fn budget(ops in prop::collection::vec((1_usize..140, 0_u32..6, any::<bool>()), 0..200)) {
        const SLOTS: [usize; 3] = [3, 2, 4];
        let plan = Plan::new([
            Share::of::<[u64; 4]>(SLOTS[0]).may_borrow_from(1).may_borrow_from(2),
            Share::of::<[u64; 8]>(SLOTS[1]),
            Share::of::<[u128; 8]>(SLOTS[2]),
        ]);
        let budget = Budget::new_in(plan, Global).unwrap();
        let mut used = [0; 3];
        let mut live: Vec<(NonNull<[u8]>, Layout, usize)> = Vec::new();
        for (bytes, shift, takes) in ops {
            let layout = Layout::from_size_align(bytes, 1 << shift).unwrap();
            let share = match (bytes, shift) {
                (..33, ..4) => Some(0),
                (..65, ..4) => Some(1),
                (..129, ..5) => Some(2),
                _ => None,
            };
            if takes {
                let lenders: &[usize] = if share == Some(0) { &[1, 2] } else { &[] };
                let mut owners = share.iter().chain(lenders);
                let owner = owners.find(|owner| used[**owner] < SLOTS[**owner]).copied();
                let answer = budget.allocate(layout);
                prop_assert_eq!(answer.is_ok(), owner.is_some());
                if let (Ok(slot), Some(owner)) = (answer, owner) {
                    used[owner] += 1;
                    live.push((slot, layout, owner));
                    prop_assert_eq!(slot.len(), plan.slot_bytes(share.unwrap()));
                }
            } else if !live.is_empty() {
                let (slot, layout, owner) = live.swap_remove(bytes % live.len());
                // SAFETY: live, and allocated with this layout.
                unsafe { budget.deallocate(slot.cast(), layout) };
                used[owner] -= 1;
            }
            prop_assert_eq!([0, 1, 2].map(|index| budget.used_slots(index)), used);
            budget.verify().unwrap();
        }
    }
}
