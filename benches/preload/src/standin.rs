//! A stand-in for the real stack while that is being written.

use alloc_core::sync::Lock;
use alloc_core::{AllocError, Broken, Layer, Layout, Report, allocator, dangling};
use core::ptr::NonNull;

pub(crate) trait Lookup: Layer {
    fn layout_at(&self, ptr: NonNull<u8>) -> Option<Layout>;
    unsafe fn deallocate_at(&self, ptr: NonNull<u8>) -> bool;
}

const SHIFT: usize = 34;
const CLASSES: usize = 30;

struct Class {
    next: usize,
    free: usize,
}
struct State {
    base: usize,
    classes: [Class; CLASSES],
}
pub(crate) struct StandIn(Lock<State>);

impl StandIn {
    pub(crate) const fn new() -> Self {
        Self(Lock::new(State { base: 0, classes: [const { Class { next: 0, free: 0 } }; CLASSES] }))
    }
    fn class(layout: Layout) -> usize {
        layout.size().max(layout.align()).max(8).next_power_of_two().trailing_zeros() as usize
    }
}

allocator! {
    // SAFETY: a stand-in.
    unsafe impl[] Allocator for StandIn {
        fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
            if layout.size() == 0 {
                return Ok(dangling(layout));
            }
            if layout.size() > 1 << (CLASSES - 1) || layout.align() > 1 << (CLASSES - 1) {
                return Err(AllocError);
            }
            let class = Self::class(layout);
            let mut state = self.0.lock();
            if state.base == 0 {
                // SAFETY: a fresh mapping.
                let base = unsafe {
                    libc::mmap(core::ptr::null_mut(), (CLASSES + 1) << SHIFT, 3,
                        libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE, -1, 0)
                } as usize;
                state.base = (base + (1 << SHIFT) - 1) & !((1 << SHIFT) - 1);
            }
            let base = state.base + (class << SHIFT);
            let entry = &mut state.classes[class];
            let at = if entry.free != 0 {
                let at = entry.free;
                // SAFETY: a stand-in.
                entry.free = unsafe { *(at as *const usize) };
                at
            } else {
                entry.next += 1 << class;
                if entry.next >= 1 << SHIFT { return Err(AllocError) }
                base + entry.next - (1 << class)
            };
            // SAFETY: a stand-in.
            let ptr = unsafe { NonNull::new_unchecked(at as *mut u8) };
            Ok(NonNull::slice_from_raw_parts(ptr, 1 << class))
        }
        unsafe fn deallocate(&self, ptr: NonNull<u8>, layout: Layout) {
            if layout.size() == 0 { return }
            let class = Self::class(layout);
            let mut state = self.0.lock();
            // SAFETY: a stand-in.
            unsafe { *ptr.as_ptr().cast::<usize>() = state.classes[class].free };
            state.classes[class].free = ptr.as_ptr() as usize;
        }
    }
}

// SAFETY: a stand-in.
unsafe impl Layer for StandIn {
    fn owns(&self, ptr: NonNull<u8>) -> bool {
        let base = self.0.lock().base;
        (ptr.as_ptr() as usize).wrapping_sub(base) < CLASSES << SHIFT
    }
    fn usable_size(&self, layout: Layout) -> usize {
        if layout.size() == 0 { 0 } else { 1 << Self::class(layout) }
    }
    fn reclaim(&self, _: usize) -> usize {
        0
    }
    fn report(&self, report: &mut Report<'_>) {
        report.layer("StandIn", |r| r.bytes("nothing", 0));
    }
    fn verify(&self) -> Result<(), Broken> {
        Ok(())
    }
    fn freeze(&self) {
        self.0.acquire();
    }
    unsafe fn thaw(&self) {
        // SAFETY: the caller froze.
        unsafe { self.0.release() }
    }
}

impl Lookup for StandIn {
    fn layout_at(&self, ptr: NonNull<u8>) -> Option<Layout> {
        if !self.owns(ptr) {
            return None;
        }
        let class = (ptr.as_ptr() as usize - self.0.lock().base) >> SHIFT;
        Layout::from_size_align(1 << class, 1 << class).ok()
    }
    unsafe fn deallocate_at(&self, ptr: NonNull<u8>) -> bool {
        let Some(layout) = self.layout_at(ptr) else { return false };
        // SAFETY: a stand-in.
        unsafe { alloc_core::Allocator::deallocate(self, ptr, layout) };
        true
    }
}

pub(crate) struct AsGlobal<L>(pub(crate) L);
// SAFETY: a stand-in.
unsafe impl core::alloc::GlobalAlloc for AsGlobal<&StandIn> {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        alloc_core::Allocator::allocate(self.0, layout)
            .map_or(core::ptr::null_mut(), |p| p.as_ptr().cast())
    }
    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        // SAFETY: a stand-in.
        unsafe {
            alloc_core::Allocator::deallocate(self.0, NonNull::new_unchecked(ptr), layout);
        }
    }
}
