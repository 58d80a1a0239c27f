//! Call sites, and the allocations of each that are live.
//!
//! Above: `Profile` and `Leaks`, which keep a ledger under a lock. Below: `map.rs`, `row.rs`, and the layer that gives them
//! memory. A call site is a whole stack of calls, kept once; it stays when its allocations are gone.
//! Not here: which allocations are entered, and what a caller sees of it.

use super::map::Map;
use super::row::Row;
use crate::{Allocator, Broken};
use core::alloc::Layout;

/// Objects and bytes: estimates, where not every allocation is watched.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Totals {
    /// Allocations.
    pub objects: f64,
    /// The bytes that were asked for.
    pub bytes: f64,
}

impl core::ops::Sub for Totals {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self { objects: self.objects - other.objects, bytes: self.bytes - other.bytes }
    }
}

impl Totals {
    fn add(&mut self, live: &Live) {
        self.objects += live.weight;
        self.bytes += live.weight * live.asked_bytes as f64;
    }
}

/// A call site's number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Site(u32);

/// A call site: where its calls stand among all frames, and all that it ever allocated.
#[derive(Clone, Copy, Debug)]
struct Record {
    first: usize,
    depth: usize,
    allocated: Totals,
}

/// A live allocation.
#[derive(Clone, Copy, Debug)]
pub(super) struct Live {
    pub(super) site: u32,
    /// What its caller asked for.
    pub(super) asked_bytes: usize,
    /// For how many allocations of its kind it stands.
    pub(super) weight: f64,
    /// The layout that the layer below knows.
    #[cfg_attr(
        not(feature = "profile"),
        allow(dead_code, reason = "a profile changes layouts, `Leaks` does not")
    )]
    pub(super) below: Layout,
}

impl Live {
    /// An allocation that no site has yet.
    pub(super) const fn new(asked_bytes: usize, weight: f64, below: Layout) -> Self {
        Self { site: 0, asked_bytes, weight, below }
    }
}

impl Default for Live {
    fn default() -> Self {
        Self::new(0, 0.0, Layout::new::<()>())
    }
}

/// The ledger. Its memory is freed by [`free`](Self::free) alone.
#[derive(Debug)]
pub(super) struct Ledger {
    frames: Row<usize>,
    sites: Row<Record>,
    /// The sites, by the hash of their frames.
    index: Map<u32>,
    /// The live allocations, by their addresses.
    live: Map<Live>,
}

impl Ledger {
    /// A ledger without entries and memory.
    pub(super) const fn new() -> Self {
        Self { frames: Row::new(), sites: Row::new(), index: Map::new(), live: Map::new() }
    }

    pub(super) const fn live(&self) -> usize {
        self.live.len()
    }

    pub(super) const fn sites(&self) -> usize {
        self.sites.as_slice().len()
    }

    pub(super) const fn frames(&self) -> usize {
        self.frames.as_slice().len()
    }

    /// Holds room for an allocation of this site: an [`enter`](Self::enter) that is to come, or a
    /// [`let_go`](Self::let_go). `None` if there is no memory.
    ///
    /// # Safety
    ///
    /// `below` is the allocator of every other call with an allocator.
    pub(super) unsafe fn hold(&mut self, frames: &[usize], below: &impl Allocator) -> Option<Site> {
        // SAFETY: the caller's promise.
        unsafe {
            let site = self.site(frames, below)?;
            self.live.hold(below)?;
            Some(Site(site))
        }
    }

    /// Enters an allocation, for which room was held. Its address is not in the ledger.
    pub(super) fn enter(&mut self, address: usize, site: Site, mut live: Live) {
        live.site = site.0;
        self.sites.as_mut_slice()[site.0 as usize].allocated.add(&live);
        self.live.insert(address as u64, live);
    }

    /// Gives up room that was held.
    pub(super) const fn let_go(&mut self) {
        self.live.let_go();
    }

    /// Takes an allocation out, if it was entered.
    pub(super) fn leave(&mut self, address: usize) -> Option<Live> {
        self.live.remove(address as u64)
    }

    /// Takes an allocation out, if it was entered, and holds its room.
    pub(super) fn take(&mut self, address: usize) -> Option<Live> {
        self.live.take(address as u64)
    }

    /// Brings back what [`take`](Self::take) took out, under this address or another, as it was or smaller. It does not
    /// count as allocated once more.
    pub(super) fn put_back(&mut self, address: usize, live: Live) {
        self.live.insert(address as u64, live);
    }

    /// The entry of an address.
    pub(super) fn find(&self, address: usize) -> Option<&Live> {
        self.live.find(address as u64, |_| true)
    }

    /// The addresses of all live allocations.
    #[cfg(feature = "profile")]
    pub(super) fn addresses(&self) -> impl Iterator<Item = usize> {
        self.live.iter().map(|(address, _)| address as usize)
    }

    /// The number of the site with these frames.
    ///
    /// # Safety
    ///
    /// As for [`hold`](Self::hold).
    unsafe fn site(&mut self, frames: &[usize], below: &impl Allocator) -> Option<u32> {
        let hash = hash(frames);
        let (sites, all) = (self.sites.as_slice(), self.frames.as_slice());
        let is = |site: &u32| {
            let site = &sites[*site as usize];
            &all[site.first..site.first + site.depth] == frames
        };
        if let Some(site) = self.index.find(hash, is) {
            return Some(*site);
        }
        let number = u32::try_from(sites.len()).ok()?;
        // SAFETY: the caller's promise.
        unsafe {
            self.sites.reserve(1, below)?;
            self.frames.reserve(frames.len(), below)?;
            self.index.hold(below)?;
        }
        let first = self.frames();
        frames.iter().for_each(|frame| self.frames.push(*frame));
        self.sites.push(Record { first, depth: frames.len(), allocated: Totals::default() });
        self.index.insert(hash, number);
        Some(number)
    }

    /// Copies everything into `copy`, if it has the room; `false`, and nothing is copied, if not.
    pub(super) fn copy(&self, copy: &mut Copied) -> bool {
        if copy.sites.capacity() < self.sites() || copy.frames.capacity() < self.frames() {
            return false;
        }
        copy.frames.clear();
        copy.sites.clear();
        copy.frames.extend_from_slice(self.frames.as_slice());
        copy.sites.extend(self.sites.as_slice().iter().map(|site| CopiedSite {
            first: site.first,
            depth: site.depth,
            allocated: site.allocated,
            in_use: Totals::default(),
        }));
        for (_, live) in self.live.iter() {
            copy.sites[live.site as usize].in_use.add(live);
        }
        true
    }

    /// Every live allocation has a site; every site has its frames.
    pub(super) fn verify(&self, layer: &'static str) -> Result<(), Broken> {
        for (address, live) in self.live.iter() {
            let has_site = (live.site as usize) < self.sites();
            Broken::unless(has_site, layer, "a live allocation has a site", address as usize)?;
            let found = self.find(address as usize).is_some();
            Broken::unless(found, layer, "a live allocation is found", address as usize)?;
        }
        for site in self.sites.as_slice() {
            let has_frames = site.first + site.depth <= self.frames();
            Broken::unless(has_frames, layer, "a site has its frames", site.first)?;
        }
        Ok(())
    }

    /// Gives the memory back; the ledger is empty then.
    ///
    /// # Safety
    ///
    /// As for [`hold`](Self::hold).
    pub(super) unsafe fn free(&mut self, below: &impl Allocator) {
        // SAFETY: the caller's promise.
        unsafe {
            self.frames.free(below);
            self.sites.free(below);
            self.index.free(below);
            self.live.free(below);
        }
    }
}

/// A copy of a ledger's sites, in ordinary memory.
#[derive(Clone, Debug, Default)]
pub(super) struct Copied {
    pub(super) frames: Vec<usize>,
    pub(super) sites: Vec<CopiedSite>,
}

impl Copied {
    /// The frames of a site.
    pub(super) fn frames(&self, site: &CopiedSite) -> &[usize] {
        &self.frames[site.first..site.first + site.depth]
    }

    /// A copy of the ledger that `with` gives access to, again and again until the copy has room for it: no
    /// memory is allocated while `with` holds a lock.
    pub(super) fn of(with: impl Fn(&mut dyn FnMut(&Ledger))) -> Self {
        let mut copy = Self::default();
        loop {
            let (mut done, mut sites, mut frames) = (false, 0, 0);
            with(&mut |ledger| {
                done = ledger.copy(&mut copy);
                (sites, frames) = (ledger.sites(), ledger.frames());
            });
            if done {
                return copy;
            }
            copy.sites.reserve(sites + sites / 4 + 16);
            copy.frames.reserve(frames + frames / 4 + 64);
        }
    }
}

/// A copied site.
#[derive(Clone, Copy, Debug)]
pub(super) struct CopiedSite {
    first: usize,
    depth: usize,
    #[cfg_attr(not(feature = "profile"), allow(dead_code, reason = "`Leaks` says what is live"))]
    pub(super) allocated: Totals,
    pub(super) in_use: Totals,
}

/// A hash of frames that is never 0: each is folded in by a multiplication (FNV-1a's scheme, by words).
fn hash(frames: &[usize]) -> u64 {
    let fold = |hash: u64, frame: &usize| {
        (hash ^ *frame as u64).wrapping_mul(0x0000_0100_0000_01b3).rotate_left(23)
    };
    frames.iter().fold(0xcbf2_9ce4_8422_2325, fold) | 1
}
