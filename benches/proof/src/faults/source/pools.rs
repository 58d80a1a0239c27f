//! Pools, whose memory is taken once: they come into being, or they do not.
//!
//! Above: the campaign. Below: `Pool`, `SyncPool` over an arena.

use super::{Pages, Subject, has_all_back, pages};
use crate::ground::Ground;
use alloc_core::AllocError;
use pool_prealloc::{Pool, SyncPool};

type Value = [u64; 9];

/// How many slots pools have: the last ones need a mapping of their own.
const CAPACITIES: [usize; 6] = [1, 100, 3_000, 10_000, 40_000, 100_000];

/// Pools of one thread.
pub struct Pools(Pages);

impl Subject for Pools {
    const NAME: &'static str = "Pool, arena";

    fn new(ground: Ground) -> Result<Self, AllocError> {
        Ok(Self(pages(ground)))
    }

    fn play(&mut self) -> usize {
        let mut refused = 0;
        for capacity in CAPACITIES {
            let Ok(pool) = Pool::<Value, _>::try_with_capacity_in(capacity, &self.0) else {
                refused += 1;
                continue;
            };
            let values: Vec<_> =
                (0..capacity as u64).filter_map(|at| pool.alloc([at; 9]).ok()).collect();
            assert_eq!(values.len(), capacity, "a pool has what it promised");
            assert!(values.iter().zip(0..).all(|(value, at)| **value == [at; 9]));
            pool.verify().unwrap_or_else(|broken| panic!("{broken:?}"));
        }
        refused
    }

    fn end(self) {
        has_all_back(&self.0);
    }
}

/// Pools of several threads.
pub struct Shared(Pages);

impl Subject for Shared {
    const NAME: &'static str = "SyncPool, arena";

    fn new(ground: Ground) -> Result<Self, AllocError> {
        Ok(Self(pages(ground)))
    }

    fn play(&mut self) -> usize {
        let mut refused = 0;
        for capacity in CAPACITIES {
            let Ok(pool) = SyncPool::<Value>::builder(capacity).try_build_in(&self.0) else {
                refused += 1;
                continue;
            };
            let values: Vec<_> =
                (0..capacity as u64).filter_map(|at| pool.alloc([at; 9]).ok()).collect();
            assert_eq!(values.len(), capacity, "a pool has what it promised");
            assert!(values.iter().zip(0..).all(|(value, at)| **value == [at; 9]));
        }
        refused
    }

    fn end(self) {
        has_all_back(&self.0);
    }
}
