#![doc = include_str!("../README.md")]
#![cfg_attr(not(feature = "std"), no_std)]
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(feature = "std")]
mod cache;
#[cfg(all(
    feature = "hardened",
    unix,
    target_pointer_width = "64",
    not(all(loom, feature = "loom"))
))]
pub mod hardened;
mod heap;
mod resize;
mod table;

/// `Global`, `Vec` and `Box` of allocator-api2 0.4, to which all this belongs; the standard library's are other types.
pub use alloc_core::api2;
#[cfg(all(feature = "std", not(all(loom, feature = "loom"))))]
pub use cache::checked::{Checked, Misuse};
#[cfg(feature = "std")]
pub use cache::{CacheFigures, Instance, Key, ThreadCache};
#[cfg(all(
    feature = "hardened",
    unix,
    target_pointer_width = "64",
    not(all(loom, feature = "loom"))
))]
pub use hardened::Hardened;
pub use heap::{Batch, BatchHeap, Lookup, SizeClassHeap};
pub use table::{
    Class, ClassInfo, ClassTable, Compact, Fine, MAX_CLASSES, MAX_SLOT_BYTES, MAX_SMALL_SLOT_BYTES,
    MIN_SLOT_BYTES, SizeClasses,
};

/// What the macros of this crate name.
#[doc(hidden)]
#[cfg(all(feature = "std", not(all(loom, feature = "loom"))))]
pub mod __private {
    #[cfg(unix)]
    pub use crate::cache::ExitKey;
    pub use crate::cache::{AtExit, EMPTY, Lists, Local, StaticKey};
    #[cfg(all(feature = "hardened", unix, target_pointer_width = "64"))]
    pub use crate::hardened::{
        Key as HardenedKey, Record, Static as HardenedStatic, Thread as HardenedThread,
    };
    pub use alloc_core::AsGlobal;
    pub use alloc_core::sync::light_fence;
}
