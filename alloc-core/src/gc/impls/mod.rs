//! `Trace` for the types of the standard library, and behind features for those of other crates.
//!
//! Above: the user's types. Below: `trace.rs`. `leaves.rs`: types that hold nothing. `own.rs`: types that
//! own their content. `maps.rs`: maps. `cells.rs`: cells, which may hold counted pointers only.
//!
//! What is refused here: `Rc` and `Arc` of traced pointers (rule T3), `Cell` and `RefCell` of them
//! (no barrier), keys with traced pointers in maps that cannot show their keys exclusively
//! (`gc::Map` can).

mod cells;
mod leaves;
mod maps;
mod own;

/// The constants of a type that contains the given ones.
macro_rules! constants {
    ($($of:ty),*) => {
        $crate::gc::impls::constants!(stays; $($of),*);
        const SENDS: bool = true $(&& <$of as $crate::gc::Trace<'gc>>::SENDS)*;
    };
    // Of a type that contains others, too, of which nothing is known.
    (stays; $($of:ty),*) => {
        const NEEDS_TRACE: bool = false $(|| <$of as $crate::gc::Trace<'gc>>::NEEDS_TRACE)*;
        const HOLDS_COUNTED: bool = false $(|| <$of as $crate::gc::Trace<'gc>>::HOLDS_COUNTED)*;
        const MAY_CYCLE: bool = false $(|| <$of as $crate::gc::Trace<'gc>>::MAY_CYCLE)*;
    };
}

/// What a type without traced pointers implements; `sends`: of which all values may change threads.
macro_rules! leaf {
    (sends) => {
        const SENDS: bool = true;
        $crate::gc::impls::leaf!();
    };
    () => {
        const NEEDS_TRACE: bool = false;
        const HOLDS_COUNTED: bool = false;
        const MAY_CYCLE: bool = false;
        #[inline(always)]
        fn trace<V: $crate::gc::Visitor + ?Sized>(&self, _: &mut V) {}
        #[inline(always)]
        fn trace_mut<V: $crate::gc::VisitorMut + ?Sized>(&mut self, _: &mut V) {}
    };
}

/// Visits each item, if items can hold pointers.
macro_rules! each {
    ($item:ty, $iter:ident, $iter_mut:ident) => {
        #[inline]
        fn trace<W: $crate::gc::Visitor + ?Sized>(&self, visitor: &mut W) {
            if <$item as $crate::gc::Trace<'gc>>::NEEDS_TRACE {
                self.$iter().for_each(|item| item.trace(visitor));
            }
        }
        #[inline]
        fn trace_mut<W: $crate::gc::VisitorMut + ?Sized>(&mut self, visitor: &mut W) {
            if <$item as $crate::gc::Trace<'gc>>::NEEDS_TRACE {
                self.$iter_mut().for_each(|item| item.trace_mut(visitor));
            }
        }
    };
}

use {constants, each, leaf};
