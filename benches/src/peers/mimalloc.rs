//! mimalloc: the third major version as its crate has it, the second from the same crate's sources.
//!
//! Above: `peers`. Below: the crates `mimalloc` and `libmimalloc-sys`; `build.rs`, which builds the
//! second version with the same settings, and puts `v2_` before its names.

use super::Peer;
use mimalloc::MiMalloc;

/// In three parts: three digits up to 2.1.7 (217), five since then (30204 is 3.2.4).
fn text(version: i32) -> String {
    match version {
        ..1000 => format!("{}.{}.{}", version / 100, version / 10 % 10, version % 10),
        _ => format!("{}.{}.{}", version / 10_000, version / 100 % 100, version % 100),
    }
}

impl Peer for MiMalloc {
    const NAME: &'static str = "mimalloc";
    const ABOUT: &'static str = "Microsoft's mimalloc, its third major version, from its crate";
    const VALUE: Self = Self;

    fn version() -> String {
        // SAFETY: the call only reads a constant.
        text(unsafe { libmimalloc_sys::mi_version() })
    }

    fn reclaim() {
        // SAFETY: the call has no preconditions; it looks after the calling thread's own heap.
        unsafe { libmimalloc_sys::mi_collect(true) };
    }
}

#[cfg(feature = "mimalloc2")]
mod second {
    use super::{Peer, text};
    use std::alloc::{GlobalAlloc, Layout};
    use std::ffi::{c_int, c_void};

    // SAFETY: the declarations are those of mimalloc's own header file, behind the prefix.
    unsafe extern "C" {
        fn v2_mi_malloc_aligned(size: usize, align: usize) -> *mut c_void;
        fn v2_mi_zalloc_aligned(size: usize, align: usize) -> *mut c_void;
        fn v2_mi_realloc_aligned(ptr: *mut c_void, size: usize, align: usize) -> *mut c_void;
        fn v2_mi_free(ptr: *mut c_void);
        fn v2_mi_version() -> c_int;
        fn v2_mi_collect(force: bool);
    }

    /// mimalloc's second major version, called as its crate calls the third.
    #[derive(Clone, Copy, Debug)]
    pub struct Mimalloc2;

    // SAFETY: the contract of these calls is that of `GlobalAlloc`: what they hand out is live until
    // it is freed, as large and as aligned as asked for, or null.
    unsafe impl GlobalAlloc for Mimalloc2 {
        #[inline]
        unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
            // SAFETY: the alignment is a power of two.
            unsafe { v2_mi_malloc_aligned(layout.size(), layout.align()).cast() }
        }

        #[inline]
        unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
            // SAFETY: as for `alloc`.
            unsafe { v2_mi_zalloc_aligned(layout.size(), layout.align()).cast() }
        }

        #[inline]
        unsafe fn dealloc(&self, ptr: *mut u8, _: Layout) {
            // SAFETY: the caller's promise.
            unsafe { v2_mi_free(ptr.cast()) };
        }

        #[inline]
        unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, size: usize) -> *mut u8 {
            // SAFETY: the caller's promise; the alignment is a power of two.
            unsafe { v2_mi_realloc_aligned(ptr.cast(), size, layout.align()).cast() }
        }
    }

    impl Peer for Mimalloc2 {
        const NAME: &'static str = "mimalloc-2";
        const ABOUT: &'static str =
            "mimalloc's second major version, from the same crate's sources";
        const VALUE: Self = Self;

        fn version() -> String {
            // SAFETY: the call only reads a constant.
            text(unsafe { v2_mi_version() })
        }

        fn reclaim() {
            // SAFETY: the call has no preconditions; it looks after the calling thread's own heap.
            unsafe { v2_mi_collect(true) };
        }
    }
}

#[cfg(feature = "mimalloc2")]
pub use second::Mimalloc2;

#[cfg(test)]
mod tests {
    use super::text;

    #[test]
    fn versions_are_read_as_they_are_meant() {
        assert_eq!(text(217), "2.1.7");
        assert_eq!(text(30_204), "3.2.4");
    }
}
