//! One mapping of an arena: its pages, its metadata, and what may be done with them.
//!
//! Above: the list of all mappings ([`Mappings`](crate::mappings::Mappings)) and
//! [`State`](crate::state::State). Below: the source; the runs of the mapping. In `advice.rs`: advice
//! about its huge pages.
//! A node is made at the place where it stays, at the start of its mapping's metadata:
//!
//! ```text
//!   Os      a mapping of its own    | node | words | records |
//!   Fixed   the end of the buffer   pages ........ | node | words | records |
//! ```

use crate::advised::Advised;
use crate::below::Below;
use crate::config::{COMMIT_STEP_BYTES, Config, RESERVATION_ALIGN};
use crate::huge::HugePages;
use crate::record::{MAX_PAGES, Page};
use crate::runs::Runs;
use crate::source::{Advice, Contents, Reserved, Source};
use crate::table::{METADATA_ALIGN, Plan, Table};
use alloc_core::AllocError;
use core::ptr::NonNull;

/// A mapping of an arena, as [`Arena::mappings`](crate::Arena::mappings) shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Mapping {
    /// Its first byte.
    pub base: NonNull<u8>,
    /// Its length.
    pub bytes: usize,
    /// How much of it is accessible.
    pub committed_bytes: usize,
    /// Where it is from.
    pub kind: MappingKind,
}

/// How a mapping came to its arena.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MappingKind {
    /// Reserved from the source, for runs of any length.
    Reserved,
    /// Given by the program: [`Arena::adopt`](crate::Arena::adopt).
    Adopted,
    /// Mapped by the source for one long run.
    Dedicated,
}

/// What the arena may do with a mapping's pages and addresses.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Terms {
    pub kind: MappingKind,
    /// Dirty pages may be decommitted; what they read as afterwards, at best.
    pub purge: Option<Contents>,
    /// The source gets the range back in the end.
    pub unreserve: bool,
}

impl Terms {
    /// Advice about its pages goes to the source.
    pub fn may_advise(&self) -> bool {
        self.kind == MappingKind::Reserved
    }
}

pub(crate) struct Node {
    pub runs: Runs,
    pub terms: Terms,
    /// The same address as `runs` has, with its provenance.
    base: NonNull<u8>,
    /// What the pages read as when they are committed.
    contents: Contents,
    /// The metadata that the source gave for this mapping; `None` if it lies inside.
    metadata: Option<Metadata>,
    reserved_bytes: usize,
    page_shift: u32,
    pub advised: Advised,
    /// The next mapping of the arena: the list's alone.
    pub next: Option<NonNull<Node>>,
}

/// Memory for a node, its words and its records.
#[derive(Clone, Copy)]
struct Metadata {
    base: NonNull<u8>,
    bytes: usize,
    plan: Plan,
}

impl Node {
    /// Makes the node of a mapping; `Reserved` is all committed already if `committed`.
    ///
    /// # Errors
    ///
    /// When there is no memory for the metadata, or no page left beside it.
    ///
    /// # Safety
    ///
    /// M1: the range belongs to the node alone, by the rules of [`Source`], until it is dropped.
    pub unsafe fn make<S: Source>(
        below: &Below<S>,
        range: Reserved,
        terms: Terms,
        committed: bool,
    ) -> Result<NonNull<Self>, AllocError> {
        let page_shift = below.source.page_bytes().trailing_zeros();
        let pages = (range.bytes >> page_shift).min(MAX_PAGES as usize) as u32;
        let (pages, metadata, given) = if below.source.metadata_inside() {
            let (pages, metadata) = inside(range, pages, page_shift)?;
            (pages, metadata, None)
        } else {
            let metadata = outside(below, pages, page_shift)?;
            (pages, metadata, Some(metadata))
        };
        let Metadata { base, plan, .. } = metadata;
        // SAFETY: T1: `inside` and `outside` give memory of the plan's length that is nobody else's.
        let mut table = unsafe { Table::new(base, plan) };
        // SAFETY: T2: inside, all of it was cleared; outside, `outside` committed the first page's.
        unsafe { table.know(if given.is_some() { 1 } else { pages }) };
        let mut node = Self {
            runs: Runs::new(range.base.as_ptr().addr(), page_shift, pages, table),
            terms,
            base: range.base,
            contents: range.contents,
            metadata: given,
            reserved_bytes: range.bytes,
            page_shift,
            advised: Advised::default(),
            next: None,
        };
        if committed {
            node.note_all_committed(below)?;
        }
        let place = base.cast::<Self>();
        // SAFETY: the plan begins with room for a node, aligned to METADATA_ALIGN, committed.
        unsafe { place.write(node) };
        Ok(place)
    }

    /// For a range that is accessible from the start. On failure the metadata are gone.
    fn note_all_committed<S: Source>(&mut self, below: &Below<S>) -> Result<(), AllocError> {
        let pages = self.runs.pages();
        if let Err(error) = self.commit_metadata(below, pages) {
            // Refused, addresses are lost: there is no node yet that could keep them.
            let _ = give_metadata_back(self.metadata, below);
            return Err(error);
        }
        self.runs.note_committed(pages, self.contents == Contents::Unknown);
        Ok(())
    }

    /// The pages `start..end`, as the source wants them.
    pub(crate) fn pages_at(&self, start: Page, end: Page) -> (NonNull<u8>, usize) {
        let offset = (start as usize) << self.page_shift;
        // SAFETY: pages of this mapping lie within the range that `base` points to (M1).
        (unsafe { self.base.add(offset) }, ((end - start) as usize) << self.page_shift)
    }

    /// The address of a page, with the provenance of the mapping.
    pub fn pointer(&self, page: Page) -> NonNull<u8> {
        self.pages_at(page, page).0
    }

    /// Makes sure that the pages before `end` are committed, and a step beyond.
    ///
    /// # Errors
    ///
    /// When the source refuses even what is needed; nothing has changed then.
    #[inline]
    pub fn commit<S: Source>(
        &mut self,
        below: &Below<S>,
        config: &Config,
        end: Page,
    ) -> Result<(), AllocError> {
        if end <= self.runs.committed_pages() {
            return Ok(());
        }
        self.commit_more(below, config, end)
    }

    #[cold]
    fn commit_more<S: Source>(
        &mut self,
        below: &Below<S>,
        config: &Config,
        end: Page,
    ) -> Result<(), AllocError> {
        let step_pages = (COMMIT_STEP_BYTES >> self.page_shift) as u32;
        let step_end = self.runs.committed_pages().saturating_add(step_pages).max(end);
        let piece_pages = ((RESERVATION_ALIGN >> self.page_shift) as u32).max(1);
        let step_end = step_end.next_multiple_of(piece_pages).min(self.runs.pages());
        let result = self.commit_to(below, config, step_end);
        if result.is_err() && step_end > end { self.commit_to(below, config, end) } else { result }
    }

    fn commit_to<S: Source>(
        &mut self,
        below: &Below<S>,
        config: &Config,
        end: Page,
    ) -> Result<(), AllocError> {
        self.commit_metadata(below, (end + 1).min(self.runs.pages()))?;
        let (base, bytes) = self.pages_at(self.runs.committed_pages(), end);
        // SAFETY: the pages are part of a range of the source: only those have uncommitted pages.
        unsafe { below.commit(base, bytes)? };
        let advice = match config.huge_pages {
            HugePages::Prefer => Some(Advice::Huge),
            HugePages::Avoid => Some(Advice::Small),
            HugePages::Dense | HugePages::System => None,
        };
        if let Some(advice) = advice {
            // SAFETY: as above. Without the advice the pages serve as well.
            let _ = unsafe { below.advise(base, bytes, advice) };
        }
        self.runs.note_committed(end, self.contents == Contents::Unknown);
        Ok(())
    }

    /// Makes the table know the first `pages`.
    fn commit_metadata<S: Source>(
        &mut self,
        below: &Below<S>,
        pages: u32,
    ) -> Result<(), AllocError> {
        let known_pages = self.runs.table_mut().known_pages();
        let Some(metadata) = self.metadata.filter(|_| pages > known_pages) else { return Ok(()) };
        metadata.commit(below, known_pages, pages, self.page_shift)?;
        // SAFETY: T2: committed just now; a source's fresh metadata is zero (`outside` checked it).
        unsafe { self.runs.table_mut().know(pages) };
        Ok(())
    }

    pub fn mapping(&self) -> Mapping {
        Mapping {
            base: self.base,
            bytes: (self.runs.pages() as usize) << self.page_shift,
            committed_bytes: (self.runs.committed_pages() as usize) << self.page_shift,
            kind: self.terms.kind,
        }
    }

    /// The bytes of metadata that are accessible.
    pub fn metadata_bytes(&self) -> usize {
        let plan = plan_for(self.runs.pages());
        let known_pages = self.runs.known_pages();
        plan.parts(known_pages).iter().map(ExactSizeIterator::len).sum()
    }

    /// Gives back the memory of the records that nobody reads: those within long free runs.
    pub fn trim_metadata<S: Source>(&mut self, below: &Below<S>) {
        if self.metadata.is_none() {
            return;
        }
        let mut page = 0;
        while let Some(run) = self.runs.next_free(page) {
            page = run.end;
            if let Some((base, bytes)) = self.runs.unread_records(run) {
                // SAFETY: committed pages of the metadata, which are this node's alone, and of which no
                // reference is held now. Nothing in them is read before it is written (`Record`).
                // Should the source refuse, the memory stays.
                let _ = unsafe { below.decommit(base, bytes) };
            }
        }
    }

    /// Gives a node's range and its metadata back to the source, if that takes the range. Returns how
    /// many bytes of its pages were dirty, and the node if the source refused the metadata: only
    /// [`dispose`](Node::dispose) and [`release_rest`](Node::release_rest) may be asked of it then.
    ///
    /// # Errors
    ///
    /// When the source refuses the range; the node is as it was.
    ///
    /// # Safety
    ///
    /// The node comes from [`Node::make`], its range from the source; none of its pages is used. On
    /// success it is not used again, unless it is returned.
    pub unsafe fn release<S: Source>(
        mut place: NonNull<Self>,
        below: &Below<S>,
    ) -> Result<(usize, Option<NonNull<Self>>), AllocError> {
        // SAFETY: a live node (caller). What is needed is copied out first: it may go with the range.
        let Self { base, reserved_bytes, metadata, runs, page_shift, .. } =
            unsafe { place.as_ref() };
        let dirty_bytes = (runs.dirty_pages() as usize) << page_shift;
        let outside = metadata.is_some();
        // SAFETY: the range came from the source, and none of its pages is used (caller).
        unsafe { below.unreserve(*base, *reserved_bytes)? };
        if !outside {
            return Ok((dirty_bytes, None));
        }
        // SAFETY: its metadata lie outside of the range, so the node is there; nobody else has it.
        let node = unsafe { place.as_mut() };
        // `dispose` has no range to give back.
        node.terms.unreserve = false;
        // SAFETY: as above.
        let refused = unsafe { Self::release_rest(place, below) }.is_err();
        Ok((dirty_bytes, refused.then_some(place)))
    }

    /// Gives back the metadata of a node whose range has gone.
    ///
    /// # Errors
    ///
    /// When the source refuses; the node is as it was.
    ///
    /// # Safety
    ///
    /// The node's range has gone ([`release`](Node::release)). On success it is not used again.
    pub unsafe fn release_rest<S: Source>(
        place: NonNull<Self>,
        below: &Below<S>,
    ) -> Result<(), AllocError> {
        // SAFETY: a live node (caller), of which a copy is taken.
        give_metadata_back(unsafe { place.as_ref() }.metadata, below)
    }

    /// Gives a node's range and its metadata back to the source.
    ///
    /// # Safety
    ///
    /// The node comes from [`Node::make`], is in no list, and is not used again; nor are its pages.
    pub unsafe fn dispose<S: Source>(node: NonNull<Self>, below: &Below<S>) {
        // SAFETY: read out of its place, which is not read again (caller).
        let node = unsafe { node.read() };
        if node.terms.unreserve {
            // SAFETY: the range came from the source (`terms`), and nothing in it is used any more
            // (caller). A refusal costs addresses only.
            let _ = unsafe { below.unreserve(node.base, node.reserved_bytes) };
        }
        // The arena ends, or the node has never been in it: nobody could ask once more.
        let _ = give_metadata_back(node.metadata, below);
    }
}

/// Gives the metadata that `outside` got back, of a node that is not used again if that succeeds.
fn give_metadata_back<S: Source>(
    metadata: Option<Metadata>,
    below: &Below<S>,
) -> Result<(), AllocError> {
    let Some(Metadata { base, bytes, .. }) = metadata else { return Ok(()) };
    // SAFETY: `outside` reserved it for one node, whose end this is.
    unsafe { below.unreserve(base, bytes) }
}

/// The parts of the metadata of a mapping with so many pages.
const fn plan_for(pages: u32) -> Plan {
    Plan::of(pages, size_of::<Node>())
}

const _: () = assert!(align_of::<Node>() <= METADATA_ALIGN);

impl Metadata {
    /// Makes the parts for `pages` accessible; those for `known_pages` are.
    fn commit<S: Source>(
        &self,
        below: &Below<S>,
        known_pages: u32,
        pages: u32,
        page_shift: u32,
    ) -> Result<(), AllocError> {
        let page_mask = (1usize << page_shift) - 1;
        let (old, new) = (self.plan.parts(known_pages), self.plan.parts(pages));
        for (old, new) in old.into_iter().zip(new) {
            let start =
                if known_pages == 0 { new.start & !page_mask } else { old.end & !page_mask };
            let end = (new.end + page_mask) & !page_mask;
            // SAFETY: within the metadata's range, which is rounded up to pages.
            unsafe { below.commit(self.base.add(start), end - start)? };
        }
        Ok(())
    }
}

/// Metadata for `pages` pages in a range of its own, committed for the first page.
fn outside<S: Source>(
    below: &Below<S>,
    pages: u32,
    page_shift: u32,
) -> Result<Metadata, AllocError> {
    let plan = plan_for(pages);
    let page_bytes = 1usize << page_shift;
    let wanted_bytes = plan.end.next_multiple_of(page_bytes);
    let Reserved { base, bytes, contents } =
        below.reserve(wanted_bytes, page_bytes.max(METADATA_ALIGN))?;
    let metadata = Metadata { base, bytes, plan };
    let usable = bytes >= wanted_bytes && contents == Contents::Zero;
    if usable && metadata.commit(below, 0, 1, page_shift).is_ok() {
        return Ok(metadata);
    }
    // SAFETY: reserved above, and nobody has it. A refusal costs addresses only.
    let _ = unsafe { below.unreserve(base, bytes) };
    Err(AllocError)
}

/// As many pages of `range` as leave room behind them for their own metadata, which is cleared.
fn inside(range: Reserved, most: u32, page_shift: u32) -> Result<(u32, Metadata), AllocError> {
    let address = range.base.as_ptr().addr();
    let start_of = |pages: u32| {
        let pages_end = address + ((pages as usize) << page_shift);
        pages_end.next_multiple_of(METADATA_ALIGN) - address
    };
    let fits = |pages: &u32| start_of(*pages) + plan_for(*pages).end <= range.bytes;
    // From an estimate that is never too low, down to what fits: a few steps.
    let record_bytes = plan_for(64).end - plan_for(0).end;
    let per_64_pages = (64 << page_shift) + record_bytes;
    let estimate = (range.bytes / per_64_pages + 1).saturating_mul(64).min(most as usize) as u32;
    let pages = (1..=estimate).rev().find(fits).ok_or(AllocError)?;

    let plan = plan_for(pages);
    // SAFETY: `fits` says that the metadata lie within the range.
    let base = unsafe { range.base.add(start_of(pages)) };
    // SAFETY: as above; the range is the node's alone and accessible (M1, a source with its
    // metadata inside gives committed memory).
    unsafe { base.write_bytes(0, plan.end) };
    Ok((pages, Metadata { base, bytes: plan.end, plan }))
}
