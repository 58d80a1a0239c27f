//! The contract that every allocator here keeps, on top of [`Allocator`].
//!
//! Above: everything. Below: nothing. A stack is layers that each own the one below them, so every
//! verb here walks down: a layer answers for itself, then asks the layer below.
//! Not here: the impls for `Global` and `System` (`ground.rs`), for `Box` and `Arc` (`owned.rs`).

use crate::report::Report;
use allocator_api2::alloc::{AllocError, Allocator};
use core::alloc::Layout;
use core::fmt;
use core::ops::Range;
use core::ptr::NonNull;

/// An allocator that knows its own memory: what it owns, what it caches, what state it is in.
///
/// # Safety
///
/// Besides the contract of [`Allocator`], an implementor keeps these rules. Code that is built on
/// a layer may rely on them for its own soundness.
///
/// * **L1, exact sizes.** `allocate(layout)`, and `grow` and `shrink` to `layout`, return a slice
///   of exactly [`usable_size(layout)`](Layer::usable_size) bytes.
/// * **L2, sizes that fit agree.** For every `n` in `layout.size()..=usable_size(layout)`, a layout
///   of `n` bytes and the same alignment has the same usable size. So every layout that fits an
///   allocation leads back to the same place.
/// * **L3, zero sizes cost nothing.** A layout of size 0 succeeds with a dangling pointer of the
///   right alignment and a slice of length 0; its usable size is 0, its deallocation does nothing.
/// * **L4, no address is denied.** [`owns`](Layer::owns) is `true` for every address within every
///   live allocation of non-zero size, from the moment it is handed out until it is given back.
/// * **L5, no unwinding.** No method panics on any input that its contract allows, with one
///   exception: [`report`](Layer::report), when the sink that it was given panics.
pub unsafe trait Layer: Allocator {
    /// Whether this stack may have handed out the address `ptr`: a range check, not a search.
    ///
    /// `false` is certain. `true` means that the address lies in memory that this stack draws on;
    /// layers that cannot tell (`Global`, `System`) answer `true` to everything.
    ///
    /// Two stacks on one shared ground both own all of it. [`usable_size`](Layer::usable_size) and
    /// a layout, not `owns`, tell whether an allocation is live.
    #[must_use]
    fn owns(&self, ptr: NonNull<u8>) -> bool;

    /// The number of bytes that `allocate(layout)` hands out when it succeeds.
    ///
    /// Whether it *would* succeed is not its business: the answer for a layout that this layer
    /// always refuses is any number of at least `layout.size()`.
    #[must_use]
    fn usable_size(&self, layout: Layout) -> usize;

    /// The one address range in which all of this layer's memory lies for as long as it lives, if
    /// there is such a range and it is known. Later calls give the same range.
    ///
    /// A layer above may size a flat side table by it; memory outside the range has to be expected
    /// all the same (an arena whose first reservation is full takes another).
    #[must_use]
    fn range(&self) -> Option<Range<usize>> {
        None
    }

    /// Gives memory that is cached but not in use downwards, in the end to the operating system,
    /// until `goal_bytes` have gone back or nothing is left to give. `usize::MAX` means everything.
    /// 0 asks for nothing but what is due by its age, in layers that have such a notion: a layer that
    /// looks at a clock when it is called looks at it now. Called again and again it keeps what is free
    /// from growing old, and costs those who allocate nothing.
    ///
    /// Returns the bytes that left this stack's ground for good (or, for a layer without a ground
    /// of its own, the bytes given to the layer below). Live allocations are never touched.
    fn reclaim(&self, goal_bytes: usize) -> usize;

    /// Gives back the memory behind the `bytes` bytes at `ptr`, whose contents are not needed any
    /// more, and leaves the bytes themselves with their owner: a part of a live allocation that is
    /// idle for a while.
    ///
    /// The ground gives back the pages that lie wholly among these bytes, if it can. From then on,
    /// and until it is next written to, each of the bytes reads as what it was before or as zero;
    /// which of the two is not said, and it may change from the one to the other between two reads
    /// (a system may take the memory when it needs it, later). All bytes around them stay as they
    /// are. The allocation is as live as before: it is written to, resized and freed as ever.
    ///
    /// Returns how many bytes' memory went, whether or not all of it had been touched; 0 if the
    /// ground gives nothing back this way, or there is no whole page. No implementation calls up, so
    /// a layer above may hold locks of its own, and should hold few: the system takes its time.
    ///
    /// # Safety
    ///
    /// The bytes are part of a live allocation, nobody uses them during the call, and nobody needs
    /// their contents. The allocation comes from this layer, or from another on the same ground: an
    /// implementation either passes the call down unchanged, or leaves alone what it did not hand out.
    unsafe fn discard(&self, ptr: NonNull<u8>, bytes: usize) -> usize {
        let _ = (ptr, bytes);
        0
    }

    /// Writes this layer's figures, then those of the layer below, inside
    /// [`Report::layer`].
    fn report(&self, report: &mut Report<'_>);

    /// Walks the metadata of this layer, then of the layer below, and returns the first broken
    /// invariant. Takes time linear in the metadata; meant for tests, fuzzers and debug builds.
    ///
    /// # Errors
    ///
    /// [`Broken`] names the layer and the rule. A healthy stack never returns it, whatever its
    /// callers did within the contract.
    fn verify(&self) -> Result<(), Broken>;

    /// Takes every lock of this layer and of those below, top first, so that a `fork` in this
    /// thread finds no lock held by a thread that the child will not have.
    ///
    /// Between `freeze` and [`thaw`](Layer::thaw) no other method of the stack may be called by
    /// this thread: it would wait for itself. So it would if a layer were frozen twice, on which two sides of a
    /// stack stand, or two stacks: the module `forks` freezes any number of stacks, and each layer once.
    ///
    /// An implementation passes the call on to the layer below, always to the same one, which lives as long as it does; by
    /// [`pass_on!`](crate::pass_on), or `Layer::freeze(&self.below)`. For `forks`, a pointer (`&L`, `Shared<L>`) only notes
    /// where it leads; that layer is frozen after all that stand on it, and thawed before them. A layer may also be frozen
    /// and thawed without a fork.
    fn freeze(&self) {}

    /// Releases what [`freeze`](Layer::freeze) took, bottom first, in the parent and in the child.
    ///
    /// # Safety
    ///
    /// This thread, or in a forked child the thread that it is the copy of, called `freeze` on
    /// this layer, and has not called `thaw` since.
    unsafe fn thaw(&self) {}
}

/// A broken invariant, found by [`Layer::verify`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Broken {
    /// The layer that found it.
    pub layer: &'static str,
    /// The invariant that does not hold, as a sentence.
    pub rule: &'static str,
    /// An address or an index that says where, or 0.
    pub place: usize,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} (at {:#x})", self.layer, self.rule, self.place)
    }
}

impl core::error::Error for Broken {}

impl Broken {
    /// `Ok` if `holds`, else this breakage. Written so that a `verify` reads as a list of rules.
    ///
    /// # Errors
    ///
    /// When `holds` is `false`.
    #[inline]
    pub fn unless(
        holds: bool,
        layer: &'static str,
        rule: &'static str,
        place: usize,
    ) -> Result<(), Self> {
        if holds { Ok(()) } else { Err(Self { layer, rule, place }) }
    }
}

// SAFETY: every method forwards to `A`, which keeps rules L1 to L5.
unsafe impl<A: Layer + ?Sized> Layer for &A {
    fn owns(&self, ptr: NonNull<u8>) -> bool {
        (**self).owns(ptr)
    }
    fn usable_size(&self, layout: Layout) -> usize {
        (**self).usable_size(layout)
    }
    fn range(&self) -> Option<Range<usize>> {
        (**self).range()
    }
    fn reclaim(&self, goal_bytes: usize) -> usize {
        (**self).reclaim(goal_bytes)
    }
    unsafe fn discard(&self, ptr: NonNull<u8>, bytes: usize) -> usize {
        // SAFETY: the caller's promise, passed on.
        unsafe { (**self).discard(ptr, bytes) }
    }
    fn report(&self, report: &mut Report<'_>) {
        (**self).report(report);
    }
    fn verify(&self) -> Result<(), Broken> {
        (**self).verify()
    }
    fn freeze(&self) {
        freeze_shared(*self);
    }
    unsafe fn thaw(&self) {
        // SAFETY: the caller vouches for `freeze`, which went to the same layer.
        unsafe { thaw_shared(*self) }
    }
}

#[cfg(all(unix, feature = "std", not(all(loom, feature = "loom"))))]
pub(crate) use crate::forks::{freeze_shared, thaw_shared};

/// [`Layer::freeze`] of a pointer to `layer`, where forks are nobody's business.
#[cfg(not(all(unix, feature = "std", not(all(loom, feature = "loom")))))]
pub(crate) fn freeze_shared<A: Layer + ?Sized>(layer: &A) {
    layer.freeze();
}

/// [`Layer::thaw`] of a pointer to `layer`.
///
/// # Safety
///
/// As for that.
#[cfg(not(all(unix, feature = "std", not(all(loom, feature = "loom")))))]
pub(crate) unsafe fn thaw_shared<A: Layer + ?Sized>(layer: &A) {
    // SAFETY: the caller's promise.
    unsafe { layer.thaw() }
}

/// What every layer answers to a layout of size 0 (rule L3).
#[inline]
#[must_use]
pub fn dangling(layout: Layout) -> NonNull<[u8]> {
    let ptr = core::ptr::without_provenance_mut::<u8>(layout.align());
    // SAFETY: an alignment is a power of two (`Layout`), so it is not zero.
    NonNull::slice_from_raw_parts(unsafe { NonNull::new_unchecked(ptr) }, 0)
}

/// The answer of a layer that keeps [`Layer`]'s rule L1 by cutting a parent's answer to size.
///
/// # Errors
///
/// Passes the parent's error on.
#[inline]
pub fn cut(
    answer: Result<NonNull<[u8]>, AllocError>,
    bytes: usize,
) -> Result<NonNull<[u8]>, AllocError> {
    answer.map(|slice| {
        debug_assert!(slice.len() >= bytes);
        NonNull::slice_from_raw_parts(slice.cast(), bytes)
    })
}
