//! Counted pointers: a clone and its drop, of rc-cycle and of std.
//!
//! Above: `mod.rs`. Below: `rc_cycle::Cc` and `Rc`, `rc_cycle::sync::Cc` and `Arc`. Another pointer stays, so nothing is
//! freed. A leaf cannot be part of a cycle: a `Cc` to it may take no more than `Rc` does. A drop of a pointer to a node looks
//! whether the node is a candidate already, which it is from the first round on.

use super::Path;
use alloc_core::gc::Trace;
use rc_cycle::{Cc, sync};
use std::cell::RefCell;
use std::hint::black_box;
use std::rc::Rc;
use std::sync::{Arc, Mutex};

pub(super) const PATHS: &[Path] = &[
    Path::new("rc/clone-drop-std", "clone and drop of std's Rc", |rounds| {
        turns(Rc::new(1), rounds)
    })
    .at_most(RC),
    Path::new("rc/clone-drop-leaf", "the same of a Cc to a number", |rounds| {
        turns(Cc::new(1), rounds);
    })
    .at_most(RC),
    Path::new("rc/clone-drop-cyclic", "the same to what may be in a cycle", |rounds| {
        turns(Cc::new(Node(RefCell::default())), rounds);
    }),
    Path::new("arc/clone-drop-std", "clone and drop of std's Arc", |rounds| {
        turns(Arc::new(1), rounds);
    }),
    Path::new("arc/clone-drop-leaf", "the same of a sync::Cc to a number", |rounds| {
        turns(sync::Cc::new(1), rounds);
    }),
    Path::new("arc/clone-drop-cyclic", "the same to what may be in a cycle", |rounds| {
        turns(sync::Cc::new(Shared(Mutex::default())), rounds);
    }),
];

/// What std's takes, and a pointer to a leaf may.
const RC: f64 = 5.0;

#[derive(Trace)]
struct Node(RefCell<Option<Cc<Node>>>);

#[derive(Trace)]
struct Shared(Mutex<Option<sync::Cc<Shared>>>);

#[inline(never)]
fn turns<P: Clone>(pointer: P, rounds: usize) {
    for _ in 0..rounds {
        drop(black_box(pointer.clone()));
    }
}
