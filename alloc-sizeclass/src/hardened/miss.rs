//! Misses: slots come from a class's shelf, and go there; spans come from the layer below. A thread begins and ends.
//!
//! Above: hits that found no slot or no room; whoever has no record. Below: shelves, and the layer below, which is called
//! without a lock.

use super::canary::Secret;
use super::gap;
use super::hit;
use super::key::Key;
use super::ledger::{FREE, Family, NOTHING, Tables};
use super::record::{BARRED, Record};
use super::span::{self, Span};
use super::{
    GRANULE_BYTES, Hardened, NO_BYTES, PLACE_BYTES, PLACES_PER_GRANULE, Policy, Table, span_of,
    system,
};
use crate::table::{Class, ClassTable};
use alloc_core::sync::Ordering;
use alloc_core::{Layer, Layout};
use core::num::NonZeroU64;
use core::ptr::{NonNull, null_mut};

impl<A: Layer, K: Key, P: Policy> Hardened<A, K, P> {
    /// The calling thread's record, made if this is its first call. `None` if it cannot have one.
    pub(super) fn record(&self) -> Option<NonNull<Record>> {
        let record = K::record();
        if record.is_null() {
            self.start()
        } else {
            NonNull::new(record).filter(|_| Record::is_one(record))
        }
    }

    #[cold]
    fn start(&self) -> Option<NonNull<Record>> {
        // What this allocates itself goes to the shelves directly.
        K::set(BARRED);
        // First: a child of a fork at this moment has no thread that would release the locks below.
        K::watch_forks();
        let record = if K::watch_exit() { self.begin() } else { None };
        K::set(record.map_or(null_mut(), NonNull::as_ptr));
        record
    }

    fn begin(&self) -> Option<NonNull<Record>> {
        let tables = self.opened()?;
        let pooled = self.registry.lock().take();
        let record = pooled.or_else(Record::map)?;
        // SAFETY: mapped, or from the pool; it is this thread's now.
        unsafe {
            Record::begin(record, tables, self.secret(), P::PARTS);
            self.registry.lock().link(record);
        }
        Some(record)
    }

    /// The calling thread ends: its slots go to the shelves, and so does what it allocates and frees from now on.
    pub(super) fn thread_ends(&self) {
        let record = K::record();
        K::set(BARRED);
        if let Some(mut own) = NonNull::new(record).filter(|_| Record::is_one(record)) {
            // SAFETY: the calling thread's record, which it does not find any more.
            unsafe {
                self.empty(own.as_mut());
                self.registry.lock().leave(own);
            }
        }
    }

    /// Brings all slots of a record to the shelves.
    pub(super) fn empty(&self, record: &mut Record) -> usize {
        let tables = record.tables;
        let mut bytes = 0;
        while let Some((slot, class)) = record.take_any() {
            bytes += Table::info(Class::new(class)).slot_bytes;
            self.give(&tables, class, slot);
        }
        bytes
    }

    /// In a forked child: brings the slots of a thread that is not here to their spans, those that it was not in the
    /// middle of using (none, where the ledger knows nothing of frees). Its memory is a copy that was made while it ran, so
    /// that nothing is taken for granted.
    pub(super) fn adopt(&self, mut record: NonNull<Record>) {
        // SAFETY: the thread that the record belonged to does not exist in this process.
        let record_mut = unsafe { record.as_mut() };
        let tables = record_mut.tables;
        while let Some((slot, class)) = record_mut.take_any() {
            let Some(place) = tables.place(slot.addr().get()) else { continue };
            let slot_bytes = Table::info(Class::new(class)).slot_bytes;
            // ORDERING: Relaxed: there is no other thread.
            if P::PARTS.frees && tables.state(place).load(Ordering::Relaxed) == FREE {
                if P::PARTS.wipe {
                    // SAFETY: nobody has the slot. What was being wiped is wiped.
                    unsafe { slot.write_bytes(0, slot_bytes) };
                }
                self.put_to_span(&tables, class, slot);
            }
        }
        // SAFETY: the record is on the registry, and without slots now.
        unsafe { self.registry.lock().leave(record) };
    }

    /// The tables, opened if this is the first call. `None` if the layer below has no range, or the system no addresses.
    pub(super) fn opened(&self) -> Option<Tables> {
        let tables = self.ledger.tables();
        if tables.places > 0 {
            return Some(tables);
        }
        self.ledger.open(GRANULE_BYTES, || {
            // The layer below takes its range where the system has one: a random distance from all else.
            let gap = system::reserve_gap();
            let range = self.below.range();
            if let Some((start, bytes)) = gap {
                // SAFETY: reserved above, for nobody.
                unsafe { system::unmap(start, bytes) };
            }
            range
        })
    }

    /// What canaries are made with.
    pub(super) fn secret(&self) -> Secret {
        let word = self.secret.get().unwrap_or_else(|| {
            let own = NonZeroU64::MIN | system::random();
            self.secret.offer(own).map_or_else(|other| other, |()| own)
        });
        Secret::new(word.get())
    }

    /// An object in a slot of `class`, by the thread's bag or, without a record, from the shelf.
    #[inline(never)]
    pub(super) fn allocate_class(
        &self,
        class: Class,
        bytes: usize,
        family: Family,
        wants_zeroes: bool,
    ) -> Option<NonNull<u8>> {
        let slot_bytes = Table::info(class).slot_bytes;
        let (slot, tables, is_chosen) = match self.record() {
            // SAFETY: the calling thread's record.
            Some(mut record) => unsafe {
                let record = record.as_mut();
                let slot = match record.bags[class.index()].take(P::PARTS) {
                    Some(slot) => slot,
                    None => self.refill(record, class)?,
                };
                let bag = &mut record.bags[class.index()];
                (slot, record.tables, P::PARTS.look && bag.draws_look())
            },
            None => {
                let tables = self.opened()?;
                (self.take_one(&tables, class)?, tables, P::PARTS.look)
            }
        };
        let (secret, is_thorough) = (self.secret(), wants_zeroes || is_chosen);
        // SAFETY: a free slot of the class, taken for this thread alone.
        unsafe { hit::finish::<P>(&tables, secret, slot, slot_bytes, bytes, family, is_thorough) };
        Some(slot)
    }

    /// Fills a bag, and takes a slot from it.
    #[cold]
    fn refill(&self, record: &mut Record, class: Class) -> Option<NonNull<u8>> {
        let tables = record.tables;
        let bag = &mut record.bags[class.index()];
        let slot_bytes = bag.slot_bytes as usize;
        let mut wanted = bag.wanted();
        loop {
            {
                let mut shelf = self.shelves[class.index()].lock();
                while wanted > 0
                    && let Some(slot) = shelf.take()
                {
                    if P::PARTS.frees {
                        note_free(&tables, slot, slot_bytes);
                    }
                    // SAFETY: `wanted` is what there is room for.
                    unsafe { bag.fill(slot, P::PARTS) };
                    wanted -= 1;
                }
            }
            if let Some(slot) = bag.take(P::PARTS) {
                return Some(slot);
            }
            self.acquire(&tables, class.index())?;
        }
    }

    /// A slot from the shelf.
    #[cold]
    fn take_one(&self, tables: &Tables, class: Class) -> Option<NonNull<u8>> {
        loop {
            if let Some(slot) = self.shelves[class.index()].lock().take() {
                if P::PARTS.frees {
                    note_free(tables, slot, Table::info(class).slot_bytes);
                }
                return Some(slot);
            }
            self.acquire(tables, class.index())?;
        }
    }

    /// Takes a run of zeroed pages from the layer below: a new span on the shelf of a class.
    pub(super) fn acquire(&self, tables: &Tables, class: usize) -> Option<()> {
        let slot_bytes = match class {
            NO_BYTES => PLACE_BYTES,
            _ => Table::info(Class::new(class)).slot_bytes,
        };
        let (span_bytes, slots) = span_of(class);
        let layout = Layout::from_size_align(span_bytes, GRANULE_BYTES).ok()?;
        let run = self.below.allocate_zeroed(layout).ok()?.cast::<u8>();
        let first = run.addr().get();
        let record = (tables.covers(first) && tables.covers(first + span_bytes - 1)).then(|| {
            let mut shelf = self.shelves[class].lock();
            shelf.take_record(&mut self.vault.lock(), span::record_bytes(slots))
        });
        let (Some(Some(record)), Some(place)) = (record, tables.place(first)) else {
            // SAFETY: taken above, and nobody has seen it.
            unsafe { self.below.deallocate(run, layout) };
            return None;
        };
        if class == NO_BYTES {
            // SAFETY: nobody has the pages. Should the system refuse, they are zero, and found to be so no more.
            unsafe { system::protect(run, span_bytes) };
        }
        let random = system::random();
        let gap_bytes = match P::PARTS.guards && class != NO_BYTES {
            // SAFETY: nobody has the pages, which are a granule at least.
            true => unsafe { gap::open(run, random) },
            false => 0,
        };
        if span_bytes == GRANULE_BYTES && class != NO_BYTES && self.shelves[class].lock().spans > 0
        {
            // The class fills one span after the other: one call for all of its pages costs less than a fault for each.
            // SAFETY: nobody has the pages.
            unsafe { system::populate(run.add(gap_bytes), span_bytes - gap_bytes) };
        }
        // SAFETY: the record has room for so many slots, and is this thread's; then the shelf's.
        unsafe {
            let span = Span::write(record, run, slot_bytes, slots, gap_bytes, random);
            tables.enter(place, span_bytes / GRANULE_BYTES, span.as_ptr(), class as u8);
            self.shelves[class].lock().add(span);
        }
        Some(())
    }

    /// Makes room in a bag for `freed`: half of what is ready goes to the shelf.
    #[cold]
    #[inline(never)]
    pub(super) fn flush(&self, record: &mut Record, class: usize, freed: NonNull<u8>) {
        let tables = record.tables;
        let bag = &mut record.bags[class];
        let mut leaving = bag.excess();
        let mut empty: *mut Span = null_mut();
        {
            let mut shelf = self.shelves[class].lock();
            let slot_bytes = bag.slot_bytes as usize;
            let mut room = shelf.room(slot_bytes, |bytes| self.vault.lock().take(bytes));
            while leaving > 0
                && let Some(slot) = bag.take(P::PARTS)
            {
                leaving -= 1;
                // SAFETY: room is counted; a free slot of this class has a span on this shelf.
                unsafe {
                    if room > 0 {
                        shelf.wait(slot);
                        room -= 1;
                    } else if let Some(span) = tables.span_of(slot)
                        && let Some(mut span) = shelf.put(span, slot)
                    {
                        span.as_mut().next = empty;
                        empty = span.as_ptr();
                    }
                }
            }
        }
        let has_room = bag.put(freed);
        debug_assert!(has_room);
        while let Some(span) = NonNull::new(empty) {
            // SAFETY: spans of the chain made above.
            empty = unsafe { span.as_ref().next };
            self.release(&tables, class, span);
        }
    }

    /// Brings a free slot to the shelf, where it waits, or to its span.
    pub(super) fn give(&self, tables: &Tables, class: usize, slot: NonNull<u8>) {
        {
            let mut shelf = self.shelves[class].lock();
            let slot_bytes = Table::info(Class::new(class)).slot_bytes;
            if shelf.room(slot_bytes, |bytes| self.vault.lock().take(bytes)) > 0 {
                // SAFETY: there is room.
                return unsafe { shelf.wait(slot) };
            }
        }
        self.put_to_span(tables, class, slot);
    }

    /// Brings a free slot to its span, and an empty span to the layer below.
    pub(super) fn put_to_span(&self, tables: &Tables, class: usize, slot: NonNull<u8>) {
        let Some(span) = tables.span_of(slot) else { return };
        // SAFETY: the slot is free and of this class, so its span is one of the shelf's.
        let empty = unsafe { self.shelves[class].lock().put(span, slot) };
        if let Some(span) = empty {
            self.release(tables, class, span);
        }
    }

    /// Gives an empty span to the layer below. Returns its bytes.
    #[cold]
    pub(super) fn release(&self, tables: &Tables, class: usize, span: NonNull<Span>) -> usize {
        // SAFETY: the span is off its shelf, and none of its slots is anywhere.
        let (run, gap_bytes) = unsafe { (span.as_ref().base, span.as_ref().gap_bytes as usize) };
        let (span_bytes, _) = span_of(class);
        if let (Some(place), Ok(layout)) =
            (tables.place(run.addr().get()), Layout::from_size_align(span_bytes, GRANULE_BYTES))
        {
            let granules = span_bytes / GRANULE_BYTES;
            // SAFETY: nobody has the run. Should the system refuse, it is lost, and nobody is given what cannot be accessed.
            if !unsafe { gap::close(run, gap_bytes) } {
                return 0;
            }
            tables.enter(place, granules, null_mut(), 0);
            tables.forget(place, granules * PLACES_PER_GRANULE);
            // SAFETY: as above; `acquire` took the run with this layout.
            unsafe {
                self.shelves[class].lock().put_record(span);
                self.below.deallocate(run, layout);
            }
        }
        span_bytes
    }
}

/// Notes that a slot is one, and free: it may never have been handed out.
pub(super) fn note_free(tables: &Tables, slot: NonNull<u8>, slot_bytes: usize) {
    if let Some(place) = tables.place(slot.addr().get()) {
        let state = tables.state(place);
        // ORDERING: Relaxed by the ledger's R2, here and below: the slot is the caller's.
        if state.load(Ordering::Relaxed) == NOTHING {
            state.store(FREE, Ordering::Relaxed);
            touch(slot, slot_bytes);
        }
    }
}

/// Writes to each page of a free slot: they may be fresh, and to be looked at before they are written to would cost a fault
/// more.
fn touch(slot: NonNull<u8>, slot_bytes: usize) {
    for at in (0..slot_bytes).step_by(4096).chain([slot_bytes - 8]) {
        // SAFETY: the slot is free, and the caller's; it is zero, and stays so.
        unsafe { slot.add(at).cast::<u64>().write_volatile(0) };
    }
}
