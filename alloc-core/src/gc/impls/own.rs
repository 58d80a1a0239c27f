//! `Trace` for types that own their content, exclusively and without a barrier's knowledge.

use super::{constants, each};
use crate::gc::{Trace, Visitor, VisitorMut};

macro_rules! tuples {
    ($($of:ident $at:tt),*) => {
        // SAFETY: every field is visited.
        unsafe impl<'gc, $($of: Trace<'gc>),*> Trace<'gc> for ($($of,)*) {
            constants!($($of),*);
            #[inline]
            fn trace<W: Visitor + ?Sized>(&self, visitor: &mut W) {
                $(self.$at.trace(visitor);)*
            }
            #[inline]
            fn trace_mut<W: VisitorMut + ?Sized>(&mut self, visitor: &mut W) {
                $(self.$at.trace_mut(visitor);)*
            }
        }
    };
}
tuples!(A 0);
tuples!(A 0, B 1);
tuples!(A 0, B 1, C 2);
tuples!(A 0, B 1, C 2, D 3);
tuples!(A 0, B 1, C 2, D 3, E 4);
tuples!(A 0, B 1, C 2, D 3, E 4, F 5);
tuples!(A 0, B 1, C 2, D 3, E 4, F 5, G 6);
tuples!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7);
tuples!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8);
tuples!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9);
tuples!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9, K 10);
tuples!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9, K 10, L 11);

// SAFETY: every element is visited.
unsafe impl<'gc, T: Trace<'gc>> Trace<'gc> for [T] {
    constants!(T);
    each!(T, iter, iter_mut);

    const IN_PARTS: bool = true;

    #[inline]
    fn trace_part<W: Visitor + ?Sized>(&self, elements: core::ops::Range<usize>, visitor: &mut W) {
        if let Some(part) = self.get(elements) {
            part.trace(visitor);
        }
    }

    #[inline]
    fn trace_part_mut<W: VisitorMut + ?Sized>(
        &mut self,
        elements: core::ops::Range<usize>,
        visitor: &mut W,
    ) {
        self[elements].iter_mut().for_each(|value| value.trace_mut(visitor));
    }
}

// SAFETY: every element is visited.
unsafe impl<'gc, T: Trace<'gc>, const N: usize> Trace<'gc> for [T; N] {
    constants!(T);
    each!(T, iter, iter_mut);
}

// SAFETY: the value is visited, if there is one.
unsafe impl<'gc, T: Trace<'gc>> Trace<'gc> for Option<T> {
    constants!(T);
    each!(T, iter, iter_mut);
}

// SAFETY: whichever is there is visited.
unsafe impl<'gc, T: Trace<'gc>, E: Trace<'gc>> Trace<'gc> for Result<T, E> {
    constants!(T, E);

    #[inline]
    fn trace<W: Visitor + ?Sized>(&self, visitor: &mut W) {
        match self {
            Ok(value) => value.trace(visitor),
            Err(error) => error.trace(visitor),
        }
    }

    #[inline]
    fn trace_mut<W: VisitorMut + ?Sized>(&mut self, visitor: &mut W) {
        match self {
            Ok(value) => value.trace_mut(visitor),
            Err(error) => error.trace_mut(visitor),
        }
    }
}

/// What is in there and nowhere else.
macro_rules! wrappers {
    ($($(#[$attr:meta])* $of:ty, $to:ty, |$from:ident| $shared:expr, $exclusive:expr;)*) => {$(
        // SAFETY: the content is visited.
        $(#[$attr])* unsafe impl<'gc, T: ?Sized + Trace<'gc>> Trace<'gc> for $of {
            constants!($to);
            #[inline]
            fn trace<W: Visitor + ?Sized>(&self, visitor: &mut W) {
                let $from = self;
                $shared.trace(visitor);
            }
            #[inline]
            fn trace_mut<W: VisitorMut + ?Sized>(&mut self, visitor: &mut W) {
                let $from = self;
                $exclusive.trace_mut(visitor);
            }
        }
    )*};
}
wrappers! {
    #[cfg(feature = "alloc")] alloc::boxed::Box<T>, T, |of| **of, **of;
    core::mem::ManuallyDrop<T>, T, |of| **of, **of;
}

// SAFETY: the number is visited.
unsafe impl<'gc, T: Trace<'gc>> Trace<'gc> for core::num::Wrapping<T> {
    constants!(T);
    #[inline]
    fn trace<W: Visitor + ?Sized>(&self, visitor: &mut W) {
        self.0.trace(visitor);
    }
    #[inline]
    fn trace_mut<W: VisitorMut + ?Sized>(&mut self, visitor: &mut W) {
        self.0.trace_mut(visitor);
    }
}

// SAFETY: the value is visited.
unsafe impl<'gc, T: Trace<'gc>> Trace<'gc> for core::cmp::Reverse<T> {
    constants!(T);
    #[inline]
    fn trace<W: Visitor + ?Sized>(&self, visitor: &mut W) {
        self.0.trace(visitor);
    }
    #[inline]
    fn trace_mut<W: VisitorMut + ?Sized>(&mut self, visitor: &mut W) {
        self.0.trace_mut(visitor);
    }
}

// SAFETY: every element is visited.
#[cfg(feature = "alloc")]
unsafe impl<'gc, T: Trace<'gc>> Trace<'gc> for alloc::vec::Vec<T> {
    constants!(T);
    each!(T, iter, iter_mut);
}

// SAFETY: every element is visited.
#[cfg(feature = "alloc")]
unsafe impl<'gc, T: Trace<'gc>> Trace<'gc> for alloc::collections::VecDeque<T> {
    constants!(T);
    each!(T, iter, iter_mut);
}

// SAFETY: every element is visited.
#[cfg(feature = "alloc")]
unsafe impl<'gc, T: Trace<'gc>> Trace<'gc> for alloc::collections::LinkedList<T> {
    constants!(T);
    each!(T, iter, iter_mut);
}

// SAFETY: either is visited.
#[cfg(feature = "alloc")]
unsafe impl<'gc, T> Trace<'gc> for alloc::borrow::Cow<'static, T>
where
    T: ?Sized + 'static + alloc::borrow::ToOwned<Owned: Trace<'gc>>,
{
    const NEEDS_TRACE: bool = <T::Owned as Trace<'gc>>::NEEDS_TRACE;
    #[inline]
    fn trace<W: Visitor + ?Sized>(&self, visitor: &mut W) {
        if let Self::Owned(owned) = self {
            owned.trace(visitor);
        }
    }
    #[inline]
    fn trace_mut<W: VisitorMut + ?Sized>(&mut self, visitor: &mut W) {
        if let Self::Owned(owned) = self {
            owned.trace_mut(visitor);
        }
    }
}

#[cfg(feature = "smallvec")]
// SAFETY: every element is visited.
unsafe impl<'gc, A: smallvec::Array<Item: Trace<'gc>>> Trace<'gc> for smallvec::SmallVec<A> {
    constants!(A::Item);
    each!(A::Item, iter, iter_mut);
}
