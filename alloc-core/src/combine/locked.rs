//! [`Locked`]: one lock around a layer that is made for one thread.

use crate::report::Held;
use crate::sync::{Lock, LockGuard};
use crate::{AllocError, Broken, Layer, Report};
use core::alloc::Layout;
use core::fmt;
use core::ops::Range;
use core::ptr::NonNull;

/// Makes a layer that one thread at a time may use (`Send`, but not `Sync`) one for many threads.
///
/// Every call takes the lock for as long as the layer below works. The layer has to be `Send` in
/// earnest: no other handle on its state may be left outside (a `&Cell`-like reference is not
/// `Send`, so the compiler sees to that).
///
/// ```
/// use alloc_core::{Allocator, Layout, Locked, Null};
/// use std::cell::Cell;
///
/// # use alloc_core::{AllocError, Broken, Layer, Report, allocator};
/// # use core::ptr::NonNull;
/// # #[derive(Default)] struct OneThread(Cell<usize>, Null);
/// # allocator! {
/// #     // SAFETY: forwards to `Null`.
/// #     unsafe impl[] Allocator for OneThread {
/// #         fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
/// #             self.0.set(self.0.get() + 1);
/// #             self.1.allocate(layout)
/// #         }
/// #         unsafe fn deallocate(&self, _: NonNull<u8>, _: Layout) {}
/// #     }
/// # }
/// # // SAFETY: forwards to `Null`.
/// # unsafe impl Layer for OneThread {
/// #     fn owns(&self, _: NonNull<u8>) -> bool { false }
/// #     fn usable_size(&self, layout: Layout) -> usize { layout.size() }
/// #     fn reclaim(&self, _: usize) -> usize { 0 }
/// #     fn report(&self, _: &mut Report<'_>) {}
/// #     fn verify(&self) -> Result<(), Broken> { Ok(()) }
/// # }
/// // `OneThread` counts in a `Cell`: it is not `Sync`, but this is:
/// static STACK: Locked<OneThread> = Locked::new(OneThread(Cell::new(0), Null));
/// std::thread::scope(|scope| {
///     for _ in 0..2 {
///         scope.spawn(|| STACK.allocate(Layout::new::<()>()).is_ok());
///     }
/// });
/// assert_eq!(STACK.with(|stack| stack.0.get()), 2);
/// ```
pub struct Locked<A> {
    below: Lock<A>,
}

impl<A> Locked<A> {
    crate::const_fn! {
        /// Puts a lock around `below`.
        pub const fn new(below: A) -> Self {
            Self { below: Lock::new(below) }
        }
    }

    /// Runs `body` with the layer below, under the lock. `body` must not come back to this stack:
    /// it would wait for itself.
    pub fn with<R>(&self, body: impl FnOnce(&A) -> R) -> R {
        body(&self.lock())
    }

    /// The layer below, without the lock.
    pub fn into_inner(self) -> A {
        self.below.into_inner()
    }

    // Not public: a guard gives `&mut A`, with which safe code could replace the layer while its
    // allocations are live.
    #[inline]
    fn lock(&self) -> LockGuard<'_, A> {
        self.below.lock()
    }
}

impl<A> fmt::Debug for Locked<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Locked").finish_non_exhaustive()
    }
}

impl<A: Default> Default for Locked<A> {
    fn default() -> Self {
        Self::new(A::default())
    }
}

allocator! {
    // SAFETY: every method forwards to the one `A`, one at a time; `A` is never replaced (`lock`).
    unsafe impl[A: Layer] Allocator for Locked<A> {
        #[inline]
        fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
            self.lock().allocate(layout)
        }
        #[inline]
        fn allocate_zeroed(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
            self.lock().allocate_zeroed(layout)
        }
        #[inline]
        unsafe fn deallocate(&self, ptr: NonNull<u8>, layout: Layout) {
            // SAFETY: the caller's promise.
            unsafe { self.lock().deallocate(ptr, layout) }
        }
        #[inline]
        unsafe fn grow(
            &self,
            ptr: NonNull<u8>,
            old: Layout,
            new: Layout,
        ) -> Result<NonNull<[u8]>, AllocError> {
            // SAFETY: the caller's promise.
            unsafe { self.lock().grow(ptr, old, new) }
        }
        #[inline]
        unsafe fn grow_zeroed(
            &self,
            ptr: NonNull<u8>,
            old: Layout,
            new: Layout,
        ) -> Result<NonNull<[u8]>, AllocError> {
            // SAFETY: the caller's promise.
            unsafe { self.lock().grow_zeroed(ptr, old, new) }
        }
        #[inline]
        unsafe fn shrink(
            &self,
            ptr: NonNull<u8>,
            old: Layout,
            new: Layout,
        ) -> Result<NonNull<[u8]>, AllocError> {
            // SAFETY: the caller's promise.
            unsafe { self.lock().shrink(ptr, old, new) }
        }
    }
}

// SAFETY: every answer is `A`'s, which keeps rules L1 to L5.
unsafe impl<A: Layer> Layer for Locked<A> {
    fn owns(&self, ptr: NonNull<u8>) -> bool {
        self.lock().owns(ptr)
    }
    fn usable_size(&self, layout: Layout) -> usize {
        self.lock().usable_size(layout)
    }
    fn range(&self) -> Option<Range<usize>> {
        self.lock().range()
    }
    fn reclaim(&self, goal_bytes: usize) -> usize {
        self.lock().reclaim(goal_bytes)
    }
    unsafe fn discard(&self, ptr: NonNull<u8>, bytes: usize) -> usize {
        // SAFETY: the caller's promise, passed on.
        unsafe { self.lock().discard(ptr, bytes) }
    }
    /// The layer below reports under the lock, into a buffer on the stack; the sink, which may
    /// allocate from here, gets it after that. A report of a very deep stack may not fit: then its
    /// end is missing, and a figure says how much.
    fn report(&self, report: &mut Report<'_>) {
        report.layer("Locked", |report| {
            let mut held = Held::new();
            self.lock().report(&mut Report::new(&mut held));
            held.replay(report);
        });
    }
    fn verify(&self) -> Result<(), Broken> {
        self.lock().verify()
    }
    fn freeze(&self) {
        let guard = self.lock();
        guard.freeze();
        core::mem::forget(guard);
    }
    unsafe fn thaw(&self) {
        // SAFETY: `freeze` took the lock, here or in the thread that this one is the copy of (the
        // caller's promise), and forgot its guard.
        let guard = unsafe { self.below.resume() };
        // SAFETY: `freeze` also froze the layer below.
        unsafe { guard.thaw() }
    }
}
