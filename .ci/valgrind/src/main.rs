//! A program on the composed stack, for `valgrind --tool=memcheck`: `sound`, or with one mistake on purpose.
//!
//! Above: `check`, which runs it. Below: `Memcheck` on a thread cache, a heap by size classes, an arena.
//! What has no mistake also runs on the stack alone, so that the layers themselves are looked at.

use alloc_arena::{Arena, Os};
use alloc_core::api2::alloc::Allocator;
use alloc_core::api2::{boxed::Box, vec::Vec};
use alloc_core::{Layer, Memcheck};
use alloc_sizeclass::{SizeClassHeap, ThreadCache};
use std::hint::black_box;
use std::process::ExitCode;

fn stack() -> ThreadCache<SizeClassHeap<Arena<Os>>> {
    ThreadCache::new(SizeClassHeap::new(Arena::new(Os::new())))
}

/// Vectors that grow and shrink, objects of all classes, zeroed and aligned ones, many lives.
fn work<A: Layer>(stack: &A) {
    let mut kept = Vec::new_in(stack);
    for round in 0_usize..400 {
        let mut list = Vec::<usize, _>::new_in(stack);
        list.extend(0..round * round % 3000);
        list.truncate(list.len() / 2);
        list.shrink_to_fit();
        assert!(list.iter().enumerate().all(|(at, value)| at == *value));
        let zeroed = Vec::<u8, _>::from_iter_zeroed(round * 37 % 5000, stack);
        assert!(zeroed.iter().all(|byte| *byte == 0));
        kept.push((list, zeroed));
        if kept.len() > 50 {
            kept.swap_remove(round % 50);
        }
    }
    for power in 0..23 {
        drop(Vec::<u8, _>::with_capacity_in(1 << power, stack));
        drop(Box::new_in(Aligned([power; 64]), stack));
    }
}

#[repr(align(4096))]
struct Aligned(#[allow(dead_code, reason = "it only has to be there")] [i32; 64]);

/// Zeroed vectors, which `Vec` itself makes byte by byte.
trait Zeroed<A>: Sized {
    fn from_iter_zeroed(bytes: usize, stack: A) -> Self;
}

impl<A: Allocator + Copy> Zeroed<A> for Vec<u8, A> {
    fn from_iter_zeroed(bytes: usize, stack: A) -> Self {
        // SAFETY: zeroes are bytes.
        unsafe { Box::<[u8], A>::new_zeroed_slice_in(bytes, stack).assume_init() }.into_vec()
    }
}

/// Many threads, which free what others allocated.
fn threads<A: Layer + Sync>(stack: &A) {
    std::thread::scope(|scope| {
        let workers: [_; 3] = std::array::from_fn(|_| {
            scope.spawn(|| {
                work(stack);
                Box::new_in([7_u64; 20], stack)
            })
        });
        workers.into_iter().for_each(|worker| assert_eq!(worker.join().unwrap()[19], 7));
    });
    stack.reclaim(usize::MAX);
    work(stack);
    stack.verify().unwrap();
}

/// Reads a byte in a way that a compiler does not see through.
fn look(address: *const u8) {
    // SAFETY: none: the mistakes are what this program is for.
    black_box(unsafe { black_box(address).read_volatile() });
}

#[inline(never)]
fn leak(stack: &impl Layer) {
    std::mem::forget(black_box(Box::new_in([1_u8; 1234], stack)));
}

/// Leaves nothing of earlier calls on the stack, where memcheck would take it for a pointer.
#[inline(never)]
fn overwrite() {
    black_box([0_usize; 4096]);
}

fn main() -> ExitCode {
    let stack = Memcheck::new(stack());
    drop(Box::new_in([3_u8; 100], &stack)); // its address has been another object's before
    match std::env::args().nth(1).as_deref() {
        Some("sound") => {
            threads(&stack);
            threads(&self::stack());
        }
        Some("after-free") => {
            let object = Box::new_in([1_u8; 100], &stack);
            let address = &raw const object[50];
            drop(object);
            look(address);
        }
        Some("overflow") => {
            let object = Box::new_in([1_u8; 100], &stack);
            look(object.as_ptr().wrapping_add(100));
        }
        Some("underflow") => {
            let object = Box::new_in([1_u8; 100], &stack);
            look(object.as_ptr().wrapping_sub(1));
        }
        Some("undefined") => {
            let object = Box::<[u8; 100], _>::new_uninit_in(&stack);
            // SAFETY: none, on purpose.
            if black_box(unsafe { object.as_ptr().cast::<u8>().read_volatile() }) == 3 {
                println!("three");
            }
        }
        Some("twice") => {
            let object = Box::into_raw(Box::new_in([1_u8; 100], &stack));
            for _ in 0..2 {
                // SAFETY: the first time; the second is the mistake.
                drop(unsafe { Box::from_raw_in(black_box(object), &stack) });
            }
        }
        Some("leak") => {
            leak(&stack);
            overwrite();
            // Looked for while the stack is there.
            std::process::exit(0);
        }
        _ => return ExitCode::from(2),
    }
    ExitCode::SUCCESS
}
