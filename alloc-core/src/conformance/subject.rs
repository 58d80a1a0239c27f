//! The allocator under test, seen through what its type promises.
//!
//! Above: sessions, which are compiled once for all allocators. Below: the one type `A`.

use crate::{Allocator, Layer};
use core::mem::MaybeUninit;

/// What a session needs of an allocator.
pub(super) trait Subject {
    /// The allocator for the step `turn`: itself, or by turns its clone.
    fn allocator(&self, turn: usize) -> &dyn Allocator;
    /// As a layer, if it is to be tested as one.
    fn layer(&self) -> Option<&dyn Layer>;
    /// As something that other threads may use, if they are to.
    fn sync(&self) -> Option<&(dyn Allocator + Sync)>;
    /// The figure that must come back to its first value, if there is one.
    fn balance(&self) -> Option<usize>;
    /// Moves the allocator to another address.
    fn relocate(&mut self);
    /// Whether `address` lies in the allocator's own value, so that it would move with it.
    fn contains(&self, address: usize) -> bool;
    /// Drops the allocator, if a clone of it is left.
    fn drop_all_but_clone(&mut self);
}

/// The views that the builder's bounds made possible. (Function pointers, because a bound that
/// holds for some `A` only cannot be named where all `A` are handled.)
pub(super) struct Views<A> {
    pub layer: Option<fn(&A) -> &dyn Layer>,
    pub sync: Option<fn(&A) -> &(dyn Allocator + Sync)>,
    pub clone: Option<fn(&A) -> A>,
    pub balance: Option<fn(&A) -> usize>,
}

impl<A> Views<A> {
    pub fn new() -> Self {
        Self { layer: None, sync: None, clone: None, balance: None }
    }
}

impl<A> Clone for Views<A> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<A> Copy for Views<A> {}

pub(super) fn as_layer<A: Layer>(allocator: &A) -> &dyn Layer {
    allocator
}

pub(super) fn as_sync<A: Allocator + Sync>(allocator: &A) -> &(dyn Allocator + Sync) {
    allocator
}

/// Where the allocator lives: in one of two places, so that it can be moved to the other.
pub(super) struct Home<A> {
    places: [Box<MaybeUninit<A>>; 2],
    /// The place that holds the allocator; `None` once it was dropped and only the clone is left.
    at: Option<usize>,
    clone: Option<A>,
    views: Views<A>,
}

impl<A: Allocator> Home<A> {
    pub fn new(allocator: A, views: Views<A>) -> Self {
        let clone = views.clone.map(|clone| clone(&allocator));
        let places = [Box::new(MaybeUninit::new(allocator)), Box::new(MaybeUninit::uninit())];
        Self { places, at: Some(0), clone, views }
    }

    fn value(&self) -> &A {
        match (self.at, &self.clone) {
            // SAFETY: the place `at` holds the allocator (`new`, `relocate`).
            (Some(at), _) => unsafe { self.places[at].assume_init_ref() },
            (None, Some(clone)) => clone,
            (None, None) => unreachable!("`drop_all_but_clone` leaves a clone"),
        }
    }
}

impl<A: Allocator> Subject for Home<A> {
    fn allocator(&self, turn: usize) -> &dyn Allocator {
        match &self.clone {
            Some(clone) if turn % 2 == 1 => clone,
            _ => self.value(),
        }
    }

    fn layer(&self) -> Option<&dyn Layer> {
        self.views.layer.map(|view| view(self.value()))
    }

    fn sync(&self) -> Option<&(dyn Allocator + Sync)> {
        self.views.sync.map(|view| view(self.value()))
    }

    fn balance(&self) -> Option<usize> {
        self.views.balance.map(|figure| figure(self.value()))
    }

    fn relocate(&mut self) {
        let Some(at) = self.at else { return };
        let [first, second] = &mut self.places;
        let (from, to) = if at == 0 { (first, second) } else { (second, first) };
        // SAFETY: both places are of type `A` and distinct; the value is moved, since the bytes at
        // `from` are overwritten at once and `at` names `to` from here on.
        unsafe {
            to.as_mut_ptr().copy_from_nonoverlapping(from.as_ptr(), 1);
            from.as_mut_ptr().cast::<u8>().write_bytes(0x5a, size_of::<A>());
        }
        self.at = Some(1 - at);
    }

    fn contains(&self, address: usize) -> bool {
        let within = |value: &A| {
            let base = core::ptr::from_ref(value).addr();
            (base..base + size_of::<A>()).contains(&address)
        };
        within(self.value()) || self.clone.as_ref().is_some_and(within)
    }

    fn drop_all_but_clone(&mut self) {
        if self.clone.is_some()
            && let Some(at) = self.at.take()
        {
            // SAFETY: the place `at` held the allocator, and `at` is gone.
            unsafe { self.places[at].assume_init_drop() };
        }
    }
}

impl<A> Drop for Home<A> {
    fn drop(&mut self) {
        if let Some(at) = self.at.take() {
            // SAFETY: the place `at` held the allocator, and `at` is gone.
            unsafe { self.places[at].assume_init_drop() };
        }
    }
}
