//! A waiter with its pool: what it was served comes back if nobody takes it.
//!
//! Above: `future.rs`, and waiting with a time limit, here. Below: the queue (`wait.rs`).

use super::boxes::{HeldPool, SlotOf};
use super::wait::{Waiter, Wake};
use core::ops::Deref;
use core::pin::Pin;
use core::ptr::NonNull;
#[cfg(feature = "async")]
use core::task::{Context, Poll};
use std::time::{Duration, Instant};

/// Where the system has forbidden the fence that waiting needs, one looks again so often.
const LOOK_AGAIN: Duration = Duration::from_millis(1);

pub(super) struct Waiting<P: Deref<Target: HeldPool>> {
    waiter: Waiter,
    /// Whether it is on a list.
    is_queued: bool,
    pool: Option<P>,
}

impl<P: Deref<Target: HeldPool>> Waiting<P> {
    pub fn new(pool: P) -> Self {
        Self { waiter: Waiter::new(), is_queued: false, pool: Some(pool) }
    }

    /// The waiter, its flag, and the pool. `None` when it has had its slot.
    fn parts(self: Pin<&mut Self>) -> Option<(Pin<&Waiter>, &mut bool, &P)> {
        // SAFETY: nothing is moved out; `waiter` is pinned with `self`, the others are not.
        let this = unsafe { self.get_unchecked_mut() };
        // SAFETY: the same.
        let waiter = unsafe { Pin::new_unchecked(&this.waiter) };
        Some((waiter, &mut this.is_queued, this.pool.as_ref()?))
    }

    fn finish(self: Pin<&mut Self>, slot: NonNull<SlotOf<P>>) -> Option<(NonNull<SlotOf<P>>, P)> {
        // SAFETY: the pool is not pinned.
        Some((slot, unsafe { self.get_unchecked_mut() }.pool.take()?))
    }

    /// The slot, which is the caller's then, with the pool. Never again after that.
    #[cfg(feature = "async")]
    pub fn poll(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<(NonNull<SlotOf<P>>, P)> {
        let Some((waiter, is_queued, pool)) = self.as_mut().parts() else { return Poll::Pending };
        let shared = pool.shared();
        if !*is_queued {
            if let Some(slot) = shared.take() {
                return self.finish(slot).map_or(Poll::Pending, Poll::Ready);
            }
            // SAFETY: it is on no queue, and `drop` withdraws it.
            *is_queued = unsafe { shared.enqueue(waiter, Wake::Task(context.waker().clone())) };
            if !*is_queued {
                context.waker().wake_by_ref(); // it cannot be told: it has to look again
                return Poll::Pending;
            }
        }
        match shared.served(waiter, Some(context.waker())) {
            Some(slot) => {
                *is_queued = false;
                self.finish(slot).map_or(Poll::Pending, Poll::Ready)
            }
            None => Poll::Pending,
        }
    }

    /// The slot, if there is one until then.
    pub fn wait_until(
        mut self: Pin<&mut Self>,
        end: Option<Instant>,
    ) -> Option<(NonNull<SlotOf<P>>, P)> {
        let (waiter, is_queued, pool) = self.as_mut().parts()?;
        let shared = pool.shared();
        loop {
            let left = match end {
                Some(end) => end.saturating_duration_since(Instant::now()),
                None => Duration::MAX,
            };
            if !*is_queued {
                if let Some(slot) = shared.take() {
                    return self.finish(slot);
                }
                // SAFETY: it is on no queue, and `drop` withdraws it.
                *is_queued =
                    unsafe { shared.enqueue(waiter, Wake::Thread(std::thread::current())) };
            }
            if let Some(slot) = shared.served(waiter, None) {
                *is_queued = false;
                return self.finish(slot);
            }
            if left.is_zero() {
                shared.refuse();
                return None;
            }
            let most = if *is_queued { Duration::MAX } else { LOOK_AGAIN };
            std::thread::park_timeout(left.min(most));
        }
    }
}

impl<P: Deref<Target: HeldPool>> Waiting<P> {
    /// Leaves the queue; what was served goes back, to the next one that waits.
    pub fn give_up(self: Pin<&mut Self>) {
        let Some((waiter, is_queued, pool)) = self.parts() else { return };
        if core::mem::take(is_queued)
            && let Some(slot) = pool.shared().withdraw(waiter)
        {
            // SAFETY: R8: it was handed over to this waiter.
            unsafe { pool.shared().give(slot) };
        }
    }
}

impl<P: Deref<Target: HeldPool>> Drop for Waiting<P> {
    fn drop(&mut self) {
        if self.is_queued {
            // SAFETY: it was pinned when it was put on the queue, and stays where it is until it is gone.
            unsafe { Pin::new_unchecked(self) }.give_up();
        }
    }
}
