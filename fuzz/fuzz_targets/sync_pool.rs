//! `SyncPool` by one thread, while others come and go; and objects that are used again.
#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use pool_prealloc::SyncPool;
use pool_prealloc::sync::{HeldBox, Order, SyncBox};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

#[derive(Arbitrary, Clone, Copy, Debug)]
enum Op {
    Alloc,
    AllocMany(u8),
    Free(u16),
    IntoInner(u16),
    FreeMany(u8),
    /// Another thread takes all that is left; a third one gives it back.
    Elsewhere,
    /// Another thread frees so many that this one took.
    FreeElsewhere(u8),
}

#[derive(Arbitrary, Debug)]
struct Input {
    capacity_slots: u16,
    shards: Option<u8>,
    fifo: bool,
    /// Objects in place of values.
    objects: bool,
    ops: Vec<Op>,
}

/// How many times a program may begin threads: that is slow.
const MOST_THREADS: usize = 8;

struct Model<'p> {
    pool: &'p SyncPool<[u64; 2]>,
    live: Vec<(u64, SyncBox<'p, [u64; 2]>)>,
    next: u64,
    threads: usize,
}

impl<'p> Model<'p> {
    fn alloc(&mut self) {
        self.next += 1;
        match self.pool.alloc([self.next, !self.next]) {
            Ok(boxed) => {
                let place = HeldBox::as_ptr(&boxed);
                assert!(self.live.iter().all(|(_, other)| HeldBox::as_ptr(other) != place));
                self.live.push((self.next, boxed));
            }
            Err(full) => {
                assert_eq!((full.0[0], self.live.len()), (self.next, self.pool.capacity()));
            }
        }
    }

    fn take(&mut self, which: u16) -> Option<SyncBox<'p, [u64; 2]>> {
        let at = usize::from(which).checked_rem(self.live.len())?;
        let (number, boxed) = self.live.swap_remove(at);
        assert_eq!(*boxed, [number, !number], "contents were lost");
        Some(boxed)
    }

    fn may_begin_threads(&mut self) -> bool {
        self.threads += 1;
        self.threads <= MOST_THREADS
    }

    fn elsewhere(&mut self) {
        let (pool, free) = (self.pool, self.pool.capacity() - self.live.len());
        std::thread::scope(|scope| {
            let takes = || std::iter::from_fn(|| pool.alloc([0; 2]).ok()).collect::<Vec<_>>();
            let all = scope.spawn(takes).join().expect("no panic");
            assert_eq!(all.len(), free, "all that is free is there for any thread");
            scope.spawn(|| drop(all));
        });
    }

    fn step(&mut self, op: Op) {
        match op {
            Op::Alloc => self.alloc(),
            Op::AllocMany(count) => (0..count).for_each(|_| self.alloc()),
            Op::Free(which) => drop(self.take(which)),
            Op::IntoInner(which) => drop(self.take(which).map(HeldBox::into_inner)),
            Op::FreeMany(count) => (0..count).for_each(|at| drop(self.take(u16::from(at) * 7))),
            Op::Elsewhere if self.may_begin_threads() => self.elsewhere(),
            Op::FreeElsewhere(count) if self.may_begin_threads() => {
                let gone: Vec<_> = (0..count).map_while(|_| self.take(0)).collect();
                std::thread::scope(|scope| _ = scope.spawn(|| drop(gone)));
            }
            Op::Elsewhere | Op::FreeElsewhere(_) => {}
        }
        assert_eq!(self.pool.len(), self.live.len());
        for (number, boxed) in &self.live {
            assert_eq!(**boxed, [*number, !*number], "contents were lost");
        }
    }
}

/// Objects: each is made once, and was reset when it comes again.
fn objects(capacity: usize, ops: &[Op]) {
    let made = AtomicUsize::new(0);
    let make = || vec![0_u8; made.fetch_add(1, Relaxed) % 7];
    let pool = SyncPool::objects(capacity, make, Vec::clear);
    let mut live = Vec::new();
    for (at, op) in (0..=u8::MAX).cycle().zip(ops) {
        match op {
            Op::Alloc | Op::AllocMany(_) => match pool.get() {
                Some(mut object) => {
                    assert!(object.is_empty() || object.iter().all(|byte| *byte == 0));
                    object.clear();
                    object.push(at);
                    live.push((at, object));
                }
                None => assert_eq!(live.len(), capacity),
            },
            Op::Free(which) | Op::IntoInner(which) => {
                if let Some(which) = usize::from(*which).checked_rem(live.len()) {
                    let (at, object) = live.swap_remove(which);
                    assert_eq!(*object, [at]);
                }
            }
            _ => live.clear(),
        }
        assert_eq!(pool.len(), live.len());
        assert!(made.load(Relaxed) <= capacity);
    }
}

fuzz_target!(|input: Input| {
    let capacity = usize::from(input.capacity_slots) % 400;
    if input.objects {
        return objects(capacity, &input.ops);
    }
    let mut builder = SyncPool::builder(capacity);
    if input.fifo {
        builder = builder.order(Order::Fifo);
    }
    if let Some(shards) = input.shards {
        builder = builder.shards(usize::from(shards) % 20);
    }
    let mut pool = builder.build();
    for ops in input.ops.chunks(24) {
        let mut model = Model { pool: &pool, live: Vec::new(), next: 0, threads: 0 };
        ops.iter().for_each(|op| model.step(*op));
        drop(model);
        assert_eq!(pool.len(), 0);
        pool.verify().unwrap();
    }
});
