//! An object in a collected heap: its header word, what the header points at, how it is laid out.
//!
//! Above: the handles, which see values; the collectors, which see [`Object`]s. Below: nothing.
//! Not here: how a value is visited (`trace.rs`), where slots come from (a collector).
//!
//! A slot that holds an object looks like one of these. The two lowest bits of the header are clear; of a
//! collector that says so ([`Collector::TAGS`]), some others are its own ([`tag`]).
//!
//! ```text
//!  [header][value…]                         alignments up to a word
//!  [length << 2 | 1][header][value…]        slices and tails; values aligned to two words
//!  [header][length][gap…][value…]           larger alignments, slices and tails or not
//! ```
//!
//! So the first word of a slot leads to the header ([`Object::in_slot`]). The header is in the slot's
//! first 16 bytes, and slots of the second kind begin at a multiple of 16: a collector with a bit for
//! every 16 bytes finds the slot's bit from the header's address. Where the value is, and the length,
//! depends on nothing but the value's alignment, so a trait object that was made of any of these, or a
//! slice that was made of an array, leads to its header as well.

use super::{Collector, Trace};
use crate::sync::{load_word, store_word};
use core::alloc::Layout;
use core::fmt;
use core::marker::PhantomData;
use core::mem::needs_drop;
use core::ops::Range;
use core::ptr::NonNull;

/// The size of the header, and of the length before it.
pub const WORD_BYTES: usize = size_of::<usize>();

/// How the low bits of a slot's first word are used.
const TAG_MASK: usize = 0b11;
const TAG_COUNT: usize = 0b01;

/// The alignments up to which the header stands right before the value.
const NEAR_ALIGN: usize = 2 * WORD_BYTES;

/// How far behind the header a value of this alignment begins.
#[inline(always)]
pub(super) const fn value_offset(align: usize) -> usize {
    if align > NEAR_ALIGN { align } else { WORD_BYTES }
}

/// What two low bits of a header mean, under a collector that uses them, on a machine whose words have eight bytes:
/// they are clear in the addresses of objects, and of types' records.
pub mod tag {
    /// The two bits.
    pub const ALL: usize = 0b110;
    /// The object was moved: the rest of the word leads to its new header.
    pub const MOVED: usize = 0b010;
    /// The collector wants to be told when the object is written to. The rest of the word leads to the type's
    /// record, as without a tag.
    pub const WATCHED: usize = 0b100;
    /// The rest of the word leads to the place that the object will be moved to, whose header says the type.
    pub const HOMED: usize = 0b110;
    /// The object must not be moved: a bit of its own, beside [`WATCHED`] or no tag.
    pub const PINNED: usize = 0b1000;
    /// The bit that both [`WATCHED`] and [`HOMED`] have.
    pub const NOT_PLAIN: usize = WATCHED & HOMED;
}

/// An object, whatever its type: the address of its header.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
#[repr(transparent)]
pub struct Object(NonNull<u8>);

// SAFETY: it is an address. Who follows it vouches for what is there.
unsafe impl Send for Object {}
// SAFETY: the same.
unsafe impl Sync for Object {}

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
    /// A collector's header was written at that slot's object, and the slot's first word is as it was left.
    #[must_use]
    pub unsafe fn in_slot(start: NonNull<u8>) -> Self {
        // SAFETY: the first word was written by `write_header`, says the caller.
        let word = unsafe { start.cast::<usize>().read() };
        let gap_bytes = if word & TAG_MASK == TAG_COUNT { WORD_BYTES } else { 0 };
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
    ///
    /// # Safety
    ///
    /// The object's slot was not freed.
    #[inline]
    #[must_use]
    pub unsafe fn value(self) -> NonNull<u8> {
        // SAFETY: the header leads to a `TypeInfo`, whatever the collector; it begins with the shape.
        let shape = unsafe { &*self.record().cast::<Shape>() };
        // SAFETY: the value lies in the slot, that far behind the header.
        unsafe { self.0.add(shape.value_offset) }
    }

    /// The header's word, tags and all.
    ///
    /// # Safety
    ///
    /// The object's slot was not freed.
    #[inline(always)]
    #[must_use]
    pub unsafe fn word(self) -> *mut u8 {
        // SAFETY: the header was written (`write_header`), and changes by `set_word` only.
        unsafe { load_word(self.0.cast().as_ptr()) }
    }

    /// Changes the header's word: another thread may look at the object meanwhile.
    ///
    /// # Safety
    ///
    /// The object is the collector's to change, and the word is what its tags say.
    #[inline(always)]
    pub unsafe fn set_word(self, word: *mut u8) {
        // SAFETY: the caller's.
        unsafe { store_word(self.0.cast().as_ptr(), word) };
    }

    /// Where the record of the object's type lies, which was not moved.
    ///
    /// # Safety
    ///
    /// The object's slot was not freed.
    #[inline(always)]
    unsafe fn record(self) -> *mut u8 {
        // SAFETY: the caller's; a home has a header too (`tag::HOMED`).
        unsafe {
            let mut word = self.word();
            if word.addr() & tag::ALL == tag::HOMED {
                word = load_word(word.map_addr(|address| address & !tag::ALL).cast());
            }
            word.map_addr(|address| address & !(tag::ALL | tag::PINNED))
        }
    }

    /// The value of an object whose value is a `T`.
    #[inline(always)]
    pub(super) const fn value_of<T>(self) -> NonNull<T> {
        // SAFETY: the value lies in the slot, that far behind the header.
        unsafe { self.0.add(value_offset(align_of::<T>())).cast() }
    }

    /// The object that a value belongs to.
    ///
    /// # Safety
    ///
    /// `value` is the value of an object whose slot was not freed, and may be used to reach all of it.
    #[inline(always)]
    pub(super) unsafe fn of_value<T: ?Sized>(value: NonNull<T>) -> Self {
        // SAFETY: the value is an object's. Of a sized type this is a constant.
        let align = align_of_val(unsafe { value.as_ref() });
        // SAFETY: the header lies in the same slot, that far before the value.
        Self(unsafe { value.cast::<u8>().sub(value_offset(align)) })
    }

    /// What is known about the object's type.
    ///
    /// # Safety
    ///
    /// The object is in a heap of collector `C`, and its slot was not freed.
    #[inline(always)]
    #[must_use]
    pub unsafe fn info<'i, C: Collector + 'i>(self) -> &'i TypeInfo<C> {
        // SAFETY: `write_header` put a reference to a constant there; tags stand only where there are some.
        unsafe {
            let record = if C::TAGS { self.record() } else { self.word() };
            &*record.cast::<TypeInfo<C>>()
        }
    }

    /// How many elements a slice, or a tail, has, whose alignment is `align`.
    ///
    /// # Safety
    ///
    /// The object was made with a length, for that alignment.
    #[inline(always)]
    unsafe fn length(self, align: usize) -> usize {
        // SAFETY: the caller vouches for the length, which stands there (`write_header`).
        unsafe {
            if align > NEAR_ALIGN {
                self.0.add(WORD_BYTES).cast::<usize>().read()
            } else {
                self.0.sub(WORD_BYTES).cast::<usize>().read() >> 2
            }
        }
    }

    /// How many elements a slice has, or a tail; `None` of a type without a length.
    ///
    /// # Safety
    ///
    /// As for [`info`](Object::info).
    #[must_use]
    pub unsafe fn elements<C: Collector>(self) -> Option<usize> {
        // SAFETY: the caller's; only objects with a length have an element's size in their type's record.
        unsafe {
            let info = self.info::<C>();
            (info.element_bytes != NO_ELEMENTS).then(|| self.length(info.shape.value_align))
        }
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
        if info.element_bytes == NO_ELEMENTS {
            return info.shape;
        }
        // SAFETY: only objects with a length have an element's size in their type's record.
        let length = unsafe { self.length(info.shape.value_align) };
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
    /// How far behind the slot's start the header lies.
    pub header_offset: usize,
    /// How far behind the header the value begins.
    pub value_offset: usize,
    /// The value's alignment.
    pub value_align: usize,
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
        let header_offset =
            if (has_length || align == NEAR_ALIGN) && align <= NEAR_ALIGN { WORD_BYTES } else { 0 };
        let value_offset = value_offset(align);
        // The smallest alignment of a slot of each kind.
        let least = if header_offset > 0 { NEAR_ALIGN } else { WORD_BYTES };
        let slot_align = if align > least { align } else { least };
        let size = header_offset + value_offset + value_bytes;
        let Ok(layout) = Layout::from_size_align(size, slot_align) else {
            panic!("a type that is too large to be allocated");
        };
        // Elements follow where the value ends, without padding between.
        let layout = if has_length { layout } else { layout.pad_to_align() };
        Self { layout, header_offset, value_offset, value_align: align, needs_drop, needs_trace }
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

/// Visits the pointers of some elements.
type MarkPart<C> = unsafe fn(Object, Range<usize>, &mut <C as Collector>::Marker);
type RelocatePart<C> = unsafe fn(Object, Range<usize>, &mut <C as Collector>::Mover);

/// What is known about a type under a collector: one constant for each type.
///
/// The functions are compiled for the collector's own visitors, so that a visit of an object is
/// one indirect call, and what it finds goes inline into the collector's queue.
#[repr(C, align(16))]
pub struct TypeInfo<C: Collector> {
    /// The shape; of a type with a length, the shape without elements.
    pub shape: Shape,
    /// The slot's size, of a type of known size that can hold pointers; else 0. For a collector's fast path.
    pub plain_bytes: usize,
    /// Visits the object's pointers, to mark. `None`: it holds none.
    pub mark: Option<unsafe fn(Object, &mut C::Marker)>,
    /// Visits the pointers of some of a slice's elements, to mark. `None`: it is not a slice, or holds none.
    pub mark_part: Option<MarkPart<C>>,
    /// Visits the object's pointers exclusively, to rewrite them. `None`: it holds none.
    pub relocate: Option<unsafe fn(Object, &mut C::Mover)>,
    /// The same for some of a slice's elements. `None`: it is not a slice, or holds none.
    pub relocate_part: Option<RelocatePart<C>>,
    /// Visits the object's pointers with any visitor. `None`: it holds none.
    pub visit: Option<unsafe fn(Object, &mut dyn super::Visitor)>,
    /// Runs the destructor. `None`: it has none that does something.
    pub drop: Option<unsafe fn(Object)>,
    /// The size of an element of a slice or of a tail, or `usize::MAX` for types without a length.
    element_bytes: usize,
    /// The type's name, for figures and for dumps.
    pub name: fn() -> &'static str,
}

impl<C: Collector> fmt::Debug for TypeInfo<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TypeInfo")
            .field("name", &(self.name)())
            .field("shape", &self.shape)
            .finish_non_exhaustive()
    }
}

const NO_ELEMENTS: usize = usize::MAX;

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
    const ELEMENT_BYTES: usize = NO_ELEMENTS;

    #[inline(always)]
    unsafe fn from_object(object: Object) -> NonNull<Self> {
        object.value_of()
    }
}

// SAFETY: a slice lies behind the header, with its length before it.
unsafe impl<T> Stored for [T] {
    const FIXED: Shape = Shape::new(0, align_of::<T>(), true, needs_drop::<T>(), false);
    const ELEMENT_BYTES: usize = size_of::<T>();

    #[inline(always)]
    unsafe fn from_object(object: Object) -> NonNull<Self> {
        // SAFETY: slices are made with a length.
        let length = unsafe { object.length(align_of::<T>()) };
        NonNull::slice_from_raw_parts(object.value_of::<T>(), length)
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
        Shape::new(tail, empty.align(), true, needs_drop, false)
    };
    const ELEMENT_BYTES: usize = size_of::<T>();

    #[inline(always)]
    unsafe fn from_object(object: Object) -> NonNull<Self> {
        // SAFETY: made with a length.
        let length = unsafe { object.length(align_of::<WithTail<H, [T; 0]>>()) };
        let value = object.value_of::<WithTail<H, [T; 0]>>().cast::<T>();
        let slice = NonNull::slice_from_raw_parts(value, length);
        // SAFETY: the pointer is not null; the cast keeps address and length.
        unsafe { NonNull::new_unchecked(slice.as_ptr() as *mut Self) }
    }
}

/// The type's record for a collector.
pub(super) struct InfoOf<'gc, T: ?Sized, C>(PhantomData<&'gc ()>, PhantomData<C>, PhantomData<T>);

impl<'gc, T: ?Sized + Trace<'gc> + Stored, C: Collector> InfoOf<'gc, T, C> {
    /// The shape with its flags.
    pub(super) const SHAPE: Shape = Shape { needs_trace: T::NEEDS_TRACE, ..T::FIXED };

    /// The record, in static memory.
    pub(super) const INFO: *const TypeInfo<C> = &TypeInfo {
        mark: if T::NEEDS_TRACE { Some(Self::mark) } else { None },
        mark_part: if T::NEEDS_TRACE && T::IN_PARTS { Some(Self::mark_part) } else { None },
        relocate: if T::NEEDS_TRACE { Some(Self::relocate) } else { None },
        relocate_part: if T::NEEDS_TRACE && T::IN_PARTS { Some(Self::relocate_part) } else { None },
        visit: if T::NEEDS_TRACE { Some(Self::visit) } else { None },
        drop: if T::FIXED.needs_drop { Some(Self::drop) } else { None },
        shape: Self::SHAPE,
        plain_bytes: if T::NEEDS_TRACE && T::ELEMENT_BYTES == NO_ELEMENTS {
            Self::SHAPE.layout.size()
        } else {
            0
        },
        element_bytes: T::ELEMENT_BYTES,
        name: core::any::type_name::<T>,
    };

    /// The record of a slot whose value is not there yet, or will never be: nothing to visit.
    pub(super) const UNFINISHED: *const TypeInfo<C> = &TypeInfo {
        mark: None,
        mark_part: None,
        relocate: None,
        relocate_part: None,
        visit: None,
        drop: None,
        shape: Self::SHAPE,
        plain_bytes: 0,
        element_bytes: T::ELEMENT_BYTES,
        name: core::any::type_name::<T>,
    };

    /// # Safety
    ///
    /// The object is of this type, and nobody writes to it meanwhile.
    unsafe fn mark(object: Object, marker: &mut C::Marker) {
        // SAFETY: whoever calls has an object of this type, and reads it while nobody writes.
        unsafe { T::from_object(object).as_ref() }.trace(marker);
    }

    /// # Safety
    ///
    /// As for `mark`, of these elements.
    unsafe fn mark_part(object: Object, elements: Range<usize>, marker: &mut C::Marker) {
        // SAFETY: whoever calls has an object of this type, and nobody writes to these elements;
        // `trace_part` touches no others.
        unsafe { T::from_object(object).as_ref() }.trace_part(elements, marker);
    }

    /// # Safety
    ///
    /// As for `mark`.
    unsafe fn visit(object: Object, mut visitor: &mut dyn super::Visitor) {
        // SAFETY: as for `mark`.
        unsafe { T::from_object(object).as_ref() }.trace(&mut visitor);
    }

    /// # Safety
    ///
    /// The object is of this type, and the caller has it to itself.
    unsafe fn relocate(object: Object, mover: &mut C::Mover) {
        // SAFETY: whoever calls has the object of this type to itself.
        unsafe { T::from_object(object).as_mut() }.trace_mut(mover);
    }

    /// # Safety
    ///
    /// As for `relocate`, of these elements.
    unsafe fn relocate_part(object: Object, elements: Range<usize>, mover: &mut C::Mover) {
        // SAFETY: as for `relocate`; `trace_part_mut` touches no others.
        unsafe { T::from_object(object).as_mut() }.trace_part_mut(elements, mover);
    }

    /// # Safety
    ///
    /// The object is of this type, dead, and not dropped yet.
    unsafe fn drop(object: Object) {
        // SAFETY: whoever calls drops an object of this type, once.
        unsafe { T::from_object(object).drop_in_place() }
    }
}

/// The record of an object that is nothing: no pointers, no destructor, whatever its slot's size.
#[must_use]
pub const fn nothing<C: Collector>() -> *const TypeInfo<C> {
    InfoOf::<'static, (), C>::INFO
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
    // SAFETY: the slot is the caller's; the header and the word before or behind it lie before the
    // value (`Shape::new`).
    unsafe {
        let header = start.add(shape.header_offset);
        if shape.header_offset > 0 {
            start.cast::<usize>().write(length << 2 | TAG_COUNT);
        } else if shape.value_offset > WORD_BYTES {
            header.add(WORD_BYTES).cast::<usize>().write(length);
        }
        header.cast::<*const TypeInfo<C>>().write(info);
        Object(header)
    }
}
