//! Rules R1 and R2 of `herd.rs`: a bump is one member's at a time, and what one left is whole for the next.

use alloc_arena::{Herd, Member};
use alloc_core::api2::alloc::Global;
use alloc_core::{AllocError, Broken, Layer, Layout, Report, allocator};
use loom::cell::UnsafeCell;
use loom::sync::Arc;
use std::ptr::NonNull;

/// A layer whose clones are each for one thread at a time: loom sees it if two call one at once, or one after the other
/// with nothing in between that orders them.
struct Alone(UnsafeCell<usize>);

// SAFETY: for this model: that clones are not shared is what it is about, and loom looks.
unsafe impl Send for Alone {}
// SAFETY: as above; the herd's own one is cloned by several threads, which touches nothing.
unsafe impl Sync for Alone {}

impl Clone for Alone {
    fn clone(&self) -> Self {
        Self(UnsafeCell::new(0))
    }
}

allocator! {
    // SAFETY: `Global` serves.
    unsafe impl[] Allocator for Alone {
        fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
            Global.allocate(layout)
        }
        unsafe fn deallocate(&self, ptr: NonNull<u8>, layout: Layout) {
            // SAFETY: the caller's promise.
            unsafe { Global.deallocate(ptr, layout) };
        }
    }
}

// SAFETY: as `Global`.
unsafe impl Layer for Alone {
    fn owns(&self, ptr: NonNull<u8>) -> bool {
        Global.owns(ptr)
    }
    fn usable_size(&self, layout: Layout) -> usize {
        Global.usable_size(layout)
    }
    fn reclaim(&self, _: usize) -> usize {
        0
    }
    fn report(&self, _: &mut Report<'_>) {}
    fn verify(&self) -> Result<(), Broken> {
        Ok(())
    }
}

/// Allocates, and lets loom see that this thread was at the bump.
fn put(member: &Member<'_, Alone>, value: u64) -> u64 {
    // SAFETY: loom looks whether that is so.
    member.below().0.with_mut(|calls| unsafe { *calls += 1 });
    *member.alloc(value)
}

/// Two threads come, allocate, go, and come again, so that each may get what the other left.
#[test]
fn herd_r1_a_bump_is_one_members() {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(|| {
        let herd = Arc::new(Herd::new(Alone(UnsafeCell::new(0))));
        let other = {
            let herd = Arc::clone(&herd);
            loom::thread::spawn(move || {
                let first = put(&herd.get(), 1);
                first + put(&herd.get(), 2)
            })
        };
        let mine = herd.get();
        let text = mine.alloc_str("mine");
        assert_eq!(put(&mine, 3), 3);
        drop(mine);
        assert_eq!(put(&herd.get(), 4), 4);
        assert_eq!((other.join().unwrap(), &*text), (3, "mine"));
        let mut herd = Arc::try_unwrap(herd).ok().unwrap();
        assert!((1..=2).contains(&herd.bumps().count()));
        // R2: reset by who has it alone, after all that others did.
        for bump in herd.bumps() {
            // SAFETY: as in `put`.
            bump.below().0.with_mut(|calls| unsafe { assert!(*calls >= 1) });
        }
        herd.reset();
        assert_eq!(herd.bumps().map(|bump| bump.allocated_bytes()).sum::<usize>(), 0);
    });
}
