//! Large objects: each has pages of its own, between guard pages, as near to the one behind as its alignment allows.
//!
//! Above: sizes that no slot holds, and whatever finds no place in the window. Below: the system. Objects stand in a table
//! by their addresses, under the lock that is around this; the system is called without it.
//!
//! ```text
//!   │ guard │ zero, checked │ object │ slack, marked │ guard │
//!           ╰─ a page at most ╯      ╰ below the alignment (a page at most)
//! ```
//!
//! A free takes the pages away at once, and the addresses go to nobody while they are among the last
//! [`RESTING_RUNS`] freed. Not here: slots.

use super::canary::{CANARY_BYTES, Secret};
use super::ledger::Family;
use super::mistake::Kind;
use super::parts::Parts;
use super::system;
use alloc_core::{Layer, Layout};
use core::ptr::{NonNull, null_mut};

/// Freed runs whose addresses rest.
const RESTING_RUNS: usize = 64;

/// The bytes of address space that may rest; the oldest leave first. At least one rests.
const RESTING_BYTES: usize = 4 << 30;

/// Runs that are at least so long grow and shrink by moving their pages, not their bytes.
const MOVED_BYTES: usize = 128 << 10;

/// A large object, or one that was.
#[derive(Clone, Copy, Debug)]
pub(super) struct Run {
    /// The object's address; 0 in a place of the table that is free.
    pub object: usize,
    pub bytes: usize,
    /// `None` when it has been freed.
    pub family: Option<Family>,
    /// The accessible pages, and all that was mapped.
    inner: usize,
    inner_bytes: usize,
    mapped: usize,
    mapped_bytes: usize,
    /// The alignment that the layer below was asked for, where the memory is from there; else 0.
    align: usize,
}

fn pointer(address: usize) -> Option<NonNull<u8>> {
    NonNull::new(core::ptr::with_exposed_provenance_mut(address))
}

impl Run {
    /// Maps a run for an object.
    pub(super) fn map(layout: Layout, family: Family, near: usize) -> Option<Self> {
        let page_bytes = system::page_bytes();
        let align = layout.align().max(16);
        // An object of no bytes lies in the guard.
        let need = layout.size().checked_next_multiple_of(align.min(page_bytes))?;
        let inner_bytes = need.checked_next_multiple_of(page_bytes)?;
        let more = if align > page_bytes { align } else { 0 };
        let mapped_bytes = inner_bytes.checked_add(2 * page_bytes)?.checked_add(more)?;
        if isize::try_from(mapped_bytes).is_err() {
            return None;
        }
        let mapped = system::reserve_near(mapped_bytes, near)?;
        let first = mapped.as_ptr().expose_provenance() + page_bytes;
        let inner = if more > 0 { first.next_multiple_of(align) } else { first };
        let object = inner + inner_bytes - need;
        debug_assert!(object.is_multiple_of(align));
        let run = Self {
            object,
            bytes: layout.size(),
            family: Some(family),
            inner,
            inner_bytes,
            mapped: mapped.addr().get(),
            mapped_bytes,
            align: 0,
        };
        // SAFETY: reserved above; the inner pages lie within.
        unsafe {
            if !system::open(pointer(inner)?, inner_bytes) && !system::open(mapped, mapped_bytes) {
                system::unmap(mapped, mapped_bytes);
                return None;
            }
        }
        Some(run)
    }

    /// Takes memory for an object from a layer.
    pub(super) fn take<A: Layer>(
        below: &A,
        layout: Layout,
        family: Family,
        parts: Parts,
        wants_zeroes: bool,
    ) -> Option<Self> {
        let (bytes, align) = (layout.size(), layout.align().max(16));
        let room = bytes.checked_add(if parts.canaries { CANARY_BYTES } else { 1 })?;
        let inner_bytes = room.checked_next_multiple_of(16)?;
        let layout = Layout::from_size_align(inner_bytes, align).ok()?;
        let memory = match wants_zeroes {
            true => below.allocate_zeroed(layout),
            false => below.allocate(layout),
        };
        let object = memory.ok()?.cast::<u8>().as_ptr().expose_provenance();
        Some(Self {
            object,
            bytes,
            family: Some(family),
            inner: object,
            inner_bytes,
            mapped: object,
            mapped_bytes: inner_bytes,
            align,
        })
    }

    /// Gives it back.
    ///
    /// # Safety
    ///
    /// The run came from [`take`](Self::take) of this layer, is in no table, and nobody uses it.
    pub(super) unsafe fn give<A: Layer>(&self, below: &A) {
        if let (Some(start), Ok(layout)) =
            (pointer(self.inner), Layout::from_size_align(self.inner_bytes, self.align))
        {
            // SAFETY: the caller's promise.
            unsafe { below.deallocate(start, layout) };
        }
    }

    /// Zeroes it.
    ///
    /// # Safety
    ///
    /// The run is the caller's.
    pub(super) unsafe fn wipe(&self) {
        if let Some(start) = pointer(self.inner) {
            // SAFETY: the caller's promise.
            unsafe { start.write_bytes(0, self.inner_bytes) };
        }
    }

    /// Fills the slack.
    ///
    /// # Safety
    ///
    /// The run is mapped, and the caller's.
    pub(super) unsafe fn mark(&self, secret: Secret) {
        let end = self.object + self.bytes;
        if let Some(slack) = pointer(end) {
            // SAFETY: from the object's end to the end of the accessible pages.
            unsafe {
                slack.write_bytes(secret.mark(self.object), self.inner + self.inner_bytes - end);
            }
        }
    }

    /// What was written to around the object.
    ///
    /// # Safety
    ///
    /// The run is mapped, and the caller's.
    pub(super) unsafe fn check(&self, secret: Secret) -> Option<Kind> {
        let end = self.object + self.bytes;
        // SAFETY: both parts lie in the accessible pages.
        let (before, behind) = unsafe {
            let slice = |start: usize, bytes: usize| {
                core::slice::from_raw_parts(core::ptr::with_exposed_provenance::<u8>(start), bytes)
            };
            (
                slice(self.inner, self.object - self.inner),
                slice(end, self.inner + self.inner_bytes - end),
            )
        };
        let mark = secret.mark(self.object);
        if behind.iter().any(|byte| *byte != mark) {
            return Some(Kind::Overflow);
        }
        before.iter().any(|byte| *byte != 0).then_some(Kind::Underflow)
    }

    /// Takes the pages away; the addresses stay taken.
    ///
    /// # Safety
    ///
    /// The run is mapped, and nobody uses it but by mistake.
    pub(super) unsafe fn close(&self) {
        let Some(start) = pointer(self.mapped) else { return };
        // SAFETY: the caller's promise.
        unsafe {
            if !system::close(start, self.mapped_bytes)
                && let Some(inner) = pointer(self.inner)
            {
                // The system has no room for a mapping more. The memory goes, at least.
                system::discard(inner, self.inner_bytes);
            }
        }
    }

    /// Gives the addresses back.
    ///
    /// # Safety
    ///
    /// The run was closed, and is in no table.
    pub(super) unsafe fn unmap(&self) {
        if let Some(start) = pointer(self.mapped) {
            // SAFETY: the caller's promise.
            unsafe { system::unmap(start, self.mapped_bytes) };
        }
    }

    /// Moves the pages to a run of another length; `None`, and nothing has changed, if that cannot be had or is not
    /// worth it.
    ///
    /// # Safety
    ///
    /// The run is mapped, checked, and the caller's; after a success its old pages are nobody's.
    pub(super) unsafe fn moved(&self, bytes: usize, near: usize) -> Option<Self> {
        #[cfg(target_os = "linux")]
        {
            if self.bytes.min(bytes) < MOVED_BYTES || self.mapped_bytes > usize::MAX / 4 {
                return None;
            }
            let page_bytes = system::page_bytes();
            let before = self.object - self.inner;
            let inner_bytes = (before + bytes).checked_next_multiple_of(page_bytes)?;
            let mapped_bytes = inner_bytes.checked_add(2 * page_bytes)?;
            let mapped = system::reserve_near(mapped_bytes, near)?;
            let inner = mapped.as_ptr().expose_provenance() + page_bytes;
            let flags = libc::MREMAP_MAYMOVE | libc::MREMAP_FIXED;
            // SAFETY: the old pages are the caller's, the new ones were reserved above.
            let at = unsafe {
                libc::mremap(
                    pointer(self.inner)?.as_ptr().cast(),
                    self.inner_bytes,
                    inner_bytes,
                    flags,
                    pointer(inner)?.as_ptr().cast::<libc::c_void>(),
                )
            };
            if at == libc::MAP_FAILED {
                // Whether the new addresses are still ours, nobody knows: they are left alone.
                return None;
            }
            let run = Self {
                object: inner + before,
                bytes,
                family: self.family,
                inner,
                inner_bytes,
                mapped: mapped.addr().get(),
                mapped_bytes,
                align: 0,
            };
            // Where the old object's slack was, there may be bytes of the new one: they are zero.
            if bytes > self.bytes {
                let slack_bytes = (self.inner_bytes - before - self.bytes).min(bytes - self.bytes);
                if let Some(slack) = pointer(run.object + self.bytes) {
                    // SAFETY: these bytes lie in the new object.
                    unsafe { slack.write_bytes(0, slack_bytes) };
                }
            }
            Some(run)
        }
        #[cfg(not(target_os = "linux"))]
        {
            let _ = (bytes, near);
            None
        }
    }

    /// Whether the accessible pages of a run whose pages have moved could be taken out of use again. If not, they are not
    /// to be touched, and the rest of the addresses is given back here.
    ///
    /// # Safety
    ///
    /// As [`moved`](Self::moved) left it.
    pub(super) unsafe fn close_moved(&self) -> bool {
        #[cfg(target_os = "linux")]
        {
            let flags = libc::MAP_PRIVATE
                | libc::MAP_ANONYMOUS
                | libc::MAP_NORESERVE
                | libc::MAP_FIXED_NOREPLACE;
            let Some(start) = pointer(self.inner) else { return false };
            // SAFETY: where another mapping has come meanwhile, the system refuses.
            let again = unsafe {
                libc::mmap(start.as_ptr().cast(), self.inner_bytes, libc::PROT_NONE, flags, -1, 0)
            };
            if again == start.as_ptr().cast() {
                return true;
            }
            let behind = self.inner + self.inner_bytes;
            // SAFETY: what lies around the hole is the run's still. An older system may have put the pages elsewhere.
            unsafe {
                if let (true, Some(other)) = (again != libc::MAP_FAILED, NonNull::new(again.cast()))
                {
                    system::unmap(other, self.inner_bytes);
                }
                if let (Some(head), Some(tail)) = (pointer(self.mapped), pointer(behind)) {
                    system::unmap(head, self.inner - self.mapped);
                    system::unmap(tail, self.mapped + self.mapped_bytes - behind);
                }
            }
        }
        false
    }
}

/// The large objects of a heap, and what rests.
#[derive(Debug)]
pub(super) struct Runs {
    table: *mut Run,
    /// Places: a power of two, or 0.
    places: usize,
    taken: usize,
    resting: [usize; RESTING_RUNS],
    turn: usize,
    resting_bytes: usize,
    pub live: usize,
    pub live_bytes: usize,
    /// Where the next run is to lie; 0 before the first.
    near: usize,
}

// SAFETY: the table is the heap's own memory.
unsafe impl Send for Runs {}

/// Between these addresses runs are asked for: a part of what programs have on any 64-bit system, with little else in it.
/// The first one is random.
const FIRST_ADDRESS: usize = 1 << 41;
const SPREAD_BYTES: usize = 1 << 44;
const LAST_ADDRESS: usize = 1 << 45;
const _: () = assert!(FIRST_ADDRESS + SPREAD_BYTES < LAST_ADDRESS);

/// The pages between two runs are fewer than this.
const MAX_GAP_PAGES: u64 = 64;

/// Places of the first table.
const FIRST_PLACES: usize = 128;

impl Runs {
    pub(super) const fn new() -> Self {
        Self {
            table: null_mut(),
            places: 0,
            taken: 0,
            resting: [0; RESTING_RUNS],
            turn: 0,
            resting_bytes: 0,
            live: 0,
            live_bytes: 0,
            near: 0,
        }
    }

    /// Where a run of about so many bytes is to lie: somewhere in the addresses that the system hands out, at first; then
    /// a random distance behind the last one. What one address tells of others is little.
    pub(super) fn near(&mut self, bytes: usize) -> usize {
        let random = system::random();
        let page_bytes = system::page_bytes();
        let end = self.near.saturating_add(bytes);
        if self.near == 0 || end > LAST_ADDRESS {
            self.near =
                FIRST_ADDRESS + (random % (SPREAD_BYTES / page_bytes) as u64) as usize * page_bytes;
        } else {
            let gap = (random % MAX_GAP_PAGES) as usize * page_bytes;
            self.near = end.next_multiple_of(page_bytes) + gap;
        }
        self.near
    }

    fn home(&self, object: usize) -> usize {
        (object >> 4).wrapping_mul(0x9e37_79b9_7f4a_7c15_u64 as usize).rotate_left(24)
            & (self.places - 1)
    }

    fn at(&mut self, place: usize) -> &mut Run {
        debug_assert!(place < self.places);
        // SAFETY: the table has so many places, all written (zero is a free one).
        unsafe { &mut *self.table.add(place) }
    }

    /// The place where an object stands, or where it would.
    fn place(&mut self, object: usize) -> usize {
        let mut place = self.home(object);
        while self.at(place).object != 0 && self.at(place).object != object {
            place = (place + 1) & (self.places - 1);
        }
        place
    }

    /// The object at an address, live or freed.
    pub(super) fn find(&mut self, object: usize) -> Option<&mut Run> {
        if self.places == 0 || object == 0 {
            return None;
        }
        let place = self.place(object);
        (self.at(place).object == object).then(|| self.at(place))
    }

    /// The live object that an address lies in, or near to, for a diagnosis: a walk.
    pub(super) fn around(&self, address: usize) -> Option<Run> {
        (0..self.places)
            // SAFETY: as in `at`.
            .map(|place| unsafe { *self.table.add(place) })
            .find(|run| run.object != 0 && address.wrapping_sub(run.mapped) < run.mapped_bytes)
    }

    /// Whether half of the table is free, after an attempt to make it so.
    pub(super) fn has_room(&mut self) -> bool {
        (self.taken + 1) * 2 <= self.places || self.grow()
    }

    /// Enters a live run. `false` if the table is full, and there is no memory for a larger one.
    pub(super) fn enter(&mut self, run: Run) -> bool {
        // One place always stays free, where a search ends.
        if !self.has_room() && self.taken + 1 >= self.places {
            return false;
        }
        let place = self.place(run.object);
        if self.at(place).object == 0 {
            self.taken += 1;
        }
        *self.at(place) = run;
        self.live += 1;
        self.live_bytes += run.bytes;
        true
    }

    fn grow(&mut self) -> bool {
        let places = (self.places * 2).max(FIRST_PLACES);
        let page_bytes = system::page_bytes();
        let bytes = |places: usize| (places * size_of::<Run>()).next_multiple_of(page_bytes);
        let Some(table) = system::map_guarded(bytes(places)) else { return false };
        let (old, old_places) = (self.table, self.places);
        (self.table, self.places) = (table.as_ptr().cast(), places);
        for at in 0..old_places {
            // SAFETY: within the old table.
            let run = unsafe { *old.add(at) };
            if run.object != 0 {
                let place = self.place(run.object);
                *self.at(place) = run;
            }
        }
        if let Some(old) = NonNull::new(old) {
            // SAFETY: mapped by an earlier call, for so many places; nobody uses it any more.
            unsafe { system::unmap_guarded(old.cast(), bytes(old_places)) };
        }
        true
    }

    /// Takes an object out of the table.
    pub(super) fn remove(&mut self, object: usize) -> Option<Run> {
        let run = *self.find(object)?;
        let mut hole = self.place(object);
        let mut next = hole;
        // Whoever stands behind, and would rather stand in the hole, moves there.
        loop {
            next = (next + 1) & (self.places - 1);
            let candidate = *self.at(next);
            if candidate.object == 0 {
                break;
            }
            let home = self.home(candidate.object);
            let away = |from: usize| next.wrapping_sub(from) & (self.places - 1);
            if away(home) >= away(hole) {
                *self.at(hole) = candidate;
                hole = next;
            }
        }
        self.at(hole).object = 0;
        self.taken -= 1;
        Some(run)
    }

    /// Notes that a run is freed: who finds it from now on finds that.
    pub(super) fn note_freed(&mut self, object: usize) {
        if let Some(run) = self.find(object) {
            run.family = None;
            let bytes = run.bytes;
            self.live -= 1;
            self.live_bytes -= bytes;
        }
    }

    /// A run that was noted as freed is live after all.
    pub(super) fn revive(&mut self, run: &Run) {
        if let Some(found) = self.find(run.object) {
            *found = *run;
            self.live += 1;
            self.live_bytes += run.bytes;
        }
    }

    /// Lets a closed run rest. Returns a run whose addresses are to be given back, if there is one: called again, the
    /// next.
    pub(super) fn rest(&mut self, run: Option<&Run>) -> Option<Run> {
        if let Some(run) = run {
            self.resting_bytes += run.mapped_bytes;
            let at = self.turn % RESTING_RUNS;
            self.turn += 1;
            let out = core::mem::replace(&mut self.resting[at], run.object);
            if out != 0 {
                return self.leave(out);
            }
        }
        if self.resting_bytes <= RESTING_BYTES {
            return None;
        }
        // The oldest but the one that came last.
        let oldest = (0..RESTING_RUNS - 1)
            .map(|at| (self.turn + at) % RESTING_RUNS)
            .find(|at| self.resting[*at] != 0)?;
        let object = core::mem::take(&mut self.resting[oldest]);
        self.leave(object)
    }

    fn leave(&mut self, object: usize) -> Option<Run> {
        let run = self.remove(object)?;
        self.resting_bytes -= run.mapped_bytes;
        Some(run)
    }
}
