//! The peers that the feature `peers` adds, from their crates.
//!
//! Above: `peers`. Below: a crate for each, as it is; `build.rs` tells their versions.

#[cfg(any(
    feature = "snmalloc",
    feature = "jemalloc",
    feature = "rpmalloc",
    feature = "rallocator",
    feature = "tcmalloc",
    feature = "scudo"
))]
use super::Peer;

#[cfg(feature = "snmalloc")]
impl Peer for snmalloc_rs::SnMalloc {
    const NAME: &'static str = "snmalloc";
    const ABOUT: &'static str =
        "Microsoft's snmalloc: frees of other threads' objects are messages";
    const VALUE: Self = Self;

    fn version() -> String {
        env!("VERSION_OF_SNMALLOC_RS").into()
    }
}

#[cfg(feature = "jemalloc")]
impl Peer for tikv_jemallocator::Jemalloc {
    const NAME: &'static str = "jemalloc";
    const ABOUT: &'static str = "jemalloc: many arenas, thread caches, purging by age";
    const VALUE: Self = Self;

    fn version() -> String {
        // The crate's own, `+`, the library's and its commit.
        let both = env!("VERSION_OF_TIKV_JEMALLOC_SYS");
        let library = both.split_once('+').map_or(both, |(_, library)| library);
        library.split('-').next().unwrap_or(library).into()
    }

    fn reclaim() {
        // 4096 stands for all arenas.
        for call in [c"thread.tcache.flush", c"arena.4096.purge"] {
            let (none, zero) = (std::ptr::null_mut(), std::ptr::null_mut());
            // SAFETY: both are calls of names that exist, without a value to read or write.
            unsafe { tikv_jemalloc_sys::mallctl(call.as_ptr(), none, zero, none, 0) };
        }
    }
}

#[cfg(feature = "rpmalloc")]
impl Peer for rpmalloc::RpMalloc {
    const NAME: &'static str = "rpmalloc";
    const ABOUT: &'static str = "rpmalloc: caches of spans, for each thread and for all";
    const VALUE: Self = Self;

    fn version() -> String {
        env!("VERSION_OF_RPMALLOC_SYS").into()
    }

    fn reclaim() {
        // SAFETY: the call has no preconditions; it looks after the calling thread's own cache.
        unsafe { rpmalloc_sys::rpmalloc_thread_collect() };
    }
}

#[cfg(feature = "rallocator")]
impl Peer for rallocator::Rallocator {
    const NAME: &'static str = "rallocator";
    const ABOUT: &'static str = "Microsoft's rallocator: snmalloc's design in Rust";
    const VALUE: Self = Self;

    fn version() -> String {
        env!("VERSION_OF_RALLOCATOR").into()
    }
}

#[cfg(feature = "tcmalloc")]
impl Peer for tcmalloc_better::TCMalloc {
    const NAME: &'static str = "tcmalloc";
    const ABOUT: &'static str = "Google's tcmalloc, from the crate tcmalloc-better";
    const VALUE: Self = Self;

    fn version() -> String {
        env!("VERSION_OF_TCMALLOC_BETTER").into()
    }
}

#[cfg(feature = "scudo")]
impl Peer for scudo::GlobalScudoAllocator {
    const NAME: &'static str = "scudo";
    const ABOUT: &'static str = "LLVM's scudo: hardened against misuse";
    const PURPOSE: crate::purpose::Purpose = crate::purpose::Purpose::Hardening;
    const VALUE: Self = Self;

    fn version() -> String {
        env!("VERSION_OF_SCUDO_SYS").into()
    }
}
