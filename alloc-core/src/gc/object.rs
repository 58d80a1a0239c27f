//! An object in a collected heap: its header word, what the header points at, how it is laid out.
//!
//! Above: the handles, which see values; the collectors, which see [`Object`]s. Below: nothing.
//! Not here: how a value is visited (`trace.rs`), where slots come from (a collector).
//!
//! A slot that holds an object looks like one of these. The header is the word right before the
//! value, whatever the value's type and alignment; its two low bits are clear.
//!
//! ```text
//!  [header][value…]                        alignment up to a word, no length
//!  [length << 2 | 1][header][value…]       slices and tails; values aligned to two words
//!  [gap << 2 | 2]…[length << 2 | 1][header][value…]     larger alignments
//! ```
//!
//! So the first word of a slot leads to the header ([`Object::in_slot`]), which a sweep needs that
//! runs destructors; and an address in a slot leads to the slot by division, which is all that
//! marking needs.

use super::{Collector, Trace};
use core::alloc::Layout;
use core::marker::PhantomData;
use core::mem::{align_of, needs_drop, size_of};
use core::ptr::NonNull;

/// The size of the header, and of the length before it.
pub const WORD_BYTES: usize = size_of::<usize>();

/// How the low bits of a slot's first word are used.
const TAG_MASK: usize = 0b11;
const TAG_LENGTH: usize = 0b01;
const TAG_GAP: usize = 0b10;

/// An object, whatever its type: the address of its header.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
#[repr(transparent)]
pub struct Object(NonNull<u8>);

impl Object {
    /// The object whose header lies at `header`.
    ///
    /// # Safety
    ///
    /// A collector's object begins there, and `header` may be used to reach all of its slot.
    #[inline(always)]
    #[must_use]
    pub const unsafe fn from_header(header: NonNull<u8>) -> Self {
        Self(header)
    }

    /// The object in the slot that begins at `start`.
    ///
    /// # Safety
    ///
    /// [`write_header`] was called for that slot, and its first word is as it was left.
    #[must_use]
    pub unsafe fn in_slot(start: NonNull<u8>) -> Self {
        // SAFETY: the first word was written by `write_header`, says the caller.
        let word = unsafe { start.cast::<usize>().read() };
        let gap_bytes = match word & TAG_MASK {
            TAG_LENGTH => WORD_BYTES,
            TAG_GAP => word >> 2,
            _ => 0,
        };
        // SAFETY: the header lies in the slot, that far behind its start.
        Self(unsafe { start.add(gap_bytes) })
    }

    /// The address of the header.
    #[inline(always)]
    #[must_use]
    pub fn address(self) -> usize {
        self.0.as_ptr().addr()
    }

    /// A pointer to the header.
    #[inline(always)]
    #[must_use]
    pub const fn header(self) -> NonNull<u8> {
        self.0
    }

    /// A pointer to the value.
    #[inline(always)]
    #[must_use]
    pub const fn value(self) -> NonNull<u8> {
        // SAFETY: the value lies right behind the header, in the same slot.
        unsafe { self.0.add(WORD_BYTES) }
    }

    /// The object that a value belongs to.
    ///
    /// # Safety
    ///
    /// `value` is the value of an object, and may be used to reach all of its slot.
    #[inline(always)]
    pub(super) const unsafe fn of_value(value: NonNull<u8>) -> Self {
        // SAFETY: the header lies right before the value, in the same slot.
        Self(unsafe { value.sub(WORD_BYTES) })
    }

    /// What is known about the object's type.
    ///
    /// # Safety
    ///
    /// The object is in a heap of collector `C`, and its slot was not freed.
    #[inline(always)]
    #[must_use]
    pub unsafe fn info<'i, C: Collector + 'i>(self) -> &'i TypeInfo<C> {
        // SAFETY: `write_header` put a reference to a constant there.
        unsafe { &*self.0.cast::<*const TypeInfo<C>>().read() }
    }

    /// How many elements a slice, or a tail, has.
    ///
    /// # Safety
    ///
    /// The object was made with a length.
    #[inline(always)]
    #[must_use]
    pub unsafe fn length(self) -> usize {
        // SAFETY: the caller vouches for the length, which stands right before the header.
        unsafe { self.0.sub(WORD_BYTES).cast::<usize>().read() >> 2 }
    }

    /// The shape that the object was allocated with.
    ///
    /// # Safety
    ///
    /// As for [`info`](Object::info).
    #[must_use]
    pub unsafe fn shape<C: Collector>(self) -> Shape {
        // SAFETY: the caller's.
        let info = unsafe { self.info::<C>() };
        if info.element_bytes == NO_LENGTH {
            return info.shape;
        }
        // SAFETY: only objects with a length have an element's size in their type's record.
        let length = unsafe { self.length() };
        // A shape that had overflowed would not have been allocated.
        info.shape.with_elements(length, info.element_bytes).unwrap_or(info.shape)
    }
}

/// What a collector is told about an object before it finds a slot for it. All of it is a constant
/// for a sized type, so that a test of it costs nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// The slot's size, with the words before the value, and its alignment: at least a word's.
    pub layout: Layout,
    /// How far behind the slot's start the value begins.
    pub prefix_bytes: usize,
    /// Whether the value has a destructor that does something.
    pub needs_drop: bool,
    /// Whether the value can hold traced pointers.
    pub needs_trace: bool,
}

impl Shape {
    /// The shape of a value of known size.
    const fn sized<T>(needs_trace: bool) -> Self {
        Self::new(size_of::<T>(), align_of::<T>(), false, needs_drop::<T>(), needs_trace)
    }

    const fn new(
        value_bytes: usize,
        align: usize,
        has_length: bool,
        needs_drop: bool,
        needs_trace: bool,
    ) -> Self {
        let words_bytes = if has_length { 2 * WORD_BYTES } else { WORD_BYTES };
        let prefix_bytes = if align > words_bytes { align } else { words_bytes };
        let align = if align > WORD_BYTES { align } else { WORD_BYTES };
        let Ok(layout) = Layout::from_size_align(prefix_bytes + value_bytes, align) else {
            panic!("a type that is too large to be allocated");
        };
        Self { layout: layout.pad_to_align(), prefix_bytes, needs_drop, needs_trace }
    }

    /// The shape with `length` elements behind it, unless no address space could hold it.
    pub(super) fn with_elements(self, length: usize, element_bytes: usize) -> Option<Self> {
        if length > usize::MAX >> 2 {
            return None;
        }
        let size = self.layout.size().checked_add(length.checked_mul(element_bytes)?)?;
        let layout = Layout::from_size_align(size, self.layout.align()).ok()?;
        Some(Self { layout: layout.pad_to_align(), ..self })
    }
}

/// What is known about a type under a collector: one constant for each type.
///
/// The functions are compiled for the collector's own visitors, so that a visit of an object is
/// one indirect call, and what it finds goes inline into the collector's queue.
#[repr(align(16))]
pub struct TypeInfo<C: Collector> {
    /// Visits the object's pointers, to mark. `None`: it holds none.
    pub mark: Option<unsafe fn(Object, &mut C::Marker)>,
    /// Visits the object's pointers exclusively, to rewrite them. `None`: it holds none.
    pub relocate: Option<unsafe fn(Object, &mut C::Mover)>,
    /// Visits the object's pointers with any visitor. `None`: it holds none.
    pub visit: Option<unsafe fn(Object, &mut dyn super::Visitor)>,
    /// Runs the destructor. `None`: it has none that does something.
    pub drop: Option<unsafe fn(Object)>,
    /// The shape; of a type with a length, the shape without elements.
    pub shape: Shape,
    /// The size of an element of a slice or of a tail, or `usize::MAX` for types without a length.
    element_bytes: usize,
    /// The type's name, for figures and for dumps.
    pub name: fn() -> &'static str,
}

const NO_LENGTH: usize = usize::MAX;

/// A type that an object can be found as, from its header alone: sized types, slices, `str`, tails.
///
/// # Safety
///
/// `from_object` gives a pointer to the whole value; the constants describe the type.
pub unsafe trait Stored {
    /// The shape, of types with a length without elements. The flags do not count.
    #[doc(hidden)]
    const FIXED: Shape;
    /// The size of an element, or `usize::MAX` without a length.
    #[doc(hidden)]
    const ELEMENT_BYTES: usize;

    /// The object's value.
    ///
    /// # Safety
    ///
    /// The object is of this type.
    #[doc(hidden)]
    unsafe fn from_object(object: Object) -> NonNull<Self>;
}

// SAFETY: the value of a sized type lies behind the header.
unsafe impl<T> Stored for T {
    const FIXED: Shape = Shape::sized::<T>(false);
    const ELEMENT_BYTES: usize = NO_LENGTH;

    #[inline(always)]
    unsafe fn from_object(object: Object) -> NonNull<Self> {
        object.value().cast()
    }
}

// SAFETY: a slice lies behind the header, with its length before it.
unsafe impl<T> Stored for [T] {
    const FIXED: Shape = Shape::new(0, align_of::<T>(), true, needs_drop::<T>(), false);
    const ELEMENT_BYTES: usize = size_of::<T>();

    #[inline(always)]
    unsafe fn from_object(object: Object) -> NonNull<Self> {
        // SAFETY: slices are made with a length.
        NonNull::slice_from_raw_parts(object.value().cast(), unsafe { object.length() })
    }
}

// SAFETY: as for a slice of bytes.
unsafe impl Stored for str {
    const FIXED: Shape = <[u8]>::FIXED;
    const ELEMENT_BYTES: usize = 1;

    #[inline(always)]
    unsafe fn from_object(object: Object) -> NonNull<Self> {
        // SAFETY: made with a length.
        let bytes = unsafe { <[u8]>::from_object(object) };
        // SAFETY: the pointer is not null; it only changes its type.
        unsafe { NonNull::new_unchecked(bytes.as_ptr() as *mut str) }
    }
}

/// A header of type `H`, and behind it a tail, in one object.
///
/// Made by [`Gc::with_tail`](super::Gc::with_tail).
#[repr(C)]
#[derive(Debug)]
pub struct WithTail<H, T: ?Sized> {
    /// The header.
    pub head: H,
    /// The tail.
    pub tail: T,
}

// SAFETY: head and tail lie behind the header, with the tail's length before it.
unsafe impl<H, T> Stored for WithTail<H, [T]> {
    const FIXED: Shape = {
        let empty = Layout::new::<WithTail<H, [T; 0]>>();
        let needs_drop = needs_drop::<H>() || needs_drop::<T>();
        // Without the padding behind the tail, which begins where an empty one does.
        let tail = core::mem::offset_of!(WithTail<H, [T; 0]>, tail);
        let mut shape = Shape::new(0, empty.align(), true, needs_drop, false);
        let Ok(layout) =
            Layout::from_size_align(shape.prefix_bytes + tail, shape.layout.align())
        else {
            panic!("a type that is too large to be allocated");
        };
        shape.layout = layout;
        shape
    };
    const ELEMENT_BYTES: usize = size_of::<T>();

    #[inline(always)]
    unsafe fn from_object(object: Object) -> NonNull<Self> {
        // SAFETY: made with a length.
        let length = unsafe { object.length() };
        let slice = NonNull::slice_from_raw_parts(object.value().cast::<T>(), length);
        // SAFETY: the pointer is not null; the cast keeps address and length.
        unsafe { NonNull::new_unchecked(slice.as_ptr() as *mut Self) }
    }
}

/// The type's record for a collector.
pub(super) struct InfoOf<'gc, T: ?Sized, C>(PhantomData<(&'gc (), C, fn(&T))>);

impl<'gc, T: ?Sized + Trace<'gc> + Stored, C: Collector> InfoOf<'gc, T, C> {
    /// The shape with its flags.
    pub(super) const SHAPE: Shape = Shape { needs_trace: T::NEEDS_TRACE, ..T::FIXED };

    /// The record, in static memory.
    pub(super) const INFO: *const TypeInfo<C> = &TypeInfo {
        mark: if T::NEEDS_TRACE { Some(Self::mark) } else { None },
        relocate: if T::NEEDS_TRACE { Some(Self::relocate) } else { None },
        visit: if T::NEEDS_TRACE { Some(Self::visit) } else { None },
        drop: if T::FIXED.needs_drop { Some(Self::drop) } else { None },
        shape: Self::SHAPE,
        element_bytes: T::ELEMENT_BYTES,
        name: core::any::type_name::<T>,
    };

    /// The record of a slot whose value is not there yet, or will never be: nothing to visit.
    pub(super) const UNFINISHED: *const TypeInfo<C> = &TypeInfo {
        mark: None,
        relocate: None,
        visit: None,
        drop: None,
        shape: Self::SHAPE,
        element_bytes: T::ELEMENT_BYTES,
        name: core::any::type_name::<T>,
    };

    unsafe fn mark(object: Object, marker: &mut C::Marker) {
        // SAFETY: whoever calls has an object of this type, and reads it while nobody writes.
        unsafe { T::from_object(object).as_ref() }.trace(marker);
    }

    unsafe fn visit(object: Object, mut visitor: &mut dyn super::Visitor) {
        // SAFETY: as for `mark`.
        unsafe { T::from_object(object).as_ref() }.trace(&mut visitor);
    }

    unsafe fn relocate(object: Object, mover: &mut C::Mover) {
        // SAFETY: whoever calls has the object of this type to itself.
        unsafe { T::from_object(object).as_mut() }.trace_mut(mover);
    }

    unsafe fn drop(object: Object) {
        // SAFETY: whoever calls drops an object of this type, once.
        unsafe { T::from_object(object).drop_in_place() }
    }
}

/// Writes the words before the value. Returns the object.
///
/// # Safety
///
/// A slot for `shape` begins at `start`, and nobody else uses it. `shape` is of `T`, with `length`
/// elements if it has a length.
#[inline(always)]
pub(super) unsafe fn write_header<C: Collector>(
    start: NonNull<u8>,
    shape: Shape,
    length: usize,
    info: *const TypeInfo<C>,
) -> Object {
    let gap_bytes = shape.prefix_bytes - WORD_BYTES;
    // SAFETY: the prefix has room for the header at its end; below for the word before it, and for
    // a first word that is neither; the slot is the caller's.
    unsafe {
        let header = start.add(gap_bytes);
        if gap_bytes >= 2 * WORD_BYTES {
            start.cast::<usize>().write(gap_bytes << 2 | TAG_GAP);
        }
        if gap_bytes >= WORD_BYTES {
            header.sub(WORD_BYTES).cast::<usize>().write(length << 2 | TAG_LENGTH);
        }
        header.cast::<*const TypeInfo<C>>().write(info);
        Object(header)
    }
}
