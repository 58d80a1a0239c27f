//! What is done on pools: a table of programs, and what a run of one brings.
//!
//! Above: `contestants`, `rounds`. In `alone`: programs of one thread. In `threads`: of two. In `ring`: what lies between
//! two. In `latency`: single operations, timed one by one.

pub(super) mod alone;
pub(super) mod latency;
mod ring;
pub(super) mod threads;

use super::CAPACITY;
use serde::Serialize;

/// A program.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Program {
    /// What it is called in options and tables.
    pub name: &'static str,
    /// What it does, in a few words.
    pub about: &'static str,
    /// Operations in a step: what the time is divided by.
    pub operations: u64,
    /// How many threads have steps of their own.
    #[serde(skip)]
    threads: u64,
}

impl Program {
    /// What comes out of all pools.
    #[must_use]
    pub fn expected_sum(&self, steps: u64) -> u64 {
        match self.name {
            "fill" | "batches" => steps.wrapping_mul(sum_below(self.operations)),
            _ => self.threads.wrapping_mul(sum_below(steps)),
        }
    }
}

/// 0 + 1 + … + (`count` - 1).
const fn sum_below(count: u64) -> u64 {
    (count as u128 * count.saturating_sub(1) as u128 / 2) as u64
}

/// How many there are.
pub const COUNT: usize = 5;

/// All programs, in the order of tables.
pub static ALL: [Program; COUNT] = [
    Program {
        name: "hot",
        about: "a value allocated and freed at once, one thread",
        operations: 1,
        threads: 1,
    },
    Program {
        name: "batches",
        about: "400 values allocated, then freed in any order, one thread; by value",
        operations: alone::BATCH as u64,
        threads: 1,
    },
    Program {
        name: "fill",
        about: "the first allocation of each of 1024 slots of a new pool, one thread; by slot",
        operations: CAPACITY as u64,
        threads: 1,
    },
    Program {
        name: "threads",
        about: "two threads on one pool, each as in hot; for one of them",
        operations: 1,
        threads: 2,
    },
    Program {
        name: "passing",
        about: "a value allocated in one thread and freed in another, through a ring of 256",
        operations: 1,
        threads: 1,
    },
];

const _: () = assert!(alone::BATCH == 400 && CAPACITY == 1024 && ring::PLACES == 256);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_sums() {
        assert_eq!([0, 1, 2, 5].map(sum_below), [0, 0, 1, 10]);
        assert_eq!(ALL[1].expected_sum(3), 3 * (399 * 400 / 2));
        assert_eq!(ALL[3].expected_sum(10), 90);
    }
}
