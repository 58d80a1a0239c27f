//! The cache as a `static`: its key is a type, so a hit has no look-up of the instance.
//!
//! Above: [`thread_cache!`](crate::thread_cache). Below: thread-local storage. The state of a
//! thread is constant-initialised and has no destructor, so reaching it is one instruction; a second
//! key with a destructor, touched at the first miss only, ends it (where the library stays, a POSIX key: `exit.rs`).

use super::local::{Local, State};
use super::{Key, Lists, Shared, ThreadCache};
use crate::heap::BatchHeap;
use core::ops::Deref;

/// The home of a static cache's shared part: in the static itself.
#[derive(Debug)]
pub struct Inline<T>(T);

impl<T> Deref for Inline<T> {
    type Target = T;
    #[inline(always)]
    fn deref(&self) -> &T {
        &self.0
    }
}

/// What [`thread_cache!`](crate::thread_cache) implements for the type that it makes.
///
/// # Safety
///
/// * `cache` always returns the same static.
/// * `thread` returns the calling thread's state for it, made by [`Local::new`] with
///   `Lists::EMPTY`; it stays valid until the thread ends, destructors of thread-local values
///   included.
/// * `watch_exit` arranges that an [`AtExit`] of this key is dropped when the calling thread ends,
///   and returns whether that could be arranged.
pub unsafe trait StaticKey: Sized + Send + Sync + 'static {
    /// The heap below the cache.
    type Heap: BatchHeap + Send + Sync + 'static;

    /// The cache.
    fn cache() -> &'static ThreadCache<Self::Heap, Self>;

    /// The calling thread's state.
    fn thread() -> *const Local;

    /// As in [`Key`].
    type Place: Copy;

    /// As in [`Key`].
    fn begin() -> (Self::Place, *mut Lists);

    /// As in [`Key`].
    ///
    /// # Safety
    ///
    /// As in [`Key`].
    unsafe fn end(place: Self::Place);

    /// Arranges the end of the calling thread's state.
    fn watch_exit() -> bool;

    /// Arranges, once, that forks leave the cache usable.
    fn watch_forks() {
        watch_forks::<Self>();
    }
}

// SAFETY: `StaticKey`'s contract is `Key`'s; `attach` returns a state at most once per thread,
// because only `New` becomes `Starting`.
unsafe impl<K: StaticKey<Heap = H>, H: BatchHeap + Sync + 'static> Key<H> for K {
    type Home = Inline<Shared<H>>;

    #[inline(always)]
    fn local(_: &Self::Home) -> *const Local {
        K::thread()
    }

    type Place = K::Place;

    #[inline(always)]
    fn begin(_: &Self::Home) -> (K::Place, *mut Lists) {
        K::begin()
    }

    #[inline(always)]
    unsafe fn end(place: K::Place) {
        // SAFETY: the caller's promise.
        unsafe { K::end(place) };
    }

    fn attach(_: &Self::Home) -> *const Local {
        let thread = K::thread();
        // SAFETY: `thread`'s contract.
        let local = unsafe { &*thread };
        local.state.set(State::Starting);
        <K as StaticKey>::watch_forks();
        if K::watch_exit() {
            return thread;
        }
        local.state.set(State::Gone);
        core::ptr::null()
    }

    fn watch_forks(_: &Self::Home) {
        <K as StaticKey>::watch_forks();
    }

    fn retire(_: &mut Self::Home) {}
}

impl<H: BatchHeap, K: Key<H, Home = Inline<Shared<H>>>> ThreadCache<H, K> {
    /// The cache of a static; `thread_cache!` calls this.
    ///
    /// # Safety
    ///
    /// It becomes the static that the key names, and there is no second cache of this key: both
    /// would use the same lists of a thread, for slots of two heaps.
    #[doc(hidden)]
    #[must_use]
    pub const unsafe fn for_static(heap: H) -> Self {
        Self { home: Inline(Shared::new(heap)) }
    }
}

/// Ends the calling thread's state when it is dropped.
#[derive(Debug)]
pub struct AtExit<K: StaticKey>(core::marker::PhantomData<K>);

impl<K: StaticKey> AtExit<K> {
    /// A value for the thread-local key that has a destructor.
    #[doc(hidden)]
    #[must_use]
    #[allow(clippy::new_without_default)]
    pub const fn new() -> Self {
        Self(core::marker::PhantomData)
    }
}

impl<K: StaticKey> Drop for AtExit<K> {
    fn drop(&mut self) {
        // SAFETY: the state is valid until the thread has ended, and is this thread's for this
        // cache (`StaticKey`).
        unsafe { K::cache().home.thread_ends(&*K::thread()) };
    }
}

/// Registers the cache of `K` for forks: its locks, and those below, are held during a fork, and the child takes over what
/// the threads that it does not have had cached.
#[cfg(unix)]
fn watch_forks<K: StaticKey>() {
    let home = &K::cache().home;
    // If there is no memory, the next thread that begins tries again.
    if !home.forks_are_watched() && alloc_core::forks::register(K::cache()) {
        home.watches_forks();
    }
}

#[cfg(not(unix))]
fn watch_forks<K: StaticKey>() {}

/// Declares a [`ThreadCache`] as a `static`.
///
/// ```standalone_crate
/// use alloc_core::{api2::alloc::System, report::Tree};
/// use alloc_sizeclass::{SizeClassHeap, thread_cache};
///
/// thread_cache! {
///     #[global_allocator]
///     /// The program's allocator.
///     pub static STACK: SizeClassHeap<System> = SizeClassHeap::new(System);
/// }
///
/// assert_eq!(vec![1, 2, 3].len(), 3);
/// assert!(Tree::of(&STACK).figure("SizeClassHeap", "spans") > Some(0)); // the vector is in one
/// ```
///
/// The static's type is `ThreadCache<Heap, NAME>`: the key is a type of the static's own name. Without
/// `#[global_allocator]`, which comes first where it is, the cache is for whoever names it: `Vec::new_in(&STACK)`. With it, the
/// program's allocator is an [`AsGlobal`](alloc_core::AsGlobal) over it; by hand, for a layer between the two. (`Observe` counts in
/// words that all threads share, which costs more than the cache below it; between heap and arena it is all but free.)
///
/// ```standalone_crate
/// use alloc_core::{AsGlobal, Observe, api2::alloc::System};
/// use alloc_sizeclass::{SizeClassHeap, ThreadCache, thread_cache};
///
/// thread_cache! {
///     static STACK: SizeClassHeap<System> = SizeClassHeap::new(System);
/// }
/// type Cache = ThreadCache<SizeClassHeap<System>, STACK>;
///
/// #[global_allocator]
/// static GLOBAL: AsGlobal<Observe<&Cache>> = AsGlobal::new(Observe::new(&STACK));
///
/// let numbers = vec![1, 2, 3];
/// assert!(GLOBAL.below().figures().live > 0);
/// # drop(numbers);
/// ```
///
/// An idle program keeps what it has freed, as layers do their housekeeping when they are called. A
/// [`Purger`](alloc_core::Purger) is a thread that calls them when nothing happens; `reclaim` gives back at once:
///
/// ```
/// use alloc_core::{Layer, Purger, api2::alloc::System, api2::vec::Vec};
/// use alloc_sizeclass::{SizeClassHeap, thread_cache};
/// use std::time::Duration;
///
/// thread_cache! {
///     static STACK: SizeClassHeap<System> = SizeClassHeap::new(System);
/// }
///
/// let purger = Purger::start(&STACK, Duration::from_millis(400))?; // at work as long as this value lives
/// drop(Vec::<u8, _>::with_capacity_in(100, &STACK));
/// assert!(STACK.reclaim(usize::MAX) > 0); // `Layer`'s methods: all that is free, now
/// STACK.verify()?;
/// # drop(purger);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Forks are taken care of (on Unix): handlers registered at the first miss hold the locks during a
/// fork. Thread exit is, too.
///
/// In a shared library, Rust's thread-local storage costs a call. Begin with
/// `#[initial_exec = "a_symbol"]`, where the symbol is unique in the program, for storage that costs
/// a load (x86-64 Linux; elsewhere it changes nothing). Such a library has to be there when the
/// program starts: linked, or preloaded, not loaded later in any number.
///
/// # Tasks that migrate
///
/// A user-mode thread may be suspended on one thread and resumed on another, in the middle of a function.
/// A hit before and a hit after the suspension are then inlined into one function, and the compiler,
/// which knows threads but no tasks, may reach the second thread's lists by an address that it has from the
/// first: two threads would use the same lists. Begin with `#[migrating]` if such tasks allocate or
/// free: then each hit asks anew which thread it is on, by a call (4 or 5 instructions more), or, with
/// `#[initial_exec = "a_symbol"]` after it, by a load on x86-64 Linux (1 more).
///
/// ```
/// use alloc_core::api2::alloc::System;
/// use alloc_sizeclass::{SizeClassHeap, thread_cache};
///
/// thread_cache! {
///     #[migrating]
///     #[initial_exec = "my_program_tasks"]
///     /// For tasks, on whichever thread they are.
///     pub static TASKS: SizeClassHeap<System> = SizeClassHeap::new(System);
/// }
/// ```
///
/// The crate's documentation says what else holds for tasks.
#[macro_export]
macro_rules! thread_cache {
    (
        #[global_allocator]
        $(#[$attr:meta])* $vis:vis static $NAME:ident: $heap:ty = $init:expr;
    ) => {
        $crate::thread_cache! { $(#[$attr])* $vis static $NAME: $heap = $init; }
        const _: () = {
            #[global_allocator]
            static GLOBAL: $crate::__private::AsGlobal<&$crate::ThreadCache<$heap, $NAME>> =
                $crate::__private::AsGlobal::new(&$NAME);
        };
    };
    (
        #[migrating]
        #[initial_exec = $symbol:literal]
        $(#[$attr:meta])* $vis:vis static $NAME:ident: $heap:ty = $init:expr;
    ) => {
        $crate::__thread_cache_static!([$(#[$attr])*] [$vis] $NAME [$heap] [$init]);
        const _: () = {
            #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
            $crate::__thread_initial_exec!($symbol $NAME);
            #[cfg(not(all(target_arch = "x86_64", target_os = "linux")))]
            $crate::__thread_local!(#[inline(never)] $NAME);
            $crate::__thread_cache_key!($NAME [$heap]);
        };
    };
    (
        #[migrating]
        $(#[$attr:meta])* $vis:vis static $NAME:ident: $heap:ty = $init:expr;
    ) => {
        $crate::__thread_cache_static!([$(#[$attr])*] [$vis] $NAME [$heap] [$init]);
        const _: () = {
            $crate::__thread_local!(#[inline(never)] $NAME);
            $crate::__thread_cache_key!($NAME [$heap]);
        };
    };
    (
        #[initial_exec = $symbol:literal]
        $(#[$attr:meta])* $vis:vis static $NAME:ident: $heap:ty = $init:expr;
    ) => {
        $crate::__thread_cache_static!([$(#[$attr])*] [$vis] $NAME [$heap] [$init]);
        const _: () = {
            #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
            $crate::__thread_initial_exec!($symbol $NAME);
            #[cfg(not(all(target_arch = "x86_64", target_os = "linux")))]
            $crate::__thread_local!(#[inline(always)] $NAME);
            $crate::__thread_cache_key!($NAME [$heap]);
        };
    };
    ($(#[$attr:meta])* $vis:vis static $NAME:ident: $heap:ty = $init:expr;) => {
        $crate::__thread_cache_static!([$(#[$attr])*] [$vis] $NAME [$heap] [$init]);
        const _: () = {
            $crate::__thread_local!(#[inline(always)] $NAME);
            $crate::__thread_cache_key!($NAME [$heap]);
        };
    };
}

/// The static, and its key: a braced type, so that both can have one name.
#[doc(hidden)]
#[macro_export]
macro_rules! __thread_cache_static {
    ([$($attr:tt)*] [$vis:vis] $NAME:ident [$heap:ty] [$init:expr]) => {
        /// The key of the thread cache of this name.
        #[derive(Debug)]
        #[allow(non_camel_case_types)]
        $vis enum $NAME {}
        $($attr)*
        $vis static $NAME: $crate::ThreadCache<$heap, $NAME> = {
            let heap = $init;
            // SAFETY: this is the static of the key, whose type has just been made for it.
            unsafe { $crate::ThreadCache::<$heap, $NAME>::for_static(heap) }
        };
    };
}

/// `watch_exit()`, `this_thread()`, `begin()` and `end()`, by the language's thread-local storage.
///
/// `this_thread()` is inlined, or out of line: then it is read anew at each hit, also where a hit before and
/// a hit after a suspension are in one function. The fence, which costs no instruction, keeps the optimiser
/// from finding out that it is a function of nothing, whose calls it may merge.
#[doc(hidden)]
#[macro_export]
macro_rules! __thread_local {
    (#[inline($inline:ident)] $NAME:ident) => {
        fn watch_exit() -> bool {
            ::std::thread_local! {
                static EXIT: $crate::__private::AtExit<$NAME> =
                    const { $crate::__private::AtExit::new() };
            }
            EXIT.try_with(|_| ()).is_ok()
        }

        #[inline($inline)]
        fn this_thread() -> *const $crate::__private::Local {
            ::std::thread_local! {
                static LOCAL: $crate::__private::Local =
                    const { $crate::__private::Local::new(&raw const $crate::__private::EMPTY) };
            }
            $crate::__thread_local!(@ $inline LOCAL.with(|local| ::core::ptr::from_ref(local)))
        }

        type Place = *const $crate::__private::Local;

        #[inline(always)]
        fn begin() -> (Place, *mut $crate::__private::Lists) {
            let place = this_thread();
            // SAFETY: the calling thread's own, which lives as long as the thread.
            (place, unsafe { (*place).begin() })
        }

        #[inline(always)]
        unsafe fn end(place: Place) {
            // SAFETY: the caller's promise: it came from `begin`.
            unsafe { (*place).end() }
        }
    };
    (@ always $local:expr) => {
        $local
    };
    (@ never $local:expr) => {{
        $crate::__private::light_fence();
        $local
    }};
}

/// `watch_exit()`, `this_thread()`, `begin()` and `end()`, by initial-exec storage: the offset of the symbol in the
/// thread's storage is in the global offset table from the start, so there is no call; and a hit
/// reaches it by the thread's own register.
#[doc(hidden)]
#[macro_export]
macro_rules! __thread_initial_exec {
    ($symbol:literal $NAME:ident) => {
        fn watch_exit() -> bool {
            static EXIT: $crate::__private::ExitKey = $crate::__private::ExitKey::new();
            EXIT.watch::<$NAME>()
        }

        // A `Local` as `Local::new` makes it: a pointer to EMPTY, and zeroes. In a module, because
        // assembly is an item, and blocks take only statements.
        mod storage {
        ::core::arch::global_asm!(
            ".pushsection .tdata,\"awT\",@progbits",
            ".p2align 4",
            concat!(".hidden ", $symbol),
            concat!(".globl ", $symbol),
            concat!(".type ", $symbol, ",@object"),
            concat!($symbol, ":"),
            ".quad {empty}",
            ".zero {rest}",
            concat!(".size ", $symbol, ", . - ", $symbol),
            ".popsection",
            empty = sym $crate::__private::EMPTY,
            rest = const ::core::mem::size_of::<$crate::__private::Local>() - 8,
        );
        }
        #[inline(always)]
        fn this_thread() -> *const $crate::__private::Local {
            let local: *const $crate::__private::Local;
            // SAFETY: reads the thread pointer and a constant of the loader's; the symbol is a
            // `Local` as laid out above, one per thread.
            unsafe {
                ::core::arch::asm!(
                    concat!("mov {local}, qword ptr [rip + ", $symbol, "@GOTTPOFF]"),
                    "add {local}, qword ptr fs:[0]",
                    local = out(reg) local,
                    options(pure, readonly, nostack),
                );
            }
            local
        }

        /// The symbol's offset in the thread's storage.
        type Place = usize;

        #[inline(always)]
        fn begin() -> (Place, *mut $crate::__private::Lists) {
            let place: usize;
            let lists: *mut $crate::__private::Lists;
            // SAFETY: `Local::begin` on the symbol's `Local`, instruction by instruction: marks the
            // thread as busy, then loads its lists. Nothing says that this touches no memory, so
            // the compiler moves no access across it.
            unsafe {
                ::core::arch::asm!(
                    concat!("mov {place}, qword ptr [rip + ", $symbol, "@GOTTPOFF]"),
                    "mov byte ptr fs:[{place} + {busy}], 1",
                    "mov {lists}, qword ptr fs:[{place} + {at}]",
                    place = out(reg) place,
                    lists = lateout(reg) lists,
                    busy = const $crate::__private::Local::BUSY_OFFSET,
                    at = const $crate::__private::Local::LISTS_OFFSET,
                    options(nostack, preserves_flags),
                );
            }
            (place, lists)
        }

        #[inline(always)]
        unsafe fn end(place: Place) {
            // SAFETY: `Local::end`; a store on this architecture is a Release.
            unsafe {
                ::core::arch::asm!(
                    "mov byte ptr fs:[{place} + {busy}], 0",
                    place = in(reg) place,
                    busy = const $crate::__private::Local::BUSY_OFFSET,
                    options(nostack, preserves_flags),
                );
            }
        }
    };
}

/// The key's impl, in a scope that has `watch_exit()`, `this_thread()`, `begin()` and `end()`.
#[doc(hidden)]
#[macro_export]
macro_rules! __thread_cache_key {
    ($NAME:ident [$heap:ty]) => {
        // SAFETY: `cache` names the static; `this_thread` is constant-initialised, without a
        // destructor; `watch_exit` has a destructor run, of a thread-local value or of a key.
        unsafe impl $crate::__private::StaticKey for $NAME {
            type Heap = $heap;

            fn cache() -> &'static $crate::ThreadCache<$heap, $NAME> {
                &$NAME
            }

            #[inline(always)]
            fn thread() -> *const $crate::__private::Local {
                this_thread()
            }

            type Place = Place;

            #[inline(always)]
            fn begin() -> (Place, *mut $crate::__private::Lists) {
                begin()
            }

            #[inline(always)]
            unsafe fn end(place: Place) {
                // SAFETY: the caller's promise.
                unsafe { end(place) }
            }

            fn watch_exit() -> bool {
                watch_exit()
            }
        }
    };
}
