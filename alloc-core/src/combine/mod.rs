//! Combinators: layers that change what the layers below them do, and know no memory of their own.
//!
//! Above: whoever composes a stack. Below: one layer or two. One file for each; here is only what
//! several of them need.
//!
//! | combinator | in one line |
//! |---|---|
//! | [`Fallback`] | the first layer; when it refuses, the second |
//! | [`Segregate`] | small requests to one layer, large ones to another |
//! | [`Limit`] | refuses what would make more than so many bytes live |
//! | [`Reclaiming`] | on a refusal: gives back what is cached below, and tries again |
//! | [`Observe`] | counts operations, bytes, sizes |
//! | [`Locked`] | makes a layer for one thread one for many |
//! | [`Null`] | refuses everything |
//! | [`Failing`] | refuses by schedule: fault injection |
//! | [`AsGlobal`] | any layer as `#[global_allocator]` |

mod as_global;
mod failing;
mod fallback;
mod limit;
mod locked;
mod null;
mod observe;
mod reclaiming;
mod segregate;

pub use as_global::AsGlobal;
pub use failing::{Failing, Schedule};
pub use fallback::Fallback;
pub use limit::Limit;
pub use locked::Locked;
pub use null::Null;
pub use observe::{Figures, Observe};
pub use reclaiming::Reclaiming;
pub use segregate::Segregate;

use crate::{AllocError, Allocator, Layer};
use core::alloc::Layout;
use core::ops::Range;
use core::ptr::NonNull;

/// Copies an allocation into `new`, which is larger or smaller, and frees the old one: what a grow
/// or shrink does that leads from one layer to another.
///
/// # Safety
///
/// `ptr` is live in `old_layer`, and `old` fits it; `new` is a live allocation of its own, of at
/// least `bytes` bytes; `bytes <= old.size()`.
unsafe fn move_into(
    new: NonNull<[u8]>,
    bytes: usize,
    old_layer: &impl Allocator,
    ptr: NonNull<u8>,
    old: Layout,
) {
    // SAFETY: both are live, distinct, and at least `bytes` long (the caller's promise); the old
    // one is not used after it is freed here.
    unsafe {
        new.cast::<u8>().copy_from_nonoverlapping(ptr, bytes);
        old_layer.deallocate(ptr, old);
    }
}

/// Zeroes the bytes `from..to` of an allocation, if there are any.
///
/// A layer that cuts its parent's slices has to do so after `grow_zeroed`: the parent zeroes only
/// what lies beyond the slice that *it* had handed out, and the bytes between the cut and that
/// end were never the caller's.
///
/// # Safety
///
/// `to` is at most the length of the live allocation at `ptr`.
pub(crate) unsafe fn zero(ptr: NonNull<u8>, from: usize, to: usize) {
    if from < to {
        // SAFETY: the caller's promise.
        unsafe { ptr.add(from).write_bytes(0, to - from) }
    }
}

/// The range of two layers side by side: they have one only if it is the same.
fn common_range(a: &impl Layer, b: &impl Layer) -> Option<Range<usize>> {
    a.range().filter(|range| b.range().as_ref() == Some(range))
}

/// Gives back `goal_bytes` from one layer, then what is missing from the other (of no bytes, both what
/// is due).
fn reclaim_both(goal_bytes: usize, first: &impl Layer, second: &impl Layer) -> usize {
    let given = first.reclaim(goal_bytes);
    if given >= goal_bytes && goal_bytes > 0 {
        return given;
    }
    given.saturating_add(second.reclaim(goal_bytes.saturating_sub(given)))
}

/// Discards a part of an allocation that lies on one of two sides. A side that owns the address may
/// not be the one (on a common ground, or if it cannot tell); then it leaves the bytes alone.
///
/// # Safety
///
/// As for [`Layer::discard`], of a layer that consists of the two.
unsafe fn discard_either(
    ptr: NonNull<u8>,
    bytes: usize,
    first: &impl Layer,
    second: &impl Layer,
) -> usize {
    let given_bytes = if first.owns(ptr) {
        // SAFETY: the caller's promise: the allocation is this side's, or on the same ground.
        unsafe { first.discard(ptr, bytes) }
    } else {
        0
    };
    if given_bytes == 0 && second.owns(ptr) {
        // SAFETY: as above.
        return unsafe { second.discard(ptr, bytes) };
    }
    given_bytes
}

/// The one refusal.
const REFUSED: Result<NonNull<[u8]>, AllocError> = Err(AllocError);
