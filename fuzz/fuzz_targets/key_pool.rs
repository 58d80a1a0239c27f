//! `KeyPool` beside a model: every key that there ever was, and which value it names, if it still does.
#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use pool_prealloc::{Key, KeyPool};
use strata_fuzz::count::{Census, One};

#[derive(Arbitrary, Clone, Copy, Debug)]
enum Op {
    Insert,
    /// Until so many values were put in, or refused.
    InsertMany(u8),
    InsertWithKey,
    Remove(u16),
    /// Two values at once are exchanged.
    Swap(u16, u16),
    Retain(u8),
    /// Drains so many, and drops the rest.
    Drain(u8),
    Clear,
}

#[derive(Arbitrary, Debug)]
struct Input {
    capacity_slots: u8,
    ops: Vec<Op>,
}

/// How many keys the model remembers.
const MOST_KEYS: usize = 200;

struct Model {
    pool: KeyPool<One>,
    census: Census,
    keys: Vec<(Key<One>, Option<u32>)>,
    high: usize,
}

impl Model {
    fn living(&self) -> usize {
        self.keys.iter().filter(|(_, named)| named.is_some()).count()
    }

    fn at(&self, which: u16) -> Option<usize> {
        usize::from(which).checked_rem(self.keys.len())
    }

    fn entered(&mut self, key: Option<Key<One>>, number: u32) {
        let Some(key) = key else {
            return assert_eq!(self.living(), self.pool.capacity(), "refused, and a slot is free");
        };
        assert!(self.keys.iter().all(|(other, _)| *other != key), "a key comes again");
        self.keys.push((key, Some(number)));
    }

    fn insert(&mut self, number: u32) {
        let key = self.pool.insert(self.census.one(number)).ok();
        self.entered(key, number);
    }

    fn step(&mut self, op: Op, number: u32) {
        match op {
            Op::Insert => self.insert(number),
            Op::InsertMany(count) => (0..count % 32).for_each(|_| self.insert(number)),
            Op::InsertWithKey => {
                let (census, mut told) = (self.census.clone(), None);
                let make = |key| {
                    told = Some(key);
                    census.one(number)
                };
                let key = self.pool.insert_with_key(make).ok();
                assert_eq!(key, told);
                self.entered(key, number);
            }
            Op::Remove(which) => {
                let Some(at) = self.at(which) else { return };
                let (key, named) = &mut self.keys[at];
                assert_eq!(self.pool.remove(*key).ok().map(|one| one.number()), named.take());
            }
            Op::Swap(a, b) => {
                let (Some(a), Some(b)) = (self.at(a), self.at(b)) else { return };
                let found = self.pool.get_disjoint_mut([self.keys[a].0, self.keys[b].0]);
                let both_live = self.keys[a].1.is_some() && self.keys[b].1.is_some();
                assert_eq!(found.is_some(), both_live && a != b);
                if let Some([one, other]) = found {
                    std::mem::swap(one, other);
                    let named = self.keys[a].1;
                    self.keys[a].1 = std::mem::replace(&mut self.keys[b].1, named);
                }
            }
            Op::Retain(rest) => {
                let stays = |number: u32| number % 4 != u32::from(rest % 4);
                self.pool.retain(|_, one| stays(one.number()));
                for (_, named) in &mut self.keys {
                    *named = named.filter(|number| stays(*number));
                }
            }
            Op::Drain(most) => {
                let before = self.pool.len();
                let drained = self.pool.drain().take(most.into());
                for (key, one) in drained {
                    let of_key = self.keys.iter().find(|(other, _)| *other == key);
                    assert_eq!(of_key.and_then(|(_, named)| *named), Some(one.number()));
                }
                assert!(self.pool.is_empty() && before == self.living());
                self.keys.iter_mut().for_each(|(_, named)| *named = None);
            }
            Op::Clear => {
                self.pool.clear();
                self.keys.iter_mut().for_each(|(_, named)| *named = None);
            }
        }
    }

    fn check(&mut self) {
        let living = self.living();
        self.high = self.high.max(living);
        assert_eq!((self.pool.len(), self.pool.peak_slots()), (living, self.high));
        assert_eq!(
            (self.census.living(), self.pool.is_full()),
            (living, living == self.pool.capacity())
        );
        for (key, named) in &self.keys {
            assert_eq!(self.pool.get(*key).map(One::number), *named);
        }
        assert_eq!(self.pool.iter().count(), living);
        self.pool.verify().unwrap();
        if self.keys.len() > MOST_KEYS {
            self.keys.retain(|(_, named)| named.is_some());
        }
    }
}

fuzz_target!(|input: Input| {
    let census = Census::default();
    let pool = KeyPool::with_capacity(usize::from(input.capacity_slots) % 24);
    let mut model = Model { pool, census: census.clone(), keys: Vec::new(), high: 0 };
    for (number, op) in input.ops.iter().enumerate() {
        model.step(*op, number as u32);
        model.check();
    }
    drop(model);
    assert_eq!(census.living(), 0);
});
