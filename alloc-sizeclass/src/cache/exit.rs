//! The end of a thread, learned by a POSIX key: for caches whose library stays until the process ends.
//!
//! Above: `thread_cache!` with `#[initial_exec]`. Below: `pthread_key_create`. Other static caches learn it by a
//! thread-local value with a destructor (`key.rs`). glibc takes memory for that from `malloc`, and ends the process when
//! there is none: the cache behind `malloc` itself would end a process that has run out of memory. A key's value takes
//! none (the first 32 keys' lie in the thread's own record; for later ones there may be an error, which is passed on).
//! A destructor of a key may also still be arranged by another one: a thread may allocate for the first time while it
//! ends.

use super::key::{AtExit, StaticKey};
use alloc_core::sync::{AtomicUsize, Ordering};
use core::ffi::c_void;

/// The key of a static cache, made when the first thread asks.
#[derive(Debug)]
pub struct ExitKey {
    /// The key and one; 0 while there is none.
    made: AtomicUsize,
}

impl ExitKey {
    /// None yet.
    #[doc(hidden)]
    #[must_use]
    #[allow(clippy::new_without_default)]
    pub const fn new() -> Self {
        Self { made: AtomicUsize::new(0) }
    }

    /// Arranges that the calling thread's state for the cache of `K` ends with the thread. `self` is that cache's alone.
    #[doc(hidden)]
    pub fn watch<K: StaticKey>(&self) -> bool {
        let Some(key) = self.key::<K>() else { return false };
        // SAFETY: the key was made, and is never deleted. The value only has to differ from null.
        unsafe { libc::pthread_setspecific(key, K::thread().cast()) == 0 }
    }

    fn key<K: StaticKey>(&self) -> Option<libc::pthread_key_t> {
        extern "C" fn ends<K: StaticKey>(_: *mut c_void) {
            drop(AtExit::<K>::new());
        }
        // ORDERING: Relaxed: the number is all that is passed on, here and below.
        let made = self.made.load(Ordering::Relaxed);
        if made > 0 {
            return Some((made - 1) as libc::pthread_key_t);
        }
        let mut key = 0;
        // SAFETY: `key` lives through the call; the destructor is a function of this library, which stays.
        if unsafe { libc::pthread_key_create(&raw mut key, Some(ends::<K>)) } != 0 {
            return None;
        }
        let number = key as usize + 1;
        // ORDERING: Relaxed, as above.
        match self.made.compare_exchange(0, number, Ordering::Relaxed, Ordering::Relaxed) {
            Ok(_) => Some(key),
            Err(other) => {
                // SAFETY: made above, and no thread has a value for it.
                unsafe { libc::pthread_key_delete(key) };
                Some((other - 1) as libc::pthread_key_t)
            }
        }
    }
}
