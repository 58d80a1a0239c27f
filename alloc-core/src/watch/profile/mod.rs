//! [`Profile`]: a heap profile of a few allocations, drawn by bytes.
//!
//! Above: whoever composes a stack; `go tool pprof` reads what it writes. Below: one layer.
//!
//! The journey of an allocation:
//! 1. *Draw.* Its bytes are taken off the thread's countdown (`draw.rs`): a subtraction and a branch. Almost
//!    always something is left, and the layer below answers.
//! 2. *Sample.* Otherwise the stack of calls is read, the layer below is asked for memory that begins on a page,
//!    and the allocation is entered in the ledger (`samples.rs`). Where that fails for want of memory, the allocation
//!    goes on without being sampled, and a figure counts it.
//! 3. *Free.* What does not begin on a page was not sampled: two instructions. For what does, `filter.rs` has a counter
//!    for its page, and only behind that stands the ledger with its lock.
//! 4. *Grow and shrink.* To grow is to free and to allocate anew: the new size is drawn for. What shrinks stays
//!    a sample if it was one. Both stay in place where the layer below can do that.
//!
//! A sample of `n` bytes stands for `1 / (1 - exp(-n / mean))` allocations, the inverse of its odds, so that sums of
//! samples are estimates without a bias, whatever the sizes (Horvitz and Thompson, 1952).
//!
//! | file | what it does |
//! |---|---|
//! | `filter.rs` | tells most addresses from samples |
//! | `samples.rs` | steps 2 to 4 for samples |
//! | `layer.rs` | the hot paths, and the traits |
//! | `snapshot.rs` | what has been sampled, for a caller |
//! | `pprof.rs`, `message.rs`, `maps.rs` | the same for `go tool pprof` |

mod filter;
mod layer;
mod maps;
mod message;
mod pprof;
mod samples;
mod snapshot;

pub use super::ledger::Totals;
pub use filter::PAGE_BYTES;
pub use snapshot::{Sample, Snapshot};

use super::calls::Inside;
use super::draw::{Countdown, Sampler};
use super::ledger::Ledger;
use crate::Layer;
use crate::sync::{AtomicUsize, Lock, Ordering};
use core::fmt;
use core::mem::ManuallyDrop;
use filter::Filter;
use pprof::Names;
use std::io::{self, Write};

std::thread_local! {
    static COUNTDOWN: Countdown = const { Countdown::new() };
}

/// A sampling heap profiler: who allocates, and who holds what is in use.
///
/// One byte in [`mean_bytes`](Self::mean_bytes) is drawn at random, on the average, and the allocation that it
/// belongs to is sampled: its stack of calls is kept. [`write`](Self::write) writes all samples in
/// pprof's format, for `go tool pprof`; [`snapshot`](Self::snapshot) has them for other uses. The figures are
/// estimates without a bias; with `n` samples of a site, they are off by about one part in the square root of `n`.
///
/// ```
/// use alloc_core::{Profile, api2::{alloc::Global, vec::Vec}};
///
/// # fn main() -> std::io::Result<()> {
/// let stack = Profile::new(Global).with_mean_bytes(1024);
/// let mut lists = std::vec::Vec::new();
/// for _ in 0..1000 {
///     lists.push(Vec::<u64, _>::with_capacity_in(100, &stack));
/// }
/// let in_use: f64 = stack.snapshot().samples().map(|sample| sample.in_use.bytes).sum();
/// assert!((600_000.0..1_000_000.0).contains(&in_use), "800000, more or less: {in_use}");
///
/// let mut file = std::vec::Vec::new();
/// stack.write(&mut file)?;
/// # Ok(()) }
/// ```
///
/// An allocation that is not sampled costs a few instructions more than below, and nothing is shared between
/// threads for it. A sample costs some microseconds, for the stack is read by its unwind tables; it begins on a page (of
/// 4096 bytes), so it takes up to a page of memory more. The ledger's memory comes from the layer below.
///
/// In a program where threads fork while others allocate, have the profile registered, as any layer is (the module `forks`),
/// also where the layer below sees to forks itself (a static thread cache). What the profile alone has to do, is
/// [`freeze_ledger`](Self::freeze_ledger) and [`thaw_ledger`](Self::thaw_ledger).
pub struct Profile<A: Layer> {
    sampler: Sampler,
    filter: Filter,
    ledger: Lock<Ledger>,
    /// Samples for which there was no memory.
    lost: AtomicUsize,
    below: A,
}

impl<A: Layer> Profile<A> {
    /// The mean distance of two samples, where no other is set.
    pub const DEFAULT_MEAN_BYTES: usize = 512 << 10;

    crate::const_fn! {
        /// Profiles what is allocated from `below`.
        #[must_use]
        pub const fn new(below: A) -> Self {
            Self {
                sampler: Sampler::new(Self::DEFAULT_MEAN_BYTES),
                filter: Filter::new(),
                ledger: Lock::new(Ledger::new()),
                lost: AtomicUsize::new(0),
                below,
            }
        }
    }

    /// Samples one byte in `bytes`, on the average; 0 samples every allocation.
    #[must_use]
    pub const fn with_mean_bytes(mut self, bytes: usize) -> Self {
        self.sampler.set_mean(bytes);
        self
    }

    /// Draws by this seed, for runs that can be repeated. With 0, as without this, each run draws by a seed of its own.
    #[must_use]
    pub const fn with_seed(mut self, seed: u64) -> Self {
        self.sampler.set_seed(seed);
        self
    }

    /// The mean distance of two samples.
    #[must_use]
    pub const fn mean_bytes(&self) -> usize {
        self.sampler.mean()
    }

    /// The layer below.
    #[must_use]
    pub const fn below(&self) -> &A {
        &self.below
    }

    /// The layer below, with the profile gone. What was sampled, and is still live, has to be freed before: it is
    /// the layer's below under another layout, and leaks.
    pub fn into_inner(self) -> A {
        let mut this = ManuallyDrop::new(self);
        this.free_ledger();
        // SAFETY: `this` is neither used nor dropped after this; its other fields have no destructors.
        unsafe { core::ptr::read(&raw const this.below) }
    }

    /// What has been sampled until now. Allocates.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        Inside::run(|| Snapshot::of(&self.ledger, self.mean_bytes()))
    }

    /// Writes what has been sampled as a pprof profile, compressed by gzip. Its sample types are those of Go's
    /// heap profiles: `alloc_objects`, `alloc_space`, `inuse_objects`, `inuse_space`.
    ///
    /// Functions have names where this process can find them; `go tool pprof` looks for the others in the files that
    /// were mapped. Takes time for each distinct address: some milliseconds to some seconds.
    ///
    /// # Errors
    ///
    /// Those of `out`.
    pub fn write(&self, out: &mut impl Write) -> io::Result<()> {
        self.write_with(Names::Looked, out)
    }

    /// [`write`](Self::write) without names: in a small part of the time, for a process that has none to spare. `go tool pprof`
    /// finds the names by the files that were mapped, where they have debug information.
    ///
    /// # Errors
    ///
    /// Those of `out`.
    pub fn write_addresses(&self, out: &mut impl Write) -> io::Result<()> {
        self.write_with(Names::Left, out)
    }

    fn write_with(&self, names: Names, out: &mut impl Write) -> io::Result<()> {
        Inside::run(|| pprof::write(&Snapshot::of(&self.ledger, self.mean_bytes()), names, out))
    }

    /// How many samples were not entered, because there was no memory for them.
    #[must_use]
    pub fn lost_samples(&self) -> usize {
        // ORDERING: Relaxed; the figure guards nothing.
        self.lost.load(Ordering::Relaxed)
    }

    /// Takes the profile's own lock before a fork, and none of those below.
    pub fn freeze_ledger(&self) {
        self.ledger.acquire();
    }

    /// Frees the lock again, in the parent and in the child.
    ///
    /// # Safety
    ///
    /// This thread, or in a forked child the thread that it is the copy of, called
    /// [`freeze_ledger`](Self::freeze_ledger), and has not called this since.
    pub unsafe fn thaw_ledger(&self) {
        // SAFETY: the caller's promise.
        unsafe { self.ledger.release() };
    }

    fn free_ledger(&mut self) {
        // SAFETY: the ledger's allocator is always `below`.
        unsafe { self.ledger.lock().free(&self.below) };
    }
}

impl<A: Layer> Drop for Profile<A> {
    fn drop(&mut self) {
        self.free_ledger();
    }
}

impl<A: Layer + fmt::Debug> fmt::Debug for Profile<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Profile")
            .field("mean_bytes", &self.mean_bytes())
            .field("below", &self.below)
            .finish_non_exhaustive()
    }
}

impl<A: Layer + Default> Default for Profile<A> {
    fn default() -> Self {
        Self::new(A::default())
    }
}
