//! In the place of `unwind.rs` where nobody knows rules of frames: all is left to the other unwinder.
//!
//! Above: `calls.rs`. Below: nothing.

pub(super) const fn prepare() {}

pub(super) fn walk(_: impl FnMut(usize, usize) -> bool) -> bool {
    false
}
