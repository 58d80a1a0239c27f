//! Pools for many threads: `SyncPool` of values, `ObjectPool` of objects that are used again.
//!
//! Above: the user. Below: one run from the layer below.
//!
//! ```text
//!   alloc, get    1  take from the shard's list: no atomic instruction (`shared.rs`, `shard.rs`)
//!                 2  refill: a batch from the global store, one exchange (`store.rs`: `stack.rs` or `queue.rs`)
//!                 3  gather what lies in other threads' shards; then it is said whether the pool is full (`gather.rs`)
//!                 4  wait: who frees hands its slot over (`wait.rs`, `waiting.rs`, `future.rs`)
//!   drop          1  give to the shard's list     2  flush a batch     3, 4  shared: to the global store, or a waiter
//! ```
//!
//! A free slot is at one of three places: in a list of a shard, in the global store, or with the thread that moves it
//! between the two. A pool's `mode` says who may touch the lists.
//!
//! | `mode` | lists of a shard | allocations and frees | who leaves it |
//! |---|---|---|---|
//! | private | their thread's, while it is busy | steps 1 and 2 | who finds no slot: gathering |
//! | gathering | the gathering thread's, once their thread is not busy | the global store; who finds none waits | the gathering thread: shared |
//! | shared | empty | the global store; waiters | a free: private (and the mode's count goes up) |
//!
//! | field | written by | read by |
//! |---|---|---|
//! | `Shard::busy` | its thread | a gathering thread |
//! | `Shard::lists`, `lens` | who owns the lists | the same; figures read `lens` |
//! | `Shared::mode` | exchanges from state to state; in gathering, that thread | everybody |
//! | `Waiters::queue`, `Waiter::entry` | who has its lock | the same |
//! | `Waiters::count` | who has the queue's lock | frees (R7) |
//!
//! # Rules
//!
//! * **R1, busy.** A thread sets `busy` of its shard, passes a light fence, and reads the mode. If that is private, it owns
//!   the shard's lists until it clears `busy`. Refills and flushes are within: when nobody is busy, no slot is between
//!   a list and the store. No code of the user runs meanwhile.
//! * **R2, gathering.** Who changes the mode from private to gathering passes a heavy fence, and reads `busy` of each shard
//!   until it is false. From then on it owns the shard's lists: who becomes busy later sees the mode. Between R1 and R2
//!   lies the pattern that needs full fences (`light_fence`, `heavy_fence`). Where there is no heavy fence, a pool has no
//!   shards, and is shared for good. Threads without a shard, which now and then move slots within the store, have a
//!   count and a full fence in place of the flag and the light one.
//! * **R3, shared.** It moves all slots to the global store, and makes the mode shared. So long as this lasts, each
//!   free slot is in the global store, or one thread's that is about to free it.
//! * **R4, private again.** From shared to private only under the lock of the waiters' queue, and only if that is empty.
//! * **R5, waiters** join the queue only while the mode is shared, under its lock. So, by R4, it is shared as long as
//!   somebody waits, and no free misses a waiter for using its shard.
//! * **R6, verdict.** A pool is full if the global store was found empty between two reads of the same shared mode. (An
//!   exchange that empties the store releases: who sees it empty sees that the mode changed before.)
//! * **R7, no lost wake-up.** A free puts its slot into the store, passes a full fence, and reads the number of waiters. A
//!   waiter is counted, passes a full fence, and looks for slots. One of the two sees the other.
//! * **R8, hand-over.** Slots for waiters are taken from the store, and handed over, under the queue's lock, to whom waits
//!   longest. From then on the slot is the waiter's, which has to take it or give it back (`Waiting`).
//!
//! Threads find their shard by a number (`thread.rs`, N1 and N2); the store has rules of its own (`store.rs`, B1 and
//! B2; `stack.rs`, T1 to T3; `queue.rs`, Q1 to Q4).

mod boxes;
mod builder;
mod figures;
#[cfg(feature = "async")]
mod future;
mod gather;
mod mode;
mod objects;
mod pool;
mod queue;
mod row;
mod shard;
mod shared;
mod stack;
mod store;
mod thread;
mod wait;
mod waiting;

pub use boxes::{ArcBox, HeldBox, HeldPool, SlotOf, SyncBox};
pub use builder::{Builder, Order};
pub use figures::SyncFigures;
#[cfg(feature = "async")]
pub use future::{Alloc, Get};
pub use objects::{Object, ObjectPool};
pub use pool::SyncPool;
#[doc(hidden)]
pub use shared::Shared;
