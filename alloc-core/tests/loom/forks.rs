//! Models of forks (`src/forks/order.rs`): a thread freezes stacks that others use. Part of `loom.rs`.

#[path = "../../src/forks/order.rs"]
mod order;
#[path = "../../src/forks/part.rs"]
mod part;

use alloc_core::sync::Lock;
use alloc_core::{AllocError, Broken, Layer, Layout, Null, Report, allocator, pass_on};
use core::cell::Cell;
use core::ptr::NonNull;
use loom::thread;
use order::Forks;
use part::Part;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

loom::thread_local! {
    static ME: Cell<usize> = Cell::new(1);
}

/// A layer with a lock, which stands on another one by a pointer, or on nothing.
struct Piece {
    forks: Arc<Forks>,
    own: Lock<()>,
    below: Option<Arc<Piece>>,
    nothing: Null,
    /// How often it is frozen; whether a thread is in it. (Not loom's: what is read does not depend on the order.)
    frozen: AtomicU32,
    is_in_use: AtomicBool,
}

impl Piece {
    fn new(forks: &Arc<Forks>, below: Option<&Arc<Self>>) -> Arc<Self> {
        Arc::new(Self {
            forks: Arc::clone(forks),
            own: Lock::new(()),
            below: below.map(Arc::clone),
            nothing: Null,
            frozen: AtomicU32::new(0),
            is_in_use: AtomicBool::new(false),
        })
    }

    /// What a thread does in a stack: holds a lock, and goes down.
    fn work(&self) {
        let _own = self.own.lock();
        assert_eq!(self.frozen.load(Ordering::Relaxed), 0);
        self.is_in_use.store(true, Ordering::Relaxed);
        thread::yield_now(); // a fork may be now
        if let Some(below) = &self.below {
            below.work();
        }
        self.is_in_use.store(false, Ordering::Relaxed);
    }

    fn register(&self) {
        assert!(self.forks.register(Part::of(self)));
    }

    /// What a child of a fork at this moment would find.
    fn is_in_order(&self) -> bool {
        self.frozen.load(Ordering::Relaxed) == 1 || !self.is_in_use.load(Ordering::Relaxed)
    }
}

allocator! {
    // SAFETY: it has nothing.
    unsafe impl[] Allocator for Piece {
        fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
            self.nothing.allocate(layout)
        }
        unsafe fn deallocate(&self, ptr: NonNull<u8>, layout: Layout) {
            // SAFETY: the caller's promise.
            unsafe { self.nothing.deallocate(ptr, layout) }
        }
    }
}

// SAFETY: it has nothing.
unsafe impl Layer for Piece {
    pass_on!(nothing: owns usable_size range reclaim discard);
    fn report(&self, _: &mut Report<'_>) {}
    fn verify(&self) -> Result<(), Broken> {
        Ok(())
    }
    fn freeze(&self) {
        self.own.acquire();
        // F3.
        assert_eq!(self.frozen.fetch_add(1, Ordering::Relaxed), 0);
        if let Some(below) = &self.below
            && !self.forks.meets(ME.with(Cell::get), &**below, true)
        {
            below.freeze();
        }
    }
    unsafe fn thaw(&self) {
        // SAFETY: the caller's promise: `freeze` took both.
        unsafe {
            if let Some(below) = &self.below
                && !self.forks.meets(ME.with(Cell::get), &**below, false)
            {
                below.thaw();
            }
            assert_eq!(self.frozen.fetch_sub(1, Ordering::Relaxed), 1);
            self.own.release();
        }
    }
}

/// A fork, as far as locks are concerned.
fn fork(forks: &Forks, at_the_fork: impl Fn()) {
    let me = ME.with(Cell::get);
    forks.hold(me, &[]);
    at_the_fork();
    thread::yield_now(); // others do what they can
    at_the_fork();
    // SAFETY: held above.
    unsafe { forks.release(me) };
}

fn model(f: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    if builder.preemption_bound.is_none() {
        builder.preemption_bound = Some(2);
    }
    builder.max_branches = 5_000;
    builder.check(f);
}

/// Two stacks on one ground, while a thread is in the second: it has that one's lock, and waits for the ground's.
///
/// weakened: a pointer's `freeze` goes down (`meets` is false) → caught (the ground is waited for by who has it)
#[test]
fn forks_f1_what_is_shared_comes_last() {
    model(|| {
        let forks = Arc::new(Forks::new());
        let ground = Piece::new(&forks, None);
        let stacks = [(); 2].map(|()| Piece::new(&forks, Some(&ground)));
        stacks.iter().for_each(|stack| stack.register());
        let second = Arc::clone(&stacks[1]);
        let other = thread::spawn(move || second.work());
        fork(&forks, || {
            for piece in stacks.iter().chain([&ground]) {
                assert_eq!(piece.frozen.load(Ordering::Relaxed), 1);
            }
        });
        other.join().unwrap();
        stacks.iter().for_each(|stack| stack.work());
    });
}

/// A stack on a stack, which was registered first: the order of registration is the wrong one.
///
/// weakened: parts of one rank are not frozen alone before → caught (each waits for the other)
/// weakened: what is met is of the rank of who met it → caught (the same)
#[test]
fn forks_f2_what_stands_on_another_comes_first() {
    model(|| {
        let forks = Arc::new(Forks::new());
        let lower = Piece::new(&forks, None);
        let upper = Piece::new(&forks, Some(&lower));
        lower.register();
        upper.register();
        let other = {
            let upper = Arc::clone(&upper);
            thread::spawn(move || upper.work())
        };
        fork(&forks, || {
            for piece in [&lower, &upper] {
                assert_eq!(piece.frozen.load(Ordering::Relaxed), 1);
            }
        });
        other.join().unwrap();
    });
}

/// A stack that a thread begins to use: at the fork it is frozen, or nobody is in it.
///
/// weakened: `registered` is free during the fork → caught (in use, and not frozen)
/// weakened: nobody looks whether there is more on it → caught (in use, and not frozen)
#[test]
fn forks_f4_what_is_registered_meanwhile() {
    model(|| {
        let forks = Arc::new(Forks::new());
        let (first, new) = (Piece::new(&forks, None), Piece::new(&forks, None));
        first.register();
        let other = {
            let new = Arc::clone(&new);
            thread::spawn(move || {
                new.register();
                new.work();
            })
        };
        fork(&forks, || assert!(first.is_in_order() && new.is_in_order()));
        other.join().unwrap();
    });
}

/// Two threads fork.
///
/// weakened: `session` is not waited for → caught (both threads in the cell)
#[test]
fn forks_f5_one_at_a_time() {
    model(|| {
        let forks = Arc::new(Forks::new());
        let ground = Piece::new(&forks, None);
        let stack = Piece::new(&forks, Some(&ground));
        stack.register();
        let other = {
            let forks = Arc::clone(&forks);
            thread::spawn(move || {
                ME.with(|me| me.set(2));
                fork(&forks, || ());
            })
        };
        fork(&forks, || assert!(stack.is_in_order() && ground.is_in_order()));
        other.join().unwrap();
        stack.work();
    });
}
