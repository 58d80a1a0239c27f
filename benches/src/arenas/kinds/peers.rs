//! Arenas of other crates.
//!
//! Above: the measures. Below: bumpalo, blink-alloc, bump-scope, typed-arena, over the global allocator.

use super::{Alloc, Arena};
use bump_scope::alloc::Global;

/// bumpalo, which keeps an alignment of 8.
pub(in crate::arenas) type Bumpalo = bumpalo::Bump<8>;

impl Arena for Bumpalo {
    fn for_bytes(_bytes: usize) -> Self {
        Self::with_min_align()
    }
    #[inline(always)]
    fn reset(&mut self) {
        bumpalo::Bump::reset(self);
    }
}

impl<T: Copy> Alloc<T> for Bumpalo {
    #[inline(always)]
    fn alloc(&self, value: T) -> &mut T {
        bumpalo::Bump::alloc(self, value)
    }
}

/// blink-alloc, by its adaptor for values.
pub(in crate::arenas) type Blink = blink_alloc::Blink;

impl Arena for Blink {
    fn for_bytes(_bytes: usize) -> Self {
        Self::new()
    }
    #[inline(always)]
    fn reset(&mut self) {
        blink_alloc::Blink::reset(self);
    }
}

impl<T: Copy> Alloc<T> for Blink {
    #[inline(always)]
    fn alloc(&self, value: T) -> &mut T {
        self.put_no_drop(value)
    }
}

/// bump-scope, which keeps an alignment of 8 and goes downwards: its documentation counts fewer instructions for that. It has a
/// chunk from the start, and is not claimed.
pub(in crate::arenas) type BumpScope = bump_scope::Bump<Global, BumpSettings>;

/// How [`BumpScope`] is set.
pub(in crate::arenas) type BumpSettings = bump_scope::settings::BumpSettings<8, false, true, false>;

impl Arena for BumpScope {
    fn for_bytes(_bytes: usize) -> Self {
        Self::new()
    }
    #[inline(always)]
    fn reset(&mut self) {
        bump_scope::Bump::reset(self);
    }
}

impl<T: Copy> Alloc<T> for BumpScope {
    #[inline(always)]
    fn alloc(&self, value: T) -> &mut T {
        bump_scope::Bump::alloc(self, value).into_mut()
    }
}

/// typed-arena, which takes values of one type and cannot be emptied: a new one takes its place, with room for as many values
/// as the old one.
pub(in crate::arenas) struct Typed<T>(typed_arena::Arena<T>, usize);

impl<T: Copy> Arena for Typed<T> {
    fn for_bytes(bytes: usize) -> Self {
        let count = bytes / size_of::<T>();
        Self(typed_arena::Arena::with_capacity(count), count)
    }
    #[inline(always)]
    fn reset(&mut self) {
        // The old one's memory first, so that the new one finds it.
        self.0 = typed_arena::Arena::with_capacity(0);
        self.0 = typed_arena::Arena::with_capacity(self.1);
    }
}

impl<T: Copy> Alloc<T> for Typed<T> {
    #[inline(always)]
    fn alloc(&self, value: T) -> &mut T {
        self.0.alloc(value)
    }
}
