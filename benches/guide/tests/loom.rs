//! The guide's queue, and with `--cfg loom` the queue and the stack below it in one model: the very code of task 5 in `docs/tasks.md`.
//!
//! Weakened: the Release in `push`, or the Acquire in `pop`, made Relaxed: the model fails.
#![cfg(any(not(loom), feature = "loom"))]

mod task {
    #![allow(dead_code)]
    include!(concat!(env!("OUT_DIR"), "/queue.rs"));
    #[cfg(loom)]
    include!(concat!(env!("OUT_DIR"), "/queue_model.rs"));
}
