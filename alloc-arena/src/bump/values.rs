//! Values in a [`Bump`], borrowed for as long as the bump is.
//!
//! Nobody drops them: a value that owns something outside of the bump leaks that.

use super::Bump;
use crate::values::{Put, collections, values};
use alloc_core::{AllocError, Layer};
use core::convert::Infallible;
use core::mem::MaybeUninit;

// SAFETY: what is allocated stays until the bump is reset or dropped, which the borrow prevents; a frame of it takes
// `&mut`, too, and rolls back no further than to its own beginning.
unsafe impl<'b, A: Layer> Put<'b> for &'b Bump<A> {
    type Memory = Bump<A>;

    #[inline(always)]
    fn memory(&self) -> &Bump<A> {
        self
    }
}

values!(impl[A: Layer] Bump<A>, values: 'b, borrowed: 'b of self: 'b);
collections!(impl[A: Layer] Bump<A>, of "bump");
