//! Threads build, rewire, read, upgrade and drop, beside one that collects all the time: what is reached is alive, and in the
//! end nothing is left. A process of its own, as all threads share one collector.

#![cfg(not(loom))]

mod common;

use alloc_core::gc::Trace;
use common::{Census, Counting, Memory, One};
use rc_cycle::sync::{Cc, Weak, collect};
use std::sync::{Barrier, Mutex};
use std::thread;
use std::time::Instant;

#[derive(Trace)]
struct Star {
    #[trace(skip)]
    _one: One,
    number: u64,
    mirror: u64,
    to: Mutex<Vec<Pointer>>,
    fixed: Option<Pointer>,
    back: Mutex<Weak<Star, Memory>>,
}

type Pointer = Cc<Star, Memory>;

const THREADS: usize = 4;
const SLOTS: usize = 16;

struct Sky {
    census: Census,
    table: Vec<Mutex<Option<Pointer>>>,
    memory: Memory,
}

struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 20) as usize % limit
    }
}

fn check(star: &Pointer) {
    assert_eq!(star.number, !star.mirror);
}

impl Sky {
    fn get(&self, at: usize) -> Option<Pointer> {
        self.table[at].lock().unwrap().clone()
    }

    fn put(&self, at: usize, star: Option<Pointer>) {
        *self.table[at].lock().unwrap() = star;
    }

    /// A new star, which leads to the one that was there, and may be led to by it.
    fn build(&self, at: usize, number: u64) {
        let found = self.get(at);
        let star = Star {
            _one: self.census.one(),
            number,
            mirror: !number,
            to: Mutex::new(found.iter().cloned().collect()),
            fixed: found.clone(),
            back: Mutex::default(),
        };
        let star = Cc::new_in(star, self.memory.clone());
        if let Some(found) = &found {
            found.to.lock().unwrap().push(star.clone());
            *star.back.lock().unwrap() = Cc::downgrade(found);
        }
        self.put(at, Some(star));
    }

    /// A pointer goes from one star into another, and no count changes.
    fn carry(&self, from: &Pointer, to: Option<Pointer>) {
        if let Some(to) = to {
            let carried = from.to.lock().unwrap().pop();
            if let Some(carried) = carried {
                check(&carried);
                to.to.lock().unwrap().push(carried);
            }
        }
    }

    fn upgrade(&self, star: Pointer, at: usize) {
        let weak = star.back.lock().unwrap().clone();
        drop(star);
        if let Some(star) = weak.upgrade() {
            check(&star);
            self.put(at, Some(star));
        }
    }

    /// Goes from star to star, and has one at a time.
    fn walk(&self, mut at: Option<Pointer>, end: usize) {
        for _ in 0..8 {
            let Some(star) = &at else { break };
            check(star);
            let step = star.to.lock().unwrap().last().cloned();
            let step = step.or_else(|| star.fixed.clone());
            at = step;
        }
        self.put(end, at);
    }

    fn act(&self, dice: &mut Dice, number: u64) {
        let (at, other) = (dice.below(SLOTS), dice.below(SLOTS));
        let found = self.get(at);
        if let Some(star) = &found {
            check(star);
            star.to.lock().unwrap().iter().for_each(check);
        }
        match (dice.below(8), found) {
            (0 | 1, _) => self.build(at, number),
            (2, _) => self.put(at, None),
            (3, Some(star)) => self.carry(&star, self.get(other)),
            (4, Some(star)) => self.upgrade(star, other),
            (5, found) => self.walk(found, other),
            (6, Some(star)) => star.to.lock().unwrap().clear(),
            (_, Some(star)) => star.to.lock().unwrap().truncate(4),
            _ => {}
        }
    }
}

fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let began = Instant::now();
    while !holds() {
        collect();
        assert!(began.elapsed().as_secs() < 100, "{what}");
    }
}

#[test]
fn storm() {
    let rounds = if cfg!(debug_assertions) { 60_000 } else { 600_000 };
    let (memory, counting) = Counting::layer();
    let table = (0..SLOTS).map(|_| Mutex::default()).collect();
    let sky = Sky { census: Census::default(), table, memory };
    let start = Barrier::new(THREADS + 1);
    thread::scope(|scope| {
        let (sky, start) = (&sky, &start);
        let threads: Vec<_> = (1..=THREADS as u64)
            .map(|thread| {
                scope.spawn(move || {
                    let mut dice = Dice(thread);
                    start.wait();
                    (0..rounds).for_each(|round| sky.act(&mut dice, round * 31 + thread));
                })
            })
            .collect();
        start.wait();
        while threads.iter().any(|thread| !thread.is_finished()) {
            collect();
        }
    });
    let Sky { census, table, memory } = sky;
    drop((table, memory));
    wait_until("values are left", || census.count() == 0);
    wait_until("bytes are left", || counting.bytes() == 0);
}
