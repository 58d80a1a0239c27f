#![doc = include_str!("../README.md")]
#![cfg_attr(not(feature = "std"), no_std)]
#![cfg_attr(docsrs, feature(doc_cfg))]

extern crate alloc;

#[cfg(feature = "census")]
mod census;
mod cycles;
mod dynamic;
mod figures;
mod grave;
mod header;
mod kind;
mod local;
mod mutate;
mod name;
mod pacer;
mod pointer;
mod slices;
mod step;
#[cfg(feature = "std")]
pub mod sync;
mod target;
mod thread;
mod traits;
mod trial;
mod visit;
mod weak;

#[cfg(feature = "census")]
pub use census::{Count, census};
pub use cycles::{Progress, collect, collect_some, figures, report, set_pace, set_trace};
#[doc(hidden)]
pub use dynamic::Unsize as __Unsize;
pub use figures::{Figures, Found};
#[cfg(feature = "std")]
pub use kind::Shared;
pub use kind::{Admits, Kind, Local};
pub use mutate::Cloned;
pub use pacer::Pace;
pub use pointer::Pointer;
pub use target::Target;
pub use thread::assume_one_thread;
pub use visit::Visit;
pub use weak::WeakPointer;

use alloc_core::api2::alloc::Global;

/// A counted pointer for one thread, as std's `Rc`.
pub type Cc<T, A = Global> = Pointer<T, A, Local>;
/// Its weak pointer.
pub type Weak<T, A = Global> = WeakPointer<T, A, Local>;
