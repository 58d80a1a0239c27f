//! `Pool` beside a model: the values that it should hold, at places of their own, and what was leaked.
#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use pool_prealloc::{Pool, PoolBox, SlotBox};
use std::collections::BTreeSet;
use strata_fuzz::count::{Census, One};

#[derive(Arbitrary, Clone, Copy, Debug)]
enum Op {
    Alloc,
    /// Writes what a closure returns, or takes its error.
    Try(bool),
    Free(u8),
    IntoInner(u8),
    Leak(u8),
    /// Out of its box, and into one again.
    Round(u8),
}

#[derive(Arbitrary, Debug)]
struct Input {
    capacity_slots: u8,
    /// Between two of them the pool is exclusive: no box is there.
    rounds: Vec<(Vec<Op>, bool)>,
}

struct Model<'p> {
    pool: &'p Pool<One>,
    boxes: Vec<(u32, PoolBox<'p, One>)>,
    leaked: BTreeSet<u32>,
    high: usize,
    refused: usize,
}

impl<'p> Model<'p> {
    fn enter(&mut self, number: u32, boxed: PoolBox<'p, One>) {
        assert_eq!(boxed.number(), number);
        let place = SlotBox::as_ptr(&boxed);
        assert!(self.pool.owns(place) && place.is_aligned());
        assert!(
            self.boxes.iter().all(|(_, other)| SlotBox::as_ptr(other) != place),
            "one place for two"
        );
        self.boxes.push((number, boxed));
    }

    fn take(&mut self, which: u8) -> Option<(u32, PoolBox<'p, One>)> {
        let at = usize::from(which).checked_rem(self.boxes.len())?;
        Some(self.boxes.swap_remove(at))
    }

    fn is_full(&self) -> bool {
        self.boxes.len() + self.leaked.len() == self.pool.capacity()
    }

    fn refused(&mut self) {
        assert!(self.is_full(), "refused, and a slot is free");
        self.refused += 1;
    }

    fn step(&mut self, op: Op, number: u32, census: &Census) {
        match op {
            Op::Alloc => match self.pool.alloc(census.one(number)) {
                Ok(boxed) => self.enter(number, boxed),
                Err(full) => {
                    assert_eq!(full.into_inner().number(), number);
                    self.refused();
                }
            },
            Op::Try(works) => {
                let make = || works.then(|| census.one(number)).ok_or(number);
                match self.pool.try_alloc_with(make) {
                    Ok(Ok(boxed)) => self.enter(number, boxed),
                    Ok(Err(error)) => {
                        assert_eq!((error, works), (number, false));
                        self.high = self.high.max(self.boxes.len() + self.leaked.len() + 1);
                    }
                    Err(_) => self.refused(),
                }
            }
            Op::Free(which) => {
                if let Some((number, boxed)) = self.take(which) {
                    assert_eq!(boxed.number(), number);
                }
            }
            Op::IntoInner(which) => {
                if let Some((number, boxed)) = self.take(which) {
                    assert_eq!(SlotBox::into_inner(boxed).number(), number);
                }
            }
            Op::Leak(which) => {
                if let Some((number, boxed)) = self.take(which) {
                    assert_eq!(SlotBox::leak(boxed).number(), number);
                    self.leaked.insert(number);
                }
            }
            Op::Round(which) => {
                if let Some((number, boxed)) = self.take(which) {
                    let raw = SlotBox::into_raw(boxed);
                    // SAFETY: it came from `into_raw` right above.
                    self.enter(number, unsafe { self.pool.from_raw(raw) });
                }
            }
        }
    }

    fn check(&mut self, census: &Census) {
        let used = self.boxes.len() + self.leaked.len();
        self.high = self.high.max(used);
        assert_eq!((self.pool.len(), self.pool.peak_slots()), (used, self.high));
        assert_eq!((self.pool.is_full(), self.pool.refused()), (self.is_full(), self.refused));
        assert_eq!(census.living(), used);
        for (number, boxed) in &self.boxes {
            assert_eq!(boxed.number(), *number);
        }
        self.pool.verify().unwrap();
    }
}

/// Plays a round, and frees all boxes; gives what is left of the model.
fn play(
    pool: &Pool<One>,
    (leaked, high, refused): (BTreeSet<u32>, usize, usize),
    ops: &[Op],
    (number, census): (&mut u32, &Census),
) -> (BTreeSet<u32>, usize, usize) {
    let mut model = Model { pool, boxes: Vec::new(), leaked, high, refused };
    for op in ops {
        *number += 1;
        model.step(*op, *number, census);
        model.check(census);
    }
    (model.leaked, model.high, model.refused)
}

fuzz_target!(|input: Input| {
    let census = Census::default();
    let mut pool = Pool::with_capacity(usize::from(input.capacity_slots) % 24);
    let (mut known, mut number) = ((BTreeSet::new(), 0, 0), 0);
    for (ops, clears) in &input.rounds {
        known = play(&pool, known, ops, (&mut number, &census));
        let found: BTreeSet<u32> = pool.iter().map(One::number).collect();
        assert_eq!(found, known.0);
        if *clears {
            pool.clear();
            known.0.clear();
        }
        assert_eq!((pool.len(), census.living()), (known.0.len(), known.0.len()));
        pool.verify().unwrap();
    }
    drop(pool);
    assert_eq!(census.living(), 0);
});
