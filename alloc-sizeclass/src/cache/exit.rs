//! The end of a thread, learned by a POSIX key: for caches whose library stays until the process ends.
//!
//! Above: `thread_cache!` with `#[initial_exec]`. Below: `agreed.rs`; `pthread_key_create`. Other static caches learn it by a
//! thread-local value with a destructor (`key.rs`). glibc takes memory for that from `malloc`, and ends the process when
//! there is none: the cache behind `malloc` itself would end a process that has run out of memory. A key's value takes
//! none (the first 32 keys' lie in the thread's own record; for later ones there may be an error, which is passed on).
//! A destructor of a key may also still be arranged by another one: a thread may allocate for the first time while it
//! ends.

use super::agreed::Agreed;
use super::key::{AtExit, StaticKey};
use core::ffi::c_void;
use core::num::NonZeroU64;

/// The key of a static cache, made when the first thread asks. What is agreed on is the key and one: a key may be 0.
#[derive(Debug)]
pub struct ExitKey(Agreed);

impl ExitKey {
    /// None yet.
    #[doc(hidden)]
    #[must_use]
    #[allow(clippy::new_without_default)]
    pub const fn new() -> Self {
        Self(Agreed::new())
    }

    /// Arranges that the calling thread's state for the cache of `K` ends with the thread. `self` is that cache's alone.
    #[doc(hidden)]
    pub fn watch<K: StaticKey>(&self) -> bool {
        extern "C" fn ends<K: StaticKey>(_: *mut c_void) {
            drop(AtExit::<K>::new());
        }
        self.call_at_exit(ends::<K>, K::thread().cast())
    }

    /// Arranges that `ends`, always the same function of a program or of a library that stays, is called with `value`, which
    /// is not null, when the calling thread ends; whether that could be arranged.
    pub(crate) fn call_at_exit(
        &self,
        ends: extern "C" fn(*mut c_void),
        value: *const c_void,
    ) -> bool {
        let Some(key) = self.key(ends) else { return false };
        // SAFETY: the key was made, and is never deleted. The value is only passed on.
        unsafe { libc::pthread_setspecific(key, value) == 0 }
    }

    fn key(&self, ends: extern "C" fn(*mut c_void)) -> Option<libc::pthread_key_t> {
        if let Some(number) = self.0.get() {
            return Some(of_number(number));
        }
        let mut key = 0;
        // SAFETY: `key` lives through the call; the destructor is a function that stays (`call_at_exit`).
        if unsafe { libc::pthread_key_create(&raw mut key, Some(ends)) } != 0 {
            return None;
        }
        match self.0.offer(NonZeroU64::MIN.saturating_add(key as u64)) {
            Ok(()) => Some(key),
            Err(other) => {
                // SAFETY: made above, and no thread has a value for it.
                unsafe { libc::pthread_key_delete(key) };
                Some(of_number(other))
            }
        }
    }
}

fn of_number(number: NonZeroU64) -> libc::pthread_key_t {
    (number.get() - 1) as libc::pthread_key_t
}
