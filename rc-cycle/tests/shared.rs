//! `sync::Cc`: what many threads do at the same time, and what the collecting thread makes of it.

#![cfg(not(loom))]

mod common;

use alloc_core::gc::Trace;
use alloc_core::report::Tree;
use common::{Census, Memory, One};
use rc_cycle::sync::{Cc, Weak, collect, collect_some, figures};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, MutexGuard, OnceLock, RwLock};
use std::thread;

#[derive(Trace)]
struct Node {
    #[trace(skip)]
    one: One,
    to: Mutex<Vec<Cc<Node>>>,
}

fn node(census: &Census) -> Cc<Node> {
    Cc::new(Node { one: census.one(), to: Mutex::default() })
}

fn link(from: &Cc<Node>, to: &Cc<Node>) {
    from.to.lock().unwrap().push(to.clone());
}

fn ring(census: &Census, count: usize) -> Vec<Cc<Node>> {
    let ring: Vec<_> = (0..count).map(|_| node(census)).collect();
    (0..count).for_each(|n| link(&ring[n], &ring[(n + 1) % count]));
    ring
}

/// Tests of one process share the collector.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// Collects until that many are left: candidates may be in the worker's hands.
fn collect_until(census: &Census, left: isize) {
    let began = std::time::Instant::now();
    while census.count() != left {
        collect();
        assert!(began.elapsed().as_secs() < 60, "{} are left", census.count());
        thread::yield_now();
    }
}

fn may_be_sent<T: Send + Sync>() {}

#[test]
fn it_counts_as_arc_does() {
    may_be_sent::<Cc<Node>>();
    may_be_sent::<Weak<str>>();
    may_be_sent::<Cc<Node, Memory>>();
    assert_eq!(size_of::<Option<Cc<Node>>>(), size_of::<usize>());
    let mut first = Cc::new(5);
    *Cc::get_mut(&mut first).unwrap() += 1;
    let second = first.clone();
    assert!(Cc::get_mut(&mut first).is_none() && Cc::strong_count(&first) == 2);
    let weak = Cc::downgrade(&first);
    drop(second);
    assert!(Cc::get_mut(&mut first).is_none() && weak.upgrade().is_some());
    assert_eq!(Cc::try_unwrap(first), Ok(6));
    assert!(weak.upgrade().is_none());
    let text: Cc<str> = Cc::from("text");
    thread::spawn(move || assert_eq!(&*text, "text")).join().unwrap();
}

#[test]
fn cycles_are_freed_by_any_thread() {
    let _alone = alone();
    let census = Census::default();
    let nodes = ring(&census, 10);
    let weak: Vec<_> = nodes.iter().map(Cc::downgrade).collect();
    collect();
    assert_eq!(census.count(), 10);
    thread::spawn(move || drop(nodes)).join().unwrap();
    thread::spawn(collect).join().unwrap();
    collect_until(&census, 0);
    assert!(weak.iter().all(|weak| weak.upgrade().is_none() && weak.strong_count() == 0));
}

#[test]
fn locks_of_all_kinds_are_seen() {
    #[derive(Trace)]
    struct Locks {
        mutex: Mutex<Option<Cc<Locks>>>,
        lock: RwLock<Vec<Cc<Locks>>>,
        once: OnceLock<Cc<Locks>>,
        #[trace(skip)]
        one: One,
    }
    let _alone = alone();
    let census = Census::default();
    for kind in 0..4 {
        let locks = Cc::new(Locks {
            mutex: Mutex::default(),
            lock: RwLock::default(),
            once: OnceLock::new(),
            one: census.one(),
        });
        let _ = &locks.one;
        let me = locks.clone();
        match kind {
            0 => *locks.mutex.lock().unwrap() = Some(me),
            1 => locks.lock.write().unwrap().push(me),
            2 => _ = locks.once.set(me),
            _ => {
                // Poisoned: the pointer is in there all the same.
                let poison = AssertUnwindSafe(|| {
                    *locks.mutex.lock().unwrap() = Some(me);
                    let _guard = locks.mutex.lock().unwrap();
                    panic!("on purpose");
                });
                assert!(catch_unwind(poison).is_err());
            }
        }
        drop(locks);
        collect_until(&census, 0);
    }
}

#[test]
fn what_is_locked_is_held_until_it_is_not() {
    let _alone = alone();
    let census = Census::default();
    let a = node(&census);
    link(&a, &a);
    let raw = Cc::as_ptr(&a);
    // SAFETY: the cycle keeps the node until a step frees it; not while it is locked.
    let guard = unsafe { &*raw }.to.lock().unwrap();
    drop(a);
    assert_eq!((collect(), census.count()), (0, 1));
    drop(guard);
    // SAFETY: it is there: nobody collects.
    drop(unsafe { &*raw }.to.lock().unwrap()[0].clone());
    collect_until(&census, 0);
}

#[test]
fn get_mut_of_a_candidate() {
    let _alone = alone();
    let census = Census::default();
    let mut a = node(&census);
    drop(a.clone());
    let before = Cc::get_mut(&mut a).is_some();
    assert!(before);
    collect();
    let mut me = Some(a);
    let value = Cc::get_mut(me.as_mut().unwrap()).unwrap();
    value.to = Mutex::default();
    drop(me);
    collect_until(&census, 0);
}

#[test]
fn destructors_that_unwind_or_collect() {
    struct Acts(Mutex<Option<Box<dyn FnOnce() + Send>>>);
    impl Drop for Acts {
        fn drop(&mut self) {
            let act = self.0.get_mut().unwrap().take();
            if let Some(act) = act {
                act();
            }
        }
    }
    #[derive(Trace)]
    struct Actor(#[trace(skip)] Acts, #[trace(skip)] One, Mutex<Option<Cc<Actor>>>);
    let _alone = alone();
    let census = Census::default();
    let actor = || Cc::new(Actor(Acts(Mutex::default()), census.one(), Mutex::default()));
    let (a, b) = (actor(), actor());
    let _ = &a.1;
    *a.2.lock().unwrap() = Some(b.clone());
    *b.2.lock().unwrap() = Some(a.clone());
    let weak = Cc::downgrade(&b);
    *a.0.0.lock().unwrap() = Some(Box::new(move || {
        assert!(weak.upgrade().is_none());
        assert_eq!(collect(), 0, "a step is under way");
        panic!("on purpose");
    }));
    rc_cycle::sync::set_pace(rc_cycle::Pace { automatic: false, ..Default::default() });
    drop((a, b));
    assert!(catch_unwind(collect).is_err());
    assert_eq!(census.count(), 0);
    rc_cycle::sync::set_pace(rc_cycle::Pace::default());
    drop(ring(&census, 5));
    collect_until(&census, 0);
}

#[test]
fn the_thread_in_the_background_frees_by_itself() {
    let _alone = alone();
    let census = Census::default();
    let mut most = 0;
    for _ in 0..200_000 {
        drop(ring(&census, 2));
        most = most.max(census.count());
    }
    let began = std::time::Instant::now();
    while census.count() > 40_000 {
        assert!(began.elapsed().as_secs() < 60, "{} are left", census.count());
        drop(ring(&census, 2));
        thread::sleep(std::time::Duration::from_millis(1));
    }
    assert!(figures().fruitful > 0);
    while collect_some(1000).more {}
    collect_until(&census, 0);
}

#[test]
fn what_happened_on_all_threads_is_reported() {
    let _alone = alone();
    let census = Census::default();
    let freed = || Tree::from_fn(rc_cycle::sync::report).figure("sync::Cc", "freed objects");
    let before = freed().expect("a figure");
    drop(ring(&census, 30));
    while census.count() > 0 {
        collect();
    }
    assert!(freed() >= Some(before + 30), "{:?}", freed());
}
