//! Frames, each by its library's own way to enter and leave them.
//!
//! Above: `frames`, `deferred`. Below: alloc-arena's frames, bump-scope, arenas that are reset, `malloc`, a pointer.

use super::super::Object;
use super::super::kinds::{self, Alloc, Arena};
use alloc_arena::{Frame, Lifo, Stack};
use alloc_core::api2::alloc::Global;
use std::cell::Cell;
use std::hint::black_box;
use std::mem::MaybeUninit;
use std::ops::Deref;
use std::ptr::NonNull;

/// What is put into frames: 32 bytes.
pub(super) type Value = Object<3>;

/// A frame, or what frames are entered from.
pub(super) trait Scope {
    /// What stands for a value.
    type Held<'s>: Deref<Target = Value>
    where
        Self: 's;

    /// Puts a value into this frame.
    fn put(&self, word: u64) -> Self::Held<'_>;

    /// Enters a frame, works there, and leaves it.
    fn enter(&mut self, work: impl Work) -> u64;
}

/// What is done in a frame, whatever kind of frame it is.
pub(super) trait Work {
    /// Returns what it read.
    fn run<S: Scope>(self, frame: &mut S) -> u64;
}

/// The outermost one, which is none of the frames that are measured.
pub(super) trait Outermost: Scope {
    fn make() -> Self;
}

/// What holds the frames of this workspace: memory for a few.
pub(super) const BYTES: usize = 4 << 10;

/// A way from a `Stack` or a `Bump` to its frames.
pub(super) trait Frames: Lifo + Sized {
    fn make() -> Self;
    fn in_frame<'env, R>(
        &'env mut self,
        body: impl for<'f> FnOnce(&mut Frame<'f, 'env, Self>) -> R,
    ) -> R;
}

macro_rules! frames {
    ($memory:ty, $make:expr) => {
        impl Frames for $memory {
            fn make() -> Self {
                $make
            }
            #[inline(always)]
            fn in_frame<'env, R>(
                &'env mut self,
                body: impl for<'f> FnOnce(&mut Frame<'f, 'env, Self>) -> R,
            ) -> R {
                self.frame(body)
            }
        }
    };
}

frames!(Stack<Global>, Self::with_capacity_in(BYTES, Global));
frames!(kinds::OverGlobal, first_chunk_there());

/// Its first chunk is there before frames are timed.
fn first_chunk_there<A: Arena + Alloc<Value>>() -> A {
    let mut arena = A::for_bytes(BYTES);
    arena.alloc(Value::new(0));
    arena.reset();
    arena
}

/// Memory whose frames these are.
pub(super) struct Framed<M>(M);

impl<M: Frames> Outermost for Framed<M> {
    fn make() -> Self {
        Self(M::make())
    }
}

impl<M: Frames> Scope for Framed<M> {
    type Held<'s>
        = &'s mut Value
    where
        Self: 's;
    fn put(&self, _word: u64) -> &mut Value {
        unreachable!("values are put into frames")
    }
    #[inline(always)]
    fn enter(&mut self, work: impl Work) -> u64 {
        self.0.in_frame(|frame| work.run(frame))
    }
}

impl<M: Lifo> Scope for Frame<'_, '_, M> {
    type Held<'s>
        = &'s mut Value
    where
        Self: 's;
    #[inline(always)]
    fn put(&self, word: u64) -> &mut Value {
        self.alloc(Value::new(word))
    }
    #[inline(always)]
    fn enter(&mut self, work: impl Work) -> u64 {
        self.frame(|frame| work.run(frame))
    }
}

/// A frame of bump-scope.
type BumpFrame<'s> = bump_scope::BumpScope<'s, bump_scope::alloc::Global, kinds::BumpSettings>;

macro_rules! bump_scope {
    ($scope:ty) => {
        impl Scope for $scope {
            type Held<'s>
                = &'s mut Value
            where
                Self: 's;
            #[inline(always)]
            fn put(&self, word: u64) -> &mut Value {
                self.alloc(Value::new(word)).into_mut()
            }
            #[inline(always)]
            fn enter(&mut self, work: impl Work) -> u64 {
                self.scoped(|frame| work.run(frame))
            }
        }
    };
}

bump_scope!(kinds::BumpScope);
bump_scope!(BumpFrame<'_>);

impl Outermost for kinds::BumpScope {
    fn make() -> Self {
        Self::new()
    }
}

/// An arena that frees all that it has when a frame is left: frames cannot stand in each other.
pub(super) struct Resetting<A>(A);

impl<A: Arena + Alloc<Value>> Outermost for Resetting<A> {
    fn make() -> Self {
        Self(first_chunk_there())
    }
}

impl<A: Arena + Alloc<Value>> Scope for Resetting<A> {
    type Held<'s>
        = &'s mut Value
    where
        Self: 's;
    #[inline(always)]
    fn put(&self, word: u64) -> &mut Value {
        self.0.alloc(Value::new(word))
    }
    #[inline(always)]
    fn enter(&mut self, work: impl Work) -> u64 {
        let read = work.run(self);
        self.0.reset();
        read
    }
}

/// No frames at all: each value is a box, whose owner frees it.
pub(super) struct Malloc;

impl Outermost for Malloc {
    fn make() -> Self {
        Self
    }
}

impl Scope for Malloc {
    type Held<'s> = Box<Value>;
    #[inline(always)]
    fn put(&self, word: u64) -> Box<Value> {
        // Else the compiler would leave it out, as it knows of `malloc` and `free`.
        black_box(Box::new(Value::new(word)))
    }
    #[inline(always)]
    fn enter(&mut self, work: impl Work) -> u64 {
        work.run(self)
    }
}

/// The bound: a pointer that is kept, moved, and put back. It does not know where its memory ends.
pub(super) struct Pointer {
    at: Cell<NonNull<u8>>,
    _memory: Box<[MaybeUninit<Value>]>,
}

impl Outermost for Pointer {
    fn make() -> Self {
        let mut memory = Box::new_uninit_slice(1000);
        let start = NonNull::from(black_box(&mut *memory)).cast();
        Self { at: Cell::new(start), _memory: memory }
    }
}

impl Scope for Pointer {
    type Held<'s> = &'s mut Value;
    #[inline(always)]
    fn put(&self, word: u64) -> &mut Value {
        let place = self.at.get();
        // SAFETY: programs have at most ten values of 32 bytes at a time, and there is room for a thousand; each place is
        // another one's until the frame is left.
        unsafe {
            self.at.set(place.add(size_of::<Value>()));
            place.cast().write(Value::new(word));
            place.cast().as_mut()
        }
    }
    #[inline(always)]
    fn enter(&mut self, work: impl Work) -> u64 {
        let at = self.at.get();
        let read = work.run(self);
        self.at.set(at);
        read
    }
}
