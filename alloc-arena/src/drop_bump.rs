//! A [`Bump`] that drops the values that are put into it.
//!
//! Above: programs whose values own something outside of the bump. Below: [`Bump`]; in `rows.rs`, the list of what is to be
//! dropped.
//!
//! Why values have to outlive `'d`, which the bump does not outlive: they are dropped one after the other, so a
//! destructor could look at a value that has been dropped already, if one could hold a borrow of another. It cannot: such a
//! borrow would be one of the bump, and shorter than `'d`.

mod rows;

use crate::bump::Bump;
use crate::values::{Put, values};
use alloc_core::{AllocError, Layer};
use core::cell::Cell;
use core::convert::Infallible;
use core::fmt;
use core::marker::PhantomData;
use core::mem::{MaybeUninit, needs_drop};
use core::ptr::NonNull;
use rows::Rows;

/// Allocates as [`Bump`] does, and drops the values that need it: the last one first, when it is
/// [reset](DropBump::reset) or dropped. (A slice counts as one: its values are dropped in their order, as those of a vector
/// are.)
///
/// A value that needs to be dropped costs nothing more if it comes right behind another one of its type, else four words; one
/// that does not costs nothing more.
///
/// ```
/// use alloc_arena::DropBump;
/// use alloc_core::api2::alloc::Global;
/// use std::rc::Rc;
///
/// let shared = Rc::new("pumice");
/// let bump = DropBump::new(Global);
/// bump.alloc(Rc::clone(&shared));
/// bump.alloc_iter([Rc::clone(&shared), Rc::clone(&shared)]);
/// assert_eq!(Rc::strong_count(&shared), 4);
/// drop(bump);
/// assert_eq!(Rc::strong_count(&shared), 1);
/// ```
///
/// Values may borrow what outlives the bump, which is what `'d` stands for, but nothing that lies in it: a destructor could
/// see what is dropped already. What refers to each other lies in a [`Bump`] and owns nothing outside of it: strings by
/// `alloc_str`, rows by `alloc_iter`. Who keeps a bump by reference says `&'b DropBump<'d, A>`, with two lifetimes.
///
/// ```compile_fail
/// use alloc_arena::DropBump;
/// use alloc_core::api2::alloc::Global;
///
/// let bump = DropBump::new(Global);
/// let first = bump.alloc(1);
/// bump.alloc(&*first);
/// ```
///
/// It is neither `Send` nor `Sync`: values that must not leave their thread may lie in it.
pub struct DropBump<'d, A: Layer> {
    /// The values that need to be dropped.
    values: Rows,
    bump: Bump<A>,
    /// What values may borrow. Invariant: a longer bump must not pass for a shorter one.
    outlived: PhantomData<Cell<&'d ()>>,
}

impl<A: Layer> DropBump<'_, A> {
    /// A bump over `below`, as by [`Bump::new`].
    #[must_use]
    pub const fn new(below: A) -> Self {
        Self::of(Bump::new(below))
    }

    /// Over a bump with settings of its own. What has been allocated in it stays until the next reset.
    #[must_use]
    pub const fn of(bump: Bump<A>) -> Self {
        Self { values: Rows::new(), bump, outlived: PhantomData }
    }

    /// Drops all values, the last one first, and frees everything: see [`Bump::reset`].
    ///
    /// If a destructor panics, the others run all the same, and everything is freed. (Without the feature `std`, a
    /// second panic while one is under way ends the process.)
    pub fn reset(&mut self) {
        /// Resets when it is dropped: also after a panic.
        struct Reset<'b, A: Layer>(&'b mut Bump<A>);
        impl<A: Layer> Drop for Reset<'_, A> {
            fn drop(&mut self) {
                self.0.reset();
            }
        }
        let _reset = Reset(&mut self.bump);
        self.values.run();
    }

    /// The bump below, as an allocator: for collections that are dropped by their owners. (A rollback of it would leave
    /// values that are dropped later where others are put by then: [`Lifo::rollback`](crate::Lifo::rollback) forbids it.)
    #[must_use]
    pub const fn bump(&self) -> &Bump<A> {
        &self.bump
    }
}

impl<A: Layer> Drop for DropBump<'_, A> {
    fn drop(&mut self) {
        self.values.run();
    }
}

/// Values in a row, which are dropped with this.
struct Row<T>(NonNull<[T]>);

impl<T> Drop for Row<T> {
    fn drop(&mut self) {
        // SAFETY: the values lie in the bump, and this alone drops them (`note`).
        unsafe { self.0.drop_in_place() };
    }
}

// SAFETY: as for `Bump`: what is allocated stays until the bump is reset or dropped, which the borrow prevents.
unsafe impl<'b, A: Layer> Put<'b> for &'b DropBump<'_, A> {
    type Memory = Bump<A>;

    #[inline(always)]
    fn memory(&self) -> &Bump<A> {
        &self.bump
    }

    #[inline(always)]
    fn put<T>(&self, value: T) -> Result<&'b mut T, AllocError> {
        if !needs_drop::<T>() {
            // SAFETY: as above.
            return unsafe { crate::values::value(&self.bump, value) }.map_err(|_| AllocError);
        }
        // SAFETY: rows lie in the bump, which is reset after the list has run.
        let place = unsafe { self.values.put(&self.bump, value) };
        // SAFETY: the value stays until the list runs, for which `&mut` is needed.
        place.map(|mut place| unsafe { place.as_mut() }).map_err(|_| AllocError)
    }

    #[inline(always)]
    fn make<T, E>(
        &self,
        make: impl FnOnce() -> Result<T, E>,
    ) -> Result<Result<&'b mut T, E>, AllocError> {
        match make() {
            Ok(value) => self.put(value).map(Ok),
            Err(error) => Ok(Err(error)),
        }
    }

    #[inline]
    fn note<T>(&self, values: &'b mut [T]) -> Result<&'b mut [T], AllocError> {
        let mut row = NonNull::from(values);
        if needs_drop::<T>() {
            // SAFETY: as in `put`. A row that finds no room is dropped, and so are its values.
            let noted = unsafe { self.values.put(&self.bump, Row(row)) };
            noted.map_err(|_| AllocError)?;
        }
        // SAFETY: they were borrowed for `'b` when they came; the row looks at them when that is over.
        Ok(unsafe { row.as_mut() })
    }
}

values!(impl['d, A: Layer] DropBump<'d, A>, values: 'd, borrowed: 'b of self: 'b);

impl<A: Layer + fmt::Debug> fmt::Debug for DropBump<'_, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DropBump").field("bump", &self.bump).finish_non_exhaustive()
    }
}
