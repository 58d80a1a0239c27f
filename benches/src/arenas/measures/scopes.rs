//! Frames, each by its library's own way to enter and leave them.
//!
//! Above: `frames`, `deferred`. Below: bump-scope, arenas that are reset, `malloc`, a pointer.

use super::super::Object;
use super::super::kinds::{self, Alloc, Arena};
use std::cell::Cell;
use std::hint::black_box;
use std::mem::MaybeUninit;
use std::ptr::NonNull;

/// What is put into frames: 32 bytes.
pub(super) type Value = Object<3>;

/// A frame, or what frames are entered from.
pub(super) trait Scope {
    /// A frame in it.
    type Inner<'s>: Scope;

    /// What stands for a value.
    type Held<'s>: std::ops::Deref<Target = Value>
    where
        Self: 's;

    /// The outermost one, which is none of the frames that are measured.
    fn make() -> Self;

    /// Puts a value into this frame.
    fn put(&self, word: u64) -> Self::Held<'_>;

    /// Enters a frame, works there, and leaves it.
    fn enter<R>(&mut self, work: impl FnOnce(&mut Self::Inner<'_>) -> R) -> R;
}

/// A frame of bump-scope.
type BumpFrame<'s> = bump_scope::BumpScope<'s, bump_scope::alloc::Global, kinds::BumpSettings>;

macro_rules! bump_scope {
    ($scope:ty, $make:expr) => {
        impl Scope for $scope {
            type Inner<'s> = BumpFrame<'s>;
            type Held<'s>
                = &'s mut Value
            where
                Self: 's;
            fn make() -> Self {
                $make
            }
            #[inline(always)]
            fn put(&self, word: u64) -> &mut Value {
                self.alloc(Value::new(word)).into_mut()
            }
            #[inline(always)]
            fn enter<R>(&mut self, work: impl FnOnce(&mut BumpFrame<'_>) -> R) -> R {
                self.scoped(work)
            }
        }
    };
}

bump_scope!(kinds::BumpScope, Self::new());
bump_scope!(BumpFrame<'_>, inner());

/// Only the outermost one is made.
#[cold]
fn inner() -> ! {
    unreachable!("frames are entered")
}

/// An arena that frees all that it has when a frame is left: frames cannot stand in each other.
pub(super) struct Resetting<A>(A);

impl<A: Arena + Alloc<Value> + 'static> Scope for Resetting<A> {
    type Inner<'s> = Self;
    type Held<'s>
        = &'s mut Value
    where
        Self: 's;
    fn make() -> Self {
        let mut arena = A::for_bytes(4096);
        // The first chunk is there before frames are timed.
        arena.alloc(Value::new(0));
        arena.reset();
        Self(arena)
    }
    #[inline(always)]
    fn put(&self, word: u64) -> &mut Value {
        self.0.alloc(Value::new(word))
    }
    #[inline(always)]
    fn enter<R>(&mut self, work: impl FnOnce(&mut Self) -> R) -> R {
        let result = work(self);
        self.0.reset();
        result
    }
}

/// No frames at all: each value is a box, whose owner frees it.
pub(super) struct Malloc;

impl Scope for Malloc {
    type Inner<'s> = Self;
    type Held<'s> = Box<Value>;
    fn make() -> Self {
        Self
    }
    #[inline(always)]
    fn put(&self, word: u64) -> Box<Value> {
        // Else the compiler would leave it out, as it knows of `malloc` and `free`.
        black_box(Box::new(Value::new(word)))
    }
    #[inline(always)]
    fn enter<R>(&mut self, work: impl FnOnce(&mut Self) -> R) -> R {
        work(self)
    }
}

/// The bound: a pointer that is kept, moved, and put back. It does not know where its memory ends.
pub(super) struct Pointer {
    at: Cell<NonNull<u8>>,
    _memory: Box<[MaybeUninit<Value>]>,
}

impl Scope for Pointer {
    type Inner<'s> = Self;
    type Held<'s> = &'s mut Value;
    fn make() -> Self {
        let mut memory = Box::new_uninit_slice(1000);
        let start = NonNull::from_mut(black_box(&mut *memory)).cast();
        Self { at: Cell::new(start), _memory: memory }
    }
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
    fn enter<R>(&mut self, work: impl FnOnce(&mut Self) -> R) -> R {
        let at = self.at.get();
        let result = work(self);
        self.at.set(at);
        result
    }
}
