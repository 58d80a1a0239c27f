//! Models of this crate's protocols, named after the rules that they check:
//! `RUSTFLAGS="--cfg loom" cargo test -p alloc-core --features loom --test loom --release`
//!
//! Each was seen to fail with the code weakened as its comment says.

#![cfg(all(loom, feature = "loom"))]

#[path = "loom/forks.rs"]
mod forks;
#[path = "loom/rules.rs"]
mod rules;

use alloc_core::api2::alloc::Global;
use alloc_core::sync::{AtomicUsize, Lock, Ordering, heavy_fence, light_fence};
use alloc_core::{Allocator, Layer, Layout, Limit};
use loom::cell::UnsafeCell;
use loom::sync::{Arc, Condvar, Mutex};
use loom::thread;

/// sync/held.rs and lock.rs, R1: the value is touched only by the thread that changed `held`.
///
/// weakened: `compare_exchange` to a load and a store → caught (both threads in the cell)
/// weakened: `Held::wait` returns after one attempt → caught (both threads in the cell)
#[test]
fn lock_r1_one_holder() {
    loom::model(|| {
        let lock = Arc::new(Lock::spinning(0));
        let other = {
            let lock = Arc::clone(&lock);
            thread::spawn(move || *lock.lock() += 1)
        };
        *lock.lock() += 1;
        other.join().unwrap();
        assert_eq!(*lock.lock(), 2);
    });
}

/// sync/lock.rs, R1: an attempt that fails leaves the lock with its holder.
///
/// weakened: `try_lock` makes its guard before it looks (`then_some`) → caught (both threads in
/// the cell)
#[test]
fn lock_r1_failed_attempt() {
    loom::model(|| {
        let lock = Arc::new(Lock::spinning(0));
        let work = |lock: &Lock<i32>| {
            let tried = lock.try_lock().map(|mut value| *value += 1);
            *lock.lock() += 1;
            1 + i32::from(tried.is_some())
        };
        let other = {
            let lock = Arc::clone(&lock);
            thread::spawn(move || work(&lock))
        };
        let expected = work(&lock) + other.join().unwrap();
        assert_eq!(*lock.lock(), expected);
    });
}

/// sync/lock.rs, R2: what was written under the lock is visible to the next holder.
///
/// weakened: Acquire in `Held::try_acquire` to Relaxed → caught (causality violation)
/// weakened: Release in `Held::release` to Relaxed → caught (causality violation)
#[test]
fn lock_r2_release_is_seen() {
    loom::model(|| {
        let lock = Arc::new(Lock::spinning([0, 0]));
        let other = {
            let lock = Arc::clone(&lock);
            thread::spawn(move || {
                let mut pair = lock.lock();
                pair[0] = 1;
                pair[1] = 1;
            })
        };
        if let Some(pair) = lock.try_lock() {
            assert_eq!(pair[0], pair[1]);
        }
        other.join().unwrap();
    });
}

/// sync/lock.rs: a lock taken without a guard (`acquire`) and taken up again (`resume`), as around
/// a fork, keeps R1 and R2.
///
/// weakened: `resume` releases at once → caught (both threads in the cell)
#[test]
fn lock_r1_acquire_and_resume() {
    loom::model(|| {
        let lock = Arc::new(Lock::spinning(0));
        let other = {
            let lock = Arc::clone(&lock);
            thread::spawn(move || *lock.lock() += 1)
        };
        lock.acquire();
        // SAFETY: acquired in the line before, by this thread; no guard was made.
        *unsafe { lock.resume() } += 1;
        other.join().unwrap();
        assert_eq!(*lock.lock(), 2);
    });
}

/// sync/held.rs: in models of others, whoever waits is blocked. With three threads that spin there would be no end.
///
/// weakened: `Blocking::release` keeps the guard → caught (deadlock)
/// weakened: `Blocking::try_acquire` without a guard → caught (three in the cell)
#[test]
fn lock_of_three_threads_ends() {
    /// With something to be interrupted at.
    fn work((lock, inside): &(Lock<i32>, AtomicUsize)) {
        let mut value = lock.lock();
        // ORDERING: Relaxed, here and below: a number, which the lock is to keep at 1.
        assert_eq!(inside.fetch_add(1, Ordering::Relaxed), 0);
        *value += 1;
        inside.fetch_sub(1, Ordering::Relaxed);
    }
    loom::model(|| {
        let lock = Arc::new((Lock::new(0), AtomicUsize::new(0)));
        let others = [(); 2].map(|()| {
            let lock = Arc::clone(&lock);
            thread::spawn(move || work(&lock))
        });
        work(&lock);
        for other in others {
            other.join().unwrap();
        }
        assert_eq!(*lock.0.lock(), 3);
    });
}

/// sync/fence.rs, R1: of two threads that each store and then load what the other stores, with a
/// light fence here and a heavy one there, at least one sees the other's store.
///
/// weakened: `light_fence` without its fence → caught (both read 0)
/// weakened: `heavy_fence` without its fence → caught (both read 0)
/// weakened: both fences to AcqRel → caught (both read 0)
#[test]
fn fence_r1_store_then_load() {
    loom::model(|| {
        let flags = Arc::new((AtomicUsize::new(0), AtomicUsize::new(0)));
        let frequent = {
            let flags = Arc::clone(&flags);
            thread::spawn(move || {
                flags.0.store(1, Ordering::Relaxed);
                light_fence();
                flags.1.load(Ordering::Relaxed)
            })
        };
        flags.1.store(1, Ordering::Relaxed);
        assert!(heavy_fence());
        let seldom_saw = flags.0.load(Ordering::Relaxed);
        let frequent_saw = frequent.join().unwrap();
        assert!(seldom_saw == 1 || frequent_saw == 1, "neither saw the other");
    });
}

/// Workers of `benches/src/goroutines/idle.rs`, step by step as there, since benches have no loom.
struct Idle {
    queue: AtomicUsize,
    sleepers: AtomicUsize,
    state: Mutex<Asleep>,
    bell: Condvar,
    workers: usize,
}

#[derive(Default)]
struct Asleep {
    asleep: usize,
    called: usize,
    is_over: bool,
}

impl Idle {
    fn new(workers: usize) -> Self {
        let (queue, sleepers) = (AtomicUsize::new(0), AtomicUsize::new(0));
        Self { queue, sleepers, state: Mutex::default(), bell: Condvar::new(), workers }
    }

    fn queue_one(&self) {
        // ORDERING: Release, as a queue's, meets the Acquire of who takes the task.
        self.queue.store(1, Ordering::Release);
        light_fence();
        if self.sleepers.load(Ordering::Relaxed) > 0 {
            let mut state = self.state.lock().unwrap();
            if state.asleep > state.called {
                state.called += 1;
                self.publish(&state);
                self.bell.notify_one();
            }
        }
    }

    fn publish(&self, state: &Asleep) {
        self.sleepers.store(state.asleep - state.called, Ordering::Relaxed);
    }

    fn sleep(&self) -> bool {
        let mut state = self.state.lock().unwrap();
        state.asleep += 1;
        self.publish(&state);
        assert!(heavy_fence());
        let gets_up = self.queue.load(Ordering::Relaxed) == 1;
        if !gets_up && state.asleep == self.workers {
            state.is_over = true;
            self.bell.notify_all();
        }
        while !gets_up && !state.is_over && state.called == 0 {
            state = self.bell.wait(state).unwrap();
        }
        if state.is_over {
            return false;
        }
        state.asleep -= 1;
        state.called = state.called.saturating_sub(1);
        self.publish(&state);
        true
    }

    /// A worker's search: whether it has got the task, before it was over.
    fn work(&self) -> bool {
        loop {
            // ORDERING: Acquire meets the Release of `queue_one`.
            if self.queue.compare_exchange(1, 0, Ordering::Acquire, Ordering::Relaxed).is_ok() {
                return true;
            }
            if !self.sleep() {
                return false;
            }
        }
    }
}

/// goroutines/idle.rs, I1 and I2: a task that is queued is taken by who sleeps, though who queued it never comes to it.
///
/// weakened: `queue_one` without its fence → caught (deadlock)
/// weakened: `sleep` without its fence → caught (deadlock)
/// weakened: `sleep` does not look at the queue again → caught (deadlock)
/// weakened: `queue_one` rings, and does not count whom it calls → caught (deadlock)
#[test]
fn idle_i1_i2_who_sleeps_is_woken() {
    loom::model(|| {
        let idle = Arc::new(Idle::new(2));
        let other = {
            let idle = Arc::clone(&idle);
            thread::spawn(move || idle.work())
        };
        idle.queue_one();
        assert!(other.join().unwrap());
    });
}

/// Allocates, looks at the account, frees; whether it was served.
fn allocate_and_free(stack: &Limit<Global>) -> bool {
    let layout = Layout::new::<[u8; 64]>();
    let Ok(slice) = stack.allocate(layout) else { return false };
    assert!((64..=stack.limit_bytes()).contains(&stack.live_bytes()));
    // SAFETY: allocated above with this layout.
    unsafe { stack.deallocate(slice.cast(), layout) };
    true
}

/// combine/limit.rs, R1: live bytes are within the limit at every moment, and one of two that do
/// not fit together is served.
///
/// weakened: `charge` as a load, a test and an addition → caught (two are served at once)
#[test]
fn limit_r1_never_above() {
    loom::model(|| {
        let stack = Arc::new(Limit::new(100, Global));
        let other = {
            let stack = Arc::clone(&stack);
            thread::spawn(move || allocate_and_free(&stack))
        };
        let mine = allocate_and_free(&stack);
        let theirs = other.join().unwrap();
        assert!(mine || theirs, "a refusal needs somebody else's bytes");
        assert_eq!(stack.refused(), usize::from(!mine) + usize::from(!theirs));
        assert_eq!(stack.peak_bytes(), 64, "two never fit");
        assert!(stack.verify().is_ok());
    });
}

/// combine/limit.rs, R3: a limit that was raised is one for whoever sees what was charged under it.
///
/// weakened: the store of the limit Relaxed → caught (broken: above the highest limit)
/// weakened: the load of the limit Relaxed → caught (likewise)
/// weakened: `charge` Relaxed → caught (likewise)
/// weakened: the load in `verify` Relaxed → caught (likewise)
/// weakened: the limit stored before the highest one → caught (likewise)
#[test]
fn limit_r3_a_raised_limit_is_the_highest() {
    loom::model(|| {
        let stack = Arc::new(Limit::new(10, Global));
        let raises = {
            let stack = Arc::clone(&stack);
            thread::spawn(move || stack.set_limit_bytes(64))
        };
        let asks = {
            let stack = Arc::clone(&stack);
            thread::spawn(move || {
                let layout = Layout::new::<[u8; 64]>();
                if let Ok(slice) = stack.allocate(layout) {
                    // SAFETY: allocated in the line before, with this layout.
                    unsafe { stack.deallocate(slice.cast(), layout) };
                }
            })
        };
        assert!(stack.verify().is_ok());
        raises.join().unwrap();
        asks.join().unwrap();
        assert_eq!((stack.live_bytes(), stack.limit_bytes()), (0, 64));
    });
}

/// combine/limit.rs, R2: what was charged is given back exactly once.
///
/// weakened: `discharge` as a load and a store → caught (bytes stay charged)
/// weakened: no discharge where the layer below refuses → caught (bytes stay charged)
#[test]
fn limit_r2_everything_comes_back() {
    loom::model(|| {
        // The inner limit refuses what the outer one has charged already.
        let stack = Arc::new(Limit::new(1000, Limit::new(100, Global)));
        let work = |stack: &Limit<Limit<Global>>| {
            let layout = Layout::new::<[u8; 64]>();
            if let Ok(slice) = stack.allocate(layout) {
                // SAFETY: allocated in the line before, with this layout.
                unsafe { stack.deallocate(slice.cast(), layout) };
            }
        };
        let other = {
            let stack = Arc::clone(&stack);
            thread::spawn(move || work(&stack))
        };
        work(&stack);
        other.join().unwrap();
        assert_eq!((stack.live_bytes(), stack.below().live_bytes()), (0, 0));
    });
}

/// The filter alone: it is not public, and names nothing but the shim.
#[path = "../src/watch/profile/filter.rs"]
#[allow(dead_code)]
mod filter;

/// watch/profile/filter.rs, R1: whoever is handed a sample finds it in the filter, whatever other threads do with
/// samples that share its counter.
///
/// weakened: `add` and `remove` to a load and a store → caught (a sample is not found)
/// weakened: `remove` stores 0 → caught (a sample is not found)
/// weakened: `add` after the address is handed out → caught (a sample is not found)
#[test]
fn filter_r1_samples_are_found() {
    use loom::sync::atomic::AtomicUsize;
    const MINE: usize = 4096;
    // The counter of this page is the same.
    const OTHER: usize = 4096 * (1 + 1024 * 1024);
    loom::model(|| {
        let shared = Arc::new((filter::Filter::new(), AtomicUsize::new(0)));
        let other = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                let (filter, handed) = &*shared;
                filter.add(OTHER);
                assert!(filter.may_hold(OTHER));
                filter.remove(OTHER);
                // Frees what the other thread handed over, if it did by now.
                let address = handed.load(loom::sync::atomic::Ordering::Acquire);
                if address != 0 {
                    assert!(filter.may_hold(address));
                    filter.remove(address);
                }
            })
        };
        let (filter, handed) = &*shared;
        filter.add(MINE);
        handed.store(MINE, loom::sync::atomic::Ordering::Release);
        other.join().unwrap();
    });
}

/// The range alone: it is not public either.
#[path = "../src/watch/sampled/range.rs"]
#[allow(dead_code)]
mod range;

/// watch/sampled/range.rs, R1: whoever is handed an address of the pool finds it in the range; who asks about another
/// address is never told that it is the pool's.
///
/// weakened: `set` after the address is handed out → caught (the address is not in the range)
/// weakened: the end is set one too far → caught (a foreign address is in the range)
/// weakened: the empty range begins at 0 → caught (a foreign address is in the range)
#[test]
fn range_r1_addresses_are_found() {
    use loom::sync::atomic::AtomicUsize;
    const BASE: usize = 0x10_0000;
    const BYTES: usize = 0x3000;
    loom::model(|| {
        let shared = Arc::new((range::AddressRange::new(), AtomicUsize::new(0)));
        let other = {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                let (range, handed) = &*shared;
                // At any moment, whatever is seen of the two words.
                assert!(!range.contains(BASE + BYTES));
                assert!(!range.contains(BASE - 1));
                let address = handed.load(loom::sync::atomic::Ordering::Acquire);
                assert!(address == 0 || range.contains(address));
            })
        };
        let (range, handed) = &*shared;
        range.set(BASE, BYTES);
        handed.store(BASE + 0x1000, loom::sync::atomic::Ordering::Release);
        other.join().unwrap();
    });
}

/// The table's entries alone: they are not public either.
#[path = "../src/watch/sampled/table.rs"]
#[allow(dead_code)]
mod table;

/// watch/sampled/table.rs, T1 and T2: whoever reads an entry has the words of one pool, while that leaves and another
/// one comes.
///
/// weakened: no second look; no fence in `claim`; none in `read`; the store of `base` Relaxed; its load Relaxed → caught
/// (words of two pools). Not seen when broken: the Acquire of the claim, which puts two owners' words in an order; loom has
/// its stores in one anyway.
#[test]
fn table_t1_t2_an_entry_is_one_pools() {
    use table::{Entry, Known};
    const fn pool(base: usize) -> Known<u8> {
        let records = core::ptr::without_provenance_mut(base * 3);
        Known { base, bytes: base + 1, page_bytes: base + 2, records }
    }
    loom::model(|| {
        let entry = Arc::new(Entry::new());
        let other = {
            let entry = Arc::clone(&entry);
            thread::spawn(move || {
                assert!(entry.claim(pool(10)));
                entry.free(10);
                assert!(entry.claim(pool(20)));
            })
        };
        if let Some(known) = entry.read() {
            assert!(known == pool(10) || known == pool(20), "{known:?}");
        }
        other.join().unwrap();
        assert_eq!(entry.read(), Some(pool(20)));
    });
}

/// benches/src/goroutines/group.rs, step by step as there: the last member that is done wakes who waits.
struct Group {
    left: AtomicUsize,
    waiting: Mutex<bool>,
    bell: Condvar,
}

impl Group {
    fn wait(&self) {
        let mut waiting = self.waiting.lock().unwrap();
        // ORDERING: as in `group.rs`.
        if self.left.load(Ordering::Acquire) > 0 {
            *waiting = true;
            while *waiting {
                waiting = self.bell.wait(waiting).unwrap();
            }
        }
    }

    fn done(&self) {
        // ORDERING: as in `group.rs`.
        if self.left.fetch_sub(1, Ordering::AcqRel) == 1 {
            *self.waiting.lock().unwrap() = false;
            self.bell.notify_one();
        }
    }
}

/// Who waits for a group goes on when both members are done, and sees what both did.
///
/// weakened: a look at `left` before the lock → caught (who waits sleeps for ever); `fetch_sub` Relaxed, Acquire, Release; the
/// load Relaxed → caught (unordered accesses).
#[test]
fn group_who_waits_goes_on_after_all() {
    loom::model(|| {
        let (waiting, bell) = (Mutex::new(false), Condvar::new());
        let group = Group { left: AtomicUsize::new(2), waiting, bell };
        let shared = Arc::new((group, [(); 2].map(|()| UnsafeCell::new(0))));
        let members: Vec<_> = (0..2)
            .map(|number| {
                let shared = Arc::clone(&shared);
                thread::spawn(move || {
                    // SAFETY: loom looks whether it is so.
                    shared.1[number].with_mut(|done| unsafe { *done = 1 });
                    shared.0.done();
                })
            })
            .collect();
        shared.0.wait();
        for done in &shared.1 {
            // SAFETY: loom looks whether it is so.
            done.with(|done| unsafe { assert_eq!(*done, 1) });
        }
        members.into_iter().for_each(|member| member.join().unwrap());
    });
}
