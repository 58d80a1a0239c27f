//! The thread cache: free lists per thread, so that a hit takes no lock and no atomic instruction.
//!
//! Step 1 of an allocation's journey. Above: users, through `Allocator` (`allocate.rs`). Below: any
//! [`BatchHeap`], asked on a miss to `refill` and to take a `flush` (step 2, `miss.rs`).
//!
//! A hit is: busy := true, load `lists`, pop or push, busy := false. All plain instructions. What
//! makes that safe, although `reclaim` in another thread may empty the lists of an idle one, is
//! this protocol.
//!
//! | field | written by | read by |
//! |---|---|---|
//! | `Local::busy` | its thread | its thread; a reclaimer |
//! | `Local::lists` | who holds the record's gate (at its making and end: its thread) | its thread |
//! | `Record::lists` (the content) | its owner, by R1 to R3 | its owner |
//! | `Local::record`, `state` | its thread | its thread |
//!
//! * **R1** In a hit, the thread owns the lists that it loaded *after* it set `busy`, until it
//!   clears `busy`. (EMPTY lists are nobody's: nothing is written to them.)
//! * **R2** In a miss, the thread owns its record's lists while it holds the gate; it is not in a
//!   hit then.
//! * **R3** A reclaimer takes the gate, points `Local::lists` at EMPTY, passes a heavy fence, and
//!   reads `busy`. If that is false, it owns the record's lists until it has pointed
//!   `Local::lists` back and released the gate: every hit that begins later loads EMPTY, misses,
//!   and waits at the gate. If it is true, it points back and leaves the thread alone.
//! * **R4** A thread that ends takes its record off the registry (whose lock a reclaimer holds
//!   throughout), empties the lists, and is `Gone`: from then on it goes to the heap directly.
//!   So does whatever its first miss allocates (`Starting`), and other destructors of its
//!   thread-local values.
//! * **R5** Locks are taken in this order: instances, registry, gates, heap. A thread in a miss
//!   holds its gate and takes the heap's locks, never the registry's.
//!
//! Between R1 and R3 lies the pattern that needs full fences: each side writes (`busy`, `lists`) and
//! then reads what the other wrote. `light_fence` in a hit costs nothing; the reclaimer's
//! `heavy_fence` pays for both. Where there is none, reclaimers leave other threads alone.

#[cfg(all(unix, not(all(loom, feature = "loom"))))]
pub(crate) mod agreed;
mod allocate;
#[cfg(not(all(loom, feature = "loom")))]
pub(crate) mod checked;
#[cfg(all(unix, not(all(loom, feature = "loom"))))]
mod exit;
mod figures;
mod instance;
#[cfg(not(all(loom, feature = "loom")))]
mod key;
mod layer;
mod life;
mod list;
mod lists;
mod local;
mod miss;
mod reclaim;

use crate::heap::BatchHeap;
use alloc_core::sync::Lock;
#[cfg(all(unix, not(all(loom, feature = "loom"))))]
use alloc_core::sync::{AtomicBool, Ordering};
use core::fmt;
use core::ops::Deref;
#[cfg(all(unix, not(all(loom, feature = "loom"))))]
pub use exit::ExitKey;
pub use figures::CacheFigures;
pub use instance::Instance;
#[cfg(not(all(loom, feature = "loom")))]
pub use key::{AtExit, StaticKey};
#[cfg(not(all(loom, feature = "loom")))]
#[doc(hidden)]
pub use lists::EMPTY;
pub use lists::Lists;
pub use local::Local;
use local::Registry;

/// How a cache finds the state of the thread that calls it: a type made by
/// [`thread_cache!`](crate::thread_cache), or [`Instance`].
///
/// # Safety
///
/// * `local` returns a pointer that the calling thread may use until it returns from the cache: its
///   own state for this cache, or one whose lists are the EMPTY ones and stay so.
/// * `attach` returns the calling thread's own state, in `State::Starting`, and has arranged that
///   `Shared::thread_ends` is called on it when the thread ends; or null.
pub unsafe trait Key<H>: Sized {
    /// Where the shared part lives.
    type Home: Deref<Target = Shared<H>>;

    /// The calling thread's state.
    fn local(home: &Self::Home) -> *const Local;

    /// Where the calling thread's state is, as a hit needs it.
    type Place: Copy;

    /// Begins a hit: `Local::begin`.
    fn begin(home: &Self::Home) -> (Self::Place, *mut Lists);

    /// Ends the hit that `begin` began: `Local::end`.
    ///
    /// # Safety
    ///
    /// `place` came from `begin`, in this thread, and this is its first use here.
    unsafe fn end(place: Self::Place);

    /// Prepares the calling thread's state for its first miss, if it may have a record.
    fn attach(home: &Self::Home) -> *const Local;

    /// Arranges, once, that forks leave the cache usable: before the calling thread takes a lock of the heap's without having
    /// been attached.
    fn watch_forks(_: &Self::Home) {}

    /// The cache goes away.
    fn retire(home: &mut Self::Home);

    /// Takes what stands above the registry in the order of locks (R5), for a fork.
    fn freeze(_: &Self::Home) {}

    /// Releases it.
    ///
    /// # Safety
    ///
    /// This thread (or the one that it is the copy of) called `freeze`, and not `thaw` since.
    unsafe fn thaw(_: &Self::Home) {}
}

/// What the threads of a cache share: the heap, and the registry.
pub struct Shared<H> {
    pub(crate) heap: H,
    registry: Lock<Registry>,
    /// Whether the cache, a static, is registered for forks.
    #[cfg(all(unix, not(all(loom, feature = "loom"))))]
    forks_are_watched: AtomicBool,
    /// Under loom nothing can be a constant, so each cache has EMPTY lists of its own.
    #[cfg(all(loom, feature = "loom"))]
    empty: Lists,
}

impl<H> fmt::Debug for Shared<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}

impl<H> Shared<H> {
    alloc_core::const_fn! {
        pub(crate) const fn new(heap: H) -> Self {
            Self {
                heap,
                registry: Lock::new(Registry::new()),
                #[cfg(all(unix, not(all(loom, feature = "loom"))))]
                forks_are_watched: AtomicBool::new(false),
                #[cfg(all(loom, feature = "loom"))]
                empty: Lists::new(),
            }
        }
    }

    /// Whether the cache is registered for forks.
    #[cfg(all(unix, not(all(loom, feature = "loom"))))]
    fn forks_are_watched(&self) -> bool {
        // ORDERING: Relaxed: it only saves a call, which may be made again.
        self.forks_are_watched.load(Ordering::Relaxed)
    }

    /// It is.
    #[cfg(all(unix, not(all(loom, feature = "loom"))))]
    fn watches_forks(&self) {
        // ORDERING: Relaxed, as above.
        self.forks_are_watched.store(true, Ordering::Relaxed);
    }

    /// The EMPTY lists.
    fn empty(&self) -> *mut Lists {
        #[cfg(not(all(loom, feature = "loom")))]
        let empty = &raw const EMPTY;
        #[cfg(all(loom, feature = "loom"))]
        let empty = &raw const self.empty;
        empty.cast_mut()
    }
}

/// Per-thread free lists over a heap.
///
/// As a `static`, declared by [`thread_cache!`](crate::thread_cache), its hits are as fast as
/// thread-local storage. As a value ([`ThreadCache::new`]), any number of instances can be made and
/// dropped at run time; their hits look the instance up in a small table.
///
/// Slots may be freed by another thread than the one that allocated them; they travel back in
/// batches. When a thread ends, what it cached returns to the heap. [`reclaim`](alloc_core::Layer::reclaim)
/// reaches the caches of idle threads too (on Linux).
///
/// ```
/// use alloc_core::api2::{alloc::System, boxed::Box};
/// use alloc_sizeclass::{SizeClassHeap, ThreadCache};
///
/// let stack = ThreadCache::new(SizeClassHeap::<System>::new(System));
/// let seven = Box::new_in(7, &stack);
/// # assert_eq!(*seven, 7);
/// ```
pub struct ThreadCache<H: BatchHeap, K: Key<H> = Instance> {
    home: K::Home,
}

// SAFETY: what threads share is the heap, which is `Sync`, and the registry, behind its lock; what
// a `Local` leads to follows the protocol above. A cache may be dropped by another thread (`Send`).
unsafe impl<H: BatchHeap + Send + Sync, K: Key<H>> Sync for ThreadCache<H, K> {}
// SAFETY: as above: no part of it belongs to the thread that made it.
unsafe impl<H: BatchHeap + Send + Sync, K: Key<H>> Send for ThreadCache<H, K> {}

impl<H: BatchHeap, K: Key<H>> ThreadCache<H, K> {
    /// The heap below.
    #[must_use]
    pub fn below(&self) -> &H {
        &self.home.heap
    }

    /// The calling thread stops caching, and threads without a miss so far never begin: all of
    /// them go to the heap directly from now on, for good. A thread that caches already goes on.
    ///
    /// For a tool that wants to see every call miss: it calls this while there is one thread.
    pub fn stop_caching(&self) {
        self.home.registry.lock().is_closed = true;
        // SAFETY: the key's contract: it is the calling thread's, or one that stays without lists.
        unsafe { self.home.thread_ends(&*K::local(&self.home)) };
    }

    /// Runs `act` on the calling thread's lists (R1).
    #[inline(always)]
    fn hit<R: Default>(&self, act: impl FnOnce(&Lists) -> R) -> R {
        let (place, lists) = K::begin(&self.home);
        // Loom counts even an access that writes nothing; the EMPTY lists are everyone's.
        #[cfg(all(loom, feature = "loom"))]
        if core::ptr::eq(lists, self.home.empty()) {
            // SAFETY: begun above.
            unsafe { K::end(place) };
            return R::default();
        }
        // SAFETY: EMPTY lists live as long as the cache, a record's until its thread ends. The hit
        // was begun above.
        unsafe {
            let answer = act(&*lists);
            K::end(place);
            answer
        }
    }
}

impl<H: BatchHeap + fmt::Debug, K: Key<H>> fmt::Debug for ThreadCache<H, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ThreadCache").field("heap", self.below()).finish_non_exhaustive()
    }
}

impl<H: BatchHeap, K: Key<H>> Drop for ThreadCache<H, K> {
    fn drop(&mut self) {
        K::retire(&mut self.home);
        // SAFETY: `&mut self`: no thread is in the cache, and none finds its state any more.
        unsafe { self.home.drop_records() };
    }
}
