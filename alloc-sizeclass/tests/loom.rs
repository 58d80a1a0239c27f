//! Loom models of every protocol of this crate, named after the rules that they exercise.
//!
//! ```sh
//! RUSTFLAGS="--cfg loom" cargo test -p alloc-sizeclass --features loom --test loom --release
//! ```
//!
//! Each model fails when the protocol is weakened; which weakening was tried stands above each.
//! Memory handed from thread to thread is shadowed by a loom cell per slot (`Shadow`), so that loom
//! sees every use of a slot, and reports one that is not ordered after the last.
#![cfg(all(loom, feature = "loom"))]

#[path = "loom/hardened.rs"]
mod hardened;

use alloc_core::api2::alloc::System;
use alloc_core::{Allocator, Layer, Layout};
use alloc_sizeclass::{BatchHeap, Class, ClassTable, Fine, SizeClassHeap, ThreadCache};
use loom::cell::UnsafeCell;
use loom::sync::Arc;
use loom::thread;
use std::collections::HashMap;
use std::ptr::NonNull;
use std::sync::Mutex;

type Heap = SizeClassHeap<System>;
type Stack = ThreadCache<Heap>;

/// A slot of 64 bytes; in loom's table, such slots move one to a batch.
const LARGE: Layout = Layout::new::<[u64; 8]>();
/// A slot of 16 bytes; such slots move in batches of up to four.
const SMALL: Layout = Layout::new::<[u64; 2]>();

fn class(layout: Layout) -> Class {
    Fine::class_of(layout).unwrap()
}

fn model(f: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    if builder.preemption_bound.is_none() {
        builder.preemption_bound = Some(2);
    }
    builder.max_branches = 20_000;
    builder.check(f);
}

/// A loom cell for every slot address that turns up. The map itself is invisible to loom (a plain
/// mutex never blocks here: loom runs one thread at a time).
#[derive(Default)]
struct Shadow(Mutex<HashMap<usize, std::sync::Arc<UnsafeCell<u64>>>>);

impl Shadow {
    /// Uses the slot as its owner does.
    fn touch(&self, slot: NonNull<u8>) {
        let cell = self.0.lock().unwrap().entry(slot.addr().get()).or_default().clone();
        // SAFETY: loom checks what this asserts: that no other access is under way or unordered.
        cell.with_mut(|value| unsafe { *value += 1 });
    }
}

fn use_and_free(stack: &impl Allocator, shadow: &Shadow, slot: NonNull<u8>, layout: Layout) {
    shadow.touch(slot);
    // SAFETY: the caller's own allocation.
    unsafe { stack.deallocate(slot, layout) };
}

fn allocate_and_use(stack: &impl Allocator, shadow: &Shadow, layout: Layout) -> NonNull<u8> {
    let slot = stack.allocate(layout).unwrap().cast();
    shadow.touch(slot);
    slot
}

/// Weakened: `put` with Relaxed, or `take` with Relaxed: caught (unordered accesses to the slot).
#[test]
fn transfer_cache_r1_r2() {
    model(|| {
        let heap = Arc::new(Heap::new(System));
        let shadow = Arc::new(Shadow::default());
        let class = class(LARGE);
        let batch = heap.refill(class, 1).unwrap();
        let (heap2, shadow2) = (heap.clone(), shadow.clone());
        let giver = thread::spawn(move || {
            let mut batch = batch;
            // SAFETY: the heap is alive.
            let slot = unsafe { batch.pop() }.unwrap();
            shadow2.touch(slot);
            // SAFETY: the slot is this thread's, of this class.
            unsafe {
                batch.push(slot);
                heap2.flush(class, batch);
            }
        });
        let (heap3, shadow3) = (heap.clone(), shadow.clone());
        let taker = move || {
            let mut batch = heap3.refill(class, 1).unwrap();
            // SAFETY: the heap is alive.
            let slot = unsafe { batch.pop() }.unwrap();
            shadow3.touch(slot);
            // SAFETY: as above.
            unsafe {
                batch.push(slot);
                heap3.flush(class, batch);
            }
        };
        let other = thread::spawn(taker.clone());
        taker();
        giver.join().unwrap();
        other.join().unwrap();
        heap.verify().unwrap();
    });
}

/// Weakened: `take` by load and store instead of swap: caught (two owners).
#[test]
fn transfer_cache_r2_one_of_two_takers() {
    model(|| {
        let heap = Arc::new(Heap::new(System));
        let shadow = Arc::new(Shadow::default());
        let class = class(LARGE);
        let batch = heap.refill(class, 1).unwrap();
        // SAFETY: the batch came from this heap, of this class.
        unsafe { heap.flush(class, batch) };
        let (heap2, shadow2) = (heap.clone(), shadow.clone());
        let take = move || {
            let mut batch = heap2.refill(class, 1).unwrap();
            // SAFETY: the heap is alive.
            let slot = unsafe { batch.pop() }.unwrap();
            shadow2.touch(slot);
        };
        let other = thread::spawn(take.clone());
        take();
        other.join().unwrap();
    });
}

/// Weakened: `light_fence` or `heavy_fence` removed: caught (both sides own the lists).
/// Weakened: the reclaimer does not read `busy`: caught. `busy` cleared with Relaxed: caught.
/// Weakened: the reclaimer points back with Relaxed: caught.
#[test]
fn cache_r1_r3_hit_against_reclaim() {
    model(|| {
        let stack = Arc::new(Stack::new(Heap::new(System)));
        let shadow = Arc::new(Shadow::default());
        let (stack2, shadow2) = (stack.clone(), shadow.clone());
        let owner = thread::spawn(move || {
            // The first is a miss and makes the record; the others are hits where nobody reclaims.
            for _ in 0..2 {
                let slot = allocate_and_use(&*stack2, &shadow2, SMALL);
                use_and_free(&*stack2, &shadow2, slot, SMALL);
            }
        });
        stack.reclaim(usize::MAX);
        owner.join().unwrap();
        stack.reclaim(usize::MAX);
        stack.verify().unwrap();
    });
}

/// Weakened: a miss does not take the gate: caught (the lists have two owners).
#[test]
fn cache_r2_r3_miss_against_reclaim() {
    model(|| {
        let stack = Arc::new(Stack::new(Heap::new(System)));
        let shadow = Arc::new(Shadow::default());
        let (stack2, shadow2) = (stack.clone(), shadow.clone());
        let owner = thread::spawn(move || {
            // Slots that move one at a time: every second operation is a miss.
            let first = allocate_and_use(&*stack2, &shadow2, LARGE);
            let second = allocate_and_use(&*stack2, &shadow2, LARGE);
            use_and_free(&*stack2, &shadow2, first, LARGE);
            use_and_free(&*stack2, &shadow2, second, LARGE);
        });
        stack.reclaim(usize::MAX);
        owner.join().unwrap();
        stack.verify().unwrap();
    });
}

/// Weakened: a thread that ends does not take its record off the registry first: caught (the
/// reclaimer uses a record that is gone; the lists have two owners).
#[test]
fn cache_r4_thread_exit_against_reclaim() {
    model(|| {
        let stack = Arc::new(Stack::new(Heap::new(System)));
        let shadow = Arc::new(Shadow::default());
        let (stack2, shadow2) = (stack.clone(), shadow.clone());
        let ends = thread::spawn(move || {
            let slot = allocate_and_use(&*stack2, &shadow2, SMALL);
            use_and_free(&*stack2, &shadow2, slot, SMALL);
        });
        stack.reclaim(usize::MAX);
        let slot = allocate_and_use(&*stack, &shadow, SMALL);
        ends.join().unwrap();
        use_and_free(&*stack, &shadow, slot, SMALL);
        stack.reclaim(usize::MAX);
        stack.verify().unwrap();
    });
}

/// Refill in one thread, flush in another, and the end of a third.
/// Weakened, with locks that spin in models (`Held::spinning`): their Release made Relaxed: caught (a span's slots reach two
/// threads unordered).
#[test]
fn cache_refill_against_flush_and_exit() {
    model(|| {
        let stack = Arc::new(Stack::new(Heap::new(System)));
        let shadow = Arc::new(Shadow::default());
        let slot = allocate_and_use(&*stack, &shadow, LARGE);
        let (stack2, shadow2) = (stack.clone(), shadow.clone());
        // Frees what another thread allocated, and ends: the slot travels back through the exit.
        let remote = thread::spawn(move || use_and_free(&*stack2, &shadow2, slot, LARGE));
        let again = allocate_and_use(&*stack, &shadow, LARGE);
        use_and_free(&*stack, &shadow, again, LARGE);
        remote.join().unwrap();
        let last = allocate_and_use(&*stack, &shadow, LARGE);
        use_and_free(&*stack, &shadow, last, LARGE);
        stack.verify().unwrap();
    });
}

/// The instance is dropped while a thread that used it ends.
/// Weakened: `retire` does not take the instance off the list: caught (use after free; loom sees
/// the registry's lock used after it was dropped).
#[test]
fn instance_dropped_against_thread_exit() {
    model(|| {
        let stack = Arc::new(Stack::new(Heap::new(System)));
        let stack2 = stack.clone();
        let ends = thread::spawn(move || {
            let slot = stack2.allocate(SMALL).unwrap().cast();
            // SAFETY: allocated just now with this layout.
            unsafe { stack2.deallocate(slot, SMALL) };
            drop(stack2);
        });
        drop(stack);
        ends.join().unwrap();
    });
}
