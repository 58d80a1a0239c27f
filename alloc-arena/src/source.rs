//! Where memory comes from: the boundary between an arena and the world (step 4 of the journey).
//!
//! Above: [`Arena`](crate::Arena), which asks for address ranges and decides what to do with them.
//! Below: an operating system (`Os`), a buffer ([`Fixed`](crate::Fixed)), or a test's
//! schedule of failures around either ([`Scheduled`](crate::Scheduled)).
//! Not here: any policy. A source does what it is told and remembers next to nothing.
//!
//! ```text
//!              reserve            commit              decommit
//!   (nothing) ────────▶ reserved ────────▶ committed ──────────▶ committed, contents gone
//!       ▲                   │   ◀────────      │
//!       └───── unreserve ───┘      guard       └─ remap: longer, perhaps elsewhere (whole mappings)
//! ```

use alloc_core::AllocError;
use core::ptr::NonNull;

/// What memory reads as when it is touched next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Contents {
    /// Every byte is zero.
    Zero,
    /// Anything: what was there before, zeroes, a mixture.
    Unknown,
}

/// An address range that a source gave.
#[derive(Clone, Copy, Debug)]
pub struct Reserved {
    /// Its first byte; aligned to a page at least.
    pub base: NonNull<u8>,
    /// Its length: a multiple of the page size.
    pub bytes: usize,
    /// What its pages read as when they are first committed.
    pub contents: Contents,
}

/// Page faults that a process took since it started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    /// Served without input or output.
    pub minor: u64,
    /// Served from a disk.
    pub major: u64,
}

/// Advice for a range of pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Advice {
    /// Back the range by huge pages where possible.
    Huge,
    /// Back it by ordinary pages. What has a huge page already, keeps it.
    Small,
}

/// A giver of address ranges and of the memory behind them.
///
/// # Safety
///
/// Whoever implements this promises, and [`Arena`](crate::Arena) relies on it:
///
/// * **S1** A range from [`reserve`](Source::reserve) or [`map`](Source::map) overlaps no other
///   memory in use, and is the caller's alone until [`unreserve`](Source::unreserve) or
///   [`remap`](Source::remap) ends it. It stays valid when the source is moved, for as long as the
///   source lives.
/// * **S2** Pages that were committed may be read and written until they are guarded or unreserved;
///   [`decommit`](Source::decommit) takes their contents, not their accessibility. Who touches a guarded page
///   faults.
/// * **S3** Where a method says [`Contents::Zero`], the pages read as zero.
/// * **S4** A method that fails changes nothing that the caller can see.
/// * **S5** No method unwinds, and none calls a global allocator.
/// * **S6** [`page_bytes`](Source::page_bytes) is a power of two, at least 64, and always the same. So
///   is [`huge_bytes`](Source::huge_bytes), if it is not 0: a multiple of a page.
pub unsafe trait Source {
    /// The size of a page in bytes.
    fn page_bytes(&self) -> usize;

    /// Reserves an address range aligned to `align_bytes` (a power of two): addresses, no memory.
    ///
    /// A source whose memory is limited from the start may answer with a range of another length
    /// than `bytes`, in place of a failure.
    ///
    /// # Errors
    ///
    /// When there is no such range.
    fn reserve(&self, bytes: usize, align_bytes: usize) -> Result<Reserved, AllocError>;

    /// Ends a reservation, or the head or tail of one.
    ///
    /// # Errors
    ///
    /// When the system refuses; the range stays as it was.
    ///
    /// # Safety
    ///
    /// The pages are part of a live range of this source, and nobody uses them any more.
    unsafe fn unreserve(&self, base: NonNull<u8>, bytes: usize) -> Result<(), AllocError>;

    /// Makes reserved pages accessible. Committing them again changes nothing.
    ///
    /// # Errors
    ///
    /// When the system has no memory for them.
    ///
    /// # Safety
    ///
    /// The pages are part of a live range of this source.
    unsafe fn commit(&self, base: NonNull<u8>, bytes: usize) -> Result<(), AllocError>;

    /// Gives the memory behind committed pages back. They stay accessible.
    ///
    /// # Errors
    ///
    /// When the system refuses; the contents may be gone all the same.
    ///
    /// # Safety
    ///
    /// The pages are committed pages that this source or the system can take back, and nobody needs
    /// their contents.
    unsafe fn decommit(&self, base: NonNull<u8>, bytes: usize) -> Result<Contents, AllocError>;

    /// Whether [`decommit`](Source::decommit) is worth a call.
    fn can_decommit(&self) -> bool {
        true
    }

    /// Makes pages inaccessible and gives their memory back: guard pages, or the end of a commit.
    ///
    /// # Errors
    ///
    /// Where there is no such protection, or the system refuses.
    ///
    /// # Safety
    ///
    /// The pages are part of a live range of this source, and nobody uses them.
    unsafe fn guard(&self, base: NonNull<u8>, bytes: usize) -> Result<(), AllocError> {
        let _ = (base, bytes);
        Err(AllocError)
    }

    /// Makes committed pages inaccessible, and gives their memory back, without a mapping of their own:
    /// guard pages by the hundred thousand. They stay so until they are unreserved.
    ///
    /// # Errors
    ///
    /// Where the system has no such pages ([`guard`](Source::guard) may do then), or refuses.
    ///
    /// # Safety
    ///
    /// The pages are committed pages of a live range of this source, and nobody uses them.
    unsafe fn guard_within(&self, base: NonNull<u8>, bytes: usize) -> Result<(), AllocError> {
        let _ = (base, bytes);
        Err(AllocError)
    }

    /// How many of the `bytes` bytes at `base`, from the first one on and in whole pages, have no memory
    /// behind them, since nobody touched them; `None` if the source does not know.
    ///
    /// # Safety
    ///
    /// The pages are committed pages of a live range of this source.
    unsafe fn untouched_bytes(&self, base: NonNull<u8>, bytes: usize) -> Option<usize> {
        let _ = (base, bytes);
        None
    }

    /// Reserves and commits in one step; exactly `bytes` long.
    ///
    /// # Errors
    ///
    /// When there is no such range, or no memory.
    fn map(&self, bytes: usize, align_bytes: usize) -> Result<Reserved, AllocError>;

    /// Makes a whole range from [`map`](Source::map) longer or shorter without copying, in place if
    /// that is possible, else by moving it. What is added reads as zero and is committed.
    ///
    /// # Errors
    ///
    /// When it is not possible; the old range is as it was.
    ///
    /// # Safety
    ///
    /// `base` and `old_bytes` are a live range from `map` (or what an earlier `remap` made of it),
    /// and nobody uses its old addresses after a success.
    unsafe fn remap(
        &self,
        base: NonNull<u8>,
        old_bytes: usize,
        new_bytes: usize,
        align_bytes: usize,
    ) -> Result<NonNull<u8>, AllocError> {
        let _ = (base, old_bytes, new_bytes, align_bytes);
        Err(AllocError)
    }

    /// The size of a huge page in bytes; 0 if there are none.
    fn huge_bytes(&self) -> usize {
        0
    }

    /// Passes advice on. Contents and accessibility stay as they are.
    ///
    /// # Errors
    ///
    /// When the system does not take it.
    ///
    /// # Safety
    ///
    /// The pages are part of a live range of this source.
    unsafe fn advise(
        &self,
        base: NonNull<u8>,
        bytes: usize,
        advice: Advice,
    ) -> Result<(), AllocError> {
        let _ = (base, bytes, advice);
        Err(AllocError)
    }

    /// Whether the arena's metadata has to lie inside the ranges it describes, because this source
    /// has nothing else to give.
    fn metadata_inside(&self) -> bool {
        false
    }

    /// Milliseconds on a clock that never goes back, if the source has one.
    fn now_ms(&self) -> Option<u64> {
        None
    }

    /// Page faults of the whole process, if the source knows.
    fn faults(&self) -> Option<Faults> {
        None
    }
}
