//! Loom models of `SyncPool`, named after the rules that they exercise (`sync/mod.rs`, `sync/thread.rs`,
//! `sync/stack.rs`, `sync/queue.rs`, `sync/store.rs`).
//!
//! ```sh
//! RUSTFLAGS="--cfg loom" cargo test -p pool-prealloc --features loom --test loom --release
//! ```
//!
//! Each model fails when the protocol is weakened; which weakening was tried stands above each. Every object has a loom
//! cell that its user writes to: so loom reports an object that two have, or that one has without seeing what the one
//! before did. In the end all are there.
#![cfg(all(loom, feature = "loom"))]

use loom::cell::UnsafeCell;
use loom::thread;
use pool_prealloc::sync::{Builder, Order, SyncPool};
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

/// `preemptions`: at least so many, though the environment says fewer.
fn check(preemptions: usize, f: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(builder.preemption_bound.unwrap_or(2).max(preemptions));
    builder.max_branches = 50_000;
    builder.check(f);
}

fn model(f: impl Fn() + Sync + Send + 'static) {
    check(2, f);
}

/// For what two preemptions do not reach.
fn long_model(f: impl Fn() + Sync + Send + 'static) {
    check(3, f);
}

struct Payload(UnsafeCell<u32>);

// SAFETY: loom checks it.
unsafe impl Send for Payload {}
// SAFETY: loom checks it.
unsafe impl Sync for Payload {}

fn payload() -> Payload {
    Payload(UnsafeCell::new(0))
}

fn touch(object: &mut Payload) {
    // SAFETY: whoever has the object has it alone; if not, loom says so.
    object.0.with_mut(|count| unsafe { *count += 1 });
}

type Objects = pool_prealloc::ObjectPool<Payload, fn() -> Payload, fn(&mut Payload)>;
type Object<'p> = pool_prealloc::sync::Object<'p, Payload, fn() -> Payload, fn(&mut Payload)>;

/// A pool that lives as long as any thread of the model.
#[derive(Clone)]
struct Pool(Arc<Objects>);

impl Pool {
    fn new(builder: Builder<Payload>) -> Self {
        Self(Arc::new(builder.objects(payload as fn() -> Payload, touch as fn(&mut Payload))))
    }

    fn of(capacity: usize, shards: usize) -> Self {
        Self::new(SyncPool::builder(capacity).shards(shards))
    }

    fn get(&self) -> Object<'_> {
        let mut object = self.0.get().expect("not all are in use");
        touch(&mut object);
        object
    }

    /// Gets one and lets go of it, so often.
    fn use_one(&self, times: usize) {
        for _ in 0..times {
            drop(self.get());
        }
    }

    fn spawn(&self, f: impl FnOnce(&Self) + 'static) -> thread::JoinHandle<()> {
        let pool = self.clone();
        thread::spawn(move || f(&pool))
    }

    /// All objects are there, once.
    fn is_whole(self) {
        let all: Vec<_> = std::iter::from_fn(|| {
            let mut object = self.0.get()?;
            touch(&mut object);
            Some(object)
        })
        .take(10)
        .collect();
        assert_eq!(all.len(), self.0.capacity(), "objects are lost, or there twice");
    }
}

struct Unpark(thread::Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

fn waker() -> Waker {
    Waker::from(Arc::new(Unpark(thread::current())))
}

fn wait_for<F: Future>(future: F) -> F::Output {
    let (mut future, waker) = (pin!(future), waker());
    loop {
        if let Poll::Ready(done) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return done;
        }
        thread::park();
    }
}

fn poll_once<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(&waker()))
}

/// T1, T2. Broken: the tag stays; a push is relaxed; a pop does not acquire.
#[test]
fn t2_two_on_a_stack() {
    long_model(|| {
        let pool = Pool::of(3, 0);
        let other = pool.spawn(|pool| {
            let first = pool.get();
            let second = pool.get();
            drop(first);
            drop(second);
        });
        pool.use_one(2);
        other.join().unwrap();
        pool.is_whole();
    });
}

/// Q1, Q2. Broken: a push does not look at the tail again; it links relaxed; the tag of a node stays; a node is made ready
/// relaxed; a queue is found empty without a second look at its head.
#[test]
fn q2_two_on_a_queue() {
    model(|| {
        let pool = Pool::new(SyncPool::builder(2).order(Order::Fifo).shards(0));
        let object = pool.get();
        let other = pool.spawn(|pool| pool.use_one(2));
        drop(object);
        pool.use_one(1);
        other.join().unwrap();
        pool.is_whole();
    });
}

/// Q4: the head and the tail come back to where they were. Broken: the tag of either stays.
#[test]
fn q4_a_queue_goes_round() {
    model(|| {
        let pool = Pool::new(SyncPool::builder(2).order(Order::Fifo).shards(0));
        let other = pool.spawn(|pool| pool.use_one(3));
        pool.use_one(1);
        other.join().unwrap();
        pool.is_whole();
    });
}

/// R1, R2, R3: an owner that allocates and frees beside one that gathers what is in its shard. Broken: either fence is not
/// there; busy is cleared, or read, relaxed, or not read at all; the pool is made shared relaxed; a verdict while another
/// gathers.
#[test]
fn r2_an_owner_beside_a_gathering() {
    long_model(|| {
        let pool = Pool::new(SyncPool::builder(3).shards(2).bound_slots(3));
        let owner = pool.spawn(|pool| pool.use_one(2));
        drop((pool.get(), pool.get()));
        owner.join().unwrap();
        pool.is_whole();
    });
}

/// B1, R4: batches go from one thread to another in bundles. Broken: a bundle is pushed before it is filled; hits read the
/// mode relaxed.
#[test]
fn b1_bundles_go_from_thread_to_thread() {
    model(|| {
        let pool = Pool::new(SyncPool::builder(6).shards(2).bound_slots(3));
        drop((pool.get(), pool.get(), pool.get()));
        let other = pool.spawn(|pool| drop((pool.get(), pool.get(), pool.get())));
        drop((pool.get(), pool.get(), pool.get()));
        other.join().unwrap();
        pool.is_whole();
    });
}

/// B2: a thread without a shard finds slots in a bundle only, beside one that gathers. Broken: a gathering does not wait for
/// such threads.
#[test]
fn b2_a_thread_without_a_shard() {
    long_model(|| {
        let pool = Pool::new(SyncPool::builder(4).shards(1).bound_slots(3));
        drop((pool.get(), pool.get(), pool.get(), pool.get()));
        let mine = (pool.get(), pool.get());
        let other = pool.spawn(|pool| pool.use_one(1));
        let last = pool.get();
        other.join().unwrap();
        drop((mine, last));
        pool.is_whole();
    });
}

/// B2: a bundle that comes when another has begun to gather. Broken: it stays a bundle.
#[test]
fn b2_a_bundle_beside_a_gathering() {
    model(|| {
        let pool = Pool::new(SyncPool::builder(5).shards(1).bound_slots(4));
        drop((pool.get(), pool.get(), pool.get(), pool.get(), pool.get()));
        let other = pool.spawn(|pool| pool.use_one(1));
        drop((pool.get(), pool.get(), pool.get(), pool.get()));
        other.join().unwrap();
        pool.is_whole();
    });
}

/// N1, N2: a thread takes over the shard of one that ends. Broken: numbers are not unique; one goes back too early.
#[test]
fn n2_a_shard_changes_hands() {
    model(|| {
        let pool = Pool::of(3, 2);
        pool.use_one(1);
        let first = pool.spawn(|pool| pool.use_one(1));
        let second = pool.spawn(|pool| pool.use_one(1));
        first.join().unwrap();
        second.join().unwrap();
        pool.is_whole();
    });
}

/// A pool whose objects are in use, one of them by `check`; it is shared, because somebody failed.
fn exhausted(check: impl for<'p> FnOnce(&'p Pool, Object<'p>)) {
    let pool = Pool::new(SyncPool::builder(2).shards(2).bound_slots(3));
    let (kept, object) = (pool.get(), pool.get());
    assert!(pool.0.get().is_none());
    check(&pool, object);
    drop(kept);
    pool.is_whole();
}

/// R3, R6: two threads with one object each, in a pool that is shared, and becomes private: nobody fails. Broken: no second
/// look at the mode. (T3 is hidden from loom: a shard's owner passes a light fence first, which is a full one there.)
#[test]
fn r6_nobody_fails_while_there_are_slots() {
    long_model(|| {
        let pool = Pool::new(SyncPool::builder(2).shards(1).bound_slots(3));
        let both = (pool.get(), pool.get());
        assert!(pool.0.get().is_none());
        drop(both);
        let other = pool.spawn(|pool| pool.use_one(1));
        pool.use_one(2);
        other.join().unwrap();
        pool.is_whole();
    });
}

/// R7, R8: the only object is handed over. Broken: either fence is not there.
#[test]
fn r7_a_waiter_is_served() {
    long_model(|| {
        let pool = Pool::of(1, 0);
        let object = pool.get();
        let waiter = pool.spawn(|pool| touch(&mut wait_for(pool.0.get_async())));
        drop(object);
        waiter.join().unwrap();
        pool.is_whole();
    });
}

/// R4: two wait when the pool is about to become private; who was served first frees in a shard. Broken: it becomes private
/// though somebody waits.
#[test]
fn r4_the_pool_stays_shared_while_somebody_waits() {
    long_model(|| {
        exhausted(|pool, object| {
            let waiters = pool.spawn(|pool| {
                let (mut first, mut second) = (pin!(pool.0.get_async()), pin!(pool.0.get_async()));
                let object = poll_once(first.as_mut());
                let later = poll_once(second.as_mut());
                thread::yield_now();
                // Who was faster than another that waits lets go first.
                let waits = [object, later].map(|ready| match ready {
                    Poll::Ready(mut object) => {
                        touch(&mut object);
                        false
                    }
                    Poll::Pending => true,
                });
                if waits[0] {
                    touch(&mut wait_for(first));
                }
                if waits[1] {
                    touch(&mut wait_for(second));
                }
            });
            drop(object);
            (0..2).for_each(|_| drop(pool.0.get()));
            waiters.join().unwrap();
        });
    });
}

/// R5: a waiter that comes when the pool has become private; what is freed in a shard serves it as well. Broken: it joins
/// without a look at the mode.
#[test]
fn r5_a_waiter_beside_an_owner() {
    model(|| {
        exhausted(|pool, object| {
            let waiter = pool.spawn(|pool| touch(&mut wait_for(pool.0.get_async())));
            drop(object);
            (0..3).for_each(|_| drop(pool.0.get()));
            waiter.join().unwrap();
        });
    });
}

/// R8: who is served and gives up passes the slot on. Broken: it does not.
#[test]
fn r8_a_future_that_is_dropped_passes_its_slot_on() {
    model(|| {
        let pool = Pool::of(1, 0);
        let object = pool.get();
        let waiter = pool.spawn(|pool| touch(&mut wait_for(pool.0.get_async())));
        let other = pool.spawn(|pool| {
            let mut future = pin!(pool.0.get_async());
            if let Poll::Ready(mut object) = poll_once(future.as_mut()) {
                touch(&mut object);
            }
        });
        drop(object);
        waiter.join().unwrap();
        other.join().unwrap();
        pool.is_whole();
    });
}

/// R1 of `static_pool.rs`: one claim of two succeeds. Caught: a load and a store in place of the exchange.
#[test]
fn claim_r1() {
    model(|| {
        let pool: &'static _ = Box::leak(Box::new(pool_prealloc::StaticPool::<u32, 1>::new()));
        let other = thread::spawn(move || pool.claim().is_some());
        let mine = pool.claim().is_some();
        assert_ne!(mine, other.join().unwrap());
    });
}
