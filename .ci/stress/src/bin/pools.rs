//! Threads that share pools: they allocate, pass boxes on, wait, and gather what others have in their caches.
//!
//! Where they pass boxes on is alloc-core's lock, which ThreadSanitizer sees. Waiting is polled: a thread that parks does
//! so in the standard library.

use alloc_core::sync::{Lock, wait_a_moment};
use pool_prealloc::sync::{Builder, Order, SyncBox, SyncPool};
use std::future::Future;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};
use strata_stress::{Random, THREADS, together};

const PLACES: usize = 64;

/// What a box holds: written by who makes it, checked and written to by who drops it.
struct Message([usize; 3]);

impl Message {
    fn new(number: usize) -> Self {
        Self([number; 3])
    }
}

impl Drop for Message {
    fn drop(&mut self) {
        assert!(self.0.iter().all(|word| *word == self.0[0]), "a message changed");
        self.0 = [0; 3];
    }
}

type Boxed<'p> = SyncBox<'p, Message>;
type Places<'p> = [Lock<Option<Boxed<'p>>>];

/// Polls a future some times, then drops it.
fn wait_a_little<F: Future>(mut future: Pin<&mut F>) -> Option<F::Output> {
    for round in 0..10 {
        match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(done) => return Some(done),
            Poll::Pending => wait_a_moment(round),
        }
    }
    None
}

fn work<'p>(pool: &'p SyncPool<Message>, places: &Places<'p>, random: &mut Random) {
    let number = random.below(1000);
    let boxed = match random.below(8) {
        0 => wait_a_little(pin!(pool.alloc_async(Message::new(number)))),
        1 => {
            let mine: Vec<_> = (0..random.below(40))
                .map_while(|_| pool.alloc(Message::new(number)).ok())
                .collect();
            drop(mine);
            None
        }
        _ => pool.alloc(Message::new(number)).ok(),
    };
    let before = std::mem::replace(&mut *places[random.below(PLACES)].lock(), boxed);
    drop(before);
}

fn stress(name: &str, builder: &Builder<Message>) {
    let mut pool = builder.build();
    let places: Vec<_> = (0..PLACES).map(|_| Lock::new(None)).collect();
    let (shared, all) = (&pool, &places[..]);
    for generation in 0..3 {
        let mut works: Vec<Box<dyn FnOnce() + Send + '_>> = Vec::new();
        for number in 1..=THREADS {
            works.push(Box::new(move || {
                let mut random = Random((generation * THREADS + number) as u64);
                (0..20_000).for_each(|_| work(shared, all, &mut random));
            }));
        }
        together(works);
    }
    drop(places);
    assert_eq!(pool.len(), 0);
    pool.verify().expect("the metadata holds");
    println!("pools: {name}: {} gatherings", pool.figures().gatherings);
}

fn main() {
    stress("lifo", &SyncPool::builder(100));
    stress("fifo", &SyncPool::builder(100).order(Order::Fifo).shards(8));
    stress("scarce", &SyncPool::builder(40).shards(4));
    stress("few shards", &SyncPool::builder(300).shards(2));
    stress("no shards", &SyncPool::builder(40).shards(0));
}
