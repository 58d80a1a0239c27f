//! What is no hit: any size, any claim about an object, and what to say of those that do not hold.
//!
//! Above: `allocator.rs`, the preload library. Below: bags and shelves for slots, `runs.rs` for the rest. Here an object is
//! looked at from all sides; hits take the same steps (`hit.rs`).

use super::canary::CANARY_BYTES;
use super::claim;
use super::hit::{check, class_for};
use super::key::Key;
use super::ledger::{FREE, Family, Tables};
use super::mistake::{Kind, Mistake, stop};
use super::runs::Run;
use super::{Hardened, NO_BYTES, PLACE_BYTES, Table, system, wipe};
use crate::table::{Class, ClassTable};
use alloc_core::sync::Ordering;
use alloc_core::{Layer, Layout};
use core::ptr::NonNull;

/// What whoever frees an object says of it.
#[derive(Clone, Copy, Debug)]
pub struct Claim {
    /// The family of the function that frees.
    pub family: Family,
    /// The size that it was told.
    pub bytes: Option<usize>,
    /// The alignment that it was told.
    pub align: Option<usize>,
}

impl Claim {
    /// Nothing but the function that frees.
    #[must_use]
    pub const fn of(family: Family) -> Self {
        Self { family, bytes: None, align: None }
    }

    /// What is wrong with it, of an object that is live.
    fn error(&self, object: Object, address: usize) -> Option<Kind> {
        let by_free = self.family == Family::Malloc && self.bytes.is_none();
        if self.family != object.family && !(by_free && object.family == Family::Aligned) {
            return Some(Kind::WrongFamily);
        }
        if self.bytes.is_some_and(|bytes| bytes != object.bytes) {
            return Some(Kind::WrongSize);
        }
        let aligned = self.align.is_none_or(|align| align > 0 && address.is_multiple_of(align));
        (!aligned).then_some(Kind::WrongAlign)
    }
}

/// A live object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Object {
    /// The bytes that were asked for.
    pub bytes: usize,
    /// The functions that it belongs to.
    pub family: Family,
}

/// Where an object lies.
#[derive(Clone, Copy)]
enum Home {
    /// In a slot, of this class, at this place.
    Slot(Class, usize),
    /// Nowhere: it has no bytes.
    Nowhere(usize),
    /// In pages of its own.
    Run,
}

impl<A: Layer, K: Key> Hardened<A, K> {
    /// Memory for an object, zero as by [`allocate_hit`](Self::allocate_hit); `None` if there is none. An object of no bytes
    /// has an address of its own, which nobody can access.
    #[must_use]
    pub fn allocate_for(
        &self,
        layout: Layout,
        family: Family,
        wants_zeroes: bool,
    ) -> Option<NonNull<u8>> {
        if layout.size() == 0 && layout.align() <= PLACE_BYTES {
            return self.allocate_empty(family);
        }
        class_for(layout.size(), layout.align())
            .and_then(|class| self.allocate_class(class, layout.size(), family, wants_zeroes))
            .or_else(|| self.allocate_run(layout, family))
    }

    #[cold]
    fn allocate_run(&self, layout: Layout, family: Family) -> Option<NonNull<u8>> {
        let near = self.runs.lock().near(layout.size());
        let run = Run::map(layout, family, self.secret(), near)?;
        if !self.runs.lock().enter(run) {
            // SAFETY: mapped above, and nobody has seen it.
            unsafe { run.unmap() };
            return None;
        }
        NonNull::new(core::ptr::with_exposed_provenance_mut(run.object))
    }

    #[cold]
    fn allocate_empty(&self, family: Family) -> Option<NonNull<u8>> {
        let tables = self.opened()?;
        loop {
            if let Some(slot) = self.shelves[NO_BYTES].lock().take() {
                let place = tables.place(slot.addr().get())?;
                // ORDERING: Relaxed by the ledger's R2: the slot is this thread's.
                tables.state(place).store(family.live(true), Ordering::Relaxed);
                return Some(slot);
            }
            self.acquire(&tables, NO_BYTES)?;
        }
    }

    /// The live object at `ptr`; `None` if the address is not this stack's. Does not return if it is, and no object
    /// starts there.
    ///
    /// # Safety
    ///
    /// Nobody frees the object meanwhile.
    #[must_use]
    pub unsafe fn object_at(&self, ptr: NonNull<u8>) -> Option<Object> {
        // SAFETY: the caller's promise.
        unsafe { self.find(ptr) }.map(|(object, _)| object)
    }

    /// # Safety
    ///
    /// As for [`object_at`](Self::object_at).
    unsafe fn find(&self, ptr: NonNull<u8>) -> Option<(Object, Home)> {
        let address = ptr.addr().get();
        let tables = self.ledger.tables();
        if !tables.covers(address) {
            return self.find_run(address);
        }
        let Some(place) = tables.place(address) else {
            stop(Mistake::at(Kind::InvalidFree, address)); // within 16 bytes of something
        };
        // ORDERING: Relaxed by the ledger's R2.
        let state = tables.state(place).load(Ordering::Relaxed);
        match Family::of(state) {
            None if state == FREE => stop(Mistake::at(Kind::DoubleFree, address)),
            None => stop(Mistake::at(Kind::InvalidFree, address)),
            Some((family, true)) => Some((Object { bytes: 0, family }, Home::Nowhere(place))),
            Some((family, false)) => {
                let class = Class::new(tables.class(place) as usize);
                let slot_bytes = Table::info(class).slot_bytes;
                // SAFETY: an object lives there, which nobody frees meanwhile (the caller).
                let bytes = unsafe { check(self.secret(), ptr, slot_bytes) };
                Some((Object { bytes, family }, Home::Slot(class, place)))
            }
        }
    }

    fn find_run(&self, address: usize) -> Option<(Object, Home)> {
        let mut runs = self.runs.lock();
        if let Some(run) = runs.find(address) {
            let (bytes, family) = (run.bytes, run.family);
            drop(runs);
            return match family {
                Some(family) => Some((Object { bytes, family }, Home::Run)),
                None => stop(Mistake { bytes, ..Mistake::at(Kind::DoubleFree, address) }),
            };
        }
        let around = runs.around(address);
        drop(runs);
        if let Some(run) = around {
            stop(Mistake { bytes: run.bytes, ..Mistake::at(Kind::InvalidFree, address) });
        }
        None
    }

    /// Frees an object. `false`, and nothing has happened, if the address is not this stack's. Does not return if the
    /// claim does not hold, or somebody wrote around the object.
    ///
    /// # Safety
    ///
    /// Whoever owns an object at `ptr` gives it away. (`ptr` may be any address, and the claim any: that is what this is
    /// about. What lies in this stack's memory is looked at first.)
    pub unsafe fn free(&self, ptr: NonNull<u8>, claim: Claim) -> bool {
        let address = ptr.addr().get();
        // SAFETY: the caller's promise.
        let Some((object, home)) = (unsafe { self.find(ptr) }) else { return false };
        if let Some(kind) = claim.error(object, address) {
            stop(Mistake { bytes: object.bytes, ..Mistake::at(kind, address) });
        }
        match home {
            Home::Slot(_, place) => {
                let tables = self.ledger.tables();
                self.claim(&tables, place, object.family.live(false), address);
                // SAFETY: claimed above.
                unsafe { self.leave_slot(&tables, ptr) };
            }
            Home::Nowhere(place) => {
                let tables = self.ledger.tables();
                self.claim(&tables, place, object.family.live(true), address);
                self.leave_empty(&tables, ptr);
            }
            Home::Run => {
                let run = self.claim_run(address);
                // SAFETY: claimed above.
                unsafe {
                    self.check_run(&run);
                    self.leave_run(&run);
                }
            }
        }
        true
    }

    /// Says that an address was never handed out, and ends the process.
    #[cold]
    pub fn refuse(&self, ptr: NonNull<u8>) -> ! {
        stop(Mistake::at(Kind::InvalidFree, ptr.addr().get()))
    }

    /// Claims an object (the ledger's R1).
    fn claim(&self, tables: &Tables, place: usize, live: u8, address: usize) {
        if claim::claim(tables.state(place)) != live {
            stop(Mistake::at(Kind::DoubleFree, address));
        }
    }

    /// # Safety
    ///
    /// The object in the slot was claimed by this thread.
    unsafe fn leave_slot(&self, tables: &Tables, slot: NonNull<u8>) {
        let Some(place) = tables.place(slot.addr().get()) else { return };
        let class = tables.class(place) as usize;
        let slot_bytes = Table::info(Class::new(class)).slot_bytes;
        // SAFETY: the caller's promise: the slot is this thread's, and sealed. The record is, too.
        unsafe {
            let bytes = check(self.secret(), slot, slot_bytes);
            wipe::wipe(slot, slot_bytes, bytes + 1);
            match self.record() {
                Some(mut record) => self.leave(record.as_mut(), class, slot),
                None => self.give(tables, class, slot),
            }
        }
    }

    fn leave_empty(&self, tables: &Tables, slot: NonNull<u8>) {
        let Some(span) = tables.span_of(slot) else { return };
        let mut shelf = self.shelves[NO_BYTES].lock();
        // SAFETY: objects of no bytes lie in spans of this shelf; one that is off it comes back.
        unsafe {
            if let Some(span) = shelf.put(span, slot) {
                shelf.add(span);
            }
        }
    }

    /// Claims a large object: from now on it is freed.
    fn claim_run(&self, address: usize) -> Run {
        let mut runs = self.runs.lock();
        let found = runs.find(address).copied().filter(|run| run.family.is_some());
        let Some(run) = found else {
            drop(runs);
            stop(Mistake::at(Kind::DoubleFree, address));
        };
        runs.note_freed(address);
        run
    }

    /// # Safety
    ///
    /// The run was claimed by this thread.
    unsafe fn check_run(&self, run: &Run) {
        // SAFETY: the caller's promise.
        if let Some(kind) = unsafe { run.check(self.secret()) } {
            stop(Mistake { bytes: run.bytes, ..Mistake::at(kind, run.object) });
        }
    }

    /// # Safety
    ///
    /// The run was claimed by this thread.
    unsafe fn leave_run(&self, run: &Run) {
        // SAFETY: the caller's promise.
        unsafe { run.close() };
        self.rest_run(run);
    }

    fn rest_run(&self, run: &Run) {
        let mut out = self.runs.lock().rest(Some(run));
        while let Some(run) = out {
            // SAFETY: it has rested: it was closed, and is in no table.
            unsafe { run.unmap() };
            out = self.runs.lock().rest(None);
        }
    }

    /// Gives an object another size, where it is or elsewhere; what is new of it is zero. `None`, and the object is as
    /// it was, if there is no memory. `Err` if the address is not this stack's. Does not return as
    /// [`free`](Self::free) does not.
    ///
    /// # Errors
    ///
    /// See above.
    ///
    /// # Safety
    ///
    /// As for [`free`](Self::free), if this succeeds.
    pub unsafe fn resize(
        &self,
        ptr: NonNull<u8>,
        claim: Claim,
        new: Layout,
        wants_zeroes: bool,
    ) -> Result<Option<NonNull<u8>>, NotOurs> {
        let address = ptr.addr().get();
        // SAFETY: the caller's promise.
        let Some((object, home)) = (unsafe { self.find(ptr) }) else { return Err(NotOurs) };
        if let Some(kind) = claim.error(object, address) {
            stop(Mistake { bytes: object.bytes, ..Mistake::at(kind, address) });
        }
        // SAFETY: the caller owns the object, and gives it up if it moves.
        unsafe {
            match home {
                Home::Slot(class, place) if class_for(new.size(), new.align()) == Some(class) => {
                    self.reseal(ptr, class, object.bytes, new.size());
                    let tables = self.ledger.tables();
                    // ORDERING: Relaxed by the ledger's R2: the object is the caller's.
                    tables.state(place).store(claim.family.live(false), Ordering::Relaxed);
                    return Ok(Some(ptr));
                }
                Home::Run if address.is_multiple_of(new.align()) => {
                    if new.size() == object.bytes && claim.family == object.family {
                        return Ok(Some(ptr));
                    }
                    // Pages keep what alignment they have, but no more.
                    let moves = new.align() <= system::page_bytes();
                    if moves && let Some(ptr) = self.move_run(address, claim.family, new.size()) {
                        return Ok(Some(ptr));
                    }
                }
                _ => {}
            }
            let Some(to) = self.allocate_for(new, claim.family, wants_zeroes) else {
                return Ok(None);
            };
            to.copy_from_nonoverlapping(ptr, object.bytes.min(new.size()));
            self.free(ptr, Claim::of(object.family));
            Ok(Some(to))
        }
    }

    /// Another size in the same slot.
    ///
    /// # Safety
    ///
    /// The slot holds an object of `old` bytes that is the caller's, and checked; `new` bytes fit.
    unsafe fn reseal(&self, slot: NonNull<u8>, class: Class, old: usize, new: usize) {
        let slot_bytes = Table::info(class).slot_bytes;
        // SAFETY: the caller's promise. Behind the object lie its mark, zeroes, and the canary's word, which stays whole.
        unsafe {
            let room = slot_bytes - CANARY_BYTES;
            let start = new.min(old);
            slot.add(start).write_bytes(0, (old + 1).min(room) - start);
            self.secret().seal(slot, slot_bytes, new);
        }
    }

    /// Moves the pages of a large object that stays one.
    ///
    /// # Safety
    ///
    /// A large object lives at `address`, which is the caller's.
    #[cold]
    unsafe fn move_run(&self, address: usize, family: Family, bytes: usize) -> Option<NonNull<u8>> {
        let secret = self.secret();
        if class_for(bytes, PLACE_BYTES).is_some() {
            return None;
        }
        if !self.runs.lock().has_room() {
            return None;
        }
        let run = self.claim_run(address);
        // SAFETY: claimed above.
        unsafe {
            self.check_run(&run);
            let near = self.runs.lock().near(bytes);
            let Some(mut moved) = run.moved(bytes, secret, near) else {
                self.runs.lock().revive(&run);
                return None;
            };
            moved.family = Some(family);
            if run.close_moved() {
                self.rest_run(&run);
            } else {
                self.runs.lock().remove(run.object);
            }
            let entered = self.runs.lock().enter(moved);
            debug_assert!(entered, "half of the table was free");
            NonNull::new(core::ptr::with_exposed_provenance_mut(moved.object))
        }
    }
}

/// An address that this stack did not hand out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotOurs;
