//! [`Key`]: an index and a version.
//!
//! Above: the user. Not here: what it leads to.
#![forbid(unsafe_code)]

use core::cmp::Ordering;
use core::fmt;
use core::hash::{Hash, Hasher};
use core::marker::PhantomData;
use core::num::NonZeroU32;

/// Names a value in a [`KeyPool`](crate::KeyPool), for as long as it lives and after.
///
/// Eight bytes, also as an `Option`, and `Copy`, `Send` and `Sync` whatever `T` is. Keys are equal if they name
/// the same life of the same slot. A key means something to the pool that gave it out only; to another, it is
/// stale, or by chance names a value there.
pub struct Key<T> {
    index: u32,
    version: NonZeroU32,
    names: PhantomData<fn() -> T>,
}

const _: () = assert!(size_of::<Key<[u8; 100]>>() == 8 && size_of::<Option<Key<()>>>() == 8);

impl<T> Key<T> {
    pub(super) const fn new(index: u32, version: NonZeroU32) -> Self {
        Self { index, version, names: PhantomData }
    }

    /// The number of its slot: less than the pool's capacity, and no other living value's. Good for a table
    /// beside the pool.
    #[inline]
    #[must_use]
    pub const fn index(self) -> usize {
        self.index as usize
    }

    /// Which life of its slot it names: an odd number.
    #[inline]
    #[must_use]
    pub const fn version(self) -> NonZeroU32 {
        self.version
    }

    /// The key as a number, which is never 0: to go through other code, or over a wire.
    #[inline]
    #[must_use]
    pub const fn to_bits(self) -> u64 {
        (self.version.get() as u64) << 32 | self.index as u64
    }

    /// The key that became `bits`; `None` if none did. A key that is made up is stale, or names some value: it
    /// does no harm.
    #[inline]
    #[must_use]
    pub const fn from_bits(bits: u64) -> Option<Self> {
        match NonZeroU32::new((bits >> 32) as u32) {
            Some(version) if version.get() & 1 == 1 => Some(Self::new(bits as u32, version)),
            _ => None,
        }
    }
}

// Not derived: that would ask the same of `T`.
impl<T> Clone for Key<T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T> Copy for Key<T> {}

impl<T> PartialEq for Key<T> {
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        self.to_bits() == other.to_bits()
    }
}
impl<T> Eq for Key<T> {}

impl<T> PartialOrd for Key<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl<T> Ord for Key<T> {
    /// By slot, then by version.
    fn cmp(&self, other: &Self) -> Ordering {
        (self.index, self.version).cmp(&(other.index, other.version))
    }
}

impl<T> Hash for Key<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.to_bits().hash(state);
    }
}

impl<T> fmt::Debug for Key<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({}v{})", self.index, self.version)
    }
}
