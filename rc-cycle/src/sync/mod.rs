//! Counted pointers for many threads, as std's `Arc`, whose cycles a thread in the background frees.
//!
//! ```
//! use alloc_core::gc::Trace;
//! use rc_cycle::sync::{Cc, collect};
//! use std::sync::Mutex;
//!
//! #[derive(Trace)]
//! struct Node(Mutex<Option<Cc<Node>>>);
//!
//! let node = Cc::new(Node(Mutex::new(None)));
//! *node.0.lock().unwrap() = Some(node.clone());
//! std::thread::spawn(move || drop(node)).join().unwrap();
//! assert_eq!(collect(), 1); // or the thread, a little later
//! ```

// Above: the user. Below, each using those after it: `collector.rs`, when candidates are listed, and the steps;
// `worker.rs`, the thread; `graph.rs`, `ends.rs`, what a step finds; `lists.rs`, candidates; `tally.rs`, `word.rs`, counts.

mod collector;
mod ends;
mod graph;
mod lists;
pub(crate) mod tally;
mod word;
#[cfg(not(loom))]
mod worker;

#[cfg(feature = "census")]
pub use collector::census;
#[cfg(loom)]
#[doc(hidden)]
pub use collector::judge;
pub use collector::{collect, collect_some, figures, report, set_pace};

use crate::pointer::Pointer;
use crate::weak::WeakPointer;
use crate::words::Shared;
use alloc_core::api2::alloc::Global;

/// A counted pointer for many threads, as std's `Arc`.
pub type Cc<T, A = Global> = Pointer<T, A, Shared>;
/// Its weak pointer.
pub type Weak<T, A = Global> = WeakPointer<T, A, Shared>;
