//! A part of a stack as a fork sees it: where it is, and how it is frozen.
//!
//! Above: `order.rs`. Below: [`Layer`]. A model includes this file.

use alloc_core::Layer;
use core::mem::MaybeUninit;

/// A pointer to a layer whose type is forgotten: a `*const A`, which is one word or two.
type Pointer = MaybeUninit<[*const (); 2]>;

/// A layer, with what it stands on by value.
#[derive(Clone, Copy)]
pub struct Part {
    pointer: Pointer,
    address: usize,
    bytes: usize,
    freeze: unsafe fn(Pointer),
    thaw: unsafe fn(Pointer),
}

// SAFETY: a part is a pointer that only the unsafe `freeze` and `thaw` follow, whose callers answer for the thread.
unsafe impl Send for Part {}

impl Part {
    /// The part that `layer` is the top of.
    pub fn of<A: Layer + ?Sized>(layer: &A) -> Self {
        const { assert!(size_of::<*const A>() <= size_of::<Pointer>()) };
        const { assert!(align_of::<*const A>() <= align_of::<Pointer>()) };
        let mut pointer = Pointer::uninit();
        let layer: *const A = layer;
        // SAFETY: it is large enough, and aligned (asserted above).
        unsafe { pointer.as_mut_ptr().cast::<*const A>().write(layer) };
        Self {
            pointer,
            address: layer.addr(),
            // SAFETY: it was a reference.
            bytes: size_of_val(unsafe { &*layer }),
            freeze: freeze::<A>,
            thaw: thaw::<A>,
        }
    }

    /// Whether it is the same one. A layer and a wrapper of it that has nothing else are the same; what has no bytes is
    /// nowhere, and like nothing.
    pub fn is(&self, other: &Self) -> bool {
        self.bytes > 0 && (self.address, self.bytes) == (other.address, other.bytes)
    }

    /// # Safety
    ///
    /// The layer lives; otherwise as for `Layer::freeze`.
    pub unsafe fn freeze(&self) {
        // SAFETY: the function is that of the pointer's type (`of`); the caller's promise.
        unsafe { (self.freeze)(self.pointer) }
    }

    /// # Safety
    ///
    /// The layer lives; otherwise as for `Layer::thaw`.
    pub unsafe fn thaw(&self) {
        // SAFETY: as in `freeze`.
        unsafe { (self.thaw)(self.pointer) }
    }
}

/// # Safety
///
/// `pointer` was made of a `*const A`, whose layer lives.
unsafe fn freeze<A: Layer + ?Sized>(pointer: Pointer) {
    // SAFETY: the caller's promise.
    unsafe { (**pointer.as_ptr().cast::<*const A>()).freeze() }
}

/// # Safety
///
/// As for [`freeze`], and as for `Layer::thaw`.
unsafe fn thaw<A: Layer + ?Sized>(pointer: Pointer) {
    // SAFETY: the caller's promise.
    unsafe { (**pointer.as_ptr().cast::<*const A>()).thaw() }
}
