//! Who waits for a slot: a queue, first come, first served.
//!
//! Above: waiting with a time limit (`timeout.rs`), futures (`future.rs`). Below: a lock, under which no caller's code
//! runs. The entries lie with those who wait: nothing is allocated.
//!
//! Rules R5, R7 and R8 are in `mod.rs`.

use super::shared::Shared;
use alloc_core::Layer;
use alloc_core::sync::{AtomicUsize, Lock, Ordering, UnsafeCell, fence};
use core::marker::PhantomPinned;
use core::pin::Pin;
use core::ptr::{NonNull, null_mut};
use core::task::Waker;
use std::thread::Thread;

/// How a waiter learns that it was served.
pub(super) enum Wake {
    Thread(Thread),
    Task(Waker),
}

impl Wake {
    fn wake(self) {
        match self {
            Self::Thread(thread) => thread.unpark(),
            Self::Task(waker) => waker.wake(),
        }
    }
}

/// An entry of the queue.
pub(super) struct Waiter {
    /// Under the queue's lock.
    entry: UnsafeCell<Entry>,
    _pinned: PhantomPinned,
}

struct Entry {
    prev: *const Waiter,
    next: *const Waiter,
    wake: Option<Wake>,
    state: State,
}

#[derive(Clone, Copy)]
enum State {
    /// On no queue.
    Idle,
    Waits,
    /// R8: has this slot.
    Served(NonNull<u8>),
}

// SAFETY: entries are touched under the lock; wakers and slots may be used by any thread.
unsafe impl Send for Waiter {}
// SAFETY: the same.
unsafe impl Sync for Waiter {}

impl Waiter {
    pub fn new() -> Self {
        let entry = Entry { prev: null_mut(), next: null_mut(), wake: None, state: State::Idle };
        Self { entry: UnsafeCell::new(entry), _pinned: PhantomPinned }
    }
}

/// Those who wait, and those who were served and do not know it yet.
pub(super) struct Waiters {
    pub queue: Lock<Queue>,
    /// How many wait, for those who do not have the lock.
    count: AtomicUsize,
}

pub(super) struct Queue {
    waits: List,
    served: List,
}

struct List {
    first: *const Waiter,
    last: *const Waiter,
}

// SAFETY: its waiters are pinned, and leave the queue before they end (`Waiting`).
unsafe impl Send for Queue {}

impl Waiters {
    pub fn new() -> Self {
        let list = || List { first: null_mut(), last: null_mut() };
        let queue = Queue { waits: list(), served: list() };
        Self { queue: Lock::new(queue), count: AtomicUsize::new(0) }
    }

    pub fn count(&self) -> usize {
        // ORDERING: Relaxed: the fence before it orders it (R7).
        self.count.load(Ordering::Relaxed)
    }

    /// Under the lock.
    fn add_to_count(&self, change: isize) {
        // ORDERING: Relaxed: the fence after it orders it (R7).
        let count = self.count.load(Ordering::Relaxed).wrapping_add_signed(change);
        self.count.store(count, Ordering::Relaxed);
    }
}

/// Runs `act` on an entry.
///
/// # Safety
///
/// The waiter is alive, and its queue is locked.
unsafe fn entry<R>(waiter: *const Waiter, act: impl FnOnce(&mut Entry) -> R) -> R {
    // SAFETY: the caller's; `act` is this file's, and comes back here for no waiter.
    unsafe { (*waiter).entry.with_mut(|entry| act(&mut *entry)) }
}

impl List {
    /// # Safety
    ///
    /// The queue is locked; the waiter is alive, on no list, and stays where it is until it is off this one.
    unsafe fn push(&mut self, waiter: *const Waiter) {
        let prev = self.last;
        // SAFETY: the caller's; those on the list are alive.
        unsafe {
            entry(waiter, |entry| (entry.prev, entry.next) = (prev, null_mut()));
            if prev.is_null() {
                self.first = waiter;
            } else {
                entry(prev, |entry| entry.next = waiter);
            }
        }
        self.last = waiter;
    }

    /// # Safety
    ///
    /// The queue is locked, and the waiter is on this list.
    unsafe fn remove(&mut self, waiter: *const Waiter) {
        // SAFETY: it and its neighbours are on the list, so alive.
        unsafe {
            let (prev, next) = entry(waiter, |entry| (entry.prev, entry.next));
            if prev.is_null() {
                self.first = next;
            } else {
                entry(prev, |entry| entry.next = next);
            }
            if next.is_null() {
                self.last = prev;
            } else {
                entry(next, |entry| entry.prev = prev);
            }
        }
    }
}

impl Queue {
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.waits.first.is_null()
    }

    /// Calls `each` with each slot that was handed over, and not taken: by a future that was forgotten, in the end.
    pub fn for_each_served(&self, mut each: impl FnMut(NonNull<u8>)) {
        let mut waiter = self.served.first;
        while !waiter.is_null() {
            // SAFETY: it is on the list, so it is there: what is pinned stays until it is dropped.
            let (next, state) = unsafe { entry(waiter, |entry| (entry.next, entry.state)) };
            if let State::Served(slot) = state {
                each(slot);
            }
            waiter = next;
        }
    }
}

impl<T, A: Layer> Shared<T, A> {
    /// R5: puts a waiter on the queue, and serves whom it can. `false`, with nothing done, where the pool cannot be
    /// shared.
    ///
    /// # Safety
    ///
    /// The waiter is on no queue, has no slot, and is taken off by `withdraw` before it ends.
    pub(super) unsafe fn enqueue(&self, waiter: Pin<&Waiter>, wake: Wake) -> bool {
        loop {
            let mut queue = self.waiters.queue.lock();
            if self.is_shared() {
                let waiter = &raw const *waiter;
                // SAFETY: the caller's; it is pinned.
                unsafe {
                    queue.waits.push(waiter);
                    entry(waiter, |entry| (entry.wake, entry.state) = (Some(wake), State::Waits));
                }
                self.waiters.add_to_count(1);
                break;
            }
            drop(queue);
            if !self.share() {
                return false;
            }
        }
        // R7. ORDERING: SeqCst: the count is there before the look for slots; meets the fence of `give_shared`.
        fence(Ordering::SeqCst);
        self.serve();
        true
    }

    /// R8: hands free slots over to those who have waited longest.
    pub(super) fn serve(&self) {
        loop {
            let mut queue = self.waiters.queue.lock();
            let first = queue.waits.first;
            if first.is_null() {
                return;
            }
            let Some(index) = self.store.pop_one() else { return };
            let state = State::Served(self.slot(index).cast());
            // SAFETY: it is on the first list, and then on the second. Once the lock is free, it may end.
            let wake = unsafe {
                queue.waits.remove(first);
                queue.served.push(first);
                entry(first, |entry| {
                    entry.state = state;
                    entry.wake.take()
                })
            };
            self.waiters.add_to_count(-1);
            drop(queue);
            wake.into_iter().for_each(Wake::wake);
        }
    }

    /// The slot that a waiter was served, which is the caller's now. Else it goes on waiting, and is woken by `again`.
    pub(super) fn served(&self, waiter: Pin<&Waiter>, again: Option<&Waker>) -> Option<NonNull<T>> {
        // Cloning and dropping wakers is the caller's code: not under the lock.
        let mut again = again.map(|waker| Wake::Task(waker.clone()));
        let mut queue = self.waiters.queue.lock();
        let waiter = &raw const *waiter;
        // SAFETY: it is alive, and if it is on a list, on that of its state.
        let slot = unsafe {
            match entry(waiter, |entry| entry.state) {
                State::Served(slot) => {
                    queue.served.remove(waiter);
                    entry(waiter, |entry| entry.state = State::Idle);
                    Some(slot)
                }
                State::Waits if again.is_some() => {
                    entry(waiter, |entry| core::mem::swap(&mut entry.wake, &mut again));
                    None
                }
                _ => None,
            }
        };
        drop(queue);
        drop(again);
        slot.map(NonNull::cast)
    }

    /// Takes a waiter off the queue. What it was served is the caller's.
    pub(super) fn withdraw(&self, waiter: Pin<&Waiter>) -> Option<NonNull<T>> {
        let mut queue = self.waiters.queue.lock();
        let waiter = &raw const *waiter;
        // SAFETY: it is alive, and if it is on a list, on that of its state.
        let (state, wake) = unsafe {
            let state = entry(waiter, |entry| core::mem::replace(&mut entry.state, State::Idle));
            match state {
                State::Idle => {}
                State::Served(_) => queue.served.remove(waiter),
                State::Waits => {
                    queue.waits.remove(waiter);
                    self.waiters.add_to_count(-1);
                }
            }
            (state, entry(waiter, |entry| entry.wake.take()))
        };
        drop(queue);
        drop(wake);
        match state {
            State::Served(slot) => Some(slot.cast()),
            _ => None,
        }
    }
}
