//! `Trace` for maps and sets.
//!
//! The keys of most maps cannot be seen exclusively, so a moving collector could not rewrite pointers
//! in them: they must be 'static, values need not. `hashbrown::HashTable` shows all that it holds; on it, `gc::Map`
//! and `gc::Set` are built.

#[cfg(any(feature = "alloc", feature = "hashbrown", feature = "indexmap"))]
use crate::gc::{Trace, Visitor, VisitorMut};

#[cfg(any(feature = "alloc", feature = "hashbrown", feature = "indexmap"))]
macro_rules! map {
    ($(#[$attr:meta])* $of:ty $(, $state:ident)?) => {
        $(#[$attr])*
        // SAFETY: every value is visited; a key that is 'static holds no pointer with a brand.
        unsafe impl<'gc, K: 'static, V: Trace<'gc> $(, $state: 'static)?> Trace<'gc> for $of {
            super::constants!(stays; V);
            #[inline]
            fn trace<W: Visitor + ?Sized>(&self, visitor: &mut W) {
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
        // SAFETY: a type that is 'static holds no pointer with a brand.
        unsafe impl<'gc, K: 'static $(, $state: 'static)?> Trace<'gc> for $of { super::leaf!(); }
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
