//! alloc-arena's bump, over two layers.
//!
//! Above: the measures. Below: `Bump`, over the global allocator and over pages of the system.

use super::{Alloc, Arena};
use alloc_arena::Bump;
use alloc_core::api2::alloc::Global;

/// What stands under [`OverArena`].
pub(in crate::arenas) type Pages = alloc_arena::Arena<alloc_arena::Os>;

/// Pages of the system, as a program gets them that asks for nothing particular.
pub(in crate::arenas) const fn below_arena() -> Pages {
    alloc_arena::Arena::new(alloc_arena::Os::new())
}

/// `Bump` over the global allocator.
pub(in crate::arenas) type OverGlobal = Bump<Global>;

/// `Bump` over pages of the system.
pub(in crate::arenas) type OverArena = Bump<Pages>;

macro_rules! bump {
    ($bump:ty, $below:expr) => {
        impl Arena for $bump {
            fn for_bytes(_bytes: usize) -> Self {
                Bump::new($below)
            }
            #[inline(always)]
            fn reset(&mut self) {
                Bump::reset(self);
            }
        }

        impl<T: Copy> Alloc<T> for $bump {
            #[inline(always)]
            fn alloc(&self, value: T) -> &mut T {
                Bump::alloc(self, value)
            }
        }
    };
}

bump!(OverGlobal, Global);
bump!(OverArena, below_arena());
