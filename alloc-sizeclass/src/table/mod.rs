//! Size classes: which slot size serves which layout.
//!
//! Above: the heap and the cache ask `class_of`; for a layout known at compile time the answer
//! folds to a constant. Below: nothing; tables are computed by the compiler.
//! A table is a type ([`SizeClasses`]); [`Fine`] is the default, [`Compact`] suits small buffers.
//! What follows from its sizes ([`ClassTable`]) is the same code for all: unsafe code relies on it.
//! Not here: spans (`heap/`), which take their geometry from [`ClassInfo`].

mod build;
mod tables;
#[cfg(all(test, not(all(loom, feature = "loom"))))]
mod tests;

use alloc_core::Layout;
use core::num::NonZeroU8;
pub use tables::{Compact, Fine};

/// The most classes that a table can have, class 0 ("none") included.
pub const MAX_CLASSES: usize = if cfg!(all(loom, feature = "loom")) { 8 } else { 96 };

/// The largest slot that a table can name, in bytes.
pub const MAX_SLOT_BYTES: usize = 1 << 20;

/// Slots of more bytes than this are *medium* ones: caches keep few of them, and none for classes
/// that are seldom used. (Large is what no class serves.)
pub const MAX_SMALL_SLOT_BYTES: usize = 32 << 10;

/// The smallest slot, in bytes: a free slot holds a link and a stamp.
pub const MIN_SLOT_BYTES: usize = 16;

/// A size class: the index of a slot size, from 1. In a byte of a side table, 0 is no class.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct Class(NonZeroU8);

impl Class {
    /// The class of this index.
    ///
    /// # Panics
    ///
    /// When `index` is 0 or not below [`MAX_CLASSES`].
    #[must_use]
    pub const fn new(index: usize) -> Self {
        assert!(index < MAX_CLASSES);
        match NonZeroU8::new(index as u8) {
            Some(index) => Self(index),
            None => panic!("0 is no class"),
        }
    }

    /// The index, in `1..MAX_CLASSES`.
    #[inline(always)]
    #[must_use]
    pub const fn index(self) -> usize {
        self.0.get() as usize
    }

    /// The class that a byte of a side table names; 0 is none.
    ///
    /// # Safety
    ///
    /// `byte` is 0, or was made from a class's index.
    #[inline(always)]
    pub(crate) const unsafe fn from_byte(byte: u8) -> Option<Self> {
        match NonZeroU8::new(byte) {
            Some(index) => Some(Self(index)),
            None => None,
        }
    }
}

/// The sizes of a table of size classes. Implement it to define your own; what follows from them is
/// in [`ClassTable`].
///
/// ```
/// use alloc_sizeclass::{ClassTable, SizeClasses};
///
/// /// Three sizes, in spans of 4 KiB: all that one protocol needs.
/// struct Packets;
///
/// impl SizeClasses for Packets {
///     const SLOT_BYTES: &'static [usize] = &[64, 256, 1536];
///     const GRANULE_BYTES: usize = 4096;
/// }
/// let class = Packets::class_of(core::alloc::Layout::new::<[u8; 1500]>()).unwrap();
/// assert_eq!(Packets::info(class).slot_bytes, 1536);
/// ```
///
/// A table that breaks a rule below is refused when the heap over it is compiled.
pub trait SizeClasses: Sized + 'static {
    /// Slot sizes in bytes, ascending: multiples of 16 up to 1 KiB; above, multiples of a sixteenth
    /// of the power of two below them, up to [`MAX_SLOT_BYTES`]; at most [`MAX_CLASSES`]` - 1`.
    const SLOT_BYTES: &'static [usize];

    /// What spans are multiples of, and aligned to: a power of two of at least 256 bytes. Slots up
    /// to this size whose size is a power of two are aligned to it.
    const GRANULE_BYTES: usize = 64 << 10;

    /// How many bytes a batch may have: what moves between a thread cache and the heap at once. A
    /// thread cache holds at most two batches of each class. At least one slot moves.
    const BATCH_BYTES: usize = 32 << 10;
}

/// What a table answers, computed from its [`SizeClasses`]. Every table has this impl and no other,
/// so that a heap's soundness does not hang on what a table's author wrote.
pub trait ClassTable: SizeClasses {
    /// The class that serves `layout`, the smallest whose slots have its size and its alignment; or
    /// none: size 0, or there is no such slot.
    #[inline(always)]
    #[must_use]
    fn class_of(layout: Layout) -> Option<Class> {
        Self::class_at_sight(layout).or_else(|| Self::class_by_search(layout))
    }

    /// `class_of`, unless that would take a search: then none. So a hit makes no call, and needs no
    /// place to keep registers in; whoever gets none here asks again, out of the way.
    #[doc(hidden)]
    #[inline(always)]
    #[must_use]
    fn class_at_sight(layout: Layout) -> Option<Class> {
        if layout.align() <= MIN_SLOT_BYTES {
            return Self::class_of_size(layout.size());
        }
        // No overflow: `Layout` keeps the rounded size within `isize::MAX`.
        let size = (layout.size() + (layout.align() - 1)) & !(layout.align() - 1);
        // A slot has the alignment of its size, up to the granule (`build`).
        let class = Self::class_of_size(size)?;
        (Self::info(class).slot_align >= layout.align()).then_some(class)
    }

    /// `class_of`, of a layout that has none at sight: the first class from that of the size on with
    /// slots of the alignment. The search goes on to the end of the table, so that what a layout gets,
    /// every layout that fits that gets too (L2).
    #[doc(hidden)]
    #[inline]
    #[must_use]
    fn class_by_search(layout: Layout) -> Option<Class> {
        if layout.align() <= MIN_SLOT_BYTES {
            return None;
        }
        let mut classes = Self::classes().skip(Self::class_of_size(layout.size())?.index() - 1);
        classes.find(|class| Self::info(*class).slot_align >= layout.align())
    }

    /// The class of the smallest slot with at least `size` bytes, if there is one and `size` is
    /// not 0.
    #[inline(always)]
    #[must_use]
    fn class_of_size(size: usize) -> Option<Class> {
        // Size 0 wraps round, to where there is no class.
        let last = size.wrapping_sub(1);
        if last < build::FINE_LIMIT {
            // SAFETY: the table has an entry for each 16 bytes below the limit.
            let index = unsafe { *build::Built::<Self>::FINE.get_unchecked(last / 16) };
            // SAFETY: tables hold 0 and indices of classes only (`build`).
            return unsafe { Class::from_byte(index) };
        }
        Self::class_of_more(last)
    }

    /// `class_of_size` above the fine table, for a size one less than asked.
    #[doc(hidden)]
    #[inline(always)]
    #[must_use]
    fn class_of_more(last: usize) -> Option<Class> {
        if last >= build::largest::<Self>() {
            return None;
        }
        // SAFETY: `last` is at least `FINE_LIMIT` and below the largest slot, so there is an entry;
        // tables hold 0 and indices of classes only (`build`).
        unsafe {
            let entry = build::coarse_entry(last);
            Class::from_byte(*build::Built::<Self>::COARSE.get_unchecked(entry))
        }
    }

    /// The geometry of a class; that of a class that this table does not have is all zeroes.
    #[inline(always)]
    #[must_use]
    fn info(class: Class) -> &'static ClassInfo {
        // SAFETY: a class's index is below `MAX_CLASSES` (`new`), which is the length.
        unsafe { build::Built::<Self>::INFO.get_unchecked(class.index()) }
    }

    /// The mark of a class, for [`starts_at`](Self::starts_at); 0 for those that have none: the larger ones, whose spans are
    /// more than a granule.
    #[doc(hidden)]
    fn mark(class: Class) -> u64 {
        build::Built::<Self>::MARKS[class.index()]
    }

    /// Whether a slot starts (or would, behind the last one of its span) at an address in a span of the class with this mark.
    /// `false` for 0.
    #[doc(hidden)]
    #[inline(always)]
    #[must_use]
    fn starts_at(mark: u64, address: usize) -> bool {
        // Spans are aligned to the granule.
        let offset = (address & (Self::GRANULE_BYTES - 1)) as u64;
        offset.wrapping_mul(mark) < mark
    }

    /// All classes of this table, smallest first.
    fn classes() -> impl Iterator<Item = Class> {
        (1..=Self::SLOT_BYTES.len()).map(Class::new)
    }

    /// Whether this table has `class`, which may have been made for another one.
    #[inline]
    #[must_use]
    fn has(class: Class) -> bool {
        class.index() <= Self::SLOT_BYTES.len()
    }
}

impl<T: SizeClasses> ClassTable for T {}

/// What a class's spans look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClassInfo {
    /// Bytes of a slot.
    pub slot_bytes: usize,
    /// The alignment that every slot of this class has: the largest power of two that divides its
    /// size, or the granule if that is less.
    pub slot_align: usize,
    /// Bytes of a span: a multiple of the granule.
    pub span_bytes: usize,
    /// Slots in a span.
    pub span_slots: u32,
    /// The most slots in a batch.
    pub batch_slots: u16,
}

impl ClassInfo {
    const NONE: Self =
        Self { slot_bytes: 0, slot_align: 1, span_bytes: 0, span_slots: 0, batch_slots: 0 };

    /// Whether the slots are medium ones: of more than [`MAX_SMALL_SLOT_BYTES`].
    #[inline]
    #[must_use]
    pub const fn is_medium(&self) -> bool {
        self.slot_bytes > MAX_SMALL_SLOT_BYTES
    }

    /// Bytes at the end of a span that belong to no slot.
    #[must_use]
    pub const fn tail_bytes(&self) -> usize {
        self.span_bytes - self.slot_bytes * self.span_slots as usize
    }
}
