//! `KeyPool` and its keys: what they promise, one by one.

#![cfg(not(loom))]

mod common;

use alloc_core::report::Tree;
use common::{Census, unwinds};
use pool_prealloc::{Full, Key, KeyPool, StaleKey, TakeError};
use std::collections::HashSet;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};

fn is_send_and_sync<T: Send + Sync>() {}

#[test]
fn keys_are_small_and_go_everywhere() {
    is_send_and_sync::<Key<*const u8>>();
    is_send_and_sync::<KeyPool<u32>>();
    assert_eq!(size_of::<Key<String>>(), 8);
    assert_eq!(size_of::<Option<Key<String>>>(), 8);
    assert!(KeyPool::<u64>::layout(1000).unwrap().size() <= (8 + 8) * 1000);
    assert!(KeyPool::<u8>::layout(1000).unwrap().size() <= (1 + 8) * 1000);
}

#[test]
fn a_stale_key_names_nothing() {
    let mut pool = KeyPool::with_capacity(2);
    let a = pool.insert("a").unwrap();
    let b = pool.insert("b").unwrap();
    assert_eq!(pool.insert("c"), Err(Full("c")));
    assert_eq!(pool.remove(a), Ok("a"));
    assert_eq!(pool.remove(a), Err(StaleKey), "a double free");
    let c = pool.insert("c").unwrap();
    assert_eq!(c.index(), a.index());
    assert!(pool.get(a).is_none() && pool.get_mut(a).is_none() && !pool.contains(a));
    assert_eq!(pool.remove(a), Err(StaleKey));
    assert_eq!((pool[b], pool[c], pool.len()), ("b", "c", 2));
    pool[b] = "B";
    assert_eq!(pool.get(b), Some(&"B"));
    assert_eq!((pool.peak_slots(), pool.refused(), pool.is_full()), (2, 1, true));
    assert!(!pool.is_empty());
    unwinds(|| assert_eq!(pool[a], "a"));
    pool.verify().unwrap();
}

#[test]
fn made_up_keys_do_no_harm() {
    let mut pool = KeyPool::with_capacity(10);
    let key = pool.insert(1).unwrap();
    assert_eq!(Key::from_bits(key.to_bits()), Some(key));
    assert_eq!(Key::<u32>::from_bits(7), None, "version 0");
    assert_eq!(Key::<u32>::from_bits(2 << 32), None, "an even version");
    for index in [1, 9, 10, 11, u32::MAX] {
        let made_up = Key::from_bits(1 << 32 | u64::from(index)).unwrap();
        assert_eq!(pool.get(made_up), None, "{index}");
        assert_eq!(pool.remove(made_up), Err(StaleKey), "{index}");
    }
    let next = Key::from_bits(3 << 32).unwrap();
    assert_eq!(pool.remove(next), Err(StaleKey));
    assert_eq!(pool.key_at(0), Some(key));
    assert_eq!((pool.key_at(1), pool.key_at(usize::MAX)), (None, None));
}

#[test]
fn ways_through_the_values() {
    let mut pool = KeyPool::with_capacity(10);
    let keys: Vec<_> = (0..6).map(|n| pool.insert(n * 10).unwrap()).collect();
    pool.remove(keys[1]).unwrap();
    pool.remove(keys[5]).unwrap();
    assert_eq!(pool.keys().collect::<Vec<_>>(), [keys[0], keys[2], keys[3], keys[4]]);
    assert_eq!(pool.iter().len(), 4);
    let mut walk = pool.iter_mut();
    walk.next();
    assert_eq!(walk.size_hint(), (3, Some(3)));
    for (key, value) in &mut pool {
        *value += key.index();
    }
    let values = |pool: &KeyPool<usize>| pool.iter().map(|(_, n)| *n).collect::<Vec<_>>();
    assert_eq!(values(&pool), [0, 22, 33, 44]);
    pool.retain(|key, value| key != keys[2] && *value != 44);
    assert_eq!(values(&pool), [0, 33]);
    assert!(!pool.contains(keys[4]));
    let mut drain = pool.drain();
    assert_eq!((drain.len(), drain.next()), (2, Some((keys[0], 0))));
    drop(drain);
    assert!(pool.is_empty() && !pool.contains(keys[3]));
    pool.verify().unwrap();
}

#[test]
fn several_values_at_once() {
    let mut pool = KeyPool::with_capacity(3);
    let [a, b, c] = [1, 2, 3].map(|n| pool.insert(n).unwrap());
    let [x, y] = pool.get_disjoint_mut([a, c]).unwrap();
    std::mem::swap(x, y);
    assert_eq!((pool[a], pool[b], pool[c]), (3, 2, 1));
    assert!(pool.get_disjoint_mut([a, b, a]).is_none());
    pool.remove(b).unwrap();
    assert!(pool.get_disjoint_mut([a, b]).is_none());
}

#[test]
fn values_know_their_keys() {
    let mut pool = KeyPool::with_capacity(1);
    let key = pool.insert_with_key(|key| key.to_bits()).ok().unwrap();
    assert_eq!(pool[key], key.to_bits());
    assert!(pool.insert_with_key(|_| 0).is_err());
    pool.remove(key).unwrap();
    let mut seen = None;
    unwinds(|| {
        let _ = pool.insert_with_key(|key| {
            seen = Some(key);
            panic!("on purpose")
        });
    });
    let seen = seen.unwrap();
    assert!(!pool.contains(seen) && pool.is_empty());
    pool.verify().unwrap();
    assert!(pool.insert(7).is_ok());
    // Also in a slot that had no life before.
    let mut fresh = KeyPool::<u32>::with_capacity(1);
    unwinds(|| {
        let _ = fresh.insert_with_key(|_| panic!("on purpose"));
    });
    fresh.verify().unwrap();
    assert!(fresh.insert(7).is_ok_and(|key| fresh[key] == 7));
}

#[test]
fn destructors_run_once() {
    let census = Census::default();
    let mut pool = KeyPool::with_capacity(5);
    let keys: Vec<_> = (0..5).map(|n| pool.insert(census.one(n)).unwrap()).collect();
    drop(pool.remove(keys[3]));
    assert_eq!(census.dropped(), [3]);
    census.unwinds_at(1);
    unwinds(|| pool.clear());
    assert_eq!((census.dropped(), pool.len()), (vec![0, 1, 2, 4], 0));
    pool.verify().unwrap();
    (0..4).for_each(|n| drop(pool.insert(census.one(n))));
    census.unwinds_at(2);
    unwinds(|| pool.retain(|_, one| one.number == 1));
    assert_eq!((census.dropped(), pool.len()), (vec![3, 2], 2));
    pool.verify().unwrap();
    census.unwinds_at(1);
    unwinds(|| drop(pool));
    assert_eq!((census.dropped().len(), census.living()), (2, 0));
}

#[test]
fn a_drain_that_is_forgotten_takes_nothing() {
    let census = Census::default();
    let mut pool = KeyPool::with_capacity(3);
    (0..3).for_each(|n| drop(pool.insert(census.one(n))));
    let mut drain = pool.drain();
    drop(drain.next());
    std::mem::forget(drain);
    assert_eq!((pool.len(), census.living()), (2, 2));
    drop(pool);
    assert_eq!(census.living(), 0);
}

#[test]
fn values_without_a_size_have_keys() {
    let mut pool = KeyPool::with_capacity(3);
    let keys: HashSet<_> = (0..3).map(|_| pool.insert(()).unwrap()).collect();
    assert_eq!((keys.len(), pool.insert(())), (3, Err(Full(()))));
    assert!(keys.iter().all(|key| pool.remove(*key).is_ok()));
    #[repr(align(128))]
    struct Wide;
    let mut wide = KeyPool::with_capacity(3);
    let key = wide.insert(Wide).unwrap();
    assert!(std::ptr::from_ref(&wide[key]).addr().is_multiple_of(128));
}

#[test]
fn capacities_at_their_ends() {
    let mut none = KeyPool::with_capacity(0);
    assert_eq!(none.insert(1), Err(Full(1)));
    assert!(none.is_full() && none.is_empty() && none.iter().next().is_none());
    let refused = |slots| KeyPool::<()>::try_with_capacity(slots).map(|_| ()).unwrap_err();
    assert_eq!(refused(usize::MAX), TakeError::TooLarge);
    assert_eq!(refused(u32::MAX as usize), TakeError::TooLarge);
    assert!(KeyPool::<()>::layout(u32::MAX as usize - 1).is_some());
}

#[test]
fn keys_have_hashes() {
    let hash = |key: &Key<u32>| BuildHasherDefault::<DefaultHasher>::default().hash_one(key);
    let mut pool = KeyPool::with_capacity(2);
    let [a, b] = [1, 2].map(|n| pool.insert(n).unwrap());
    pool.remove(a).unwrap();
    let later = pool.insert(3).unwrap();
    assert_eq!(hash(&a), hash(&a.clone()));
    assert!(hash(&a) != hash(&b) && hash(&a) != hash(&later));
}

#[test]
fn a_key_pool_reports_its_figures() {
    let mut pool = KeyPool::with_capacity(2);
    let [a, _] = [1, 2].map(|n| pool.insert(n).unwrap());
    pool.insert(3).unwrap_err();
    pool.remove(a).unwrap();
    let tree = Tree::from_fn(|report| pool.report(report));
    let figures = ["capacity", "used", "peak", "retired", "refused"]
        .map(|name| tree.figure("KeyPool", name).unwrap());
    assert_eq!(figures, [2, 1, 2, 0, 1]);
    assert_eq!(tree.below[0].name, "Global");
}

#[test]
fn keys_print_and_sort() {
    let mut pool = KeyPool::with_capacity(2);
    let a = pool.insert('a').unwrap();
    let b = pool.insert('b').unwrap();
    pool.remove(a).unwrap();
    let c = pool.insert('c').unwrap();
    assert_eq!(
        format!("{a:?} {b:?} {c:?} {StaleKey}"),
        "Key(0v1) Key(1v1) Key(0v3) the key's object is not in the pool any more"
    );
    assert!(a < c && c < b);
    assert_eq!(
        format!("{pool:?}"),
        "KeyPool { capacity: 2, used: 2, peak: 2, retired: 0, refused: 0, .. }"
    );
}
