//! [`Memcheck`]: what a stack hands out, told to valgrind.
//!
//! Above: whoever composes a stack, and runs it under `valgrind --tool=memcheck`. Below: one layer; requests to valgrind
//! (`valgrind.rs`).
//!
//! Memcheck knows `malloc`, and nothing of who cuts pages himself. This layer tells it of each object:
//! 1. *Allocate.* The layer below is asked for more, so that a red zone lies on both sides of the object. All but the object
//!    itself becomes inaccessible. The one in front is there for leaks too: what the layers below know of their memory is
//!    no pointer to an object.
//! 2. *Free.* The object becomes inaccessible, and waits: a layer below would write its links into it, and hand it out
//!    again soon. A record in the red zone in front links those that wait (`Waiting`).
//! 3. *Release.* When many bytes wait, or are wanted back, those that waited longest go down, accessible and defined: the
//!    layer below may count on pages that the system has zeroed.
//!
//! Where valgrind is not there, every call goes down as it is. Not here: other checkers (`Sampled` needs none).

use super::valgrind;
use crate::sync::Lock;
use crate::{AllocError, Broken, Layer, Report, dangling};
use core::alloc::Layout;
use core::fmt;
use core::mem::ManuallyDrop;
use core::ptr::NonNull;

/// What lies on each side of an object, at least.
const RED_ZONE_BYTES: usize = 32;

/// Tells memcheck, valgrind's tool, which bytes of a stack are whose: it finds accesses beside an object,
/// to freed objects, to bytes that were never written, frees of what is no object, and leaks.
///
/// It goes on top of any stack, or around the part of it that is of interest:
///
/// ```
/// use alloc_core::{Limit, Memcheck, api2::{alloc::Global, vec::Vec}};
///
/// // In a program: `Memcheck::new(ThreadCache::new(SizeClassHeap::new(Arena::new(Os::new()))))`.
/// let stack = Memcheck::new(Limit::new(1 << 20, Global));
/// let mut list = Vec::new_in(&stack);
/// list.extend(0..100);
/// assert_eq!(list[99], 99);
/// // Under valgrind, this would be reported, with the calls that allocated and freed it:
/// // let last = &raw const list[99]; drop(list); unsafe { last.read() };
/// ```
///
/// ```sh
/// valgrind --leak-check=full target/debug/program
/// ```
///
/// Without valgrind a call costs a few instructions more, which ask whether it is there; without the feature there is no
/// such layer. Under valgrind, an object grows and shrinks by a move, and freed objects are held back
/// ([`with_held_bytes`](Self::with_held_bytes)).
///
/// The memory has to come from the system, as an arena's does: memcheck watches `malloc` by itself, and takes an object
/// within one of `malloc`'s for a mistake. Objects that only a leaked object points to count as reachable.
/// Linux on x86-64 and AArch64; elsewhere it does nothing.
pub struct Memcheck<A: Layer> {
    waiting: Lock<Waiting>,
    held_bytes: usize,
    always: bool,
    below: A,
}

impl<A: Layer> Memcheck<A> {
    /// How many bytes of freed objects are held back, where nothing else is set: more than memcheck itself remembers (20
    /// million, unless it is told another number), so that it does not take an object for one that was there before.
    pub const DEFAULT_HELD_BYTES: usize = 20 << 20;

    crate::const_fn! {
        /// Tells valgrind what is allocated from `below`.
        #[must_use]
        pub const fn new(below: A) -> Self {
            Self {
                waiting: Lock::new(Waiting::new()),
                held_bytes: Self::DEFAULT_HELD_BYTES,
                always: false,
                below,
            }
        }
    }

    /// Holds back so many bytes of freed objects, at most: what is used after it was freed is found as long as it waits.
    #[must_use]
    pub const fn with_held_bytes(mut self, bytes: usize) -> Self {
        self.held_bytes = bytes;
        self
    }

    /// Has red zones, and holds back what is freed, also where valgrind is not there: for tests.
    #[must_use]
    pub const fn always(mut self) -> Self {
        self.always = true;
        self
    }

    /// The layer below.
    #[must_use]
    pub const fn below(&self) -> &A {
        &self.below
    }

    /// The layer below, to which everything goes that was held back.
    pub fn into_inner(self) -> A {
        let this = ManuallyDrop::new(self);
        this.release_all();
        // SAFETY: `this` is neither used nor dropped after this; its other fields have no destructors.
        unsafe { core::ptr::read(&raw const this.below) }
    }

    #[inline]
    fn is_on(&self) -> bool {
        self.always || valgrind::is_running()
    }

    fn begin(&self, layout: Layout, is_zeroed: bool) -> Result<NonNull<[u8]>, AllocError> {
        if layout.size() == 0 {
            return Ok(dangling(layout));
        }
        let padded = padded(layout)?;
        let ask = || match is_zeroed {
            true => self.below.allocate_zeroed(padded),
            false => self.below.allocate(padded),
        };
        let slice =
            ask().or_else(|error| if self.release_all() > 0 { ask() } else { Err(error) })?;
        valgrind::make_no_access(slice.cast(), slice.len());
        // SAFETY: the layer below has been asked for the red zone, the object, and a red zone.
        let object = unsafe { slice.cast::<u8>().add(front_bytes(layout)) };
        valgrind::malloc_like(object, layout.size(), is_zeroed);
        Ok(NonNull::slice_from_raw_parts(object, layout.size()))
    }

    /// # Safety
    ///
    /// As for `deallocate`.
    unsafe fn end(&self, ptr: NonNull<u8>, layout: Layout) {
        if layout.size() == 0 {
            return;
        }
        // Freed twice, or never allocated: memcheck says so, and the list of those that wait stays whole.
        let is_there = valgrind::is_accessible(ptr, layout.size());
        valgrind::free_like(ptr);
        if !is_there {
            return;
        }
        // SAFETY: the object was allocated by `begin`, with this layout (caller), and is nobody's now.
        unsafe { self.waiting.lock().push(ptr.sub(front_bytes(layout)), layout) };
        self.release_down_to(self.held_bytes);
    }

    fn release_all(&self) -> usize {
        self.release_down_to(0)
    }

    /// Gives down those that waited longest, until no more than so many bytes wait. Returns how many bytes went.
    fn release_down_to(&self, held_bytes: usize) -> usize {
        let mut released_bytes = 0;
        loop {
            let mut waiting = self.waiting.lock();
            let oldest = if waiting.bytes > held_bytes { waiting.pop() } else { None };
            drop(waiting);
            let Some((ptr, layout)) = oldest else { return released_bytes };
            released_bytes += layout.size();
            if let Ok(padded) = padded(layout) {
                // All that the layer below handed out (L1).
                valgrind::make_defined(ptr, self.below.usable_size(padded));
                // SAFETY: it was allocated by `begin` with this layout, and has been freed.
                unsafe { self.below.deallocate(ptr, padded) };
            }
        }
    }

    /// Moves an object that grows or shrinks, so that its old address is nobody's.
    ///
    /// # Safety
    ///
    /// As for `grow` or `shrink`.
    unsafe fn relocate(
        &self,
        ptr: NonNull<u8>,
        old: Layout,
        new: Layout,
        is_zeroed: bool,
    ) -> Result<NonNull<[u8]>, AllocError> {
        let slice = self.begin(new, is_zeroed)?;
        let kept_bytes = old.size().min(new.size());
        // SAFETY: both are live, apart, and so long; the old one fits `old` (caller).
        unsafe {
            slice.cast::<u8>().copy_from_nonoverlapping(ptr, kept_bytes);
            self.end(ptr, old);
        }
        Ok(slice)
    }
}

/// The red zone in front of an object, behind which that is aligned.
fn front_bytes(layout: Layout) -> usize {
    layout.align().max(RED_ZONE_BYTES)
}

/// What the layer below is asked for: the object between its red zones, in the first of which there is room for a record.
fn padded(layout: Layout) -> Result<Layout, AllocError> {
    let red_bytes = front_bytes(layout) + RED_ZONE_BYTES;
    let bytes = layout.size().checked_add(red_bytes).ok_or(AllocError)?;
    Layout::from_size_align(bytes, layout.align().max(align_of::<Record>())).map_err(|_| AllocError)
}

const _: () = assert!(RED_ZONE_BYTES >= size_of::<Record>() && RED_ZONE_BYTES.is_power_of_two());

/// Freed objects that wait, in the order in which they were freed. The bytes of each are inaccessible but while its record
/// is written or read, which happens under the lock around this.
struct Waiting {
    oldest: Option<NonNull<Record>>,
    newest: Option<NonNull<Record>>,
    bytes: usize,
}

/// What lies in front of a freed object, where the layer below's memory begins.
#[derive(Clone, Copy)]
struct Record {
    next: Option<NonNull<Record>>,
    layout: Layout,
}

// SAFETY: the objects are the list's own.
unsafe impl Send for Waiting {}

impl Waiting {
    const fn new() -> Self {
        Self { oldest: None, newest: None, bytes: 0 }
    }

    /// # Safety
    ///
    /// `ptr` was allocated with `padded(layout)`, and is the list's from now on.
    unsafe fn push(&mut self, ptr: NonNull<u8>, layout: Layout) {
        let record = ptr.cast::<Record>();
        // SAFETY: a red zone has room for a record, and its alignment (`padded`); it is the list's (caller).
        unsafe { write(record, Record { next: None, layout }) };
        match self.newest.replace(record) {
            Some(before) => {
                // SAFETY: what waits has its record written, and is the list's.
                unsafe { write(before, Record { next: Some(record), ..read(before) }) };
            }
            None => self.oldest = Some(record),
        }
        self.bytes += layout.size();
    }

    fn pop(&mut self) -> Option<(NonNull<u8>, Layout)> {
        let oldest = self.oldest?;
        // SAFETY: as in `push`.
        let Record { next, layout } = unsafe { read(oldest) };
        self.oldest = next;
        if next.is_none() {
            self.newest = None;
        }
        self.bytes -= layout.size();
        Some((oldest.cast(), layout))
    }

    fn verify(&self) -> Result<(), Broken> {
        let (mut bytes, mut last, mut next) = (0_usize, None, self.oldest);
        while let Some(record) = next {
            // SAFETY: as in `push`.
            let found = unsafe { read(record) };
            bytes = bytes.wrapping_add(found.layout.size());
            (last, next) = (Some(record), found.next);
        }
        Broken::unless(bytes == self.bytes, "Memcheck", "what waits is counted", self.bytes)?;
        let ends = last == self.newest;
        Broken::unless(ends, "Memcheck", "the newest stands last", self.bytes)
    }
}

/// # Safety
///
/// The record is aligned, and the list's to write.
unsafe fn write(at: NonNull<Record>, record: Record) {
    valgrind::make_undefined(at.cast(), size_of::<Record>());
    // SAFETY: the caller's promise.
    unsafe { at.write(record) };
    valgrind::make_no_access(at.cast(), size_of::<Record>());
}

/// # Safety
///
/// The record was written, and is the list's to read.
unsafe fn read(at: NonNull<Record>) -> Record {
    valgrind::make_defined(at.cast(), size_of::<Record>());
    // SAFETY: the caller's promise.
    let record = unsafe { at.read() };
    valgrind::make_no_access(at.cast(), size_of::<Record>());
    record
}

impl<A: Layer> Drop for Memcheck<A> {
    fn drop(&mut self) {
        self.release_all();
    }
}

impl<A: Layer + fmt::Debug> fmt::Debug for Memcheck<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Memcheck").field("below", &self.below).finish_non_exhaustive()
    }
}

impl<A: Layer + Default> Default for Memcheck<A> {
    fn default() -> Self {
        Self::new(A::default())
    }
}

allocator! {
    // SAFETY: where it is on, an object is a part of one of the layer below's, just as long as was asked for, so that only
    // the layout itself fits; that goes down with the layout that it was asked for by (`padded`). Where it is off, and that does
    // not change while a process lives, all is the layer's below. Nothing here unwinds.
    unsafe impl[A: Layer] Allocator for Memcheck<A> {
        #[inline]
        fn allocate(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
            if self.is_on() { self.begin(layout, false) } else { self.below.allocate(layout) }
        }
        #[inline]
        fn allocate_zeroed(&self, layout: Layout) -> Result<NonNull<[u8]>, AllocError> {
            if self.is_on() { self.begin(layout, true) } else { self.below.allocate_zeroed(layout) }
        }
        #[inline]
        unsafe fn deallocate(&self, ptr: NonNull<u8>, layout: Layout) {
            // SAFETY: the caller's promise.
            unsafe {
                if self.is_on() { self.end(ptr, layout) } else { self.below.deallocate(ptr, layout) }
            }
        }
        unsafe fn grow(
            &self,
            ptr: NonNull<u8>,
            old: Layout,
            new: Layout,
        ) -> Result<NonNull<[u8]>, AllocError> {
            // SAFETY: the caller's promise.
            unsafe {
                match self.is_on() {
                    true => self.relocate(ptr, old, new, false),
                    false => self.below.grow(ptr, old, new),
                }
            }
        }
        unsafe fn grow_zeroed(
            &self,
            ptr: NonNull<u8>,
            old: Layout,
            new: Layout,
        ) -> Result<NonNull<[u8]>, AllocError> {
            // SAFETY: the caller's promise.
            unsafe {
                match self.is_on() {
                    true => self.relocate(ptr, old, new, true),
                    false => self.below.grow_zeroed(ptr, old, new),
                }
            }
        }
        unsafe fn shrink(
            &self,
            ptr: NonNull<u8>,
            old: Layout,
            new: Layout,
        ) -> Result<NonNull<[u8]>, AllocError> {
            // SAFETY: the caller's promise.
            unsafe {
                match self.is_on() {
                    true => self.relocate(ptr, old, new, false),
                    false => self.below.shrink(ptr, old, new),
                }
            }
        }
    }
}

// SAFETY: L1: a slice is as long as `usable_size` says. L2: it depends on the size alone, or is the layer's below.
// L3: `begin` and `end` begin with it. L4: objects are the layer's below. L5: nothing here panics.
unsafe impl<A: Layer> Layer for Memcheck<A> {
    pass_on!(below: owns range discard);

    fn usable_size(&self, layout: Layout) -> usize {
        if self.is_on() { layout.size() } else { self.below.usable_size(layout) }
    }
    /// What waits goes down first, unless only what is due is asked for.
    fn reclaim(&self, goal_bytes: usize) -> usize {
        if goal_bytes > 0 {
            self.release_all();
        }
        self.below.reclaim(goal_bytes)
    }
    fn report(&self, report: &mut Report<'_>) {
        report.layer("Memcheck", |report| {
            report.bytes("held back", self.waiting.lock().bytes);
            self.below.report(report);
        });
    }
    fn verify(&self) -> Result<(), Broken> {
        self.waiting.lock().verify()?;
        self.below.verify()
    }
    fn freeze(&self) {
        self.waiting.acquire();
        self.below.freeze();
    }
    unsafe fn thaw(&self) {
        // SAFETY: the caller vouches for `freeze`, which took the lock and froze the layer below.
        unsafe {
            self.below.thaw();
            self.waiting.release();
        }
    }
}
