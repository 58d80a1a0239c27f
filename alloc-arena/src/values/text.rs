//! A string that grows, over any allocator: the standard library has none yet.
//!
//! Above: the user, by `text()` of a bump or a frame. Below: `Vec`, which holds the bytes.
//!
//! Rule: the bytes are UTF-8. They are private, and every method adds whole strings, or cuts between characters.

use alloc_core::Allocator;
use alloc_core::api2::collections::TryReserveError;
use alloc_core::api2::vec::Vec;
use core::borrow::{Borrow, BorrowMut};
use core::cmp::Ordering;
use core::fmt;
use core::hash::{Hash, Hasher};
use core::ops::{Deref, DerefMut};

/// A `String` in any allocator: a bump, a frame, an arena, a heap.
///
/// ```
/// use alloc_arena::{Bump, Text};
/// use alloc_core::api2::alloc::Global;
/// use core::fmt::Write;
///
/// let bump = Bump::new(Global);
/// let mut text = Text::new_in(&bump);
/// text.push_str("gneiss");
/// write!(text, " is {} minerals", 3)?;
/// assert_eq!(text, "gneiss is 3 minerals");
/// let kept: &mut str = text.leak(); // for as long as the bump is borrowed
/// kept.make_ascii_uppercase();
/// # Ok::<(), core::fmt::Error>(())
/// ```
pub struct Text<A: Allocator> {
    bytes: Vec<u8, A>,
}

impl<A: Allocator> Text<A> {
    /// An empty string. It allocates nothing yet.
    #[must_use]
    pub const fn new_in(allocator: A) -> Self {
        Self { bytes: Vec::new_in(allocator) }
    }

    /// An empty string with room for `capacity_bytes`.
    #[must_use]
    pub fn with_capacity_in(capacity_bytes: usize, allocator: A) -> Self {
        Self { bytes: Vec::with_capacity_in(capacity_bytes, allocator) }
    }

    /// A copy of `text`.
    #[must_use]
    pub fn from_str_in(text: &str, allocator: A) -> Self {
        let mut copy = Self::with_capacity_in(text.len(), allocator);
        copy.push_str(text);
        copy
    }

    /// Adds a string at the end.
    #[inline]
    pub fn push_str(&mut self, text: &str) {
        self.bytes.extend_from_slice(text.as_bytes());
    }

    /// Adds a character at the end.
    #[inline]
    pub fn push(&mut self, character: char) {
        self.push_str(character.encode_utf8(&mut [0; 4]));
    }

    /// Makes sure that `more_bytes` can be added without an allocation.
    ///
    /// # Errors
    ///
    /// When the allocator has no memory for it.
    pub fn try_reserve(&mut self, more_bytes: usize) -> Result<(), TryReserveError> {
        self.bytes.try_reserve(more_bytes)
    }

    /// Makes sure that `more_bytes` can be added without an allocation.
    pub fn reserve(&mut self, more_bytes: usize) {
        self.bytes.reserve(more_bytes);
    }

    /// Puts a string in front of the byte at `at`.
    ///
    /// # Panics
    ///
    /// When that is beyond the end, or within a character.
    pub fn insert_str(&mut self, at: usize, text: &str) {
        assert!(self.is_char_boundary(at), "the place is within a character, or beyond the end");
        self.push_str(text);
        self.bytes[at..].rotate_right(text.len());
    }

    /// Takes the character out that begins at the byte `at`.
    ///
    /// # Panics
    ///
    /// When none begins there.
    pub fn remove(&mut self, at: usize) -> char {
        let Some(character) = self[at..].chars().next() else { panic!("there is no character") };
        self.bytes.drain(at..at + character.len_utf8());
        character
    }

    /// Takes the last character away.
    pub fn pop(&mut self) -> Option<char> {
        let last = self.chars().next_back()?;
        self.bytes.truncate(self.len() - last.len_utf8());
        Some(last)
    }

    /// Cuts it off after `len_bytes`, if it is longer.
    ///
    /// # Panics
    ///
    /// When that lies within a character.
    pub fn truncate(&mut self, len_bytes: usize) {
        if len_bytes < self.len() {
            assert!(self.is_char_boundary(len_bytes), "the end is within a character");
            self.bytes.truncate(len_bytes);
        }
    }

    /// Makes it empty, and keeps its memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
    }

    /// Gives back what is not needed.
    pub fn shrink_to_fit(&mut self) {
        self.bytes.shrink_to_fit();
    }

    /// How many bytes it holds without another allocation.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.bytes.capacity()
    }

    /// The string.
    #[inline]
    #[must_use]
    pub fn as_str(&self) -> &str {
        // SAFETY: the bytes are UTF-8 (the rule of this file).
        unsafe { core::str::from_utf8_unchecked(&self.bytes) }
    }

    /// The string, to be changed.
    #[inline]
    #[must_use]
    pub fn as_mut_str(&mut self) -> &mut str {
        // SAFETY: as above; `str` keeps the rule.
        unsafe { core::str::from_utf8_unchecked_mut(&mut self.bytes) }
    }

    /// The string, for as long as the allocator lasts. In a bump that is how strings are kept; in a frame,
    /// [`Frame::keep_text`](crate::Frame::keep_text) keeps them longer.
    #[must_use]
    pub fn leak<'a>(self) -> &'a mut str
    where
        A: 'a,
    {
        // SAFETY: the bytes are UTF-8 (the rule of this file).
        unsafe { core::str::from_utf8_unchecked_mut(self.bytes.leak()) }
    }

    /// The bytes.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8, A> {
        self.bytes
    }
}

impl<A: Allocator> Deref for Text<A> {
    type Target = str;

    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl<A: Allocator> DerefMut for Text<A> {
    fn deref_mut(&mut self) -> &mut str {
        self.as_mut_str()
    }
}

impl<A: Allocator> fmt::Write for Text<A> {
    /// Fails when the allocator has no memory: `write!` then returns an error, and what was there is kept.
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.try_reserve(text.len()).map_err(|_| fmt::Error)?;
        self.push_str(text);
        Ok(())
    }
}

impl<A: Allocator> Extend<char> for Text<A> {
    fn extend<I: IntoIterator<Item = char>>(&mut self, characters: I) {
        characters.into_iter().for_each(|character| self.push(character));
    }
}

impl<'s, A: Allocator> Extend<&'s str> for Text<A> {
    fn extend<I: IntoIterator<Item = &'s str>>(&mut self, texts: I) {
        texts.into_iter().for_each(|text| self.push_str(text));
    }
}

impl<A: Allocator> core::ops::AddAssign<&str> for Text<A> {
    fn add_assign(&mut self, text: &str) {
        self.push_str(text);
    }
}

impl<A: Allocator + Clone> Clone for Text<A> {
    fn clone(&self) -> Self {
        Self { bytes: self.bytes.clone() }
    }
}

impl<A: Allocator> fmt::Display for Text<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self.as_str(), f)
    }
}

impl<A: Allocator> fmt::Debug for Text<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl<A: Allocator> AsRef<str> for Text<A> {
    fn as_ref(&self) -> &str {
        self
    }
}

impl<A: Allocator> AsRef<[u8]> for Text<A> {
    fn as_ref(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl<A: Allocator> Borrow<str> for Text<A> {
    fn borrow(&self) -> &str {
        self
    }
}

impl<A: Allocator> BorrowMut<str> for Text<A> {
    fn borrow_mut(&mut self) -> &mut str {
        self
    }
}

impl<A: Allocator, B: Allocator> PartialEq<Text<B>> for Text<A> {
    fn eq(&self, other: &Text<B>) -> bool {
        self.as_str() == other.as_str()
    }
}

impl<A: Allocator> Eq for Text<A> {}

impl<A: Allocator> PartialEq<str> for Text<A> {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == other
    }
}

impl<A: Allocator> PartialEq<&str> for Text<A> {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == *other
    }
}

impl<A: Allocator> PartialOrd for Text<A> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<A: Allocator> Ord for Text<A> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_str().cmp(other.as_str())
    }
}

impl<A: Allocator> Hash for Text<A> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}
