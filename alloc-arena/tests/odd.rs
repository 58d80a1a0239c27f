//! Bumps, frames and herds over odd layers, with odd callbacks: what longer slices, panicking clones, careless
//! formatting, allocations within callbacks, and alignments of all kinds do to them.

#[path = "common/rounds.rs"]
mod rounds;

use alloc_arena::{Arena, Bump, DropBump, Herd, Os, Stack};
use alloc_core::api2::{alloc::Global, boxed::Box};
use alloc_core::{AllocError, Allocator, Broken, Layer, Layout, Observe, Report, allocator};
use rounds::Rounds;
use std::cell::{Cell, RefCell};
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::NonNull;

/// Bytes behind the old layout of a large object are zeroed, also those that the layer below has kept as they were.
#[test]
fn large_objects_are_zeroed_when_they_grow() {
    for below_limit in [2000_usize, 70_000, 131_000] {
        let bump = Bump::new(Rounds).with_chunk_bytes(256, 1024);
        let old = Layout::array::<u8>(below_limit).unwrap();
        let new = Layout::array::<u8>(below_limit + 5000).unwrap();
        let object = bump.allocate(old).unwrap().cast::<u8>();
        // SAFETY: allocated above; its bytes are initialised (0xA5).
        let bad = unsafe {
            let grown = bump.grow_zeroed(object, old, new).unwrap();
            std::slice::from_raw_parts(grown.cast::<u8>().as_ptr().add(old.size()), 5000)
                .iter()
                .filter(|byte| **byte != 0)
                .count()
        };
        assert_eq!(bad, 0, "of 5000 bytes behind {below_limit}");
    }
}

/// Ignores what writing returns, as `write!(f, ..).ok()` does.
struct Careless;
impl fmt::Display for Careless {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&"x".repeat(500)).ok();
        f.write_str("end").ok();
        Ok(())
    }
}

/// Text with a hole is no text.
#[test]
fn text_is_whole_or_an_error() {
    Stack::with_capacity_in(256, Global).frame(|frame| {
        let text = frame.try_alloc_fmt(format_args!("[{Careless}]"));
        assert!(text.is_err(), "{text:?}");
    });
}

/// Settings decide what lies in chunks: they are made before anything does.
#[test]
fn settings_come_first() {
    let bump = Bump::new(Global);
    bump.alloc(1);
    let late = catch_unwind(AssertUnwindSafe(|| bump.with_chunk_bytes(256, 4096)));
    assert_eq!(late.unwrap_err().downcast_ref::<&str>(), Some(&"the bump has been used"));
}

/// Objects come back by pointers to themselves alone, as `Box::from_raw` and the like give them.
#[test]
fn objects_come_back_by_narrow_pointers() {
    let bump = Bump::new(Global).with_chunk_bytes(256, 2048);
    for _ in 0..3 {
        let small = Box::leak(Box::new_in([1_u8; 100], &bump));
        let large = Box::leak(Box::new_in([2_u8; 2000], &bump));
        let (small, large) = (NonNull::from(small), NonNull::from(large));
        // SAFETY: both were leaked above, and come from this bump.
        unsafe {
            drop(Box::from_raw_in(large.as_ptr(), &bump));
            drop(Box::from_raw_in(small.as_ptr(), &bump));
        }
        assert_eq!(bump.allocated_bytes(), 0);
        bump.verify().unwrap();
    }
}

thread_local!(static PANICS: Cell<bool> = const { Cell::new(false) });

#[derive(Debug)]
struct PanicsWhenCloned<'o>(&'o Observe<Global>);
impl Clone for PanicsWhenCloned<'_> {
    fn clone(&self) -> Self {
        if PANICS.get() {
            panic!("clone");
        }
        Self(self.0)
    }
}
allocator! {
    // SAFETY: forwards.
    unsafe impl['o] Allocator for PanicsWhenCloned<'o> {
        fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> { self.0.allocate(layout) }
        unsafe fn deallocate(&self, ptr: NonNull<u8>, layout: Layout) {
            // SAFETY: the caller's promise.
            unsafe { self.0.deallocate(ptr, layout) }
        }
    }
}
// SAFETY: forwards.
unsafe impl Layer for PanicsWhenCloned<'_> {
    fn owns(&self, ptr: NonNull<u8>) -> bool {
        self.0.owns(ptr)
    }
    fn usable_size(&self, layout: Layout) -> usize {
        self.0.usable_size(layout)
    }
    fn reclaim(&self, _: usize) -> usize {
        0
    }
    fn report(&self, report: &mut Report<'_>) {
        self.0.report(report);
    }
    fn verify(&self) -> Result<(), Broken> {
        self.0.verify()
    }
}

/// Nothing is lost when the layer's `clone` panics.
#[test]
fn herd_loses_nothing_when_clone_panics() {
    let below = Observe::new(Global);
    let herd = Herd::new(PanicsWhenCloned(&below));
    PANICS.set(true);
    assert!(catch_unwind(AssertUnwindSafe(|| herd.get().left_bytes())).is_err());
    PANICS.set(false);
    herd.get().alloc(1);
    drop(herd);
    assert_eq!(below.figures().live_bytes, 0);
}

/// A frame asks the layer below, too.
#[test]
fn frames_reclaim_from_below_too() {
    let arena = Arena::new(Os::new());
    let mut bump = Bump::new(&arena);
    bump.frame(|frame| {
        frame.alloc(1);
        frame.frame(|inner| inner.alloc_slice_fill(1 << 19, &1_u8).len());
        assert!(frame.reclaim(usize::MAX) >= 1 << 19, "the frame gave what waits");
        let left = arena.reclaim(usize::MAX);
        assert!(left < 4096, "{left} bytes were left in the ground");
    });
}

/// Re-entrancy: every callback allocates in the same bump, large and small, and panics at some time.
#[test]
fn callbacks_allocate_reclaim_and_panic() {
    struct Shows<'b>(&'b Bump<Observe<Global>>, usize);
    impl fmt::Display for Shows<'_> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            for n in 0..10 {
                self.0.alloc_slice_fill(self.1 * n, &1_u8);
                self.0.reclaim(usize::MAX);
                write!(f, "{n}")?;
            }
            if self.1 == 77 {
                panic!("shows")
            }
            Ok(())
        }
    }
    let bump = Bump::new(Observe::new(Global)).with_chunk_bytes(256, 4096);
    for size in (0..3000).step_by(77) {
        let r = catch_unwind(AssertUnwindSafe(|| {
            bump.alloc_fmt(format_args!("{}{}", Shows(&bump, size), Shows(&bump, 1))).to_string()
        }));
        if let Ok(text) = r {
            assert_eq!(text, "01234567890123456789")
        }
        bump.verify().unwrap();
        let values = bump.alloc_iter((0..50_u64).filter(|n| {
            let mut v = bump.vec();
            v.extend(std::iter::repeat_n(*n, size));
            bump.reclaim(usize::MAX);
            n % 3 == 0 || {
                v.leak();
                true
            }
        }));
        assert!(values.iter().copied().eq(0..50));
        let made = bump.alloc_try_with(|| {
            bump.alloc_slice_fill(size, &9_u8);
            bump.reclaim(usize::MAX);
            if size % 2 == 0 { Err(()) } else { Ok([size; 200]) }
        });
        assert!(made.is_err() || *made.unwrap() == [size; 200]);
        let rows = catch_unwind(AssertUnwindSafe(|| {
            bump.alloc_slice_with(100, |at| {
                bump.alloc([at; 3]);
                if at == 99 && size % 3 == 0 {
                    panic!("99")
                }
                at as u64
            })
            .len()
        }));
        assert_eq!(rows.is_err(), size % 3 == 0);
        bump.verify().unwrap();
    }
}

/// The same in a frame's deferred calls, of which some panic with payloads that panic, in frames in destructors.
#[test]
fn deferred_calls_open_frames_and_panic() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("bomb")
        }
    }
    let ran = Cell::new(0);
    let mut other = Bump::new(Global);
    let mut memory = Stack::with_capacity_in(8 << 10, Global);
    let r = catch_unwind(AssertUnwindSafe(|| {
        memory.frame(|frame| {
            let (ran, other) = (&ran, RefCell::new(&mut other));
            let other = frame.alloc(other);
            let other = &*other;
            for n in 0..10 {
                frame.defer(move || {
                    other.borrow_mut().frame(|inner| {
                        inner.defer(|| ran.set(ran.get() + 1));
                        inner.defer(|| std::panic::panic_any(Bomb));
                        inner.alloc([n; 3000]);
                        if n % 2 == 0 {
                            std::panic::panic_any(Bomb)
                        }
                    });
                });
            }
            std::panic::panic_any(Bomb)
        })
    }));
    std::mem::forget(r);
    assert_eq!((ran.get(), memory.used_bytes(), other.allocated_bytes()), (10, 0, 0));
    other.verify().unwrap();
}

/// Alignments above the chunk, and huge ones, in all places.
#[test]
fn alignments_and_sizes() {
    #[repr(align(2097152))]
    struct Huge;
    #[repr(align(65536))]
    struct Drops<'c>(&'c Cell<u32>);
    impl Drop for Drops<'_> {
        fn drop(&mut self) {
            self.0.set(self.0.get() + 1)
        }
    }
    let bump = Bump::new(Rounds).with_chunk_bytes(256, 256);
    for power in 0..24 {
        for size in [1, 7, 8, 255, 1023, 1024, 5000] {
            let layout = Layout::from_size_align(size, 1 << power).unwrap();
            let slice = bump.allocate(layout).unwrap();
            assert!(slice.cast::<u8>().as_ptr().addr().is_multiple_of(1 << power));
            // SAFETY: just allocated.
            unsafe { slice.cast::<u8>().write_bytes(0xEE, size) };
            let new = Layout::from_size_align(size + 9, 1 << (power / 2)).unwrap();
            // SAFETY: as above.
            unsafe {
                let grown = bump.grow(slice.cast(), layout, new).unwrap();
                assert_eq!(grown.cast::<u8>().add(size - 1).read(), 0xEE);
                if power % 3 == 0 {
                    bump.deallocate(grown.cast(), new)
                }
            }
            bump.verify().unwrap();
        }
    }
    for power in 24..63 {
        let layout = Layout::from_size_align(1, 1 << power).unwrap();
        if power > 46 {
            assert!(bump.allocate(layout).is_err());
        }
    }
    for size in [isize::MAX as usize, isize::MAX as usize - 8, isize::MAX as usize - 64, 1 << 60] {
        assert!(bump.allocate(Layout::from_size_align(size, 1).unwrap()).is_err());
        assert!(
            Stack::with_capacity_in(64, Global)
                .allocate(Layout::from_size_align(size, 1).unwrap())
                .is_err()
        );
    }
    let dropped = Cell::new(0);
    let drops = DropBump::of(bump);
    drops.alloc(Drops(&dropped));
    drops.alloc_slice_with(3, |_| Drops(&dropped));
    drops.alloc_iter((0..5).map(|_| Drops(&dropped)).filter(|_| true));
    let _: &mut Huge = drops.alloc(Huge);
    drop(drops);
    assert_eq!(dropped.get(), 9);
    Stack::with_capacity_in(256 << 10, Global).frame(|frame| {
        frame.alloc(Drops(&dropped));
        frame.defer({
            let d = Drops(&dropped);
            move || drop(d)
        });
    });
    assert_eq!(dropped.get(), 10);
}

/// Herds: bumps taken out, exchanged and used in frames while the herd is alone.
#[test]
fn herds_whose_bumps_are_exchanged() {
    let below = Observe::new(Global);
    let mut herd = Herd::new(&below);
    {
        let (a, b) = (herd.get(), herd.get());
        a.alloc([1_u8; 9000]);
        b.alloc(2);
    }
    let mut bumps: std::vec::Vec<_> = herd.bumps().collect();
    let (first, rest) = bumps.split_at_mut(1);
    std::mem::swap(first[0], rest[0]);
    let out = std::mem::replace(first[0], Bump::new(&below));
    rest[0].frame(|frame| *frame.alloc(1));
    drop(bumps);
    herd.reset();
    {
        let (a, b) = (herd.get(), herd.get());
        a.alloc([1_u8; 9000]);
        b.alloc(2);
    }
    drop((herd, out));
    assert_eq!(below.figures().live_bytes, 0);
}
