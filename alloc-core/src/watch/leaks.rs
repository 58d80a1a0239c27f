//! [`Leaks`]: every live allocation, by call site.
//!
//! Above: tests, and programs that look for what they forgot. Below: one layer.
//! Each allocation reads its stack of calls and takes a lock, so a program is some ten times slower with it. Allocations
//! are the layer's below, unchanged; what is known of them is in the ledger (`ledger.rs`), by their addresses.
//! Room in the ledger is held before the layer below is asked, and an address leaves the ledger before its
//! memory goes down, for another thread may be given the address next.
//! Not here: a profile at little cost (`Profile`).

use super::calls::{Above, Calls, Inside, places};
use super::ledger::{Copied, Ledger, Live, Site};
use crate::sync::{AtomicUsize, Lock, Ordering};
use crate::{AllocError, Broken, Layer, Report};
use core::alloc::Layout;
use core::fmt;
use core::mem::ManuallyDrop;
use core::ptr::NonNull;

/// Knows of every live allocation who made it: for tests, and to find what a program never frees.
///
/// ```
/// use alloc_core::{Leaks, api2::{alloc::Global, boxed::Box, vec::Vec}};
///
/// let stack = Leaks::new(Global);
/// let kept = Box::leak(Box::new_in(7u64, &stack));
/// drop(Vec::<u8, _>::with_capacity_in(100, &stack));
///
/// let leaks = stack.leaks();
/// assert_eq!((leaks.count(), leaks.bytes()), (1, 8));
/// println!("{leaks}"); // counts, bytes, and the calls that led there
///
/// # // SAFETY: leaked above, and not used any more.
/// drop(unsafe { Box::from_raw_in(kept, &stack) });
/// stack.assert_none();
/// ```
///
/// What the program allocates while it makes or prints a list of leaks does not count. Allocations that cannot be
/// entered, because there is no memory for the ledger, are not made: the layer refuses.
pub struct Leaks<A: Layer> {
    ledger: Lock<Ledger>,
    /// Allocations that were not entered: of a thread that was inside a watcher.
    unwatched: AtomicUsize,
    below: A,
}

impl<A: Layer> Leaks<A> {
    crate::const_fn! {
        /// Watches what is allocated from `below`.
        #[must_use]
        pub const fn new(below: A) -> Self {
            Self { ledger: Lock::new(Ledger::new()), unwatched: AtomicUsize::new(0), below }
        }
    }

    /// The layer below.
    #[must_use]
    pub const fn below(&self) -> &A {
        &self.below
    }

    /// The layer below, with the watcher gone. What is live stays live.
    pub fn into_inner(self) -> A {
        let mut this = ManuallyDrop::new(self);
        this.free_ledger();
        // SAFETY: `this` is neither used nor dropped after this; its other fields have no destructors.
        unsafe { core::ptr::read(&raw const this.below) }
    }

    /// What is live, by call site, most bytes first. Allocates.
    #[must_use]
    pub fn leaks(&self) -> LeakList {
        Inside::run(|| {
            let copy = Copied::of(|read| read(&self.ledger.lock()));
            let mut leaks: Vec<Leak> = copy
                .sites
                .iter()
                .filter(|site| site.in_use.objects > 0.0)
                .map(|site| Leak {
                    count: site.in_use.objects as usize,
                    bytes: site.in_use.bytes as usize,
                    calls: copy.frames(site).to_vec(),
                })
                .collect();
            leaks.sort_by(|a, b| (b.bytes, b.count, &a.calls).cmp(&(a.bytes, a.count, &b.calls)));
            LeakList { leaks }
        })
    }

    /// Asserts that nothing is live: for the end of a test.
    ///
    /// # Panics
    ///
    /// When something is; the message is the list of leaks.
    #[track_caller]
    pub fn assert_none(&self) {
        let leaks = self.leaks();
        assert!(leaks.is_empty(), "{leaks}");
    }

    /// Takes the watcher's own lock before a fork, and none of those below: for a layer below that sees to forks itself.
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

    /// Makes an allocation of `layout` by `ask`, and enters it. `before` is what it was until now, and is
    /// taken out meanwhile.
    #[inline(never)]
    fn watched<F>(
        &self,
        layout: Layout,
        before: Option<NonNull<u8>>,
        ask: F,
    ) -> Result<NonNull<[u8]>, AllocError>
    where
        F: FnOnce() -> Result<NonNull<[u8]>, AllocError>,
    {
        let inside = if layout.size() > 0 { Inside::enter() } else { None };
        let site = match &inside {
            Some(_) => Some(self.hold(Above::this_frame())?),
            None => None,
        };
        // What is not watched may be the layer's below own, while the ledger asks it for memory under the lock.
        if let (None, None) = (site, before) {
            return ask().inspect(|slice| self.count_unwatched(slice.len()));
        }
        let taken = before.and_then(|ptr| self.ledger.lock().take(ptr.addr().get()));
        let answer = ask();
        let mut ledger = self.ledger.lock();
        match (&answer, site) {
            (Ok(slice), Some(site)) => {
                ledger.enter(slice.addr().get(), site, Live::new(layout.size(), 1.0, layout));
            }
            (Err(_), Some(_)) => ledger.let_go(),
            (Ok(slice), None) => self.count_unwatched(slice.len()),
            (Err(_), None) => {}
        }
        match (taken, before, &answer) {
            (Some(live), Some(ptr), Err(_)) => ledger.put_back(ptr.addr().get(), live),
            (Some(_), ..) => ledger.let_go(),
            (None, ..) => {}
        }
        answer
    }

    fn count_unwatched(&self, bytes: usize) {
        if bytes > 0 {
            // ORDERING: Relaxed; a figure.
            self.unwatched.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn hold(&self, above: Above) -> Result<Site, AllocError> {
        let calls = Calls::here(above);
        // SAFETY: the ledger's allocator is always `below`.
        unsafe { self.ledger.lock().hold(calls.frames(), &self.below).ok_or(AllocError) }
    }
}

impl<A: Layer> Drop for Leaks<A> {
    fn drop(&mut self) {
        self.free_ledger();
    }
}

impl<A: Layer + fmt::Debug> fmt::Debug for Leaks<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Leaks").field("below", &self.below).finish_non_exhaustive()
    }
}

impl<A: Layer + Default> Default for Leaks<A> {
    fn default() -> Self {
        Self::new(A::default())
    }
}

allocator! {
    // SAFETY: every method forwards to `A`, or refuses and leaves everything as it was.
    unsafe impl[A: Layer] Allocator for Leaks<A> {
        fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
            self.watched(layout, None, || self.below.allocate(layout))
        }
        fn allocate_zeroed(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
            self.watched(layout, None, || self.below.allocate_zeroed(layout))
        }
        unsafe fn deallocate(&self, ptr: NonNull<u8>, layout: Layout) {
            if layout.size() > 0 {
                self.ledger.lock().leave(ptr.addr().get());
            }
            // SAFETY: the caller's promise.
            unsafe { self.below.deallocate(ptr, layout) }
        }
        unsafe fn grow(
            &self,
            ptr: NonNull<u8>,
            old: Layout,
            new: Layout,
        ) -> Result<NonNull<[u8]>, AllocError> {
            let before = (old.size() > 0).then_some(ptr);
            // SAFETY: the caller's promise.
            self.watched(new, before, || unsafe { self.below.grow(ptr, old, new) })
        }
        unsafe fn grow_zeroed(
            &self,
            ptr: NonNull<u8>,
            old: Layout,
            new: Layout,
        ) -> Result<NonNull<[u8]>, AllocError> {
            let before = (old.size() > 0).then_some(ptr);
            // SAFETY: the caller's promise.
            self.watched(new, before, || unsafe { self.below.grow_zeroed(ptr, old, new) })
        }
        unsafe fn shrink(
            &self,
            ptr: NonNull<u8>,
            old: Layout,
            new: Layout,
        ) -> Result<NonNull<[u8]>, AllocError> {
            let before = (old.size() > 0).then_some(ptr);
            // SAFETY: the caller's promise.
            self.watched(new, before, || unsafe { self.below.shrink(ptr, old, new) })
        }
    }
}

// SAFETY: every answer is `A`'s, which keeps rules L1 to L5; what is done besides does not panic.
unsafe impl<A: Layer> Layer for Leaks<A> {
    pass_on!(below: owns usable_size range reclaim discard);

    fn report(&self, report: &mut Report<'_>) {
        report.layer("Leaks", |report| {
            let (live, sites) = {
                let ledger = self.ledger.lock();
                (ledger.live(), ledger.sites())
            };
            report.count("live allocations", live as u64);
            report.count("call sites", sites as u64);
            // ORDERING: Relaxed; a figure.
            report.count("not watched", self.unwatched.load(Ordering::Relaxed) as u64);
            self.below.report(report);
        });
    }
    fn verify(&self) -> Result<(), Broken> {
        self.ledger.lock().verify("Leaks")?;
        self.below.verify()
    }
    fn freeze(&self) {
        self.freeze_ledger();
        self.below.freeze();
    }
    unsafe fn thaw(&self) {
        // SAFETY: the caller vouches for `freeze`, which took the lock and froze the layer below.
        unsafe {
            self.below.thaw();
            self.thaw_ledger();
        }
    }
}

/// What is live, by call site, most bytes first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LeakList {
    leaks: Vec<Leak>,
}

/// What is live of one call site.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Leak {
    /// Allocations.
    pub count: usize,
    /// The bytes that were asked for.
    pub bytes: usize,
    /// Addresses within the calling instructions, innermost first.
    pub calls: Vec<usize>,
}

impl LeakList {
    /// All live allocations.
    #[must_use]
    pub fn count(&self) -> usize {
        self.leaks.iter().map(|leak| leak.count).sum()
    }

    /// All their bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.leaks.iter().map(|leak| leak.bytes).sum()
    }

    /// Whether nothing is live.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.leaks.is_empty()
    }

    /// The call sites, most bytes first.
    pub fn iter(&self) -> core::slice::Iter<'_, Leak> {
        self.leaks.iter()
    }
}

impl<'a> IntoIterator for &'a LeakList {
    type Item = &'a Leak;
    type IntoIter = core::slice::Iter<'a, Leak>;
    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl Leak {
    /// The names of the functions, innermost first, as far as this process can tell them. Slow: it reads debug
    /// information.
    #[must_use]
    pub fn functions(&self) -> Vec<String> {
        Inside::run(|| {
            let places = self.calls.iter().filter_map(|address| places(*address)).flatten();
            places.map(|place| place.function).collect()
        })
    }
}

impl fmt::Display for Leak {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} bytes in {} allocations", self.bytes, self.count)?;
        Inside::run(|| super::calls::write(&self.calls, f))
    }
}

impl fmt::Display for LeakList {
    /// A line with the sums, then each call site with its calls.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (count, sites) = (self.count(), self.leaks.len());
        writeln!(f, "{} bytes live in {count} allocations of {sites} call sites", self.bytes())?;
        self.iter().try_for_each(|leak| write!(f, "{leak}"))
    }
}
