//! Under loom: an arena over a buffer works inside a model, and its lock orders what it must. What is away
//! while nobody holds the lock (rules P1 to P4 of `away.rs`, D3 of `dedicated.rs`) is in `loom/away.rs`; herds of
//! bumps are in `loom/herd.rs`; pools of stacks (R1 to R3 of `stacks/mod.rs`) are in `loom/stacks.rs`.
//!
//! `RUSTFLAGS="--cfg loom" cargo test -p alloc-arena --features loom --test loom --release`
#![cfg(all(loom, feature = "loom"))]

#[path = "loom/away.rs"]
mod away;
#[path = "loom/herd.rs"]
mod herd;
#[path = "loom/stacks.rs"]
mod stacks;
#[path = "loom/watched.rs"]
mod watched;

use alloc_arena::{Arena, Bump, Fixed};
use alloc_core::{Allocator, Layer, Layout};
use loom::sync::Arc;
use std::mem::MaybeUninit;
use std::ptr::NonNull;

const BUFFER_BYTES: usize = 4 << 10;

/// Runs `body` for every interleaving, each time with an arena over the same buffer.
fn model(body: impl Fn(Arena<Fixed<'static>>) + Sync + Send + 'static) {
    let buffer: &'static mut [MaybeUninit<u8>] = vec![MaybeUninit::uninit(); BUFFER_BYTES].leak();
    let buffer = Run(NonNull::from(buffer).cast());
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(move || {
        let base = buffer.address();
        // SAFETY: the buffer is leaked, and the arena of the run before has been dropped.
        let buffer = unsafe { core::slice::from_raw_parts_mut(base.cast().as_ptr(), BUFFER_BYTES) };
        body(Arena::new(Fixed::new(buffer).with_page_bytes(256)));
    });
}

const PAGE: Layout = Layout::new::<[u8; 256]>();

#[derive(Clone, Copy)]
struct Run(NonNull<u8>);
impl Run {
    // A method, so that closures capture the whole `Run`.
    fn address(self) -> NonNull<u8> {
        self.0
    }
}
// SAFETY: a shared `Run` is an address.
unsafe impl Sync for Run {}
// SAFETY: a run is used by the thread that has it.
unsafe impl Send for Run {}

/// Two threads take and write, one frees what the other took: no run is handed out twice at a time,
/// and what was written is there.
#[test]
fn arena_two_threads() {
    model(|arena| {
        let arena = Arc::new(arena);
        let mine = Run(arena.allocate(PAGE).unwrap().cast());
        // SAFETY: live.
        unsafe { mine.0.write(1) };
        let other = {
            let arena = Arc::clone(&arena);
            loom::thread::spawn(move || {
                // SAFETY: live, and this thread has it now.
                unsafe {
                    assert_eq!(mine.address().read(), 1);
                    arena.deallocate(mine.address(), PAGE);
                }
                let run = arena.allocate(PAGE).unwrap().cast::<u8>();
                // SAFETY: live.
                unsafe { run.write(2) };
                Run(run)
            })
        };
        let run = arena.allocate(PAGE).unwrap().cast::<u8>();
        // SAFETY: live.
        unsafe { run.write(3) };
        let other = other.join().unwrap();
        assert_ne!(other.0, run);
        // SAFETY: live.
        unsafe { assert_eq!((other.0.read(), run.read()), (2, 3)) };
        arena.verify().unwrap();
        assert_eq!(arena.figures().used_bytes, 512);
    });
}

/// The first reservation is made once, and both threads see the same bounds.
#[test]
fn arena_first_use_by_two_threads() {
    model(|arena| {
        let arena = Arc::new(arena);
        let other = {
            let arena = Arc::clone(&arena);
            loom::thread::spawn(move || arena.range().unwrap())
        };
        let run = arena.allocate(PAGE).unwrap().cast::<u8>();
        assert!(arena.owns(run));
        let range = arena.range().unwrap();
        assert!(range.contains(&run.as_ptr().addr()));
        assert_eq!(other.join().unwrap(), range);
    });
}

/// A bump per thread over one arena.
#[test]
fn bump_over_a_shared_arena() {
    model(|arena| {
        let arena = alloc_core::Shared::new(arena);
        let other = {
            let arena = arena.clone();
            loom::thread::spawn(move || {
                let bump = Bump::new(arena).with_chunk_bytes(256, 256);
                *bump.alloc(7_u32)
            })
        };
        let bump = Bump::new(arena.clone()).with_chunk_bytes(256, 256);
        let eight = bump.alloc(8_u32);
        assert_eq!((other.join().unwrap(), *eight), (7, 8));
        drop(bump);
        assert_eq!(arena.figures().used_bytes, 0);
    });
}
