//! Loom models of the shared counts, named after the rules that they exercise (`sync/word.rs`, `sync/graph.rs`).
//!
//! ```sh
//! RUSTFLAGS="--cfg loom" cargo test -p rc-cycle --features loom --test loom --release
//! ```
//!
//! Each model fails when the protocol is weakened; which weakening was tried stands above each. A value has a loom cell
//! that its readers read and its destructor writes: so loom reports a value that is used after its end, or at the same
//! time. In the end everything is gone.
#![cfg(all(loom, feature = "loom"))]

use alloc_core::gc::{Guard, Trace, Visitor, VisitorMut};
use alloc_core::sync::{Lock, LockGuard};
use loom::cell::UnsafeCell;
use loom::thread;
use rc_cycle::sync::{Cc, collect};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

/// `judges`: all values are suspects, whatever their counts said before; `slowly`: others run between two verdicts, for
/// a model that the bound would cut short. Both are the process's, so there is one model at a time.
fn check(judges: bool, slowly: bool, f: impl Fn() + Sync + Send + 'static) {
    static ONE: Mutex<()> = Mutex::new(());
    let _one = ONE.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    let mut builder = loom::model::Builder::new();
    if builder.preemption_bound.is_none() {
        builder.preemption_bound = Some(2);
    }
    builder.max_branches = 50_000;
    rc_cycle::sync::judge(judges, slowly);
    builder.check(f);
}

fn model(f: impl Fn() + Sync + Send + 'static) {
    check(false, false, f);
}

fn model_of_judging(slowly: bool, f: impl Fn() + Sync + Send + 'static) {
    check(true, slowly, f);
}

/// What a value is read and ended by. The count is invisible to loom.
struct Payload(UnsafeCell<u32>, Arc<AtomicUsize>);

// SAFETY: loom checks it.
unsafe impl Sync for Payload {}

impl Drop for Payload {
    fn drop(&mut self) {
        // SAFETY: if it is not, loom says so.
        self.0.with_mut(|value| unsafe { *value = 0 });
        self.1.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A lock that loom knows, which is visited as std's are; and a cell that is read when it is visited.
struct Links(Lock<Vec<Cc<Node>>>, UnsafeCell<u32>);

// SAFETY: loom checks it.
unsafe impl Sync for Links {}

impl Links {
    fn new() -> Self {
        Self(Lock::new(Vec::new()), UnsafeCell::new(0))
    }
}

// SAFETY: as for std's `Mutex`.
unsafe impl<'gc> Trace<'gc> for Links {
    fn trace<V: Visitor + ?Sized>(&self, visitor: &mut V) {
        // SAFETY: if somebody has it exclusively, loom says so.
        assert!(self.1.with(|seen| unsafe { *seen }) < 2);
        let Some(guard) = self.0.try_lock() else { return };
        guard.trace(visitor);
        if visitor.freezes() {
            // SAFETY: the visitor drops it before the lock can go.
            let guard = unsafe {
                core::mem::transmute::<
                    LockGuard<'_, Vec<Cc<Node>>>,
                    LockGuard<'static, Vec<Cc<Node>>>,
                >(guard)
            };
            let guard: Box<dyn Guard> = Box::new(guard);
            // SAFETY: the same.
            unsafe { visitor.keep(Some(guard)) };
        }
    }
    fn trace_mut<V: VisitorMut + ?Sized>(&mut self, _: &mut V) {}
}

#[derive(Trace)]
struct Node {
    #[trace(skip)]
    payload: Payload,
    to: Links,
    /// Read without a lock.
    fixed: OnceLock<Cc<Node>>,
}

/// Counts the values of a model.
#[derive(Clone, Default)]
struct Census(Arc<AtomicUsize>);

impl Census {
    fn node(&self) -> Cc<Node> {
        self.0.fetch_add(1, Ordering::Relaxed);
        let payload = Payload(UnsafeCell::new(7), self.0.clone());
        Cc::new(Node { payload, to: Links::new(), fixed: OnceLock::new() })
    }

    /// Two that point at each other; the second one's only pointer is the first one's.
    fn pair(&self) -> Cc<Node> {
        let (a, b) = (self.node(), self.node());
        link(&b, &a);
        a.to.0.lock().push(b);
        a
    }

    fn is_empty(&self) {
        for _ in 0..3 {
            collect();
        }
        assert_eq!(self.0.load(Ordering::Relaxed), 0, "values are left");
    }
}

fn link(from: &Cc<Node>, to: &Cc<Node>) {
    from.to.0.lock().push(to.clone());
}

fn read(node: &Cc<Node>) {
    // SAFETY: a pointer keeps its value; if not, loom says so.
    assert_eq!(node.payload.0.with(|value| unsafe { *value }), 7);
}

/// S1. Broken: the last pointer's Acquire; any pointer's Release.
#[test]
fn s1_two_that_read_and_drop() {
    model(|| {
        let census = Census::default();
        let a = census.node();
        let pointers = [a.clone(), a];
        let droppers = pointers.map(|pointer| {
            thread::spawn(move || {
                read(&pointer);
                drop(pointer);
            })
        });
        for dropper in droppers {
            dropper.join().unwrap();
        }
        census.is_empty();
    });
}

/// S2: what is listed anew while an older entry holds its box still. Broken: the orders at *held*.
#[test]
fn s2_who_lists_what_is_held_still_beside_a_step() {
    model(|| {
        let census = Census::default();
        let mut a = census.node();
        drop(a.clone());
        assert!(Cc::get_mut(&mut a).is_some());
        link(&a, &a);
        let dropper = thread::spawn(move || drop(a));
        collect();
        dropper.join().unwrap();
        census.is_empty();
    });
}

/// S3, S2: what was listed, then written to exclusively, then is listed anew while its first entry is taken up. Broken:
/// the Release with which it is listed.
#[test]
fn s3_what_was_written_to_and_listed_again() {
    model(|| {
        let census = Census::default();
        let mut a = census.node();
        drop(a.clone());
        let owner = thread::spawn(move || {
            if let Some(a) = Cc::get_mut(&mut a) {
                // SAFETY: it is exclusive; if not, loom says so.
                a.to.1.with_mut(|seen| unsafe { *seen = 1 });
            }
            drop(a.clone());
            drop(a);
        });
        collect();
        owner.join().unwrap();
        census.is_empty();
    });
}

/// S2. Broken: a pointer goes by `fetch_sub` without looking whether its value is still listed; `take_up` takes *listed*
/// away before it lets go of the box, or reads the counts before.
#[test]
fn s2_who_drops_the_last_pointer_from_outside_beside_a_step() {
    model(|| {
        let census = Census::default();
        let a = census.pair();
        drop(a.clone());
        let dropper = thread::spawn(move || {
            read(&a);
            drop(a);
        });
        collect();
        dropper.join().unwrap();
        census.is_empty();
    });
}

/// S2: two threads drop, and a step goes on.
#[test]
fn s2_two_that_drop_beside_a_step() {
    model(|| {
        let census = Census::default();
        let a = census.pair();
        let b = a.clone();
        let droppers = [a, b].map(|pointer| thread::spawn(move || drop(pointer)));
        collect();
        for dropper in droppers {
            dropper.join().unwrap();
        }
        census.is_empty();
    });
}

/// S2: of two candidates, one is looked at before the other was taken up, and changes meanwhile. Broken: each is looked at
/// when it is taken up.
#[test]
fn s2_a_pointer_that_moves_into_another_candidate() {
    model(|| {
        let census = Census::default();
        let (a, b) = (census.node(), census.node());
        link(&b, &a);
        // b is taken up first.
        drop(a.clone());
        drop(b.clone());
        let mover = thread::spawn(move || {
            a.to.0.lock().push(b);
            drop(a);
        });
        collect();
        mover.join().unwrap();
        census.is_empty();
    });
}

/// V3, S4. Broken: a clone that does not take the state away; no second look.
#[test]
fn v3_a_pointer_that_hops_on_beside_a_step() {
    model_of_judging(true, || {
        let census = Census::default();
        let (a, b) = (census.node(), census.node());
        assert!(a.fixed.set(b.clone()).is_ok() && b.fixed.set(a.clone()).is_ok());
        // A step begins at b, and so judges it before a.
        drop(b);
        let hopper = thread::spawn(move || {
            let b = a.fixed.get().cloned().unwrap();
            drop(a);
            read(&b);
            let a = b.fixed.get().cloned().unwrap();
            drop(b);
            read(&a);
        });
        collect();
        hopper.join().unwrap();
        census.is_empty();
    });
}

/// V2. Broken: guards are dropped when their lock was visited.
#[test]
fn v2_pointers_that_move_beside_a_step() {
    model_of_judging(false, || {
        let census = Census::default();
        let (a, b) = (census.node(), census.node());
        link(&a, &b);
        link(&b, &a);
        drop(b.clone());
        let mover = thread::spawn(move || {
            // b's pointer to a comes out, and the one to b goes into a: so a is held from outside, and each pointer was
            // seen inside by whoever has looked at b before, and looks at a after.
            let rotate = |to_b: Cc<Node>| {
                let to_a = to_b.to.0.lock().pop().unwrap();
                to_a.to.0.lock().push(to_b);
                read(&to_a);
                to_a
            };
            drop(a);
            let to_a = rotate(b);
            read(&to_a);
        });
        collect();
        mover.join().unwrap();
        census.is_empty();
    });
}

/// S4. Broken: an upgrade that ignores the states; one that does not wait for a verdict.
#[test]
fn s4_an_upgrade_beside_a_step() {
    model_of_judging(false, || {
        let census = Census::default();
        let a = census.pair();
        let weak = Cc::downgrade(&a.to.0.lock()[0]);
        drop(a);
        let upgrader = thread::spawn(move || {
            if let Some(b) = weak.upgrade() {
                read(&b);
                let a = b.to.0.lock()[0].clone();
                drop(b);
                read(&a);
            }
        });
        collect();
        upgrader.join().unwrap();
        census.is_empty();
    });
}

/// S3. Broken: `is_unique` leaves the value listed; a step looks at a value that is not.
#[test]
fn s3_exclusive_access_beside_a_step() {
    model(|| {
        let census = Census::default();
        let mut a = census.node();
        drop(a.clone());
        let owner = thread::spawn(move || {
            if let Some(a) = Cc::get_mut(&mut a) {
                // SAFETY: it is exclusive; if not, loom says so.
                a.payload.0.with_mut(|value| unsafe { *value = 7 });
                // SAFETY: the same; a step that visits reads it.
                a.to.1.with_mut(|seen| unsafe { *seen = 1 });
            }
            read(&a);
        });
        collect();
        owner.join().unwrap();
        census.is_empty();
    });
}
