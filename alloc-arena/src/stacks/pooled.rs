//! A stack in use, and how it holds its pool.
//!
//! Above: whoever runs a coroutine on it. Below: [`StackPool`], by a reference, an `Arc`, or a holder of yours.

use super::record::Place;
use super::{StackError, StackPool};
use crate::source::Source;
use core::fmt;
use core::ptr::NonNull;

/// A way to hold a pool: `&StackPool`, `Arc<StackPool>`.
///
/// # Safety
///
/// [`pool`](PoolRef::pool) always gives the same pool, which lives at least as long as the holder, and is not moved
/// meanwhile.
pub unsafe trait PoolRef {
    /// The pool's source.
    type Source: Source;
    /// The pool.
    fn pool(&self) -> &StackPool<Self::Source>;
}

// SAFETY: a shared reference keeps its pool where it is.
unsafe impl<S: Source> PoolRef for &StackPool<S> {
    type Source = S;
    #[inline]
    fn pool(&self) -> &StackPool<S> {
        self
    }
}

#[cfg(feature = "std")]
// SAFETY: an `Arc` keeps its pool where it is.
unsafe impl<S: Source> PoolRef for std::sync::Arc<StackPool<S>> {
    type Source = S;
    #[inline]
    fn pool(&self) -> &StackPool<S> {
        self
    }
}

macro_rules! pooled_stack {
    ($($default:tt)*) => {
        /// A stack of a [`StackPool`], for one coroutine at a time. Dropped, by any thread, it goes back to its pool.
        ///
        /// `PooledStack` alone is a stack of a `static` pool over `Os`; `PooledStack<&'p StackPool>` borrows its pool;
        /// `PooledStack<Arc<StackPool>>` keeps it alive. corosensei's `Coroutine` takes the first and the last, which borrow
        /// nothing; its `ScopedCoroutine` takes any.
        ///
        /// Dropping it takes constant time, and calls the system only when something is due: one in 16 looks at the clock,
        /// and gives back the memory of at most eight stacks that were idle for too long; and a stack that was not looked at for
        /// a delay is looked at. With [`with_idle_delay(None)`](StackPool::with_idle_delay) there are no such calls.
        ///
        /// If it is forgotten, its stack stays in use for ever: something may point into it.
        ///
        /// It does not outlive a pool that it borrows:
        ///
        /// ```compile_fail,E0505
        /// use alloc_arena::{Os, StackPool};
        ///
        /// let pool = StackPool::new(Os::new());
        /// let stack = pool.take().unwrap();
        /// drop(pool);
        /// drop(stack);
        /// ```
        pub struct PooledStack<P: PoolRef $($default)*> {
            place: Place,
            pool: P,
        }
    };
}

#[cfg(all(feature = "os", unix))]
pooled_stack!(= &'static StackPool<crate::Os>);
#[cfg(not(all(feature = "os", unix)))]
pooled_stack!();

// SAFETY: it is its place's only hand (R1), and holds the pool, which may be called by any thread.
unsafe impl<P: PoolRef + Send> Send for PooledStack<P> where StackPool<P::Source>: Sync {}
// SAFETY: shared, it gives addresses, and the record's atomics.
unsafe impl<P: PoolRef + Sync> Sync for PooledStack<P> where StackPool<P::Source>: Sync {}

impl<P: PoolRef> PooledStack<P> {
    /// Takes a stack of a pool, which the stack holds by `pool`.
    ///
    /// ```
    /// use alloc_arena::{Os, PooledStack, StackPool};
    /// use std::sync::Arc;
    ///
    /// let pool = Arc::new(StackPool::new(Os::new()));
    /// let stack: PooledStack<Arc<StackPool>> = PooledStack::take_from(Arc::clone(&pool))?;
    /// assert_eq!(pool.figures().live_stacks, 1);
    /// std::thread::spawn(|| drop(stack)).join().unwrap();
    /// assert_eq!(pool.figures().live_stacks, 0);
    /// # Ok::<(), alloc_arena::StackError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As for [`StackPool::take`].
    #[inline]
    pub fn take_from(pool: P) -> Result<Self, StackError> {
        let place = pool.pool().take_place()?;
        Ok(Self { place, pool })
    }

    /// The bytes that the coroutine may use. It begins at their end.
    #[must_use]
    #[inline]
    pub fn usable(&self) -> NonNull<[u8]> {
        let low = self.place.low;
        NonNull::slice_from_raw_parts(low, self.place.high - low.addr().get())
    }

    /// The address at which the stack begins, its highest: a multiple of 16.
    #[must_use]
    #[inline]
    pub fn high(&self) -> usize {
        self.place.high
    }

    /// The length of the guard, which lies directly below the usable bytes.
    #[must_use]
    pub fn guard_bytes(&self) -> usize {
        self.pool.pool().guard_bytes()
    }

    /// Says what the coroutine is called, for the message at an overflow.
    pub fn set_name(&self, name: &'static str) {
        self.place.set_name(name);
    }

    /// Gives the coroutine a number, for the message at an overflow; 0 is none.
    pub fn set_number(&self, number: u64) {
        self.place.set_number(number);
    }

    /// How deep the stack has been since it last gave memory back, in bytes, rounded up to pages: what it takes up
    /// in memory. `None` if the source does not know. It asks the system, which takes about a microsecond; pages that were
    /// swapped out do not count.
    #[must_use]
    pub fn peak_bytes(&self) -> Option<usize> {
        self.pool.pool().used_bytes(self.place)
    }

    /// How it holds its pool.
    #[must_use]
    pub const fn pool(&self) -> &P {
        &self.pool
    }
}

impl<P: PoolRef> Drop for PooledStack<P> {
    #[inline]
    fn drop(&mut self) {
        self.pool.pool().put_place(self.place);
    }
}

impl<P: PoolRef> fmt::Debug for PooledStack<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PooledStack")
            .field("usable", &self.usable())
            .field("name", &self.place.name())
            .field("number", &self.place.number())
            .finish_non_exhaustive()
    }
}
