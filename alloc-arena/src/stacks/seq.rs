//! Words that a signal handler may read while they change: a version around them.
//!
//! Above: names of coroutines (`record.rs`), the ranges that the handler knows (`registry.rs`).
//!
//! * **Q1** Who writes has made the version odd, by an exchange that only one can make, and makes it even again
//!   afterwards. The words are atomics.
//! * **Q2** A reader waits for nobody. It has a result only if the version was even, and the same before and after.

use alloc_core::sync::{AtomicU32, Ordering, fence, wait_a_moment};

#[derive(Debug)]
pub(super) struct Seq {
    version: AtomicU32,
}

impl Seq {
    alloc_core::const_fn! {
        pub const fn new() -> Self {
            Self { version: AtomicU32::new(0) }
        }
    }

    /// Runs `stores`, alone.
    pub fn write(&self, stores: impl FnOnce()) {
        let mut round = 0;
        while !self.try_begin() {
            wait_a_moment(round);
            round = round.saturating_add(1);
        }
        stores();
        self.end();
    }

    /// Runs `stores`, alone, unless another thread is writing; or was, when the process that this is a child of forked.
    #[cfg(all(feature = "os", unix))]
    pub fn try_write(&self, stores: impl FnOnce()) -> bool {
        let begun = self.try_begin();
        if begun {
            stores();
            self.end();
        }
        begun
    }

    fn try_begin(&self) -> bool {
        let now = self.version.load(Ordering::Relaxed);
        // ORDERING: Acquire meets the Release of `end`: a writer comes after the one before it (Q1).
        let begun = now & 1 == 0
            && self
                .version
                .compare_exchange(now, now.wrapping_add(1), Ordering::Acquire, Ordering::Relaxed)
                .is_ok();
        // ORDERING: Release: a reader that sees one of the words, and passes the fence of `read`, sees the odd version.
        fence(Ordering::Release);
        begun
    }

    fn end(&self) {
        let odd = self.version.load(Ordering::Relaxed);
        // ORDERING: Release meets the Acquire of `read` and of `try_begin`.
        self.version.store(odd.wrapping_add(1), Ordering::Release);
    }

    /// What `loads` says, if nobody wrote meanwhile (Q2).
    pub fn read<T>(&self, loads: impl FnOnce() -> T) -> Option<T> {
        // ORDERING: Acquire meets the Release of `end`: the words of that version.
        let before = self.version.load(Ordering::Acquire);
        let words = loads();
        // ORDERING: Acquire meets the Release fence of `try_begin`: see there.
        fence(Ordering::Acquire);
        let after = self.version.load(Ordering::Relaxed);
        (before == after && before & 1 == 0).then_some(words)
    }
}
