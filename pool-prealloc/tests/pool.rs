//! `Pool` and its boxes: what they promise, one by one.

#![cfg(not(loom))]

mod common;

use alloc_core::api2::alloc::Global;
use alloc_core::report::Tree;
use alloc_core::{Report, Shared, Unit};
use common::{Census, unwinds};
use pool_prealloc::{Full, Pool, PoolBox, SlotBox, TakeError};
use std::collections::HashSet;
use std::pin::Pin;
use std::ptr::NonNull;

fn is_send<T: Send>() {}
fn is_sync<T: Sync>() {}

#[test]
fn what_may_go_to_other_threads() {
    is_send::<Pool<u32>>();
    is_sync::<PoolBox<'static, u32>>();
    // That `Pool` is not `Sync`, and `PoolBox` not `Send`, is in `refused`.
}

#[test]
fn a_slot_is_used_again_last_in_first_out() {
    let pool = Pool::with_capacity(3);
    let [a, b, c] = [1, 2, 3].map(|n: u64| pool.alloc(n).unwrap());
    assert_eq!((*a, *b, *c, pool.len(), pool.is_full()), (1, 2, 3, 3, true));
    let places = [&a, &b, &c].map(SlotBox::as_ptr);
    assert_eq!(places.iter().collect::<HashSet<_>>().len(), 3);
    assert_eq!(pool.alloc(4).unwrap_err(), Full(4));
    drop((a, c));
    assert_eq!((pool.len(), pool.is_full(), pool.refused()), (1, false, 1));
    let [d, e] = [5, 6].map(|n| pool.alloc(n).unwrap());
    assert_eq!([&d, &e].map(SlotBox::as_ptr), [places[2], places[0]]);
    assert_eq!((*b, *d, *e), (2, 5, 6));
    assert_eq!((pool.peak_slots(), pool.capacity()), (3, 3));
    pool.verify().unwrap();
}

#[test]
fn the_peak_is_exact() {
    let mut pool = Pool::with_capacity(10);
    for round in 0..4 {
        let boxes: Vec<_> = (0..round * 2).map(|n| pool.alloc(n).unwrap()).collect();
        assert_eq!((pool.len(), pool.peak_slots()), (boxes.len(), boxes.len()));
        drop(boxes);
        assert_eq!((pool.len(), pool.peak_slots()), (0, round * 2));
    }
    pool.clear();
    assert_eq!(pool.peak_slots(), 6);
    let _one = pool.alloc(1).unwrap();
    assert_eq!((pool.len(), pool.peak_slots()), (1, 6));
}

/// Small types have links of four bytes, and of any alignment.
#[test]
fn values_of_every_size_and_alignment() {
    fn check<T: Copy + PartialEq + std::fmt::Debug>(make: impl Fn(u8) -> T, slot_bytes: usize) {
        let mut pool = Pool::with_capacity(100);
        assert_eq!(Pool::<T>::layout(100).unwrap().size(), slot_bytes * 100);
        for _ in 0..3 {
            let mut boxes: Vec<_> = (0..100).map(|n| pool.alloc(make(n)).unwrap()).collect();
            pool.verify().unwrap();
            for boxed in &boxes {
                assert!(SlotBox::as_ptr(boxed).as_ptr().addr().is_multiple_of(align_of::<T>()));
            }
            for n in (0..100).step_by(3) {
                let value = std::mem::replace(&mut *boxes[n], make(7));
                assert_eq!(value, make(n as u8));
            }
            let mut at = 0;
            boxes.retain(|_| (at += 1, at % 2 == 0).1);
            pool.verify().unwrap();
            assert_eq!(pool.len(), 50);
            drop(boxes);
        }
        assert_eq!(pool.iter().count(), 0);
    }
    check(|n| n, 4);
    check(|n| [n; 3], 4);
    check(|n| [n; 5], 5);
    check(|n| [u16::from(n); 3], 6);
    check(u32::from, 4);
    check(|n| [n; 9], 9);
    check(u64::from, 8);
    check(|n| [u128::from(n); 2], 32);
    #[derive(Clone, Copy, PartialEq, Debug)]
    #[repr(align(256))]
    struct Wide(u8);
    check(Wide, 256);
}

#[test]
fn values_without_a_size_are_counted() {
    #[derive(Debug)]
    #[repr(align(64))]
    struct Nothing;
    let mut pool = Pool::<Nothing>::with_capacity(2);
    let a = pool.alloc(Nothing).unwrap();
    let b = pool.alloc(Nothing).unwrap();
    assert!(SlotBox::as_ptr(&a).as_ptr().addr().is_multiple_of(64));
    assert!(pool.alloc(Nothing).is_err() && pool.is_full());
    drop(a);
    assert_eq!((pool.len(), pool.peak_slots()), (1, 2));
    let _ = SlotBox::leak(b);
    assert_eq!(pool.iter().count(), 1);
    pool.clear();
    assert_eq!((pool.len(), pool.peak_slots()), (0, 2));

    let endless = Pool::<()>::with_capacity(usize::MAX);
    assert!(endless.alloc(()).is_ok() && endless.is_empty());
    assert_eq!(Pool::<()>::layout(usize::MAX).unwrap().size(), 0);
}

#[test]
fn destructors_of_values_without_a_size_run() {
    use std::cell::Cell;
    thread_local!(static LIVING: Cell<i32> = const { Cell::new(0) });
    struct Token;
    impl Drop for Token {
        fn drop(&mut self) {
            LIVING.set(LIVING.get() - 1);
        }
    }
    let make = || {
        LIVING.set(LIVING.get() + 1);
        Token
    };
    let pool = Pool::with_capacity(10);
    let boxes: Vec<_> = (0..7).map(|_| pool.alloc_with(make).ok().unwrap()).collect();
    let mut kept = boxes.into_iter();
    drop(kept.next());
    let _ = kept.map(SlotBox::leak).count();
    assert_eq!((LIVING.get(), pool.len()), (6, 6));
    drop(pool);
    assert_eq!(LIVING.get(), 0);
}

#[test]
fn capacities_at_their_ends() {
    let none = Pool::<u64>::with_capacity(0);
    assert_eq!(none.alloc(1).unwrap_err().into_inner(), 1);
    assert!(none.is_full() && none.is_empty() && none.refused() == 1);
    for slots in [usize::MAX, usize::MAX / 8, isize::MAX as usize / 8 + 1] {
        assert_eq!(Pool::<u64>::try_with_capacity(slots).unwrap_err(), TakeError::TooLarge);
        assert!(Pool::<u64>::layout(slots).is_none());
    }
    // Slots with short links have to have a number.
    assert_eq!(Pool::<u8>::layout(u32::MAX as usize), None);
    assert!(Pool::<u8>::layout(u32::MAX as usize - 1).is_some());
    unwinds(|| drop(Pool::<u64>::with_capacity(usize::MAX)));
}

#[test]
fn leaked_values_are_dropped_by_the_pool() {
    let census = Census::default();
    let mut pool = Pool::with_capacity(8);
    {
        let mut boxes: Vec<_> = (0..8).map(|n| pool.alloc(census.one(n)).unwrap()).collect();
        drop(boxes.remove(2));
        drop(boxes.remove(4)); // number 5
        census.dropped();
        let leaked = SlotBox::leak(boxes.remove(0));
        leaked.number += 10;
        std::mem::forget(boxes.remove(0));
        let _raw = SlotBox::into_raw(boxes.remove(0));
        assert_eq!((boxes.len(), pool.len(), census.living()), (3, 6, 6));
        drop(boxes);
    }
    assert_eq!(census.dropped(), [4, 6, 7]);
    assert_eq!(pool.iter().map(|one| one.number).collect::<Vec<_>>(), [10, 1, 3]);
    for one in pool.iter_mut() {
        one.number += 100;
    }
    pool.verify().unwrap();
    pool.clear();
    assert_eq!((census.dropped(), pool.len()), (vec![110, 101, 103], 0));
    pool.verify().unwrap();
    let _ = SlotBox::leak(pool.alloc(census.one(50)).unwrap());
    drop(pool);
    assert_eq!((census.dropped(), census.living()), (vec![50], 0));
}

#[test]
fn values_come_out_of_boxes() {
    let census = Census::default();
    let pool = Pool::with_capacity(1);
    let one = SlotBox::into_inner(pool.alloc(census.one(1)).unwrap());
    assert!(pool.is_empty() && census.living() == 1);
    let raw = SlotBox::into_raw(pool.alloc(one).unwrap());
    assert!(pool.owns(raw) && !pool.owns(NonNull::dangling()));
    // SAFETY: it came from `into_raw` just now.
    let boxed = unsafe { pool.from_raw(raw) };
    assert_eq!(boxed.number, 1);
    drop(boxed);
    assert_eq!((pool.len(), census.living()), (0, 0));
}

#[test]
fn a_destructor_that_unwinds_loses_no_slot() {
    let census = Census::default();
    let pool = Pool::with_capacity(2);
    let a = pool.alloc(census.one(1)).unwrap();
    let _b = pool.alloc(census.one(2)).unwrap();
    census.unwinds_at(1);
    unwinds(|| drop(a));
    assert_eq!(pool.len(), 1);
    assert!(pool.alloc(census.one(3)).is_ok());
    pool.verify().unwrap();
}

#[test]
fn a_destructor_that_unwinds_does_not_keep_others() {
    for fatal in 0..5 {
        let census = Census::default();
        let mut pool = Pool::with_capacity(5);
        let fill = |pool: &Pool<_>| {
            for n in 0..5 {
                let _ = SlotBox::leak(pool.alloc(census.one(n)).unwrap());
            }
        };
        fill(&pool);
        census.unwinds_at(fatal);
        unwinds(|| pool.clear());
        assert_eq!((census.dropped(), pool.len()), (vec![0, 1, 2, 3, 4], 0));
        pool.verify().unwrap();
        fill(&pool);
        census.unwinds_at(fatal);
        unwinds(|| drop(pool));
        assert_eq!((census.dropped(), census.living()), (vec![0, 1, 2, 3, 4], 0));
    }
}

#[test]
fn what_cannot_be_made_takes_no_slot() {
    let pool = Pool::with_capacity(1);
    unwinds(|| drop(pool.alloc_with(|| -> u32 { panic!("on purpose") })));
    assert_eq!(pool.len(), 0);
    let error = pool.try_alloc_with(|| "x".parse::<u32>()).ok().unwrap();
    assert!(error.is_err() && pool.is_empty());
    let seven = pool.try_alloc_with(|| "7".parse::<u32>()).ok().unwrap().unwrap();
    assert_eq!(*seven, 7);
    let mut called = false;
    let Full(make) = pool.alloc_with(|| (called = true, 8).1).unwrap_err();
    assert_eq!(make(), 8);
    assert!(called);
    drop(seven);
    // A closure may use the pool that it makes a value for: it finds the slot taken.
    let made = pool.alloc_with(|| u32::from(pool.alloc(1).is_err()));
    assert_eq!(*made.ok().unwrap(), 1);
}

#[test]
fn a_pinned_value_stays_where_it_is() {
    let pool = Pool::with_capacity(4);
    let pinned: Pin<PoolBox<'_, _>> = SlotBox::into_pin(pool.alloc(async { 7 }).ok().unwrap());
    let mut pinned = [pinned];
    let waker = std::task::Waker::noop();
    let mut context = std::task::Context::from_waker(waker);
    let polled = pinned[0].as_mut().poll(&mut context);
    assert_eq!(polled, std::task::Poll::Ready(7));
}

#[test]
#[allow(clippy::mutable_key_type, reason = "the hash is the value's, not the pool's")]
fn boxes_do_what_their_values_do() {
    let pool = Pool::with_capacity(3);
    let (a, b) = (pool.alloc(1).unwrap(), pool.alloc(2).unwrap());
    assert!(a < b && a != b && a == a);
    assert_eq!(format!("{a} {b:?} {}", Full(())), "1 2 the pool has no free slot");
    let set: HashSet<PoolBox<'_, u32>> = [a, b].into_iter().collect();
    assert!(set.contains(&1) && set.contains(&2) && !set.contains(&3));
    drop(set);
    let pool = Pool::with_capacity(1);
    assert_eq!(pool.alloc(0..5).unwrap().skip(1).sum::<u32>(), 10);
}

#[test]
fn figures_are_reported() {
    let pool = Pool::with_capacity_in(3, Shared::new(Global));
    let _ = SlotBox::leak(pool.alloc(1_u64).unwrap());
    drop((pool.alloc(2).unwrap(), pool.alloc(3).unwrap()));
    let _ = [pool.alloc(2), pool.alloc(3), pool.alloc(4)].map(|full| full.is_err());
    let mut figures = Figures::default();
    pool.report(&mut Report::new(&mut figures));
    let slots = |name: &str, value| (format!("Pool/{name}"), value, Unit::Slots);
    let want = [slots("capacity", 3), slots("used", 1), slots("peak", 3)];
    assert_eq!(figures.0[..3], want);
    assert_eq!(figures.0[3], ("Pool/refused".into(), 1, Unit::Count));
    assert_eq!(format!("{pool:?}"), "Pool { capacity: 3, used: 1, peak: 3, refused: 1, .. }");
    // A pool is no layer, and has a tree of figures all the same.
    let tree = Tree::of(&pool);
    assert_eq!((tree.figure("Pool", "used"), tree.below[0].name.as_str()), (Some(1), "Global"));
}

/// A sink that keeps what it gets.
#[derive(Default)]
struct Figures(Vec<(String, u64, Unit)>, Vec<String>);

impl alloc_core::report::Sink for Figures {
    fn enter(&mut self, name: &str) {
        self.1.push(name.into());
    }
    fn figure(&mut self, name: &str, value: u64, unit: Unit) {
        self.0.push((format!("{}/{name}", self.1.join("/")), value, unit));
    }
    fn leave(&mut self) {
        self.1.pop();
    }
}
