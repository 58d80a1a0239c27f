//! The guide's queue and the stack below it in one model: the very code of task 5 in `docs/tasks.md`.
//!
//! Weakened: the Release in `push`, or the Acquire in `pop`, made Relaxed: the model fails.
#![cfg(all(loom, feature = "loom"))]

mod task {
    #![allow(dead_code)]
    include!(concat!(env!("OUT_DIR"), "/queue.rs"));
}
