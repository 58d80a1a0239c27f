#![doc = include_str!("../README.md")]
#![cfg_attr(not(feature = "std"), no_std)]
#![cfg_attr(docsrs, feature(doc_cfg))]

// The files, from the ground up; each uses those before it, and none that comes after:
//
//   words     `words.rs`, `local.rs`, `sync/word.rs`: the counts of a box, and what their bits say
//   boxes     `visit.rs`, `target.rs`, `header.rs`, `kind.rs`: all of a box; what its type and its kind have to tell
//   threads   `pacer.rs`, `figures.rs`, `census.rs`, `candidates.rs`, `sync/tally.rs`, `thread.rs`: of many boxes
//   steps     `grave.rs`; `trial.rs`, `step.rs`, `cycles.rs`; `lists.rs` to `collector.rs` in `sync`: how values end
//   pointers  `pointer.rs`; `weak.rs`, `slices.rs`, `traits.rs`, `dynamic.rs`, `mutate.rs`, `print.rs`: what users see
//
// What a pointer leaves that goes is told to a `Kind`, whose implementations stand with the steps (`cycles.rs`,
// `sync/collector.rs`); so does what is done when a thread ends, its `Drop`.

extern crate alloc;

mod candidates;
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
mod pacer;
mod pointer;
mod print;
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
mod words;

#[cfg(feature = "census")]
pub use census::Count;
#[cfg(feature = "census")]
pub use cycles::census;
pub use cycles::{collect, collect_some, figures, report, set_pace, set_trace};
#[doc(hidden)]
pub use dynamic::Unsize as __Unsize;
pub use figures::{Figures, Found, Progress};
pub use kind::{Admits, Kind};
pub use mutate::Cloned;
pub use pacer::Pace;
pub use pointer::Pointer;
pub use target::Target;
pub use thread::assume_one_thread;
pub use visit::Visit;
pub use weak::WeakPointer;
pub use words::Local;
#[cfg(feature = "std")]
pub use words::Shared;

use alloc_core::api2::alloc::Global;

/// A counted pointer for one thread, as std's `Rc`.
pub type Cc<T, A = Global> = Pointer<T, A, Local>;
/// Its weak pointer.
pub type Weak<T, A = Global> = WeakPointer<T, A, Local>;
