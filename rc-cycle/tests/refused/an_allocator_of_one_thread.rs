// The collecting thread would free to it.
use alloc_core::api2::alloc::{AllocError, Allocator, Global};
use alloc_core::{Foreign, Layout};
use std::ptr::NonNull;
use std::rc::Rc;

#[derive(Clone)]
struct Local(Rc<()>);

// SAFETY: it is `Global`.
unsafe impl Allocator for Local {
    fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
        Global.allocate(layout)
    }
    unsafe fn deallocate(&self, ptr: NonNull<u8>, layout: Layout) {
        // SAFETY: the caller's.
        unsafe { Global.deallocate(ptr, layout) }
    }
}

fn main() {
    let _ = rc_cycle::sync::Cc::new_in(1, Foreign::new(Local(Rc::new(()))));
}
