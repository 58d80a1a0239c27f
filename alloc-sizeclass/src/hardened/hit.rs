//! Hits: an allocation from the thread's bag, and a free into it.
//!
//! Above: `allocator.rs` for Rust, the preload library for C. Below: bags; what misses goes to `miss.rs`, what is no
//! small object of its family to `other.rs`. All of it is told in `mod.rs`; the steps bear its numbers.

use super::canary::{CANARY_BYTES, Secret};
use super::claim;
use super::key::Key;
use super::ledger::{FREE, Family, Tables};
use super::mistake::{Kind, Mistake, stop};
use super::record::Record;
use super::wipe;
use super::{Hardened, MAX_SLOT_BYTES, NO_BYTES, Policy, Table};
use crate::table::{Class, ClassTable};
use alloc_core::Layer;
use alloc_core::sync::{Ordering, light_fence};
use core::ptr::NonNull;

/// The most bytes of a common object, with its canary.
const COMMON_BYTES: usize = 1 << 10;

impl<A: Layer, K: Key, P: Policy> Hardened<A, K, P> {
    /// `bytes` bytes, aligned to 16, if they are neither none nor many, and the thread's bag has a slot. They are
    /// zero, unless somebody wrote to them after their free; with `wants_zeroes` this is made certain.
    #[inline(always)]
    pub fn allocate_hit(
        &self,
        bytes: usize,
        family: Family,
        wants_zeroes: bool,
    ) -> Option<NonNull<u8>> {
        if bytes.wrapping_sub(1) >= COMMON_BYTES - canary_bytes::<P>() {
            return self.allocate_medium_hit(bytes, family, wants_zeroes);
        }
        let record = K::record();
        if !Record::is_one(record) {
            return None;
        }
        let class = Table::class_of_size(bytes + canary_bytes::<P>())?;
        // SAFETY: the key's record is the calling thread's, which is in no other call.
        let record = unsafe { &mut *record };
        // SAFETY: a class's index is below `MAX_CLASSES`.
        let bag = unsafe { record.bags.get_unchecked_mut(class.index()) };
        let slot = bag.take(P::PARTS)?; // 1
        let slot_bytes = bag.slot_bytes as usize;
        // SAFETY: a slot of the bag's class, which is the thread's.
        unsafe {
            if slot_bytes > wipe::SHORT_BYTES {
                let is_thorough = wants_zeroes || (P::PARTS.look && bag.draws_look());
                return Some(finish_long::<P>(
                    record,
                    slot,
                    slot_bytes,
                    bytes,
                    family,
                    is_thorough,
                ));
            }
            if P::PARTS.look && !wipe::is_short_zero(slot, slot_bytes, &bag.places) {
                spoilt_while_free(slot, slot_bytes);
            }
            if !P::PARTS.wipe && wants_zeroes {
                slot.write_bytes(0, bytes);
            }
            seal::<P>(&record.tables, record.secret, slot, slot_bytes, bytes, family);
        }
        Some(slot)
    }

    /// The same, for a size that is not common.
    #[inline(never)]
    fn allocate_medium_hit(
        &self,
        bytes: usize,
        family: Family,
        wants_zeroes: bool,
    ) -> Option<NonNull<u8>> {
        let record = K::record();
        if bytes.wrapping_sub(1) >= MAX_SLOT_BYTES || !Record::is_one(record) {
            return None;
        }
        let class = class_for::<P>(bytes, 1)?;
        // SAFETY: the key's record is the calling thread's, which is in no other call.
        let record = unsafe { &mut *record };
        let bag = &mut record.bags[class.index()];
        let slot = bag.take(P::PARTS)?; // 1
        let slot_bytes = bag.slot_bytes as usize;
        let is_thorough = wants_zeroes || (P::PARTS.look && bag.draws_look());
        // SAFETY: a slot of the bag's class, which is the thread's.
        Some(unsafe { finish_long::<P>(record, slot, slot_bytes, bytes, family, is_thorough) })
    }

    /// Frees an object of this family, if it is a common one (neither large nor without bytes), and the thread has a
    /// record. Otherwise `None`, and nothing has happened: [`free`](Self::free) knows what to do. Returns the object's bytes.
    ///
    /// # Safety
    ///
    /// Whoever owns an object at `ptr` gives it away. (`ptr` may be any address: that is what this is about.)
    #[inline(always)]
    pub unsafe fn free_hit(&self, ptr: *mut u8, family: Family) -> Option<usize> {
        let record = K::record();
        if !Record::is_one(record) {
            return None;
        }
        // SAFETY: the key's record is the calling thread's, which is in no other call.
        let record = unsafe { &mut *record };
        let place = record.tables.place(ptr.addr())?;
        if P::PARTS.frees {
            let state = record.tables.state(place);
            match claim::claim_if(state, family.live(false), record.alone()) {
                claim::Outcome::Claimed => {} // 1
                claim::Outcome::Other => return None,
                claim::Outcome::Late => stop(Mistake::at(Kind::DoubleFree, ptr.addr())),
            }
        }
        let class = record.tables.class(place) as usize;
        if !P::PARTS.frees && (class == 0 || class == NO_BYTES) {
            return None;
        }
        // SAFETY: the index holds classes of spans, which are below `MAX_CLASSES`; an object lives in one.
        let bag = unsafe { record.bags.get_unchecked_mut(class) };
        let slot_bytes = bag.slot_bytes as usize;
        // SAFETY: the object at `ptr` was claimed above: the slot is this thread's.
        unsafe {
            let slot = NonNull::new_unchecked(ptr);
            let bytes = check::<P>(record.secret, slot, slot_bytes); // 2
            if slot_bytes > wipe::SHORT_BYTES {
                self.leave_long(record, class, slot, bytes);
                return Some(bytes);
            }
            if P::PARTS.wipe {
                wipe::wipe_short(slot, slot_bytes, &bag.places); // 3
            }
            self.leave(record, class, slot); // 4
            Some(bytes)
        }
    }

    /// Steps 3 and 4 of a free, of a slot that is not short.
    ///
    /// # Safety
    ///
    /// The slot is the calling thread's, whose record this is, and of this class.
    #[inline(never)]
    unsafe fn leave_long(
        &self,
        record: &mut Record,
        class: usize,
        slot: NonNull<u8>,
        bytes: usize,
    ) {
        let slot_bytes = record.bags[class].slot_bytes as usize;
        // SAFETY: the caller's promise.
        unsafe {
            wipe_used::<P>(slot, slot_bytes, bytes); // 3
            self.leave(record, class, slot); // 4
        }
    }

    /// Step 4 of a free.
    ///
    /// # Safety
    ///
    /// As for [`leave_long`](Self::leave_long); the slot is wiped.
    #[inline(always)]
    pub(super) unsafe fn leave(&self, record: &mut Record, class: usize, slot: NonNull<u8>) {
        // A forked child may find the bag as it is at this moment.
        light_fence();
        // SAFETY: the caller's promise: there is such a bag.
        let bag = unsafe { record.bags.get_unchecked_mut(class) };
        if !bag.put(slot) {
            self.flush(record, class, slot);
        }
    }
}

/// Steps 2 to 4 of an allocation, of any slot: looks at it, seals it, enters it. If `is_thorough`, it is certain that it is
/// zero.
///
/// # Safety
///
/// `slot` is a free slot of `slot_bytes` bytes, and the caller's; `bytes` fit it.
pub(super) unsafe fn finish<P: Policy>(
    tables: &Tables,
    secret: Secret,
    slot: NonNull<u8>,
    slot_bytes: usize,
    bytes: usize,
    family: Family,
    is_thorough: bool,
) {
    // SAFETY: the caller's promise.
    unsafe {
        if P::PARTS.look {
            let is_zero = match is_thorough {
                true => wipe::is_zero(slot, slot_bytes),
                false => wipe::is_zero_around(slot, slot_bytes),
            };
            if !is_zero {
                spoilt_while_free(slot, slot_bytes);
            }
        }
        if !P::PARTS.wipe && is_thorough {
            slot.write_bytes(0, bytes);
        }
        seal::<P>(tables, secret, slot, slot_bytes, bytes, family);
    }
}

/// The same, for a hit. Returns the slot.
///
/// # Safety
///
/// As for `finish`.
#[inline(never)]
unsafe fn finish_long<P: Policy>(
    record: &Record,
    slot: NonNull<u8>,
    slot_bytes: usize,
    bytes: usize,
    family: Family,
    is_thorough: bool,
) -> NonNull<u8> {
    let (tables, secret) = (&record.tables, record.secret);
    // SAFETY: the caller's promise.
    unsafe { finish::<P>(tables, secret, slot, slot_bytes, bytes, family, is_thorough) };
    slot
}

/// Steps 3 and 4 of an allocation.
///
/// # Safety
///
/// As for `finish`.
#[inline(always)]
unsafe fn seal<P: Policy>(
    tables: &Tables,
    secret: Secret,
    slot: NonNull<u8>,
    slot_bytes: usize,
    bytes: usize,
    family: Family,
) {
    // SAFETY: the caller's promise. The slot lies in the window, at a place of its own (`acquire`).
    unsafe {
        if P::PARTS.canaries {
            secret.seal(slot, slot_bytes, bytes);
        }
        if P::PARTS.frees {
            let place = tables.place(slot.addr().get()).unwrap_unchecked();
            // ORDERING: Relaxed by the ledger's R2.
            tables.state(place).store(family.live(false), Ordering::Relaxed);
        }
    }
}

/// Step 2 of a free: the object's bytes, or without canaries those of its slot. Does not return if somebody wrote around it.
///
/// # Safety
///
/// `slot` is a sealed slot of `slot_bytes` bytes, and the caller's.
#[inline(always)]
pub(super) unsafe fn check<P: Policy>(
    secret: Secret,
    slot: NonNull<u8>,
    slot_bytes: usize,
) -> usize {
    // SAFETY: the caller's promise.
    unsafe { check_or::<P>(secret, slot, slot_bytes, || Kind::Overflow) }
}

/// The same, where it takes a look to say what a canary that is not intact means.
///
/// # Safety
///
/// As for `check`.
#[inline(always)]
pub(super) unsafe fn check_or<P: Policy>(
    secret: Secret,
    slot: NonNull<u8>,
    slot_bytes: usize,
    meaning: impl FnOnce() -> Kind,
) -> usize {
    if !P::PARTS.canaries {
        return slot_bytes;
    }
    // SAFETY: the caller's promise. Before a slot lies another one of the same span: the first one is never handed out.
    unsafe {
        let Ok(bytes) = secret.check(slot, slot_bytes) else { spoilt(meaning(), slot, slot_bytes) };
        if !secret.is_intact_before(slot) {
            stop(Mistake { kind: Kind::Underflow, address: slot.addr().get(), bytes, slot_bytes });
        }
        bytes
    }
}

/// Step 3 of a free.
///
/// # Safety
///
/// `slot` is a slot of `slot_bytes` bytes, and the caller's; `check` said that an object of `bytes` bytes is in it.
#[inline(always)]
pub(super) unsafe fn wipe_used<P: Policy>(slot: NonNull<u8>, slot_bytes: usize, bytes: usize) {
    if !P::PARTS.wipe {
        return;
    }
    // The byte behind an object may be its mark.
    let used_bytes = if P::PARTS.canaries { bytes + 1 } else { slot_bytes };
    // SAFETY: the caller's promise; behind an object is its canary, if there are canaries.
    unsafe { wipe::wipe(slot, slot_bytes, used_bytes) };
}

/// The bytes that a slot has for its canary.
pub(super) const fn canary_bytes<P: Policy>() -> usize {
    if P::PARTS.canaries { CANARY_BYTES } else { 0 }
}

#[cold]
#[inline(never)]
fn spoilt(kind: Kind, slot: NonNull<u8>, slot_bytes: usize) -> ! {
    stop(Mistake { kind, address: slot.addr().get(), bytes: 0, slot_bytes })
}

/// # Safety
///
/// As for `finish`.
#[cold]
#[inline(never)]
unsafe fn spoilt_while_free(slot: NonNull<u8>, slot_bytes: usize) -> ! {
    // SAFETY: the caller's promise.
    let at = unsafe { wipe::first_other(slot, slot_bytes) }.unwrap_or(0);
    let address = slot.addr().get() + at;
    stop(Mistake { kind: Kind::WriteAfterFree, address, bytes: 0, slot_bytes })
}

/// The class whose slots hold an object of so many bytes, if it is one of bags.
pub(super) fn class_for<P: Policy>(bytes: usize, align: usize) -> Option<Class> {
    let room = bytes.checked_add(canary_bytes::<P>())?;
    let layout = alloc_core::Layout::from_size_align(room, align).ok()?;
    if bytes == 0 || bytes > MAX_SLOT_BYTES {
        return None;
    }
    Table::class_of(layout).filter(|class| Table::info(*class).slot_bytes <= MAX_SLOT_BYTES)
}

const _: () = assert!(FREE != 0);
