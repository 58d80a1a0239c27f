//! Keys: names of values in a pool that outlive them without harm.
//!
//! In `handle.rs`: [`Key`] itself. In `pool.rs`: [`KeyPool`], which gives them out. In `iter.rs`: ways
//! through its values. In `list.rs`: which slots are free.
//!
//! ```text
//!   | value | value | link  | value |  …   slots
//!   |   1   |   5   |   4   |   1   |  …   versions: odd while a value lives
//!              ▲
//!   Key { index: 1, version: 5 }
//! ```
//!
//! Rules:
//! * R1: the version of a slot below `fresh_slots` is written; it is odd if and only if the slot holds a
//!   value. Each insertion and each removal adds 1.
//! * R2: a key has an odd version. So it leads to a value if and only if its version is the slot's.
//! * R3: a slot whose version cannot grow is retired: its version is 0, and it is in the list no more.

mod handle;
mod iter;
mod list;
mod pool;
#[cfg(all(test, feature = "alloc"))]
mod tests;

pub use handle::Key;
pub use iter::{Drain, Iter, IterMut, Keys};
pub use pool::KeyPool;
pub(crate) use pool::layout;
