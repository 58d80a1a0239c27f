//! What the kit knows of live allocations: where they lie, and what is written in them.
//!
//! Above: sessions. Every allocation is filled, over its whole slice, with a pattern of its own;
//! patterns hold no zero byte, and differ from place to place, so that lost, swapped, shifted and
//! zeroed contents all show.

use super::failure::{Found, Promise, promised};
use core::alloc::Layout;
use core::fmt;
use core::ptr::NonNull;
use std::collections::BTreeMap;
use std::sync::OnceLock;

/// The pattern is made of pieces of this size, cut from a table at a place that depends on the
/// allocation and the piece.
const PIECE_BYTES: usize = 4096;
const PLACES: usize = 1024;

static ZEROES: [u8; PIECE_BYTES] = [0; PIECE_BYTES];

fn table() -> &'static [u8] {
    static TABLE: OnceLock<Vec<u8>> = OnceLock::new();
    TABLE.get_or_init(|| {
        let mut random = Random::new(1);
        (0..PIECE_BYTES + PLACES).map(|_| 1 + (random.next() % 255) as u8).collect()
    })
}

/// A small generator of numbers (SplitMix64), for what proptest does not draw.
pub(super) struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `end`, which is not 0.
    pub fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }
}

/// One live allocation.
#[derive(Clone, Copy, Debug)]
pub(super) struct Allocation {
    pub ptr: NonNull<u8>,
    /// The length of the slice that was handed out.
    pub len: usize,
    /// The layout it was last asked for with.
    pub layout: Layout,
    /// Names it, and chooses its pattern.
    pub id: u32,
}

// SAFETY: it is an address with figures; what makes its use from another thread right is the
// promise of the allocator under test, which is what is being tested.
unsafe impl Send for Allocation {}

impl Allocation {
    /// A layout that fits this allocation: its size at `permille / 1000` of the way from the size
    /// asked for to the size handed out.
    pub fn fitting(&self, permille: u16) -> Layout {
        let least = self.layout.size();
        let size = least + (self.len - least) * usize::from(permille.min(1000)) / 1000;
        Layout::from_size_align(size, self.layout.align()).unwrap_or(self.layout)
    }

    /// The pieces of the pattern of the bytes `0..len`.
    fn pieces(&self, len: usize) -> impl Iterator<Item = (usize, &'static [u8])> + use<> {
        let id = self.id as usize;
        (0..len.div_ceil(PIECE_BYTES)).map(move |index| {
            let place = (id * 97 + index * 389) % PLACES;
            let start = index * PIECE_BYTES;
            (start, &table()[place..place + PIECE_BYTES.min(len - start)])
        })
    }

    /// Writes the pattern over the whole slice.
    pub fn fill(&self) {
        for (start, piece) in self.pieces(self.len) {
            // SAFETY: the session has checked that the slice of `len` bytes is live and overlaps
            // no other; a piece ends within it (`pieces`).
            unsafe {
                self.ptr.as_ptr().add(start).copy_from_nonoverlapping(piece.as_ptr(), piece.len());
            }
        }
    }

    /// The first of the bytes `0..len` that is not as the pattern has it.
    pub fn first_difference(&self, len: usize) -> Option<usize> {
        self.first_difference_in(0, len)
    }

    /// The first of the bytes `from..to` that is not as the pattern has it.
    pub fn first_difference_in(&self, from: usize, to: usize) -> Option<usize> {
        self.pieces(to).filter(|(start, piece)| start + piece.len() > from).find_map(
            |(start, piece)| {
                let skipped = from.saturating_sub(start);
                // SAFETY: as for `fill`, and the kit has written all of it since it was handed out.
                let seen = unsafe { self.bytes(start, piece.len()) };
                let mut pairs = seen.iter().zip(piece).skip(skipped);
                (seen[skipped..] != piece[skipped..]).then(|| {
                    start + skipped + pairs.position(|(a, b)| a != b).expect("they differ")
                })
            },
        )
    }

    /// The first byte in `from..to` that is not zero.
    pub fn first_non_zero(&self, from: usize, to: usize) -> Option<usize> {
        (from..to).step_by(PIECE_BYTES).find_map(|start| {
            let len = PIECE_BYTES.min(to - start);
            // SAFETY: `from..to` lies in the live slice, and the allocator says that it wrote it.
            let seen = unsafe { self.bytes(start, len) };
            (seen != &ZEROES[..len])
                .then(|| start + seen.iter().position(|b| *b != 0).expect("they differ"))
        })
    }

    /// The first byte in `from..to` that is neither zero nor as the pattern has it.
    pub fn first_neither(&self, from: usize, to: usize) -> Option<usize> {
        self.pieces(to).find_map(|(start, piece)| {
            // SAFETY: as for `first_non_zero`.
            let seen = unsafe { self.bytes(start, piece.len()) };
            let wrong =
                |(at, (a, b)): &(usize, (&u8, &u8))| start + at >= from && **a != 0 && a != b;
            (seen != piece)
                .then(|| seen.iter().zip(piece).enumerate().find(wrong).map(|(at, _)| start + at))
                .flatten()
        })
    }

    /// Checks the bytes `0..len` against the pattern.
    pub fn check(&self, len: usize, promise: Promise) -> Result<(), Found> {
        let difference = self.first_difference(len);
        promised(difference.is_none(), promise, || {
            let at = difference.unwrap_or_default();
            // SAFETY: `at < len`, which lies in the live slice.
            let byte = unsafe { self.ptr.as_ptr().add(at).read() };
            format!("byte {at} of {len} in {} is {byte:#04x}, not what was written", Name(self.id))
        })
    }

    /// Checks the whole slice, or, when it is long, its two ends.
    pub fn check_quickly(&self) -> Result<(), Found> {
        if self.len <= 4 * PIECE_BYTES {
            return self.check(self.len, Promise::Contents);
        }
        self.check(PIECE_BYTES, Promise::Contents)?;
        let (start, piece) = self.pieces(self.len).last().expect("it is longer than one piece");
        // SAFETY: as for `first_difference`.
        let seen = unsafe { self.bytes(start, piece.len()) };
        promised(seen == piece, Promise::Contents, || {
            format!("the last {} bytes of {} are not what was written", piece.len(), Name(self.id))
        })
    }

    /// # Safety
    ///
    /// `start..start + len` lies in the slice, which is live and initialised, and nobody writes to
    /// it while the result is used.
    unsafe fn bytes(&self, start: usize, len: usize) -> &[u8] {
        // SAFETY: the caller's promise.
        unsafe { core::slice::from_raw_parts(self.ptr.as_ptr().add(start), len) }
    }
}

/// The address ranges of live allocations.
#[derive(Debug, Default)]
pub(super) struct Taken(BTreeMap<usize, (usize, u32)>);

impl Taken {
    /// Notes an allocation, unless it overlaps another, whose name is then returned.
    pub fn insert(&mut self, allocation: &Allocation) -> Result<(), Name> {
        if allocation.len == 0 {
            return Ok(());
        }
        let start = allocation.ptr.addr().get();
        let end = start + allocation.len;
        if let Some((_, &(other_end, id))) = self.0.range(..end).next_back()
            && other_end > start
        {
            return Err(Name(id));
        }
        self.0.insert(start, (end, allocation.id));
        Ok(())
    }

    pub fn remove(&mut self, allocation: &Allocation) {
        if allocation.len > 0 {
            self.0.remove(&allocation.ptr.addr().get());
        }
    }
}

/// An allocation's name in messages: a, b, …, z, a1, b1, …
pub(super) struct Name(pub u32);

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let letter = char::from(b'a' + (self.0 % 26) as u8);
        match self.0 / 26 {
            0 => write!(f, "{letter}"),
            lap => write!(f, "{letter}{lap}"),
        }
    }
}

/// A layout in messages.
pub(super) struct Shown(pub Layout);

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} B, align {}", self.0.size(), self.0.align())
    }
}

/// What was to be zeroed is.
pub(super) fn check_zeroes(new: &Allocation, from: usize, to: usize) -> Result<(), Found> {
    let found = new.first_non_zero(from, to);
    promised(found.is_none(), Promise::Zeroed, || {
        format!("byte {} of {} is not zero", found.unwrap_or_default(), Name(new.id))
    })
}

/// After `grow_zeroed`: what lay between the size that was kept and the end of the old slice is
/// either kept or zeroed; what is new is zeroed.
pub(super) fn check_grown_zeroes(
    kept: &Allocation,
    kept_bytes: usize,
    old_len: usize,
) -> Result<(), Found> {
    let old_len = old_len.min(kept.len);
    let found = kept.first_neither(kept_bytes, old_len);
    promised(found.is_none(), Promise::Zeroed, || {
        format!("byte {} is neither zero nor what it was", found.unwrap_or_default())
    })?;
    check_zeroes(kept, old_len, kept.len)
}
