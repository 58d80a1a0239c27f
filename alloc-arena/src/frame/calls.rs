//! Calls that wait for an end: a list, the last one first, whose nodes lie in the memory that ends.
//!
//! Above: a frame's deferred calls. Below: nothing.
//!
//! Rules:
//! * C1: a node in the list is initialised and lives until the list has run.
//! * C2: `call` is `Some` until the node's value is taken: by running it or by cancelling. Whoever takes it sets `None`
//!   first. So a value is taken once, even when a call cancels another, or panics.

use crate::lifo::Lifo;
use crate::values;
use core::cell::Cell;
use core::mem::ManuallyDrop;
use core::ptr::NonNull;

/// How a node's value is used up.
type Call = unsafe fn(NonNull<Head>);

/// What all nodes have at their beginning.
#[derive(Debug)]
pub struct Head {
    next: Option<NonNull<Self>>,
    call: Cell<Option<Call>>,
}

/// A call that waits.
#[derive(Debug)]
#[repr(C)]
pub struct Node<T> {
    head: Head,
    value: ManuallyDrop<T>,
}

impl<T> Node<T> {
    /// A node whose value is called.
    #[inline(always)]
    pub(crate) fn calling(next: Option<NonNull<Head>>, value: T) -> Self
    where
        T: FnOnce(),
    {
        /// # Safety
        ///
        /// It is the head of a `Node<T>`, whose value nobody else takes.
        unsafe fn call<T: FnOnce()>(head: NonNull<Head>) {
            // SAFETY: the caller's promise.
            unsafe { ManuallyDrop::take(&mut head.cast::<Node<T>>().as_mut().value)() }
        }
        Self::new(next, call::<T>, value)
    }

    #[inline(always)]
    fn new(next: Option<NonNull<Head>>, call: Call, value: T) -> Self {
        let head = Head { next, call: Cell::new(Some(call)) };
        Self { head, value: ManuallyDrop::new(value) }
    }

    /// The value, if it is there still (C2).
    pub(crate) fn take(&mut self) -> Option<T> {
        self.head.call.take()?;
        // SAFETY: it has not been taken, and nobody takes it later (C2).
        Some(unsafe { ManuallyDrop::take(&mut self.value) })
    }
}

/// The list.
#[derive(Debug)]
pub struct Calls {
    first: Cell<Option<NonNull<Head>>>,
}

impl Calls {
    #[inline(always)]
    pub(crate) const fn new() -> Self {
        Self { first: Cell::new(None) }
    }

    /// Puts a node in front that `make` makes of `value`; gives the value back if there is no memory for it.
    ///
    /// # Safety
    ///
    /// The memory stays until the list has run (C1), and `make` puts nothing into the list.
    #[inline(always)]
    pub(crate) unsafe fn put<L: Lifo, T>(
        &self,
        memory: &L,
        make: fn(Option<NonNull<Head>>, T) -> Node<T>,
        value: T,
    ) -> Result<NonNull<Node<T>>, T> {
        let node = make(self.first.get(), value);
        // SAFETY: the caller's promise.
        match unsafe { values::value(memory, node) } {
            Ok(node) => {
                let node = NonNull::from(node);
                self.first.set(Some(node.cast()));
                Ok(node)
            }
            Err(node) => Err(ManuallyDrop::into_inner(node.value)),
        }
    }

    /// How many wait. Walks the list.
    pub(crate) fn len(&self) -> usize {
        // SAFETY: nodes in the list are initialised and alive (C1).
        core::iter::successors(self.first.get(), |head| unsafe { head.as_ref() }.next)
            // SAFETY: as above.
            .filter(|head| unsafe { head.as_ref() }.call.get().is_some())
            .count()
    }

    /// Runs all, the last one first, and leaves the list empty. If one panics the others run all the same, and the
    /// first panic goes on then.
    #[inline(always)]
    pub(crate) fn run(&self) {
        if self.first.get().is_some() {
            Rest(self).run();
        }
    }

    /// Runs all of them, as [`run`](Calls::run) does, while a panic is under way: none of theirs goes on.
    pub(crate) fn run_contained(&self) {
        drop(Rest(self));
    }
}

/// What has not run yet; it runs when this is dropped, too: that is, when one has panicked.
struct Rest<'c>(&'c Calls);

impl Rest<'_> {
    #[inline(always)]
    fn run(self) {
        while self.run_first() {}
        core::mem::forget(self);
    }

    /// Takes the first one off the list, and runs it.
    #[inline(always)]
    fn run_first(&self) -> bool {
        let Some(node) = self.0.first.get() else { return false };
        // SAFETY: nodes in the list are initialised and alive (C1); the borrow ends before the call.
        let (next, call) = unsafe { (node.as_ref().next, node.as_ref().call.take()) };
        self.0.first.set(next);
        if let Some(call) = call {
            // SAFETY: `call` was made for this node; its value has not been taken, and is not taken again (C2).
            unsafe { call(node) };
        }
        true
    }
}

impl Drop for Rest<'_> {
    #[cold]
    fn drop(&mut self) {
        while contained(|| self.run_first()) {}
    }
}

/// Runs `step`, and keeps a panic in it from going further, since another one is under way. `true` if there may be more.
#[cfg(feature = "std")]
pub(crate) fn contained(step: impl FnOnce() -> bool) -> bool {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    // The list is whole again before a call begins: `run_first` has taken it off.
    match catch_unwind(AssertUnwindSafe(step)) {
        Ok(more) => more,
        Err(payload) => {
            // What it carries may panic when it is dropped.
            if let Err(payload) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
                core::mem::forget(payload);
            }
            true
        }
    }
}

#[cfg(not(feature = "std"))]
pub(crate) fn contained(step: impl FnOnce() -> bool) -> bool {
    step()
}
