//! The pools, each behind [`View`](super::View) by the way that its documentation recommends.
//!
//! Above: `contestants`. In `by_hand`: lists of free slots as a program would write them. In `keyed`: pools whose handles are
//! keys. In `objects`: pools of objects that stay alive, in which a program overwrites what was there. In `boxes`: pools
//! that hand out boxes. In `heap`: no pool at all, but `malloc`. In `ours`: pool-prealloc's.

mod boxes;
mod by_hand;
mod heap;
mod keyed;
mod objects;
mod ours;

pub(super) use boxes::{Blocks, TypedArena};
#[cfg(feature = "plurality")]
pub(super) use boxes::{LockedPlurality, Plurality, plurality_passing};
pub(super) use by_hand::{List, LocalList, Queue, Stack};
pub(super) use heap::Heap;
pub(super) use keyed::{ShardedSlab, Slab, SlotMap};
pub(super) use objects::{Linear, Objects, Opool, OpoolLocal};
pub(super) use ours::{BlockPool, KeyPool, OwnPool, StaticPool, SyncPool};

/// A pool of which a thread needs no more than a reference.
macro_rules! by_reference {
    ($pool:ty, |$capacity:ident| $make:expr) => {
        impl $crate::pools::Pool for $pool {
            type View<'p> = &'p Self;
            fn with_capacity($capacity: usize) -> Self {
                $make
            }
            fn view(&mut self) -> &Self {
                self
            }
        }
    };
}

/// A pool that has to be borrowed alone.
macro_rules! by_exclusive_reference {
    ($pool:ty, |$capacity:ident| $make:expr) => {
        impl $crate::pools::Pool for $pool {
            type View<'p> = &'p mut Self;
            fn with_capacity($capacity: usize) -> Self {
                $make
            }
            fn view(&mut self) -> &mut Self {
                self
            }
        }
    };
}

use {by_exclusive_reference, by_reference};

/// The word of a value, whose owner ends here.
#[inline(always)]
fn last_word(value: impl std::ops::Deref<Target = super::Value>) -> u64 {
    value.word
}
