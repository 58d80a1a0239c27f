//! Objects that are visited a little later than it is their turn: by then they are in the cache.
//!
//! Above: the tracer. Below: the processor's hint for fetching memory. Marking waits for memory more than
//! for anything else, and a stack of grey objects alone asks for each just when it is needed. A short
//! first-in-first-out queue between the stack and the visit keeps several requests under way at once.
//! What lies near to the object before it passes this by: the processor has asked for it by itself, and an
//! order that it knows is worth more than a hint.
//!
//! Source: Cher, Hosking and Vitek, *Software prefetching for mark-sweep garbage collection* (2004).

use alloc_core::gc::Object;

/// How many objects wait: enough for the time that memory takes, few enough for the cache.
const PLACES: usize = 16;

pub(crate) struct Ahead {
    objects: [Option<Object>; PLACES],
    next: usize,
}

impl Ahead {
    pub const fn new() -> Self {
        Self { objects: [None; PLACES], next: 0 }
    }

    /// Puts an object in, for the one that has waited longest.
    #[inline(always)]
    pub const fn exchange(&mut self, object: Object) -> Option<Object> {
        let place = self.next % PLACES;
        self.next = self.next.wrapping_add(1);
        self.objects[place].replace(object)
    }

    /// Takes one out, if there is one.
    pub fn take(&mut self) -> Option<Object> {
        self.objects.iter_mut().find_map(Option::take)
    }
}

/// Has the processor fetch the cache line at `address`. Any address will do: a
/// hint has no effect but on time.
#[inline(always)]
pub(crate) fn fetch<T>(address: *const T) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: x86-64 has SSE, and a hint reads nothing.
    unsafe {
        core::arch::x86_64::_mm_prefetch::<{ core::arch::x86_64::_MM_HINT_T0 }>(address.cast());
    }
    #[cfg(target_arch = "aarch64")]
    // SAFETY: a hint reads nothing.
    unsafe {
        core::arch::asm!("prfm pldl1keep, [{0}]", in(reg) address, options(nostack, preserves_flags, readonly));
    }
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    let _ = address;
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::ptr::NonNull;

    #[test]
    fn objects_leave_in_order_and_none_is_lost() {
        let words = [0_u64; 40];
        // SAFETY: nobody follows these.
        let object = |n: usize| unsafe { Object::from_header(NonNull::from(&words[n]).cast()) };
        let address = |n: usize| object(n).header();
        let mut ahead = Ahead::new();
        for n in 0..40 {
            let left = ahead.exchange(object(n)).map(|object| object.header());
            assert_eq!(left, n.checked_sub(PLACES).map(address));
        }
        let mut rest: Vec<_> = core::iter::from_fn(|| ahead.take()).map(|e| e.header()).collect();
        rest.sort();
        assert_eq!(rest, (40 - PLACES..40).map(address).collect::<Vec<_>>());
    }
}
