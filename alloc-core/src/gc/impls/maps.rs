//! `Trace` for maps and sets.
//!
//! The keys of most maps cannot be seen exclusively, so a moving collector could not rewrite pointers
//! in them: they must be 'static, values need not. Who counts is shown the counted pointers in them, which it does not
//! rewrite. `hashbrown::HashTable` shows all that it holds; on it, `gc::Map` and `gc::Set` are built.

#[cfg(any(feature = "alloc", feature = "hashbrown", feature = "indexmap"))]
use crate::gc::{Trace, Visitor, VisitorMut};

/// Whether keys hold counted pointers that somebody may want to see.
#[cfg(any(feature = "alloc", feature = "hashbrown", feature = "indexmap"))]
macro_rules! keys_count {
    ($key:ty) => {
        <$key as Trace<'gc>>::NEEDS_TRACE && <$key as Trace<'gc>>::HOLDS_COUNTED
    };
}

#[cfg(any(feature = "alloc", feature = "hashbrown", feature = "indexmap"))]
macro_rules! map {
    ($(#[$attr:meta])* $of:ty $(, $state:ident)?) => {
        $(#[$attr])*
        // SAFETY: every value is visited; a key that is 'static holds no pointer with a brand, and its counted pointers
        // are shown to who counts.
        unsafe impl<'gc, K, V: Trace<'gc> $(, $state: 'static)?> Trace<'gc> for $of
        where
            K: Trace<'gc> + 'static,
        {
            const NEEDS_TRACE: bool = keys_count!(K) || V::NEEDS_TRACE;
            const HOLDS_COUNTED: bool = K::HOLDS_COUNTED || V::HOLDS_COUNTED;
            const MAY_CYCLE: bool = K::MAY_CYCLE || V::MAY_CYCLE;
            #[inline]
            fn trace<W: Visitor + ?Sized>(&self, visitor: &mut W) {
                if keys_count!(K) && visitor.counts() {
                    self.keys().for_each(|key| key.trace(visitor));
                }
                if V::NEEDS_TRACE {
                    self.values().for_each(|value| value.trace(visitor));
                }
            }
            #[inline]
            fn trace_mut<W: VisitorMut + ?Sized>(&mut self, visitor: &mut W) {
                if V::NEEDS_TRACE {
                    self.values_mut().for_each(|value| value.trace_mut(visitor));
                }
            }
        }
    };
}

#[cfg(any(feature = "alloc", feature = "hashbrown", feature = "indexmap"))]
macro_rules! set {
    ($(#[$attr:meta])* $of:ty $(, $state:ident)?) => {
        $(#[$attr])*
        // SAFETY: a type that is 'static holds no pointer with a brand; its counted pointers are shown to who counts.
        unsafe impl<'gc, K: Trace<'gc> + 'static $(, $state: 'static)?> Trace<'gc> for $of {
            const NEEDS_TRACE: bool = keys_count!(K);
            const HOLDS_COUNTED: bool = K::HOLDS_COUNTED;
            const MAY_CYCLE: bool = K::MAY_CYCLE;
            #[inline]
            fn trace<W: Visitor + ?Sized>(&self, visitor: &mut W) {
                if keys_count!(K) && visitor.counts() {
                    self.iter().for_each(|key| key.trace(visitor));
                }
            }
            #[inline(always)]
            fn trace_mut<W: VisitorMut + ?Sized>(&mut self, _: &mut W) {}
        }
    };
}

#[cfg(feature = "alloc")]
map!(alloc::collections::BTreeMap<K, V>);
#[cfg(feature = "alloc")]
set!(alloc::collections::BTreeSet<K>);
#[cfg(feature = "alloc")]
set!(alloc::collections::BinaryHeap<K>);
#[cfg(feature = "std")]
map!(std::collections::HashMap<K, V, S>, S);
#[cfg(feature = "std")]
set!(std::collections::HashSet<K, S>, S);

#[cfg(feature = "hashbrown")]
map!(hashbrown::HashMap<K, V, S>, S);
#[cfg(feature = "hashbrown")]
set!(hashbrown::HashSet<K, S>, S);
#[cfg(feature = "hashbrown")]
// SAFETY: every entry is visited.
unsafe impl<'gc, T: Trace<'gc>> Trace<'gc> for hashbrown::HashTable<T> {
    super::constants!(T);
    super::each!(T, iter, iter_mut);
}

#[cfg(feature = "indexmap")]
map!(indexmap::IndexMap<K, V, S>, S);
#[cfg(feature = "indexmap")]
set!(indexmap::IndexSet<K, S>, S);
