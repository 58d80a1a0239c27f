#![doc = include_str!("../README.md")]
//!
//! # The rooms
//!
//! A call of a program goes down through these files, and each owns one concern:
//!
//! | file | what it owns |
//! |---|---|
//! | `malloc.rs`, `aligned.rs`, `cxx.rs`, `info.rs` | the symbols, by family: what C, POSIX and C++ promise |
//! | `gate.rs` | the one test of the hit path: an ordinary size, an address, no detour |
//! | `detour.rs` | the way of a call that is recorded or watched |
//! | `stack.rs` | the stack itself, and the three verbs that the symbols are made of |
//! | `foreign.rs` | addresses that are not ours, and symbols of the next library |
//! | `errno.rs` | the C error word |
//! | `record.rs` | the trace of the program's allocations |
//! | `watch/` | heap profile, leaks, guard pages: the stack that a watched program has instead |
//! | `hardened.rs` | the hardened stack, in the place of the default one |
//! | `report.rs` | the report at exit |
//! | `idle.rs` | the thread that gives memory back while nothing is allocated, if it is wished for |
//! | `fork.rs`, `life.rs` | a forked child; the process's beginning and end |
//!
//! Below: `alloc-sizeclass` over `alloc-arena`. Not here: any allocation mechanism.

mod aligned;
mod cxx;
mod detour;
mod errno;
mod foreign;
mod fork;
mod gate;
mod hardened;
mod idle;
mod info;
mod life;
mod malloc;
mod record;
mod report;
mod stack;
mod watch;
