//! A queue of one's own, over any allocator, that is checked by loom *together with* the allocator.
//!
//! Many producers push, one consumer pops; each node is an allocation, made by a producer and freed
//! by the consumer. Under loom, the allocator's own locks and lists are part of the model, so a
//! queue that frees a node too early, or reads one too late, is caught even if the memory was handed
//! out again meanwhile.
//!
//! What it takes, in `Cargo.toml`: loom itself, and `features = ["loom"]` on the Strata crates. In
//! the code: atomics from loom under `cfg(loom)`, as for every crate that is modelled. Then:
//!
//! ```sh
//! RUSTFLAGS="--cfg loom" cargo test -p loom-queue --features loom --test loom --release
//! ```

use alloc_core::{AllocError, Allocator, Layout};
use std::ptr::{NonNull, null_mut};

#[cfg(loom)]
use loom::{
    cell::UnsafeCell,
    sync::atomic::{AtomicPtr, Ordering},
};
#[cfg(not(loom))]
use std_like::{AtomicPtr, Ordering, UnsafeCell};

/// The standard library's types, with loom's interface.
#[cfg(not(loom))]
mod std_like {
    pub use alloc_core::sync::UnsafeCell;
    pub use std::sync::atomic::{AtomicPtr, Ordering};
}

/// A queue for many producers and one consumer, with its nodes in `A`.
///
/// ```
/// use alloc_core::api2::alloc::System;
/// use loom_queue::Queue;
///
/// let mut queue = Queue::new_in(System).unwrap();
/// queue.push(7).unwrap();
/// assert_eq!(queue.pop(), Some(7));
/// ```
///
/// The algorithm is Dmitry Vyukov's: a producer swaps itself in as the last node, then links the
/// one before to itself. The first node is always one whose value is gone.
#[derive(Debug)]
pub struct Queue<T, A: Allocator> {
    first: UnsafeCell<*mut Node<T>>,
    last: AtomicPtr<Node<T>>,
    allocator: A,
}

struct Node<T> {
    next: AtomicPtr<Node<T>>,
    value: UnsafeCell<Option<T>>,
}

// SAFETY: values travel from thread to thread (`T: Send`); `first` is the consumer's, who has
// `&mut` or the only consuming handle; the allocator is shared by all.
unsafe impl<T: Send, A: Allocator + Send> Send for Queue<T, A> {}
// SAFETY: as above; producers share `last`, which is atomic, and the allocator.
unsafe impl<T: Send, A: Allocator + Sync> Sync for Queue<T, A> {}

impl<T, A: Allocator> Queue<T, A> {
    /// An empty queue.
    ///
    /// # Errors
    ///
    /// When `allocator` has no memory for a node.
    pub fn new_in(allocator: A) -> Result<Self, AllocError> {
        let stub = Self::node(&allocator, None)?;
        Ok(Self { first: UnsafeCell::new(stub), last: AtomicPtr::new(stub), allocator })
    }

    /// Adds a value. Any thread may.
    ///
    /// # Errors
    ///
    /// When there is no memory for a node; the value is dropped.
    pub fn push(&self, value: T) -> Result<(), AllocError> {
        let node = Self::node(&self.allocator, Some(value))?;
        // ORDERING: AcqRel: the one before was written by whoever swapped it in (its Release).
        let before = self.last.swap(node, Ordering::AcqRel);
        // SAFETY: the consumer frees a node only after it has seen its link, which is written here.
        // ORDERING: Release gives the node to the consumer's Acquire.
        unsafe { (*before).next.store(node, Ordering::Release) };
        Ok(())
    }

    /// Takes the oldest value. `None` if there is none, or if its producer is not quite done.
    pub fn pop(&mut self) -> Option<T> {
        // SAFETY: `&mut self`: this is the consumer.
        unsafe { self.consume() }
    }

    /// Takes the oldest value, through a shared reference.
    ///
    /// # Safety
    ///
    /// One thread at a time calls this.
    pub unsafe fn consume(&self) -> Option<T> {
        // SAFETY: the caller is the only consumer.
        let first = self.first.with(|first| unsafe { *first });
        // SAFETY: `first` is freed by the consumer alone, below.
        // ORDERING: Acquire meets the Release in `push`.
        let next = unsafe { (*first).next.load(Ordering::Acquire) };
        if next.is_null() {
            return None;
        }
        // SAFETY: the consumer's own fields; no producer touches `first` any more, because it is
        // linked: whoever linked it was the last to.
        unsafe {
            let value = (*next).value.with_mut(|value| (*value).take());
            self.first.with_mut(|place| *place = next);
            self.free(first);
            value
        }
    }

    fn node(allocator: &A, value: Option<T>) -> Result<*mut Node<T>, AllocError> {
        let node = allocator.allocate(Layout::new::<Node<T>>())?.cast::<Node<T>>();
        let value = UnsafeCell::new(value);
        // SAFETY: the memory is fresh, and has the layout of a node.
        unsafe { node.write(Node { next: AtomicPtr::new(null_mut()), value }) };
        Ok(node.as_ptr())
    }

    /// # Safety
    ///
    /// `node` came from `node`, and nobody uses it any more.
    unsafe fn free(&self, node: *mut Node<T>) {
        // SAFETY: the caller's promise.
        unsafe {
            node.drop_in_place();
            let node = NonNull::new_unchecked(node).cast();
            self.allocator.deallocate(node, Layout::new::<Node<T>>());
        }
    }
}

impl<T, A: Allocator> Drop for Queue<T, A> {
    fn drop(&mut self) {
        while self.pop().is_some() {}
        let first = self.first.with(|first| {
            // SAFETY: `&mut self`.
            unsafe { *first }
        });
        // SAFETY: the last node that is left; no producer is left.
        unsafe { self.free(first) };
    }
}
