//! Layers that watch a program: who allocates how much, what is never freed, who breaks memory.
//!
//! Above: whoever composes a stack. Below: one layer. Each has a feature of its own.
//!
//! | layer | feature | what it watches |
//! |---|---|---|
//! | `Profile` | `profile` | a few allocations, drawn by bytes: a heap profile in pprof's format |
//! | `Leaks` | `leaks` | every allocation: what is live, by call site |
//! | `Sampled` | `sampled` | one allocation in many, between guard pages |
//! | `Memcheck` | `valgrind` | every allocation, by telling valgrind of it |
//!
//! What the first three share: `draw.rs` decides which allocation is watched; `calls.rs` asks who allocates, by `unwind.rs` and `rules.rs`; `ledger.rs`
//! holds call sites and live allocations, in `map.rs` and `row.rs`, whose memory is the layer's below.
//! Three things keep a watcher from watching itself: its tables never allocate from the program's allocator;
//! no lock is held while a call stack is read or a report is written; and what a thread allocates
//! while it is inside a watcher ([`calls::Inside`]) is not watched.
//!
//! Not here: figures without call sites (`Observe`, in `combine`).

#[cfg(any(feature = "calls", feature = "profile", feature = "leaks", feature = "sampled"))]
pub(crate) mod calls;
#[cfg(any(feature = "profile", all(feature = "sampled", unix)))]
mod draw;
#[cfg(feature = "leaks")]
pub mod leaks;
#[cfg(any(feature = "profile", feature = "leaks"))]
mod ledger;
#[cfg(any(feature = "profile", feature = "leaks"))]
mod map;
#[cfg(feature = "valgrind")]
mod memcheck;
#[cfg(feature = "profile")]
pub mod profile;
#[cfg(any(feature = "profile", feature = "leaks"))]
mod row;
#[cfg(all(
    any(feature = "calls", feature = "profile", feature = "leaks", feature = "sampled"),
    all(target_os = "linux", target_env = "gnu", target_arch = "x86_64", not(miri))
))]
mod rules;
#[cfg(all(feature = "sampled", unix))]
mod sampled;
#[cfg(any(feature = "calls", feature = "profile", feature = "leaks", feature = "sampled"))]
#[cfg_attr(
    not(all(target_os = "linux", target_env = "gnu", target_arch = "x86_64", not(miri))),
    path = "unwind_elsewhere.rs"
)]
mod unwind;
#[cfg(feature = "valgrind")]
mod valgrind;

#[cfg(feature = "valgrind")]
pub use memcheck::Memcheck;
#[cfg(all(feature = "sampled", unix))]
pub use sampled::Sampled;
