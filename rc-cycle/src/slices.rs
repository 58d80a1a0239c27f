//! Pointers to slices and strings, which are made of others' content.
//!
//! Above: the user. Below: boxes.

use crate::header::{self, Frame, record_of_slice};
use crate::kind::{Admits, Kind};
use crate::pointer::Pointer;
use crate::target::Target;
use alloc::borrow::{Cow, ToOwned};
use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use alloc_core::api2::alloc::Global;
use alloc_core::gc::Trace;
use alloc_core::{AllocError, Layer, Layout};
use core::marker::PhantomData;
use core::mem::forget;
use core::ptr::NonNull;

/// A box for a slice, while its elements are made: given up, it drops those that were.
struct Row<T: Trace<'static> + 'static, A: Layer + 'static, K: Kind> {
    place: NonNull<T>,
    length: usize,
    made: usize,
    of: PhantomData<(A, K)>,
}

impl<T: Trace<'static> + 'static, A: Layer + 'static, K: Kind> Row<T, A, K> {
    fn new(allocator: A, length: usize) -> Result<Self, AllocError> {
        let layout = Layout::array::<T>(length).map_err(|_| AllocError)?;
        let record = if T::MAY_CYCLE { Some(record_of_slice::<T, A>()) } else { None };
        let place = header::allocate::<[T], A, K>(allocator, layout, record, length, 1)?.cast();
        Ok(Self { place, length, made: 0, of: PhantomData })
    }

    fn push(&mut self, value: T) {
        assert!(self.made < self.length, "an iterator has more items than it said");
        // SAFETY: the place is the box's, and was not written to.
        unsafe { self.place.add(self.made).write(value) };
        self.made += 1;
    }

    fn end(self) -> Pointer<[T], A, K> {
        assert!(self.made == self.length, "an iterator has fewer items than it said");
        let value = NonNull::slice_from_raw_parts(self.place, self.length);
        forget(self);
        if T::MAY_CYCLE {
            K::note(value.cast(), record_of_slice::<T, A>(), true);
        }
        // SAFETY: the box's one count.
        unsafe { Pointer::from_value(value) }
    }
}

impl<T: Trace<'static> + 'static, A: Layer + 'static, K: Kind> Drop for Row<T, A, K> {
    fn drop(&mut self) {
        let all = NonNull::slice_from_raw_parts(self.place, self.length);
        // SAFETY: so many were written, and nobody else knows of the box.
        unsafe {
            NonNull::slice_from_raw_parts(self.place, self.made).drop_in_place();
            header::free::<[T], A>(all, Frame::words::<[T]>());
        }
    }
}

/// Says what std's pointers say.
#[cold]
pub(crate) fn no_memory<T>(length: usize) -> ! {
    match Layout::array::<T>(length) {
        Ok(layout) => alloc::alloc::handle_alloc_error(layout),
        Err(_) => panic!("more elements than there are addresses"),
    }
}

/// A slice of what the iterator gives.
///
/// # Errors
///
/// When there is no memory.
pub(crate) fn collected<T: Trace<'static> + 'static, A: Layer + 'static, K: Kind>(
    items: impl ExactSizeIterator<Item = T>,
    allocator: A,
) -> Result<Pointer<[T], A, K>, AllocError> {
    let mut row = Row::<T, A, K>::new(allocator, items.len())?;
    items.for_each(|item| row.push(item));
    Ok(row.end())
}

/// A copy of a text.
///
/// # Errors
///
/// When there is no memory.
pub(crate) fn copied<A: Layer + 'static, K: Kind>(
    text: &str,
    allocator: A,
) -> Result<Pointer<str, A, K>, AllocError> {
    let place = header::allocate::<str, A, K>(allocator, Layout::for_value(text), None, 0, 1)?;
    // SAFETY: the box is that long, and its content the same text.
    unsafe {
        place.copy_from_nonoverlapping(NonNull::from(text).cast(), text.len());
        let bytes = core::ptr::slice_from_raw_parts_mut(place.as_ptr(), text.len());
        Ok(Pointer::from_value(NonNull::new_unchecked(bytes as *mut str)))
    }
}

impl<T: Trace<'static> + 'static, A: Layer + 'static, K: Admits<T, A>> Pointer<[T], A, K> {
    /// A slice of what the iterator gives, in memory of `allocator`.
    ///
    /// # Errors
    ///
    /// When there is no memory.
    ///
    /// # Panics
    ///
    /// If there are not as many items as the iterator says.
    pub fn try_from_iter_in(
        items: impl IntoIterator<Item = T, IntoIter: ExactSizeIterator>,
        allocator: A,
    ) -> Result<Self, AllocError> {
        collected(items.into_iter(), allocator)
    }

    /// [`try_from_iter_in`](Self::try_from_iter_in), where there is memory.
    ///
    /// # Aborts
    ///
    /// When there is none.
    ///
    /// # Panics
    ///
    /// As there.
    #[must_use]
    pub fn from_iter_in(
        items: impl IntoIterator<Item = T, IntoIter: ExactSizeIterator>,
        allocator: A,
    ) -> Self {
        let items = items.into_iter();
        let length = items.len();
        Self::try_from_iter_in(items, allocator).unwrap_or_else(|_| no_memory::<T>(length))
    }
}

impl<A: Layer + 'static, K: Admits<str, A>> Pointer<str, A, K> {
    /// A copy of `text`, in memory of `allocator`.
    ///
    /// # Errors
    ///
    /// When there is no memory.
    pub fn try_copy_in(text: &str, allocator: A) -> Result<Self, AllocError> {
        copied(text, allocator)
    }
}

impl<K: Admits<str>> From<&str> for Pointer<str, Global, K> {
    fn from(text: &str) -> Self {
        Self::try_copy_in(text, Global).unwrap_or_else(|_| no_memory::<u8>(text.len()))
    }
}

impl<K: Admits<str>> From<String> for Pointer<str, Global, K> {
    fn from(text: String) -> Self {
        Self::from(&*text)
    }
}

impl<K: Admits<str>> From<Box<str>> for Pointer<str, Global, K> {
    fn from(text: Box<str>) -> Self {
        Self::from(&*text)
    }
}

impl<T: Trace<'static> + Clone + 'static, K: Admits<T>> From<&[T]> for Pointer<[T], Global, K> {
    fn from(items: &[T]) -> Self {
        Self::from_iter_in(items.iter().cloned(), Global)
    }
}

impl<T: Trace<'static> + 'static, K: Admits<T>> From<Vec<T>> for Pointer<[T], Global, K> {
    fn from(items: Vec<T>) -> Self {
        Self::from_iter_in(items, Global)
    }
}

impl<T: Trace<'static> + 'static, K: Admits<T>> From<Box<[T]>> for Pointer<[T], Global, K> {
    fn from(items: Box<[T]>) -> Self {
        Self::from(items.into_vec())
    }
}

impl<T: Trace<'static> + 'static, K: Admits<T>, const N: usize> From<[T; N]>
    for Pointer<[T], Global, K>
{
    fn from(items: [T; N]) -> Self {
        Self::from_iter_in(items, Global)
    }
}

impl<T: Trace<'static> + 'static, K: Admits<T>> FromIterator<T> for Pointer<[T], Global, K> {
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Self {
        Self::from(items.into_iter().collect::<Vec<T>>())
    }
}

impl<T: Trace<'static> + 'static, K: Admits<T>> Default for Pointer<[T], Global, K> {
    fn default() -> Self {
        Self::from([])
    }
}

impl<K: Admits<str>> Default for Pointer<str, Global, K> {
    fn default() -> Self {
        Self::from("")
    }
}

impl<'t, T: ?Sized + Target + ToOwned, K: Kind> From<Cow<'t, T>> for Pointer<T, Global, K>
where
    Self: From<&'t T> + From<T::Owned>,
{
    fn from(value: Cow<'t, T>) -> Self {
        match value {
            Cow::Borrowed(value) => Self::from(value),
            Cow::Owned(value) => Self::from(value),
        }
    }
}

/// The bytes of a text, in the same box.
impl<A: Layer + 'static, K: Kind> From<Pointer<str, A, K>> for Pointer<[u8], A, K> {
    fn from(text: Pointer<str, A, K>) -> Self {
        const { assert!(Frame::words::<str>() == Frame::words::<[u8]>()) };
        let bytes = text.len();
        // SAFETY: a box of either is the same; the count is that of the pointer that was given.
        unsafe { Self::from_value(NonNull::slice_from_raw_parts(text.into_value().cast(), bytes)) }
    }
}

impl<T: Target, K: Admits<T>> From<Box<T>> for Pointer<T, Global, K> {
    fn from(value: Box<T>) -> Self {
        Self::new(*value)
    }
}
