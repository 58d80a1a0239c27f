//! Foreign allocators as parents: talc 5 (which has allocator-api2 0.4's trait) and bumpalo 3
//! (0.2's); and our layers as parents of theirs.

#![cfg_attr(strata_nightly, feature(allocator_api))]
#![cfg(not(all(loom, feature = "loom")))]

use alloc_core::api2::alloc::Global;
use alloc_core::api2::vec::Vec as Vec04;
use alloc_core::conformance::Kit;
use alloc_core::{AllocError, Foreign, Layout, Limit, Locked, Observe, Segregate, allocator};
use std::alloc::{alloc, dealloc};
use std::ptr::NonNull;
use talc::TalcCell;
use talc::source::{AllocatorSource, Manual};

const TALC_BYTES: usize = 1 << 20;

/// A talc with the memory that it lives on.
struct Talc {
    talc: TalcCell<Manual>,
    memory: NonNull<u8>,
}

// SAFETY: the memory is its own, and `TalcCell` says so of itself.
unsafe impl Send for Talc {}

impl Talc {
    fn memory_layout() -> Layout {
        Layout::from_size_align(TALC_BYTES, 4096).unwrap()
    }

    fn new() -> Self {
        let talc = TalcCell::new(Manual);
        // SAFETY: the layout has a size; the memory is handed to talc alone.
        let memory = unsafe {
            let memory = NonNull::new(alloc(Self::memory_layout())).unwrap();
            talc.claim(memory.as_ptr(), TALC_BYTES).expect("room for its tables");
            memory
        };
        Self { talc, memory }
    }
}

impl Drop for Talc {
    fn drop(&mut self) {
        // SAFETY: allocated in `new`, with this layout.
        unsafe { dealloc(self.memory.as_ptr(), Self::memory_layout()) }
    }
}

allocator! {
    // SAFETY: every method forwards to talc.
    unsafe impl[] Allocator for Talc {
        fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
            self.talc.allocate(layout)
        }
        unsafe fn deallocate(&self, ptr: NonNull<u8>, layout: Layout) {
            // SAFETY: the caller's promise.
            unsafe { self.talc.deallocate(ptr, layout) }
        }
        unsafe fn grow(
            &self,
            ptr: NonNull<u8>,
            old: Layout,
            new: Layout,
        ) -> Result<NonNull<[u8]>, AllocError> {
            // SAFETY: the caller's promise.
            unsafe { self.talc.grow(ptr, old, new) }
        }
        unsafe fn shrink(
            &self,
            ptr: NonNull<u8>,
            old: Layout,
            new: Layout,
        ) -> Result<NonNull<[u8]>, AllocError> {
            // SAFETY: the caller's promise.
            unsafe { self.talc.shrink(ptr, old, new) }
        }
    }
}

#[test]
fn talc_as_a_parent() {
    let bounded = || Foreign::new(Talc::new());
    Kit::layer(bounded).may_run_out().max_align_bytes(1 << 16).cases(48).check();
    let limited = || Observe::new(Limit::new(TALC_BYTES / 2, Locked::new(bounded())));
    Kit::layer(limited).threads().may_run_out().max_align_bytes(1 << 16).cases(48).check();
    let sided = || Segregate::new(1024, bounded(), Global);
    Kit::layer(sided).may_run_out().max_align_bytes(1 << 16).cases(48).check();
}

/// talc takes its heaps from one of our layers, and is then itself the parent of another.
#[test]
fn talc_in_the_middle() {
    let ground = Observe::new(Global);
    {
        let talc = TalcCell::new(AllocatorSource::new(&ground));
        let stack = Limit::new(1 << 20, Foreign::new(&talc));
        let mut numbers = Vec04::new_in(&stack);
        numbers.extend(0..10_000u32);
        assert!(numbers.iter().copied().eq(0..10_000));
        assert!(ground.figures().live_bytes >= 1 << 20, "talc's heap comes from below");
        assert_eq!(stack.live_bytes(), numbers.capacity() * 4);
        assert!(numbers.try_reserve(1 << 20).is_err(), "the limit is above talc");
    }
}

#[cfg(feature = "allocator-api2-02")]
mod version_02 {
    use super::*;
    use alloc_core::{Compat02, Fallback};
    use bumpalo::Bump;

    /// A bump arena that owns itself. (bumpalo implements the trait for `&Bump`.)
    struct Bumpalo(Box<Bump>);

    // SAFETY: every method forwards to `&Bump`; the box keeps its place.
    unsafe impl alloc_core::api2_02::alloc::Allocator for Bumpalo {
        fn allocate(
            &self,
            layout: Layout,
        ) -> Result<NonNull<[u8]>, alloc_core::api2_02::alloc::AllocError> {
            alloc_core::api2_02::alloc::Allocator::allocate(&&*self.0, layout)
        }
        unsafe fn deallocate(&self, ptr: NonNull<u8>, layout: Layout) {
            // SAFETY: the caller's promise.
            unsafe { alloc_core::api2_02::alloc::Allocator::deallocate(&&*self.0, ptr, layout) }
        }
        unsafe fn grow(
            &self,
            ptr: NonNull<u8>,
            old: Layout,
            new: Layout,
        ) -> Result<NonNull<[u8]>, alloc_core::api2_02::alloc::AllocError> {
            // SAFETY: the caller's promise.
            unsafe { alloc_core::api2_02::alloc::Allocator::grow(&&*self.0, ptr, old, new) }
        }
        unsafe fn shrink(
            &self,
            ptr: NonNull<u8>,
            old: Layout,
            new: Layout,
        ) -> Result<NonNull<[u8]>, alloc_core::api2_02::alloc::AllocError> {
            // SAFETY: the caller's promise.
            unsafe { alloc_core::api2_02::alloc::Allocator::shrink(&&*self.0, ptr, old, new) }
        }
    }

    fn bump() -> Foreign<Compat02<Bumpalo>> {
        Foreign::new(Compat02(Bumpalo(Box::new(Bump::new()))))
    }

    #[test]
    fn bumpalo_as_a_parent() {
        Kit::new(|| Compat02(Bumpalo(Box::new(Bump::new()))))
            .frees_give_nothing_back()
            .cases(48)
            .check();
        Kit::layer(bump).frees_give_nothing_back().cases(48).check();
        let stack = || Observe::new(Limit::new(1 << 20, Locked::new(bump())));
        Kit::layer(stack).frees_give_nothing_back().may_run_out().threads().cases(48).check();
        Kit::layer(|| Fallback::new(alloc_core::Null, bump()))
            .frees_give_nothing_back()
            .cases(24)
            .check();
    }

    /// A map and a vector of other crates, straight on our layers.
    #[test]
    fn their_collections_on_our_layers() {
        let stack = Observe::new(Limit::new(1 << 20, Global));
        let mut map =
            hashbrown::HashMap::with_hasher_in(hashbrown::DefaultHashBuilder::default(), &stack);
        for key in 0..1000u32 {
            map.insert(key, key.wrapping_mul(7));
        }
        assert!((0..1000).all(|key| map[&key] == key.wrapping_mul(7)));
        assert!(stack.figures().live_bytes >= 1000 * 8, "{stack:?}");
        assert!(map.try_reserve(1 << 20).is_err(), "the limit holds for maps");
        assert_eq!(map.len(), 1000);

        let numbers: alloc_core::api2_02::vec::Vec<u32, _> =
            alloc_core::api2_02::vec::Vec::with_capacity_in(100, &stack);
        assert_eq!(stack.figures().live, 2);
        drop(numbers);

        let clone = map.clone();
        assert_eq!(stack.figures().live, 2);
        drop((map, clone));
        assert_eq!((stack.figures().live, stack.figures().live_bytes), (0, 0));
    }

    /// The arena's own memory is released by the arena; what is above it counts what it was asked.
    #[test]
    fn a_map_on_a_stack_over_bumpalo() {
        let arena = Bump::new();
        let stack = Observe::new(Foreign::new(Compat02(&arena)));
        let mut map =
            hashbrown::HashMap::with_hasher_in(hashbrown::DefaultHashBuilder::default(), &stack);
        map.extend((0..100u64).map(|key| (key, key)));
        assert!(arena.allocated_bytes() >= stack.figures().live_bytes);
        assert_eq!(map.values().sum::<u64>(), 4950);
    }
}
