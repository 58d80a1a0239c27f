//! The cache as a value: any number of instances, made and dropped at run time.
//!
//! Above: [`ThreadCache::new`]. Below: one table per thread, from an instance's index to the
//! thread's state for it. A table entry is right if its serial number is the instance's; an
//! instance's index is reused, its serial never.
//!
//! The list of [`Instances`] says which instances are alive, so that a thread that ends flushes into those and no
//! others: it holds that lock meanwhile, and a cache that is dropped takes it first (R5).

use super::local::{Local, State};
use super::{Key, Lists, Shared, ThreadCache};
use crate::heap::BatchHeap;
use alloc_core::api2::{alloc::System, boxed::Box, vec::Vec};
use alloc_core::sync::{Lock, light_fence};
use core::cell::Cell;
use core::fmt;
use core::ops::Deref;
use core::ptr::{NonNull, null, null_mut};

/// The key of a cache that is a value.
#[derive(Debug)]
pub enum Instance {}

/// The home of an instance's shared part: at an address of its own, so that the cache can move.
pub struct InstanceHome<H> {
    shared: Box<Shared<H>, System>,
    /// What a thread has that has no entry for this instance yet.
    vacant: Box<Local, System>,
    instances: InstancesRef,
    index: usize,
    serial: u64,
}

impl<H: BatchHeap + Default + Send + Sync + 'static> Default for ThreadCache<H> {
    fn default() -> Self {
        Self::new(H::default())
    }
}

impl<H> fmt::Debug for InstanceHome<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InstanceHome").finish_non_exhaustive()
    }
}

impl<H> Deref for InstanceHome<H> {
    type Target = Shared<H>;
    #[inline(always)]
    fn deref(&self) -> &Shared<H> {
        &self.shared
    }
}

/// The instances that are alive, by index.
struct Instances {
    live: Vec<Option<Live>, System>,
    next_serial: u64,
}

#[derive(Clone, Copy)]
struct Live {
    serial: u64,
    shared: *const (),
    thread_ends: unsafe fn(*const (), &Local),
}

// SAFETY: `shared` points to a `Shared<H>` whose `H` is `Send + Sync` (`ThreadCache::new`).
unsafe impl Send for Live {}

impl Instances {
    const fn new() -> Self {
        Self { live: Vec::new_in(System), next_serial: 1 }
    }

    fn add(
        &mut self,
        shared: *const (),
        thread_ends: unsafe fn(*const (), &Local),
    ) -> (usize, u64) {
        let serial = self.next_serial;
        self.next_serial += 1;
        let index = self.live.iter().position(Option::is_none).unwrap_or_else(|| {
            self.live.push(None);
            self.live.len() - 1
        });
        self.live[index] = Some(Live { serial, shared, thread_ends });
        (index, serial)
    }
}

/// The list of instances, as its users hold it. Under loom, whose statics end before its threads
/// do, they share it.
#[cfg(not(all(loom, feature = "loom")))]
type InstancesRef = &'static Lock<Instances>;
#[cfg(all(loom, feature = "loom"))]
type InstancesRef = std::sync::Arc<Lock<Instances>>;

#[cfg(not(all(loom, feature = "loom")))]
fn instances() -> InstancesRef {
    static INSTANCES: Lock<Instances> = Lock::new(Instances::new());
    &INSTANCES
}

#[cfg(all(loom, feature = "loom"))]
fn instances() -> InstancesRef {
    alloc_core::sync::lazy_static! {
        static ref INSTANCES: InstancesRef = std::sync::Arc::new(Lock::new(Instances::new()));
    }
    INSTANCES.clone()
}

/// A thread's table. It is reached through `TABLE`, which has no destructor; `EXIT` has it.
struct Table {
    entries: Vec<Entry, System>,
    instances: InstancesRef,
}

struct Entry {
    serial: u64,
    local: Option<Box<Local, System>>,
}

#[cfg(not(all(loom, feature = "loom")))]
std::thread_local! {
    static TABLE: Cell<*mut Table> = const { Cell::new(null_mut()) };
    static EXIT: Exit = const { Exit { table: Cell::new(null_mut()) } };
    /// How many instances this thread has frozen: the first takes the lock of the list, for all.
    static FROZEN: Cell<usize> = const { Cell::new(0) };
}
#[cfg(all(loom, feature = "loom"))]
alloc_core::sync::thread_local! {
    static TABLE: Cell<*mut Table> = Cell::new(null_mut());
    static EXIT: Exit = Exit { table: Cell::new(null_mut()) };
    static FROZEN: Cell<usize> = Cell::new(0);
}

/// Ends the thread's states when the thread ends.
struct Exit {
    table: Cell<*mut Table>,
}

impl Drop for Exit {
    fn drop(&mut self) {
        let Some(table) = NonNull::new(self.table.get()) else { return };
        // A model that fails ends before its threads do: there is no model any more to run this in.
        if cfg!(all(loom, feature = "loom")) && std::thread::panicking() {
            return;
        }
        let _ = TABLE.try_with(|cell| cell.set(null_mut()));
        // SAFETY: `this_table` made it by `Box::into_raw`; with `TABLE` null, nobody finds it.
        let table = unsafe { Box::from_raw_in(table.as_ptr(), System) };
        for (index, entry) in table.entries.iter().enumerate() {
            let Some(local) = &entry.local else { continue };
            let instances = table.instances.lock();
            if let Some(Some(live)) = instances.live.get(index)
                && live.serial == entry.serial
            {
                // SAFETY: the instance is alive, and stays so while the lock is held; the state is
                // this thread's for it.
                unsafe { (live.thread_ends)(live.shared, local) };
            }
        }
    }
}

/// The calling thread's table, made if need be; `None` while the thread ends.
fn this_table() -> Option<NonNull<Table>> {
    if let Some(table) = NonNull::new(TABLE.try_with(Cell::get).ok()?) {
        return Some(table);
    }
    EXIT.try_with(|exit| {
        if !exit.table.get().is_null() {
            return None;
        }
        let table = Table { entries: Vec::new_in(System), instances: instances() };
        let table = Box::try_new_in(table, System).ok()?;
        let table = Box::into_raw(table);
        exit.table.set(table);
        TABLE.try_with(|cell| cell.set(table)).ok()?;
        NonNull::new(table)
    })
    .ok()?
}

/// The calling thread's state for the instance of this index and serial.
///
/// Out of line, and with a fence of the compiler's, which costs no instruction: a hit is inlined into a
/// task that another thread may resume, and the compiler would keep the address of thread-local storage,
/// or what it read there, beyond the suspension.
#[inline(never)]
fn find_here(index: usize, serial: u64) -> Option<NonNull<Local>> {
    light_fence();
    let table = TABLE.try_with(Cell::get).ok()?;
    // SAFETY: the table is the calling thread's, and stays until that ends; no `&mut` to it is alive:
    // `enter` calls nothing that could come back here while it has one.
    let entry = unsafe { table.as_ref() }?.entries.get(index)?;
    if entry.serial != serial {
        return None;
    }
    entry.local.as_deref().map(NonNull::from)
}

impl<H> InstanceHome<H> {
    #[inline(always)]
    fn find(&self) -> Option<NonNull<Local>> {
        find_here(self.index, self.serial)
    }

    /// Makes the calling thread's state for this instance.
    fn enter(&self) -> Option<NonNull<Local>> {
        let mut table = this_table()?;
        let local = Box::try_new_in(Local::new(self.shared.empty()), System).ok()?;
        local.state.set(State::Starting);
        // SAFETY: the table is the calling thread's; the calls below go to `System` only, which
        // does not come back here.
        let entries = unsafe { &mut table.as_mut().entries };
        let missing = (self.index + 1).saturating_sub(entries.len());
        entries.try_reserve(missing).ok()?;
        for _ in 0..missing {
            entries.push(Entry { serial: 0, local: None });
        }
        let entry = &mut entries[self.index];
        *entry = Entry { serial: self.serial, local: Some(local) };
        entry.local.as_deref().map(NonNull::from)
    }
}

// SAFETY: `local` is the thread's entry for the instance's serial, or the vacant one, which no one
// attaches and whose lists stay EMPTY; `enter` puts a new state in the table, which `Exit` walks.
unsafe impl<H: BatchHeap> Key<H> for Instance {
    type Home = InstanceHome<H>;

    #[inline(always)]
    fn local(home: &Self::Home) -> *const Local {
        home.find().map_or(&raw const *home.vacant, |local| local.as_ptr().cast_const())
    }

    type Place = *const Local;

    #[inline(always)]
    fn begin(home: &Self::Home) -> (*const Local, *mut Lists) {
        let local = Self::local(home);
        // SAFETY: `local`'s contract: valid for this call.
        (local, unsafe { (*local).begin() })
    }

    #[inline(always)]
    unsafe fn end(local: *const Local) {
        // SAFETY: it came from `begin`, so from `local`.
        unsafe { (*local).end() };
    }

    fn attach(home: &Self::Home) -> *const Local {
        match home.find() {
            Some(local) => {
                // SAFETY: the calling thread's own state, whose first miss found no memory.
                unsafe { local.as_ref() }.state.set(State::Starting);
                local.as_ptr()
            }
            None => home.enter().map_or(null(), |local| local.as_ptr().cast_const()),
        }
    }

    fn retire(home: &mut Self::Home) {
        home.instances.lock().live[home.index] = None;
    }

    /// A child could neither make nor drop a cache, nor end a thread, if a thread that it does not
    /// have held the list.
    fn freeze(home: &Self::Home) {
        if FROZEN.with(|frozen| frozen.replace(frozen.get() + 1)) == 0 {
            home.instances.acquire();
        }
    }

    unsafe fn thaw(home: &Self::Home) {
        if FROZEN.with(|frozen| frozen.replace(frozen.get() - 1)) == 1 {
            // SAFETY: the caller's promise: this thread's first `freeze` acquired it.
            unsafe { home.instances.release() };
        }
    }
}

impl<H: BatchHeap + Send + Sync + 'static> ThreadCache<H> {
    /// A cache over `heap`, as a value. Its first allocations are from the system allocator (some
    /// hundred bytes), so it cannot itself stand below that.
    ///
    /// `H: 'static` because a thread that ends later flushes into the heap, unless the cache was
    /// dropped before: share a heap by [`Shared`](alloc_core::Shared).
    ///
    /// Forks: fork within `alloc_core::forks::around`; or, if it shares nothing with a static cache,
    /// call [`freeze`](alloc_core::Layer::freeze) before, and [`thaw`](alloc_core::Layer::thaw)
    /// after, in both processes. (A static cache sees to forks itself.)
    ///
    /// # Panics
    ///
    /// Never; it aborts as `Box::new` does when the system allocator is exhausted.
    #[must_use]
    pub fn new(heap: H) -> Self {
        let shared = Box::new_in(Shared::new(heap), System);
        let vacant = Box::new_in(Local::new(shared.empty()), System);
        /// # Safety
        ///
        /// `shared` is a live `Shared<H>`, `local` the calling thread's state for it.
        unsafe fn thread_ends<H: BatchHeap>(shared: *const (), local: &Local) {
            // SAFETY: the caller's promise.
            unsafe { (*shared.cast::<Shared<H>>()).thread_ends(local) };
        }
        let address = (&raw const *shared).cast();
        let instances = instances();
        let (index, serial) = instances.lock().add(address, thread_ends::<H>);
        Self { home: InstanceHome { shared, vacant, instances, index, serial } }
    }
}
