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

// Above: the user. Below: `word.rs`, the counts; `collector.rs`, the steps; `worker.rs`, the thread.

mod collector;
mod ends;
mod graph;
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

use crate::kind::Shared;
use crate::pointer::Pointer;
use crate::weak::WeakPointer;
use alloc_core::api2::alloc::Global;

/// A counted pointer for many threads, as std's `Arc`.
pub type Cc<T, A = Global> = Pointer<T, A, Shared>;
/// Its weak pointer.
pub type Weak<T, A = Global> = WeakPointer<T, A, Shared>;
