//! The header of a span: its fields, and how long it is.
//!
//! Above: spans; the classes, which begin behind it. Below: atomics.
//!
//! Fields and their owners: `lane`, `run_bytes`, `object` are written before the span's memory is
//! handed out, and after the last object in it is dead; who has an object may read them. `next` and
//! `live_slots` belong to the span's owner (rule R1). They are atomics so that a stray read is no
//! race; all accesses but those of the bitmaps are Relaxed, ordered by the lists' lock.

use alloc_core::sync::{AtomicPtr, AtomicU32, AtomicU64, AtomicUsize};

/// The header, at the beginning of the run.
#[repr(C, align(64))]
pub(super) struct Span<const KIB: usize> {
    pub next: AtomicPtr<Span<KIB>>,
    pub lane: AtomicUsize,
    /// What the layer below was asked for.
    pub run_bytes: AtomicUsize,
    /// Of a large object: where it begins, from the beginning of the run.
    pub object: AtomicUsize,
    pub live_slots: AtomicU32,
    pub planes: [[AtomicU64; KIB]; 3],
}

/// Bytes of a header.
pub(super) const fn header_bytes<const KIB: usize>() -> usize {
    size_of::<Span<KIB>>()
}

const _: () = {
    // What `mod.rs` says of the overhead, and `Classes` of what is left.
    assert!(cfg!(all(loom, feature = "loom")) || header_bytes::<64>() == 64 + 3 * 512);
    assert!(header_bytes::<1>() <= 512);
};
