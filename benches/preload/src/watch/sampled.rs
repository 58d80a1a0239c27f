//! `STRATA_SAMPLED=N`: one allocation in N between guard pages.
//!
//! Above: `watch/mod.rs`. Below: `alloc_core::Sampled`, whose own handler diagnoses faults; over the profile, where there is one.
//! `STRATA_SAMPLED_PAGES` says how many objects are guarded at a time.

use super::count::Due;
use super::{Below, WATCHED, Watcher, Wish, profile, variable};
use crate::{report, stack};
use alloc_core::{AllocError, Layer, Layout, Sampled};
use core::ptr::NonNull;

/// The watcher that the environment asks for, over the profile if there is to be one.
pub(super) fn configure(
    profile: Option<&'static profile::Layered>,
) -> Option<&'static dyn Watcher> {
    let mean = number("STRATA_SAMPLED")?;
    let pages = number("STRATA_SAMPLED_PAGES").unwrap_or(Sampled::<Below>::DEFAULT_PAGES);
    let pages = pages.min(1_000_000);
    Some(match profile {
        Some(profile) => {
            leaked(Sampled::new(profile).with_mean_allocations(mean).with_pages(pages))
        }
        None => leaked(Sampled::new(&WATCHED).with_mean_allocations(mean).with_pages(pages)),
    })
}

fn leaked<T>(watcher: T) -> &'static T {
    Box::leak(Box::new(watcher))
}

fn number(name: &str) -> Option<usize> {
    let value = variable(name)?;
    let number = value.to_str().and_then(|value| value.parse().ok());
    if number.is_none() {
        report::say(format_args!("strata: {name} is no number: {value:?}\n"));
    }
    number
}

/// What lies under [`Sampled`], for C.
trait Under: Layer + Sync {
    fn known(&self, _: NonNull<u8>) -> Option<Layout> {
        None
    }
    fn bytes_to_pass(&self) -> isize {
        isize::MAX
    }
    fn make(&self, _: Wish, _: Due) -> Option<Result<NonNull<[u8]>, AllocError>> {
        None
    }
    fn finish(&self) {}
    fn freeze_alone(&self) {}
    /// # Safety
    ///
    /// As for [`Watcher::thaw_alone`].
    unsafe fn thaw_alone(&self) {}
}

impl Under for Below {}

impl Under for &'static profile::Layered {
    fn known(&self, ptr: NonNull<u8>) -> Option<Layout> {
        Watcher::known(*self, ptr)
    }
    fn bytes_to_pass(&self) -> isize {
        Watcher::bytes_to_pass(*self)
    }
    fn make(&self, wish: Wish, due: Due) -> Option<Result<NonNull<[u8]>, AllocError>> {
        Watcher::make(*self, wish, due)
    }
    fn finish(&self) {
        Watcher::finish(*self);
    }
    fn freeze_alone(&self) {
        Watcher::freeze_alone(*self);
    }
    unsafe fn thaw_alone(&self) {
        // SAFETY: the caller's promise.
        unsafe { Watcher::thaw_alone(*self) };
    }
}

impl<A: Under> Watcher for Sampled<A> {
    fn known(&self, ptr: NonNull<u8>) -> Option<Layout> {
        // SAFETY: at most a page.
        let guarded = self.guarded_bytes(ptr).map(|bytes| unsafe { stack::natural(bytes) });
        guarded.or_else(|| self.below().known(ptr))
    }

    fn calls_to_pass(&self) -> isize {
        self.draw_distance().cast_signed()
    }

    fn bytes_to_pass(&self) -> isize {
        self.below().bytes_to_pass()
    }

    fn make(&self, wish: Wish, due: Due) -> Option<Result<NonNull<[u8]>, AllocError>> {
        let guarded = if due.calls { self.guard(wish.layout, wish.zeroed) } else { None };
        guarded.map(Ok).or_else(|| self.below().make(wish, due))
    }

    fn finish(&self) {
        self.below().finish();
    }

    fn freeze_alone(&self) {
        self.freeze_pool();
        self.below().freeze_alone();
    }

    unsafe fn thaw_alone(&self) {
        // SAFETY: the caller's promise: `freeze_alone` took both locks.
        unsafe {
            self.below().thaw_alone();
            self.thaw_pool();
        }
    }
}
