//! Tests of what takes 2³¹ insertions, and of metadata that is broken on purpose.
//!
//! Not here: what can be tested from outside (`tests/keys.rs`, `tests/model.rs`).

use super::list::IndexList;
use super::{Key, KeyPool};
use crate::{Full, StaleKey};
use core::num::NonZeroU32;

/// What else takes 2³¹ insertions: the living value is its slot's last but `left`.
fn age<T>(pool: &mut KeyPool<T>, key: Key<T>, left: u32) -> Key<T> {
    let version = u32::MAX - 2 * left;
    assert!(pool.contains(key) && version & 1 == 1);
    // SAFETY: a living value's version is in the run.
    unsafe { pool.versions.add(key.index()).write(version) };
    pool.key_at(key.index()).unwrap()
}

#[test]
fn a_slot_whose_versions_are_used_up_is_retired() {
    let mut pool = KeyPool::with_capacity(2);
    let first = pool.insert(1).unwrap();
    let other = pool.insert(2).unwrap();
    let late = age(&mut pool, first, 1);
    assert_eq!((pool.remove(first), pool.remove(late)), (Err(StaleKey), Ok(1)));
    assert_eq!((pool.retired(), pool.is_full()), (0, false));
    let last = pool.insert(3).unwrap();
    assert_eq!((last.index(), last.version()), (first.index(), NonZeroU32::MAX));
    assert_eq!(pool.remove(last), Ok(3));
    assert_eq!((pool.retired(), pool.len(), pool.is_full()), (1, 1, true));
    pool.verify().unwrap();
    // No key names anything in it, and nothing is put there.
    for key in [first, late, last] {
        assert!(!pool.contains(key) && pool.remove(key).is_err());
    }
    assert!(pool.key_at(first.index()).is_none());
    assert_eq!(pool.insert(4), Err(Full(4)));
    assert_eq!(pool.remove(other), Ok(2));
    assert_eq!(pool.insert(5).map(Key::index), Ok(other.index()));
    assert_eq!(pool.iter().map(|(_, n)| *n).collect::<std::vec::Vec<_>>(), [5]);
    pool.clear();
    assert_eq!((pool.retired(), pool.len(), pool.peak_slots()), (1, 0, 2));
    pool.verify().unwrap();
}

#[test]
fn verify_finds_what_is_broken() {
    let broken = |plant: fn(&mut KeyPool<u64>, Key<u64>)| {
        let mut pool = KeyPool::with_capacity(4);
        let keys = [1, 2, 3].map(|n| pool.insert(n).unwrap());
        pool.remove(keys[1]).unwrap();
        pool.verify().unwrap();
        plant(&mut pool, keys[0]);
        pool.verify().unwrap_err().rule
    };
    // SAFETY: the version is in the run.
    let dead =
        |pool: &mut KeyPool<_>, key: Key<_>| unsafe { pool.versions.add(key.index()).write(2) };
    assert!(broken(dead).contains("odd where values live"));
    let lost = |pool: &mut KeyPool<_>, _: Key<_>| {
        let mut list = IndexList::new();
        list.fresh_slots = 3;
        pool.list = list;
    };
    assert!(broken(lost).contains("neither alive nor free"));
    // SAFETY: planted on purpose: it breaks the promise that nobody uses the slot, but no value of it is
    // touched any more, nor does any need to be dropped.
    let free = |pool: &mut KeyPool<_>, key: Key<_>| unsafe {
        let row = pool.row();
        pool.list.give(row, key.index() as u32);
        pool.list.give(row, key.index() as u32);
    };
    assert!(broken(free).contains("in the list once"));
}
