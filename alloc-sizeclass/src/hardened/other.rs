//! What is no hit: any size, any claim about an object, and what to say of those that do not hold.
//!
//! Above: `allocator.rs`, the preload library. Below: bags and shelves for slots, `runs.rs` for the rest. Here an object is
//! looked at from all sides; hits take the same steps (`hit.rs`).

use super::claim;
use super::hit::{canary_bytes, check, check_or, class_for, wipe_used};
use super::key::Key;
use super::ledger::{FREE, Family, Tables};
use super::mistake::{Kind, Mistake, stop};
use super::{Hardened, NO_BYTES, PLACE_BYTES, Policy, Table, system};
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
    fn error<P: Policy>(&self, object: Object, address: usize) -> Option<Kind> {
        let family = object.family?;
        let by_free = self.family == Family::Malloc && self.bytes.is_none();
        if self.family != family && !(by_free && family == Family::Aligned) {
            return Some(Kind::WrongFamily);
        }
        if P::PARTS.canaries && self.bytes.is_some_and(|bytes| bytes != object.bytes) {
            return Some(Kind::WrongSize);
        }
        let aligned = self.align.is_none_or(|align| align > 0 && address.is_multiple_of(align));
        (!aligned).then_some(Kind::WrongAlign)
    }
}

/// A live object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Object {
    /// The bytes that were asked for; without canaries those of its slot.
    pub bytes: usize,
    /// The functions that it belongs to; `None` where frees are not checked.
    pub family: Option<Family>,
}

/// Where an object lies.
#[derive(Clone, Copy)]
pub(super) enum Home {
    /// In a slot, of this class, at this place.
    Slot(Class, usize),
    /// Nowhere: it has no bytes.
    Nowhere(usize),
    /// In pages of its own.
    Run,
}

impl<A: Layer, K: Key, P: Policy> Hardened<A, K, P> {
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
        class_for::<P>(layout.size(), layout.align())
            .and_then(|class| self.allocate_class(class, layout.size(), family, wants_zeroes))
            .or_else(|| self.allocate_run(layout, family, wants_zeroes))
    }

    #[cold]
    fn allocate_empty(&self, family: Family) -> Option<NonNull<u8>> {
        // As in `allocate_run`.
        K::watch_forks();
        let tables = self.opened()?;
        loop {
            if let Some(slot) = self.shelves[NO_BYTES].lock().take() {
                let place = tables.place(slot.addr().get())?;
                if P::PARTS.frees {
                    // ORDERING: Relaxed by the ledger's R2: the slot is this thread's.
                    tables.state(place).store(family.live(true), Ordering::Relaxed);
                }
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
        let class = tables.class(place) as usize;
        if class == 0 && !P::PARTS.guards {
            return self.find_run(address);
        }
        if class == 0 && !P::PARTS.frees {
            stop(Mistake::at(Kind::InvalidFree, address));
        }
        let family = if P::PARTS.frees {
            // ORDERING: Relaxed by the ledger's R2.
            let state = tables.state(place).load(Ordering::Relaxed);
            match Family::of(state) {
                None if state == FREE => stop(Mistake::at(Kind::DoubleFree, address)),
                None => stop(Mistake::at(Kind::InvalidFree, address)),
                Some((family, _)) => Some(family),
            }
        } else {
            None
        };
        if class == NO_BYTES {
            return Some((Object { bytes: 0, family }, Home::Nowhere(place)));
        }
        let slot_bytes = Table::info(Class::new(class)).slot_bytes;
        // ORDERING: Relaxed: only the word for the mistake depends on it. Another thread that frees the object at this moment
        // says so in the ledger before it wipes the canary.
        let is_live = || Family::of(tables.state(place).load(Ordering::Relaxed)).is_some();
        // SAFETY: an object lives there, which nobody frees meanwhile (the caller); if somebody does, it ends the process.
        let bytes = unsafe {
            check_or::<P>(self.secret(), ptr, slot_bytes, || match P::PARTS.frees && !is_live() {
                true => Kind::DoubleFree,
                false => Kind::Overflow,
            })
        };
        Some((Object { bytes, family }, Home::Slot(Class::new(class), place)))
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
        if let Some(kind) = claim.error::<P>(object, address) {
            stop(Mistake { bytes: object.bytes, ..Mistake::at(kind, address) });
        }
        match home {
            Home::Slot(_, place) => {
                let tables = self.ledger.tables();
                self.claim(&tables, place, object, address);
                // SAFETY: claimed above.
                unsafe { self.leave_slot(&tables, ptr) };
            }
            Home::Nowhere(place) => {
                let tables = self.ledger.tables();
                self.claim(&tables, place, object, address);
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
    fn claim(&self, tables: &Tables, place: usize, object: Object, address: usize) {
        let Some(family) = object.family else { return };
        let live = family.live(tables.class(place) as usize == NO_BYTES);
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
            let bytes = check::<P>(self.secret(), slot, slot_bytes);
            wipe_used::<P>(slot, slot_bytes, bytes);
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
        if let Some(kind) = claim.error::<P>(object, address) {
            stop(Mistake { bytes: object.bytes, ..Mistake::at(kind, address) });
        }
        // What is behind them is not the object's, and may be anything.
        let known_bytes = object.bytes.min(claim.bytes.unwrap_or(usize::MAX));
        // SAFETY: the caller owns the object, and gives it up if it moves.
        unsafe {
            match home {
                Home::Slot(class, place)
                    if class_for::<P>(new.size(), new.align()) == Some(class) =>
                {
                    self.reseal(ptr, class, object.bytes, new.size());
                    if wants_zeroes && !(P::PARTS.wipe && P::PARTS.canaries) {
                        let rest = new.size().saturating_sub(known_bytes);
                        ptr.add(new.size() - rest).write_bytes(0, rest);
                    }
                    if P::PARTS.frees {
                        let tables = self.ledger.tables();
                        // ORDERING: Relaxed by the ledger's R2: the object is the caller's.
                        tables.state(place).store(claim.family.live(false), Ordering::Relaxed);
                    }
                    return Ok(Some(ptr));
                }
                Home::Run if address.is_multiple_of(new.align()) => {
                    if new.size() == object.bytes && object.family.is_none_or(|f| f == claim.family)
                    {
                        return Ok(Some(ptr));
                    }
                    // Pages keep what alignment they have, but no more.
                    let moves = P::PARTS.guards && new.align() <= system::page_bytes();
                    if moves && let Some(ptr) = self.move_run(address, claim.family, new.size()) {
                        return Ok(Some(ptr));
                    }
                }
                _ => {}
            }
            let Some(to) = self.allocate_for(new, claim.family, wants_zeroes) else {
                return Ok(None);
            };
            to.copy_from_nonoverlapping(ptr, known_bytes.min(new.size()));
            self.free(ptr, Claim::of(object.family.unwrap_or(claim.family)));
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
        // SAFETY: the caller's promise. Behind the object lie its mark, what is free still, and the canary's word, which
        // stays whole.
        unsafe {
            if P::PARTS.canaries {
                let room = slot_bytes - canary_bytes::<P>();
                let start = new.min(old);
                slot.add(start).write_bytes(0, (old + 1).min(room) - start);
                self.secret().seal(slot, slot_bytes, new);
            }
        }
    }
}

/// An address that this stack did not hand out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotOurs;
