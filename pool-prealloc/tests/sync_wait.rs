//! Waiting for a slot: with a time limit, and as futures.
#![cfg(not(loom))]

use pool_prealloc::sync::{HeldBox, Order};
use pool_prealloc::{Full, SyncPool};
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::{Duration, Instant};

const LONG: Duration = Duration::from_secs(60);
const SHORT: Duration = Duration::from_millis(20);

/// Counts how often it is woken.
#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

impl Count {
    fn get(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

struct Unpark(thread::Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

fn block_on<F: Future>(future: F) -> F::Output {
    let (mut future, waker) = (pin!(future), Waker::from(Arc::new(Unpark(thread::current()))));
    loop {
        if let Poll::Ready(done) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return done;
        }
        thread::park();
    }
}

fn poll<F: Future>(future: Pin<&mut F>, count: &Arc<Count>) -> Option<F::Output> {
    match future.poll(&mut Context::from_waker(&Waker::from(count.clone()))) {
        Poll::Ready(done) => Some(done),
        Poll::Pending => None,
    }
}

#[test]
fn a_limit_ends_the_waiting() {
    for capacity in [0, 1, 100] {
        let pool = SyncPool::with_capacity(capacity);
        let boxes: Vec<_> = (0..capacity).map(|value| pool.alloc(value).unwrap()).collect();
        let start = Instant::now();
        assert_eq!(pool.alloc_timeout(7, SHORT).unwrap_err(), Full(7));
        assert!(start.elapsed() >= SHORT);
        assert_eq!(pool.alloc_timeout(7, Duration::ZERO).unwrap_err(), Full(7));
        assert_eq!(pool.figures().refused, 2);
        drop(boxes);
        assert_eq!(pool.len(), 0);
        assert_eq!(pool.alloc_timeout(7, SHORT).is_ok(), capacity > 0);
    }
}

#[test]
fn a_free_in_any_thread_serves_a_waiter() {
    for order in [Order::Lifo, Order::Fifo] {
        for shards in [0, 4] {
            let pool = SyncPool::<usize>::builder(40).order(order).shards(shards).build();
            let boxes: Vec<_> = (0..40).map(|value| pool.alloc(value).unwrap()).collect();
            thread::scope(|scope| {
                let pool = &pool;
                let waiters: Vec<_> = (0..3)
                    .map(|value| scope.spawn(move || *pool.alloc_timeout(value, LONG).unwrap()))
                    .collect();
                thread::sleep(SHORT);
                scope.spawn(move || drop(boxes));
                for waiter in waiters {
                    waiter.join().unwrap();
                }
            });
            assert_eq!(pool.len(), 0);
        }
    }
}

#[test]
fn futures_are_served_in_the_order_of_coming() {
    let pool = SyncPool::with_capacity(1);
    let boxed = pool.alloc(0).unwrap();
    let counts: [Arc<Count>; 3] = Default::default();
    let mut futures = [1, 2, 3].map(|value| Box::pin(pool.alloc_async(value)));
    for (future, count) in futures.iter_mut().zip(&counts) {
        assert!(poll(future.as_mut(), count).is_none());
    }
    drop(boxed);
    for (at, future) in futures.iter_mut().enumerate() {
        assert_eq!(
            counts.each_ref().map(|count| count.get()),
            [1, (at > 0).into(), (at > 1).into()]
        );
        assert!(pool.alloc(9).is_err(), "it is handed over already");
        let boxed = poll(future.as_mut(), &counts[at]).expect("it was woken");
        assert_eq!(*boxed, at + 1);
    }
    assert_eq!(pool.len(), 0);
}

#[test]
fn a_future_that_is_dropped_passes_its_wake_up_on() {
    let pool = SyncPool::with_capacity(1);
    let (first, second) = (Arc::new(Count::default()), Arc::new(Count::default()));
    let boxed = pool.alloc(0).unwrap();
    let mut one = Box::pin(pool.alloc_async(1));
    let mut gone = Box::pin(pool.alloc_async(2));
    let mut two = Box::pin(pool.alloc_async(3));
    assert!(poll(one.as_mut(), &first).is_none());
    assert!(poll(gone.as_mut(), &first).is_none());
    assert!(poll(two.as_mut(), &second).is_none());
    drop(gone); // while it waits
    drop(boxed);
    assert_eq!((first.get(), second.get()), (1, 0));
    drop(one); // though it was woken
    assert_eq!((first.get(), second.get()), (1, 1));
    assert_eq!(*poll(two.as_mut(), &second).unwrap(), 3);
    let boxed = pool.alloc(0).unwrap();
    let (mut four, mut five) = (pin!(pool.alloc_async(4)), pin!(pool.alloc_async(5)));
    assert!(poll(four.as_mut(), &first).is_none() && poll(five.as_mut(), &second).is_none());
    drop(boxed);
    assert_eq!((four.as_mut().cancel(), four.as_mut().cancel()), (Some(4), None));
    assert_eq!(*poll(five.as_mut(), &second).unwrap(), 5);
    assert_eq!((five.cancel(), pool.len()), (None, 0));
}

#[test]
fn the_last_waker_is_woken() {
    let pool = SyncPool::with_capacity(1);
    let (before, after) = (Arc::new(Count::default()), Arc::new(Count::default()));
    let boxed = pool.alloc(0).unwrap();
    let mut future = pin!(pool.alloc_async(1));
    assert!(poll(future.as_mut(), &before).is_none());
    assert!(poll(future.as_mut(), &after).is_none());
    drop(boxed);
    assert_eq!((before.get(), after.get()), (0, 1));
    assert!(poll(future.as_mut(), &after).is_some());
    assert!(poll(future.as_mut(), &after).is_none(), "after its end it never is ready");
}

/// Its slot has no value, and the pool knows.
#[test]
fn a_future_that_is_forgotten_after_it_was_served() {
    let value = Arc::new(());
    let pool = SyncPool::with_capacity(2);
    let (kept, boxed) = (pool.alloc(value.clone()).unwrap(), pool.alloc(value.clone()).unwrap());
    let mut future = Box::pin(pool.alloc_async(value.clone()));
    assert!(poll(future.as_mut(), &Arc::new(Count::default())).is_none());
    drop(boxed);
    std::mem::forget(kept);
    std::mem::forget(future);
    assert_eq!(pool.len(), 2);
    drop(pool);
    // Here, and in the future that was forgotten.
    assert_eq!(Arc::strong_count(&value), 2);
}

#[test]
fn owned_futures_and_objects() {
    let pool = Arc::new(SyncPool::with_capacity(1));
    let boxed = pool.alloc_owned(1).unwrap();
    let future = pool.alloc_owned_async(2);
    assert_eq!(pool.alloc_owned_timeout(3, SHORT).unwrap_err(), Full(3));
    let waiter = thread::spawn(move || HeldBox::into_inner(block_on(future)));
    drop(boxed);
    assert_eq!(waiter.join().unwrap(), 2);
    let objects = SyncPool::objects(1, || 5, |_| ());
    let object = objects.get().unwrap();
    assert!(objects.get_timeout(SHORT).is_none());
    thread::scope(|scope| {
        let waiter = scope.spawn(|| *block_on(objects.get_async()));
        drop(object);
        assert_eq!(waiter.join().unwrap(), 5);
    });
}

/// More threads than slots; each in turn allocates, waits with a limit, or by a future that may be dropped.
#[test]
fn a_crowd_waits_for_few_slots() {
    for (capacity, shards, order) in [
        (1, 0, Order::Lifo),
        (2, 2, Order::Lifo),
        (3, 8, Order::Fifo),
        (20, 4, Order::Lifo),
        (20, 0, Order::Fifo),
    ] {
        let mut pool = SyncPool::<usize>::builder(capacity).order(order).shards(shards).build();
        let inside = AtomicUsize::new(0);
        thread::scope(|scope| {
            let (pool, inside) = (&pool, &inside);
            for number in 0..6 {
                scope.spawn(move || {
                    let enter = || {
                        assert!(inside.fetch_add(1, Ordering::SeqCst) < capacity);
                        inside.fetch_sub(1, Ordering::SeqCst);
                    };
                    for round in 0..400 {
                        let boxed = match (number + round) % 4 {
                            0 => pool.alloc(number).ok(),
                            1 => pool.alloc_timeout(number, Duration::from_micros(50)).ok(),
                            2 => Some(block_on(pool.alloc_async(number))),
                            _ => {
                                let mut future = pin!(pool.alloc_async(number));
                                poll(future.as_mut(), &Arc::new(Count::default()))
                            }
                        };
                        if let Some(boxed) = boxed {
                            enter();
                            assert_eq!(*boxed, number);
                        }
                    }
                });
            }
        });
        assert_eq!(pool.len(), 0);
        pool.verify().unwrap();
    }
}

#[test]
fn messages_go_round_though_the_pool_is_small() {
    let pool = Arc::new(SyncPool::with_capacity(5));
    let (sender, receiver) = mpsc::channel();
    let reader = thread::spawn(move || {
        receiver.iter().map(|boxed: pool_prealloc::sync::ArcBox<usize>| *boxed).sum::<usize>()
    });
    for value in 0..5000 {
        sender.send(pool.alloc_owned_timeout(value, LONG).unwrap()).unwrap();
    }
    drop(sender);
    assert_eq!(reader.join().unwrap(), 5000 * 4999 / 2);
}
