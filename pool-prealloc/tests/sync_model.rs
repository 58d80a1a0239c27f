//! `SyncPool` against a model: any operations of one thread.
#![cfg(not(loom))]

use pool_prealloc::SyncPool;
use pool_prealloc::sync::{HeldBox, Order, SyncBox};
use proptest::collection::vec;
use proptest::prelude::*;
use std::collections::VecDeque;

#[derive(Clone, Copy, Debug)]
enum Op {
    Alloc,
    /// Frees the live box number so and so.
    Free(usize),
    Take(usize),
    AllocMany(usize),
    FreeMany(usize),
    /// Another thread fills the pool, and empties it.
    Elsewhere,
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        8 => Just(Op::Alloc),
        8 => any::<usize>().prop_map(Op::Free),
        2 => any::<usize>().prop_map(Op::Take),
        2 => (1..200usize).prop_map(Op::AllocMany),
        2 => (1..200usize).prop_map(Op::FreeMany),
        1 => Just(Op::Elsewhere),
    ]
}

struct Run<'p> {
    pool: &'p SyncPool<u64>,
    live: Vec<(u64, SyncBox<'p, u64>)>,
    next: u64,
    /// In FIFO order: the free slots, as far as they are known.
    free: Option<VecDeque<usize>>,
}

impl Run<'_> {
    fn alloc(&mut self) {
        self.next += 1;
        match self.pool.alloc(self.next) {
            Ok(boxed) => {
                let place = HeldBox::as_ptr(&boxed).addr().get();
                if let Some(free) = &mut self.free
                    && free.len() + self.live.len() == self.pool.capacity()
                {
                    assert_eq!(free.pop_front(), Some(place), "the order is kept");
                } else if let Some(free) = &mut self.free {
                    free.retain(|free| *free != place);
                }
                assert!(
                    self.live.iter().all(|(_, other)| HeldBox::as_ptr(other).addr().get() != place)
                );
                self.live.push((self.next, boxed));
            }
            Err(full) => {
                assert_eq!((full.0, self.live.len()), (self.next, self.pool.capacity()));
            }
        }
    }

    fn free(&mut self, at: usize, takes: bool) {
        if self.live.is_empty() {
            return;
        }
        let (value, boxed) = self.live.swap_remove(at % self.live.len());
        assert_eq!(*boxed, value);
        if let Some(free) = &mut self.free {
            free.push_back(HeldBox::as_ptr(&boxed).addr().get());
        }
        if takes {
            assert_eq!(HeldBox::into_inner(boxed), value);
        }
    }

    fn elsewhere(&mut self) {
        let (pool, free) = (self.pool, self.pool.capacity() - self.live.len());
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let all: Vec<_> = std::iter::from_fn(|| pool.alloc(0).ok()).collect();
                assert_eq!(all.len(), free);
            });
        });
        if let Some(free) = &mut self.free {
            free.clear();
        }
    }

    fn step(&mut self, op: Op) {
        match op {
            Op::Alloc => self.alloc(),
            Op::Free(at) => self.free(at, false),
            Op::Take(at) => self.free(at, true),
            Op::AllocMany(count) => (0..count).for_each(|_| self.alloc()),
            Op::FreeMany(count) => (0..count).for_each(|at| self.free(at * 7, false)),
            Op::Elsewhere => self.elsewhere(),
        }
        assert_eq!(self.pool.len(), self.live.len());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]
    #[test]
    fn a_pool_is_its_model(
        capacity in prop_oneof![0..20usize, 20..400usize],
        shards in prop_oneof![Just(None), (0..20usize).prop_map(Some)],
        is_fifo in any::<bool>(),
        ops in vec(op(), 1..150),
    ) {
        let mut builder = SyncPool::<u64>::builder(capacity);
        if is_fifo {
            builder = builder.order(Order::Fifo);
        }
        if let Some(shards) = shards {
            builder = builder.shards(shards);
        }
        let mut pool = builder.build();
        let free = is_fifo.then(VecDeque::new);
        let mut run = Run { pool: &pool, live: Vec::new(), next: 0, free };
        ops.into_iter().for_each(|op| run.step(op));
        drop(run);
        assert_eq!(pool.len(), 0);
        pool.verify().unwrap();
    }
}
