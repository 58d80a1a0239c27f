//! Pools of a fixed capacity side by side: the same programs on this workspace's, by hand, and on those of other crates.
//!
//! Above: the command `pools`, the main job. Below: `kinds`, which are the pools; `programs`, what is done on them.
//!
//! In `contestants`: who takes part. In `rounds`: the measuring, in one process, interleaved, as in `micro`. In `ticks`: a
//! clock for single operations. In `bytes`: memory, which `child` is the process for. In `results`: what comes out.
//!
//! Every program is written once for any `View`, and compiled for each: what a pool can be inlined to, it is.

mod bytes;
pub mod child;
pub mod contestants;
mod kinds;
pub mod programs;
pub mod results;
mod rounds;
mod ticks;

pub use contestants::Contestant;
pub use rounds::{Plan, run};

use std::mem::MaybeUninit;

/// The slots of each pool.
pub const CAPACITY: usize = 1024;

/// What is kept in a pool: 64 bytes, of which a program writes the first word, and reads it again in the end.
#[derive(Clone, Copy, Debug)]
pub struct Value {
    word: u64,
    _rest: [MaybeUninit<u64>; 7],
}

const _: () = assert!(size_of::<Value>() == 64);

impl Value {
    #[inline(always)]
    const fn new(word: u64) -> Self {
        Self { word, _rest: [MaybeUninit::uninit(); 7] }
    }
}

/// A thread's way to a pool: what a program does.
trait View {
    /// What stands for a value in the pool, until it is freed.
    type Handle;

    /// Puts a value that begins with this word into the pool.
    fn alloc(&mut self, word: u64) -> Self::Handle;

    /// Takes the value out again, and returns its word.
    fn free(&mut self, handle: Self::Handle) -> u64;
}

impl<V: View> View for &mut V {
    type Handle = V::Handle;
    #[inline(always)]
    fn alloc(&mut self, word: u64) -> V::Handle {
        (**self).alloc(word)
    }
    #[inline(always)]
    fn free(&mut self, handle: V::Handle) -> u64 {
        (**self).free(handle)
    }
}

/// A pool, as a thread has it that owns it. One that threads share is a [`View`] by reference, besides.
trait Pool: Sized + 'static {
    /// How that thread uses it.
    type View<'p>: View;

    /// So many slots, all of them free, and their memory there, if the pool can do that.
    fn with_capacity(capacity_slots: usize) -> Self;

    fn view(&mut self) -> Self::View<'_>;
}

/// Nobody asks a pool for more than its capacity.
#[cold]
#[inline(never)]
fn full() -> ! {
    panic!("a pool is full before it has as many values as it was made for")
}
