//! What every collector here shares: pointers, heaps, and the trait by which they see types.
//!
//! Above: the user, who writes types with [`Trace`] and mutations of a [`Heap`]. Below: a
//! [`Collector`], chosen by one type. Not here: any collector, but for the simple `Reference`, on
//! which tests run; counting (`rc-cycle` shares [`Trace`] only).
//!
//! # Mutation or collection
//!
//! Pointers into a heap have a brand: a lifetime that belongs to one mutation and cannot leave it.
//! When a mutation ends, every pointer there is lies in the root, in an object, or in a table of the heap.
//! So that is when a collector may take its turn: drop what nobody reaches, or move what somebody does.
//!
//! # The journey of an object
//!
//! 1. **Made.** `Gc::new` asks the collector for a slot of a [`Shape`], which is a constant, writes the
//!    header and moves the value in (`gc.rs`, `object.rs`).
//! 2. **Read.** A pointer dereferences to the value. There is no test, whatever the collector does meanwhile.
//! 3. **Written.** `Gc::write` tells the collector first, and gives a [`Write`], the key to the [`Lock`]s
//!    in the object (`write.rs`, `lock.rs`). A collector that marks beside the mutation visits the
//!    object before it changes; one with a nursery remembers it.
//! 4. **Visited.** The header leads to the type's record ([`TypeInfo`]), whose functions show the value's
//!    pointers to the collector's visitor: shared, to mark, perhaps on another thread; exclusive, to
//!    rewrite them. Types without pointers have no such functions.
//! 5. **Found dead.** Who watches it learns of it ([`GcWeak`], [`Ephemeron`]); its finaliser gets it
//!    once more (`weak.rs`, `registry.rs`).
//! 6. **Dropped.** The collector runs its destructor, on the heap's thread, and uses the slot again.

mod build;
mod collector;
#[cfg(feature = "std")]
mod dump;
#[cfg(feature = "alloc")]
mod dynamic;
#[expect(clippy::module_inception, reason = "it is the pointer's name")]
mod gc;
mod heap;
mod impls;
mod lock;
#[cfg(feature = "hashbrown")]
pub mod map;
mod object;
mod pauses;
mod pinned;
#[cfg(feature = "conformance")]
mod reference;
mod registry;
mod rootable;
mod send;
#[cfg(feature = "hashbrown")]
pub mod set;
#[cfg(feature = "conformance")]
pub mod suite;
mod trace;
#[cfg(feature = "std")]
mod walk;
mod weak;
mod write;

pub use collector::{Collector, Turn};
#[cfg(feature = "std")]
pub use dump::Dumped;
#[cfg(feature = "alloc")]
pub use dynamic::DynamicRoot;
pub use gc::{Gc, Id};
pub use heap::{Heap, Mutation, View};
pub use lock::{Lock, OnceLock, RefLock};
#[cfg(feature = "hashbrown")]
pub use map::Map;
pub use object::{Object, Shape, Stored, TypeInfo, WORD_BYTES, WithTail, nothing, tag};
pub use pauses::Pauses;
pub use pinned::PinnedGc;
#[cfg(feature = "conformance")]
pub use reference::Reference;
pub use registry::World;
pub use rootable::{Root, Rootable};
#[doc(hidden)]
pub use send::{__Asked, __Otherwise};
pub use send::{SendHeap, Stays};
#[cfg(feature = "hashbrown")]
pub use set::Set;
#[cfg(feature = "std")]
pub use trace::Guard;
pub use trace::{Counted, NeverMoves, Static, Trace, Visitor, VisitorMut};
#[cfg(feature = "std")]
pub use walk::{Count, Path, Seen};
pub use weak::{Ephemeron, GcWeak};
pub use write::Write;

#[cfg(feature = "derive")]
pub use alloc_core_derive::Trace;
