//! What tests share: nodes that count the living, and memory that is counted.
#![allow(dead_code, reason = "not every test uses all of it")]

use alloc_core::api2::alloc::{AllocError, Allocator, System};
use alloc_core::gc::Trace;
use alloc_core::{Foreign, Layout};
use rc_cycle::Cc;
use std::cell::RefCell;
use std::ptr::NonNull;
use std::sync::Arc;
use std::sync::atomic::{AtomicIsize, Ordering};

/// Counts those that are there.
#[derive(Clone, Default, Debug)]
pub struct Census(Arc<AtomicIsize>);

impl Census {
    pub fn count(&self) -> isize {
        self.0.load(Ordering::SeqCst)
    }

    pub fn one(&self) -> One {
        self.0.fetch_add(1, Ordering::SeqCst);
        One(self.clone())
    }
}

/// One that is there.
#[derive(Debug, Trace)]
#[trace(leaf)]
pub struct One(Census);

impl Clone for One {
    fn clone(&self) -> Self {
        self.0.one()
    }
}

impl Drop for One {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Memory that is counted.
#[derive(Clone, Default)]
pub struct Counting(pub Arc<AtomicIsize>);

pub type Memory = Foreign<Counting>;

impl Counting {
    pub fn layer() -> (Memory, Self) {
        let counting = Self::default();
        (Foreign::new(counting.clone()), counting)
    }

    pub fn bytes(&self) -> isize {
        self.0.load(Ordering::SeqCst)
    }
}

// SAFETY: it is `System`.
unsafe impl Allocator for Counting {
    fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        let memory = System.allocate(layout)?;
        self.0.fetch_add(layout.size().cast_signed(), Ordering::SeqCst);
        Ok(memory)
    }

    unsafe fn deallocate(&self, ptr: NonNull<u8>, layout: Layout) {
        self.0.fetch_sub(layout.size().cast_signed(), Ordering::SeqCst);
        // SAFETY: the caller's.
        unsafe { System.deallocate(ptr, layout) }
    }
}

/// A value of one thread that may be part of a cycle.
#[derive(Trace)]
pub struct Node {
    #[trace(skip)]
    pub one: One,
    pub to: RefCell<Vec<Cc<Node>>>,
}

pub fn node(census: &Census) -> Cc<Node> {
    Cc::new(Node { one: census.one(), to: RefCell::default() })
}

pub fn link(from: &Cc<Node>, to: &Cc<Node>) {
    from.to.borrow_mut().push(to.clone());
}
