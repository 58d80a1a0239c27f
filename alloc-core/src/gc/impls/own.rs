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

/// Structs whose fields all can see.
macro_rules! fields {
    ($($module:ident::$of:ident: $([$field:tt])+;)*) => {$(
        // SAFETY: every field is visited.
        unsafe impl<'gc, T: Trace<'gc>> Trace<'gc> for core::$module::$of<T> {
            constants!(T);
            fields!(visits $($field)+);
        }
    )*};
    (visits $($field:tt)+) => {
        #[inline]
        fn trace<W: Visitor + ?Sized>(&self, visitor: &mut W) {
            $(self.$field.trace(visitor);)+
        }
        #[inline]
        fn trace_mut<W: VisitorMut + ?Sized>(&mut self, visitor: &mut W) {
            $(self.$field.trace_mut(visitor);)+
        }
    };
}
fields! {
    num::Wrapping: [0];
    num::Saturating: [0];
    cmp::Reverse: [0];
    ops::Range: [start] [end];
    ops::RangeFrom: [start];
    ops::RangeTo: [end];
    ops::RangeToInclusive: [end];
}

// SAFETY: a 'static value holds no pointer with a brand, and nobody may change the ends of such a range; its counted
// pointers are shown.
unsafe impl<'gc, T: Trace<'gc> + 'static> Trace<'gc> for core::ops::RangeInclusive<T> {
    constants!(T);
    #[inline]
    fn trace<W: Visitor + ?Sized>(&self, visitor: &mut W) {
        self.start().trace(visitor);
        self.end().trace(visitor);
    }
    #[inline(always)]
    fn trace_mut<W: VisitorMut + ?Sized>(&mut self, _: &mut W) {}
}

/// Enums, by the values in their variants.
macro_rules! variants {
    ($($of:ty, [$($parameter:ident),+]: $($path:path),+;)*) => {$(
        // SAFETY: whichever is there is visited; other variants have no values in them.
        unsafe impl<'gc, $($parameter: Trace<'gc>),+> Trace<'gc> for $of {
            constants!($($parameter),+);
            #[inline]
            fn trace<W: Visitor + ?Sized>(&self, visitor: &mut W) {
                $(if let $path(value) = self { value.trace(visitor); })+
            }
            #[inline]
            fn trace_mut<W: VisitorMut + ?Sized>(&mut self, visitor: &mut W) {
                $(if let $path(value) = self { value.trace_mut(visitor); })+
            }
        }
    )*};
}
use core::ops::{Bound, ControlFlow};
use core::task::Poll;
variants! {
    Bound<T>, [T]: Self::Included, Self::Excluded;
    ControlFlow<B, T>, [B, T]: Self::Break, Self::Continue;
    Poll<T>, [T]: Self::Ready;
}

// SAFETY: the content is visited, and not moved: it is `Trace`'s alone to rewrite pointers in it (T2).
#[cfg(feature = "alloc")]
unsafe impl<'gc, T: ?Sized + Trace<'gc>> Trace<'gc> for core::pin::Pin<alloc::boxed::Box<T>> {
    constants!(T);
    #[inline]
    fn trace<W: Visitor + ?Sized>(&self, visitor: &mut W) {
        (**self).trace(visitor);
    }
    #[inline]
    fn trace_mut<W: VisitorMut + ?Sized>(&mut self, visitor: &mut W) {
        // SAFETY: see above.
        unsafe { self.as_mut().get_unchecked_mut() }.trace_mut(visitor);
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
    const HOLDS_COUNTED: bool = <T::Owned as Trace<'gc>>::HOLDS_COUNTED;
    const MAY_CYCLE: bool = <T::Owned as Trace<'gc>>::MAY_CYCLE;
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
