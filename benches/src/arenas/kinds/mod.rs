//! The arenas, each behind [`Arena`] and [`Alloc`] by the way that its documentation recommends.
//!
//! Above: the measures. In `bound`: the least. In `ours`: alloc-arena's. In `peers`: those of other crates. Where an arena
//! can be told an alignment that it keeps, it is told 8, which all objects have; where it has a call for values that are not
//! dropped, it is that.

mod bound;
mod ours;
mod peers;

pub(super) use bound::{Raw, Register};
pub(super) use ours::{OverArena, OverGlobal, Pages, below_arena};
pub(super) use peers::{Blink, BumpScope, BumpSettings, Bumpalo, Typed};

use std::hint::black_box;

/// An arena that can be emptied and used again.
pub(super) trait Arena: Sized {
    /// An empty one, for so many bytes. Who grows by itself need not listen.
    fn for_bytes(bytes: usize) -> Self;

    /// Frees everything; keeps what memory it keeps.
    fn reset(&mut self);

    /// The compiler has to assume from here on that others know of the arena.
    fn seen(&mut self) -> &mut Self {
        black_box(self)
    }
}

/// An arena that takes values of a type.
pub(super) trait Alloc<T: Copy> {
    /// Moves a value in.
    #[allow(clippy::mut_from_ref)] // each call borrows memory that no other call ever does
    fn alloc(&self, value: T) -> &mut T;
}
