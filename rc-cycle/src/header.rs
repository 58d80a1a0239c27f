//! A box: words that count, and then the value, in one allocation.
//!
//! Above: the pointers, which lead to the value. Below: its words (`words.rs`), the user's type (`target.rs`), any layer.
//! Not here: what the counts mean (`local.rs`, `sync/word.rs`).
//!
//! ```text
//!  [allocator][gap…][length][record][strong][weak][value…]
//!                    │       └ what is known of the value's type: of one that can be part of a cycle
//!                    └ of a slice of such values
//! ```
//!
//! Pointers lead to the value, so reading through one costs nothing, also where the type is not known; and what is
//! found through the record needs no more than that address.

use crate::target::Target;
use crate::visit::{Act, Visit};
use crate::words::{Counts, Words, words};
use alloc_core::{AllocError, Layer, Layout};
use core::marker::PhantomData;
use core::ptr::NonNull;

const WORD_BYTES: usize = size_of::<usize>();
const RECORD_WORDS: usize = 3;
const LENGTH_WORDS: usize = 4;

/// Whether a box has a record, and where the value of a box begins.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Frame {
    pub layout: Layout,
    pub value_offset: usize,
}

impl Frame {
    /// The frame of a value of this layout, behind so many words and an allocator.
    pub fn of(value: Layout, words: usize, allocator: Layout) -> Option<Self> {
        let align = value.align().max(allocator.align()).max(WORD_BYTES);
        let before_bytes = allocator.size() + words * WORD_BYTES;
        // An offset that suits both ends: the allocator is at the front, the words at the back.
        let value_offset = before_bytes.checked_next_multiple_of(align)?;
        let bytes = value_offset.checked_add(value.size())?;
        Some(Self { layout: Layout::from_size_align(bytes, align).ok()?, value_offset })
    }

    pub const fn words<T: ?Sized + Target>() -> usize {
        match (T::MAY_CYCLE, T::IS_SLICE) {
            (false, _) => RECORD_WORDS - 1,
            (true, false) => RECORD_WORDS,
            (true, true) => LENGTH_WORDS,
        }
    }
}

/// What is known of a value that can be part of a cycle, whatever points at it. Addresses are of values.
#[derive(Debug)]
pub struct Record {
    pub name: fn() -> &'static str,
    /// Bytes of the box.
    pub bytes: unsafe fn(NonNull<u8>) -> usize,
    pub visit: unsafe fn(NonNull<u8>, &mut Visit<'_>),
    /// Drops the value.
    pub drop: unsafe fn(NonNull<u8>),
    /// Frees the memory.
    pub free: unsafe fn(NonNull<u8>),
}

/// The record of a sized type, and that of slices of it.
struct RecordOf<T, A>(T, A);

impl<T: Target, A: Layer + 'static> RecordOf<T, A> {
    const VALUE: &'static Record = &Record {
        name: core::any::type_name::<T>,
        bytes: |_| {
            Frame::of(Layout::new::<T>(), RECORD_WORDS, Layout::new::<A>())
                .map_or(0, |f| f.layout.size())
        },
        // SAFETY: the caller has a value of this type.
        visit: |value, visit| unsafe { value.cast::<T>().as_ref() }.visit(visit),
        // SAFETY: the same, and it is used no more.
        drop: |value| unsafe { value.cast::<T>().drop_in_place() },
        // SAFETY: the same.
        free: |value| unsafe { free::<T, A>(value.cast(), RECORD_WORDS) },
    };
}

struct RecordOfSlice<T, A>(T, A);

impl<T: 'static, A: Layer + 'static> RecordOfSlice<T, A>
where
    [T]: Target,
{
    const SLICE: &'static Record = &Record {
        name: core::any::type_name::<[T]>,
        bytes: |value| {
            // SAFETY: the box of a slice says how long it is.
            let value = Layout::array::<T>(unsafe { length(value) }).ok();
            let frame = value.and_then(|value| Frame::of(value, LENGTH_WORDS, Layout::new::<A>()));
            frame.map_or(0, |frame| frame.layout.size())
        },
        // SAFETY: the caller has such a slice.
        visit: |value, visit| unsafe { slice::<T>(value).as_ref() }.visit(visit),
        // SAFETY: the same, and it is used no more.
        drop: |value| unsafe { slice::<T>(value).drop_in_place() },
        // SAFETY: the same.
        free: |value| unsafe { free::<[T], A>(slice(value), LENGTH_WORDS) },
    };
}

/// The record of a value of type `T`, for its box.
pub(crate) const fn record_of<T: Target, A: Layer + 'static>() -> &'static Record {
    RecordOf::<T, A>::VALUE
}

/// The record of a slice.
pub(crate) const fn record_of_slice<T: 'static, A: Layer + 'static>() -> &'static Record
where
    [T]: Target,
{
    RecordOfSlice::<T, A>::SLICE
}

/// The number of elements of a slice that has a record.
///
/// # Safety
///
/// It is the value of such a box.
unsafe fn length(value: NonNull<u8>) -> usize {
    // SAFETY: the word stands there (`allocate`).
    unsafe { value.cast::<usize>().sub(LENGTH_WORDS).read() }
}

/// # Safety
///
/// As for `length`, of elements of this type.
unsafe fn slice<T>(value: NonNull<u8>) -> NonNull<[T]> {
    // SAFETY: the caller's.
    NonNull::slice_from_raw_parts(value.cast(), unsafe { length(value) })
}

/// The record of a box that has one.
///
/// # Safety
///
/// As for `words`; the type of the value can be part of a cycle.
#[inline]
pub(crate) unsafe fn record(value: NonNull<u8>) -> &'static Record {
    // SAFETY: the word stands there (`allocate`).
    unsafe { value.cast::<&'static Record>().sub(RECORD_WORDS).read() }
}

/// Shows a value's pointers.
///
/// # Safety
///
/// It is the value of a box with a record, alive, and nobody has it exclusively.
#[inline]
pub(crate) unsafe fn visit(value: NonNull<u8>, act: Act<'_>) {
    // SAFETY: the caller's.
    unsafe { (record(value).visit)(value, &mut Visit::new(act)) };
}

/// A box for a value of this layout, which is not written yet. Returns where the value goes. `length`: of a slice.
///
/// # Errors
///
/// When the layer below refuses.
#[inline]
pub(crate) fn allocate<T: ?Sized + Target, A: Layer, K: Counts>(
    allocator: A,
    value: Layout,
    record: Option<&'static Record>,
    length: usize,
    strong: usize,
) -> Result<NonNull<u8>, AllocError> {
    let words = Frame::words::<T>();
    let frame = Frame::of(value, words, Layout::new::<A>()).ok_or(AllocError)?;
    let start = allocator.allocate(frame.layout)?.cast::<u8>();
    // SAFETY: all of this lies in the new box, at aligned places: the offset is a multiple of each alignment.
    unsafe {
        start.cast::<A>().write(allocator);
        let place = start.add(frame.value_offset);
        if let Some(record) = record {
            place.cast::<&'static Record>().sub(RECORD_WORDS).write(record);
            if T::IS_SLICE {
                place.cast::<usize>().sub(LENGTH_WORDS).write(length);
            }
        }
        place.cast::<Words<K>>().sub(1).write(K::new_words(strong));
        Ok(place)
    }
}

/// Where the allocator of a box is.
///
/// # Safety
///
/// As for `words`; the box has so many words, and an allocator of this type. A value of an unsized type may be dropped,
/// but not freed.
#[inline]
pub(crate) unsafe fn allocator<T: ?Sized, A>(value: NonNull<T>, words: usize) -> NonNull<A> {
    // SAFETY: the memory is still there.
    let layout = Layout::for_value(unsafe { value.as_ref() });
    match Frame::of(layout, words, Layout::new::<A>()) {
        // SAFETY: the front of the box is so far before the value.
        Some(frame) => unsafe { value.cast::<u8>().sub(frame.value_offset) }.cast(),
        None => unreachable!("the box was allocated"),
    }
}

/// Frees a box, whose value is dropped or was never there.
///
/// # Safety
///
/// As for `allocator`; nobody uses the box any more.
#[inline]
pub(crate) unsafe fn free<T: ?Sized, A: Layer>(value: NonNull<T>, words: usize) {
    // SAFETY: the caller's.
    unsafe {
        let layout = Layout::for_value(value.as_ref());
        let Some(frame) = Frame::of(layout, words, Layout::new::<A>()) else { return };
        let place = allocator::<T, A>(value, words);
        let below = place.read();
        below.deallocate(place.cast(), frame.layout);
    }
}

/// How many words a box has.
///
/// # Safety
///
/// As for `words`; pointers to it are of this type.
pub(crate) unsafe fn count_of_words<T: ?Sized + Target, K: Counts>(value: NonNull<u8>) -> usize {
    // SAFETY: the caller's.
    let is_plain = T::IS_DYN && K::is_plain(unsafe { words(value) });
    if is_plain { Frame::words::<()>() } else { Frame::words::<T>() }
}

/// [`free`], of a box that pointers of this type lead to.
///
/// # Safety
///
/// As there.
pub(crate) unsafe fn free_box<T: ?Sized + Target, A: Layer, K: Counts>(value: NonNull<T>) {
    // SAFETY: the caller's.
    unsafe { free::<T, A>(value, count_of_words::<T, K>(value.cast())) }
}

/// Lets go of a box whose value is gone, also if its destructor unwinds.
pub(crate) struct Free<T: ?Sized + Target, A: Layer + 'static, K: Counts>(
    NonNull<T>,
    PhantomData<(A, K)>,
);

impl<T: ?Sized + Target, A: Layer + 'static, K: Counts> Free<T, A, K> {
    /// # Safety
    ///
    /// The pointers' weak count of the box is this one's.
    pub(crate) const unsafe fn of(value: NonNull<T>) -> Self {
        Self(value, PhantomData)
    }
}

impl<T: ?Sized + Target, A: Layer + 'static, K: Counts> Drop for Free<T, A, K> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: the pointers' weak count was not given back before.
        unsafe {
            if K::release_weak(words(self.0.cast())) {
                free_box::<T, A, K>(self.0);
            }
        }
    }
}
