//! What a thread has at hand: its bags, and copies of what never changes.
//!
//! Above: hits (`hit.rs`) find it by the key. Below: pages of its own, between guard pages. Records stand on the heap's
//! registry, where a forked child finds those of threads that it does not have; a thread that ends leaves its
//! record to the next one that begins.

use super::bag::Bag;
use super::canary::Secret;
use super::ledger::Tables;
use super::parts::Parts;
use super::{MAX_SLOT_BYTES, Table, system};
use crate::table::{ClassTable, MAX_CLASSES};
use alloc_core::sync::AtomicU8;
use core::ptr::{NonNull, null_mut};

/// A thread's part of a hardened stack.
#[derive(Debug)]
#[repr(C, align(64))]
pub struct Record {
    pub(super) tables: Tables,
    pub(super) secret: Secret,
    /// Not 0 while the process has one thread.
    alone: *const AtomicU8,
    /// Links of the registry.
    next: *mut Self,
    prev: *mut Self,
    /// By class; the first is of none.
    pub(super) bags: [Bag; MAX_CLASSES],
}

/// What a key has of a thread that has no record, and gets none: it is beginning, or ending.
pub(super) const BARRED: *mut Record = core::ptr::without_provenance_mut(1);

impl Record {
    /// Whether a key's word leads to a record.
    #[inline(always)]
    pub(super) fn is_one(record: *mut Self) -> bool {
        record.addr() > BARRED.addr()
    }

    /// Memory for one, all zero.
    pub(super) fn map() -> Option<NonNull<Self>> {
        let bytes = size_of::<Self>().next_multiple_of(system::page_bytes());
        Some(system::map_guarded(bytes)?.cast())
    }

    /// Fills a record in.
    ///
    /// # Safety
    ///
    /// `record` came from [`map`](Self::map), or from the registry's pool, and is the caller's.
    pub(super) unsafe fn begin(
        record: NonNull<Self>,
        tables: Tables,
        secret: Secret,
        parts: Parts,
    ) {
        let at = record.as_ptr();
        // SAFETY: the caller's promise. Zero is a value of a bag.
        unsafe {
            (&raw mut (*at).tables).write(tables);
            (&raw mut (*at).secret).write(secret);
            (&raw mut (*at).alone).write(single_threaded());
            let random = system::random();
            for class in Table::classes() {
                let info = Table::info(class);
                if info.slot_bytes <= MAX_SLOT_BYTES {
                    let seed = (random.wrapping_mul(class.index() as u64 * 2 + 1) >> 32) as u32;
                    (*at).bags[class.index()].begin(info.slot_bytes, seed, parts);
                }
            }
        }
    }

    /// What is not 0 while the process has one thread. (The C library changes it before it starts the second one.)
    #[inline(always)]
    pub(super) fn alone(&self) -> &AtomicU8 {
        // SAFETY: a byte of the C library's, or of this one (`single_threaded`).
        unsafe { &*self.alone }
    }

    /// Takes a slot out, whichever, and says of which class it is.
    pub(super) fn take_any(&mut self) -> Option<(NonNull<u8>, usize)> {
        self.bags.iter_mut().enumerate().find_map(|(class, bag)| Some((bag.take_any()?, class)))
    }
}

/// A byte that is not 0 while the process has one thread, as far as the C library says so.
fn single_threaded() -> *const AtomicU8 {
    static NO: AtomicU8 = AtomicU8::new(0);
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        // SAFETY: a C string, and a handle that is always open. glibc has it since version 2.32: a `char`.
        let byte = unsafe { libc::dlsym(libc::RTLD_DEFAULT, c"__libc_single_threaded".as_ptr()) };
        if !byte.is_null() {
            return byte.cast::<AtomicU8>().cast_const();
        }
    }
    &raw const NO
}

/// The records of a heap.
#[derive(Debug)]
pub(super) struct Registry {
    first: *mut Record,
    /// Records of threads that have ended, by their links.
    pool: *mut Record,
    pub threads: usize,
    /// The process that `freeze` was called in.
    pub frozen_by: u32,
}

// SAFETY: records are owned by the registry and by their threads.
unsafe impl Send for Registry {}

impl Registry {
    pub(super) const fn new() -> Self {
        Self { first: null_mut(), pool: null_mut(), threads: 0, frozen_by: 0 }
    }

    /// A record that has been left, without slots.
    pub(super) fn take(&mut self) -> Option<NonNull<Record>> {
        let record = NonNull::new(self.pool)?;
        // SAFETY: records of the pool are the registry's.
        self.pool = unsafe { record.as_ref().next };
        Some(record)
    }

    /// # Safety
    ///
    /// `record` is live and on no list.
    pub(super) unsafe fn link(&mut self, mut record: NonNull<Record>) {
        // SAFETY: the caller's promise; the first record, if any, is on this registry.
        unsafe {
            record.as_mut().prev = null_mut();
            record.as_mut().next = self.first;
            if let Some(first) = self.first.as_mut() {
                first.prev = record.as_ptr();
            }
        }
        self.first = record.as_ptr();
        self.threads += 1;
    }

    /// Leaves a record, which has no slots any more, to the next thread.
    ///
    /// # Safety
    ///
    /// `record` is on this registry, and its thread does not use it any more.
    pub(super) unsafe fn leave(&mut self, mut record: NonNull<Record>) {
        // SAFETY: the record and its neighbours are on this registry.
        unsafe {
            let (prev, next) = (record.as_ref().prev, record.as_ref().next);
            match prev.as_mut() {
                Some(prev) => prev.next = next,
                None => self.first = next,
            }
            if let Some(next) = next.as_mut() {
                next.prev = prev;
            }
            record.as_mut().next = self.pool;
        }
        self.pool = record.as_ptr();
        self.threads -= 1;
    }

    /// Another record than `own`, if there is one.
    pub(super) fn other_than(&self, own: *mut Record) -> Option<NonNull<Record>> {
        let first = NonNull::new(self.first)?;
        if first.as_ptr() != own {
            return Some(first);
        }
        // SAFETY: records on the registry are live.
        NonNull::new(unsafe { first.as_ref().next })
    }
}
