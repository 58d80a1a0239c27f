//! How a hardened stack finds the record of the thread that calls it.
//!
//! Above: [`hardened!`](crate::hardened!). Below: thread-local storage: one word for each thread and stack, null at first,
//! without a destructor. A POSIX key, set at the first miss, ends it.

use super::record::{BARRED, Record};
use super::{Hardened, Policy};
use crate::cache::ExitKey;
use alloc_core::Layer;
use alloc_core::sync::{AtomicBool, Ordering};
use core::ffi::c_void;

/// What [`hardened!`](crate::hardened!) implements for the type that it makes.
///
/// # Safety
///
/// * `record` returns the word of the calling thread that `set` wrote last, null at first; it works until the thread has
///   ended.
/// * `watch_exit` arranges that the stack's `thread_ends` is called when the calling thread ends, and says whether
///   that could be arranged.
pub unsafe trait Key: Sized + Send + Sync + 'static {
    /// The calling thread's word.
    fn record() -> *mut Record;
    /// Changes it.
    fn set(record: *mut Record);
    /// Arranges the end of the calling thread's record.
    fn watch_exit() -> bool;
    /// Arranges, once, that forks leave the stack usable: before a thread takes its first lock.
    fn watch_forks();
}

/// The POSIX key of a stack, and whether its forks are watched.
#[derive(Debug)]
pub struct Thread {
    exit: ExitKey,
    forks_are_watched: AtomicBool,
}

/// A stack that is a static, by its key.
///
/// # Safety
///
/// `stack` always returns the same static, whose key is `Self`.
#[doc(hidden)]
pub unsafe trait Static: Key {
    /// The layer below.
    type Below: Layer + Sync + 'static;
    /// Which parts the stack has.
    type Parts: Policy;
    /// The stack.
    fn stack() -> &'static Hardened<Self::Below, Self, Self::Parts>;
}

impl Thread {
    /// None yet.
    #[doc(hidden)]
    #[must_use]
    #[allow(clippy::new_without_default)]
    pub const fn new() -> Self {
        Self { exit: ExitKey::new(), forks_are_watched: AtomicBool::new(false) }
    }

    /// Arranges that the calling thread's record ends with it. `self` is the stack's alone.
    #[doc(hidden)]
    pub fn watch_exit<K: Static>(&self) -> bool {
        extern "C" fn ends<K: Static>(_: *mut c_void) {
            K::stack().thread_ends();
        }
        self.exit.call_at_exit(ends::<K>, BARRED.cast_const().cast())
    }

    /// Arranges, once, that forks leave the stack usable. `self` is the stack's alone.
    #[doc(hidden)]
    pub fn watch_forks<K: Static>(&self) {
        // ORDERING: Relaxed, here and below: it only saves a call, which may be made again.
        if self.forks_are_watched.load(Ordering::Relaxed) {
            return;
        }
        // If there is no memory, the next thread that begins tries again.
        if alloc_core::forks::register(K::stack()) {
            self.forks_are_watched.store(true, Ordering::Relaxed);
        }
    }
}

/// Declares a [`Hardened`] stack as a `static`.
///
/// ```
/// use alloc_arena::{Arena, Os};
/// use alloc_core::AsGlobal;
/// use alloc_sizeclass::{Hardened, hardened};
///
/// hardened! {
///     /// The program's allocator.
///     pub static STACK: Arena<Os> = Arena::new(Os::new());
/// }
///
/// #[global_allocator]
/// static GLOBAL: AsGlobal<&Hardened<Arena<Os>, STACK>> = AsGlobal::new(&STACK);
///
/// assert_eq!(vec![1, 2, 3].len(), 3);
/// ```
///
/// The static's type is `Hardened<Below, NAME>`: the key is a type of the static's own name. A stack that has not all parts
/// names its [`Policy`] behind the layer below, `static NAME: Below, POLICY = …`, and its type is
/// `Hardened<Below, NAME, POLICY>`.
///
/// In a shared library, begin with `#[initial_exec = "a_symbol"]`, as for [`thread_cache!`](crate::thread_cache).
#[macro_export]
macro_rules! hardened {
    (
        #[initial_exec = $symbol:literal]
        $(#[$attr:meta])* $vis:vis static $NAME:ident: $below:ty $(, $parts:ty)? = $init:expr;
    ) => {
        $crate::__hardened_static!([$(#[$attr])*] [$vis] $NAME [$below $(, $parts)?] [$init]);
        const _: () = {
            #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
            $crate::__hardened_initial_exec!($symbol);
            #[cfg(not(all(target_arch = "x86_64", target_os = "linux")))]
            $crate::__hardened_local!();
            $crate::__hardened_key!($NAME [$below $(, $parts)?]);
        };
    };
    ($(#[$attr:meta])* $vis:vis static $NAME:ident: $below:ty $(, $parts:ty)? = $init:expr;) => {
        $crate::__hardened_static!([$(#[$attr])*] [$vis] $NAME [$below $(, $parts)?] [$init]);
        const _: () = {
            $crate::__hardened_local!();
            $crate::__hardened_key!($NAME [$below $(, $parts)?]);
        };
    };
}

/// The static, and its key: a braced type, so that both can have one name.
#[doc(hidden)]
#[macro_export]
macro_rules! __hardened_static {
    ([$($attr:tt)*] [$vis:vis] $NAME:ident [$below:ty] [$init:expr]) => {
        $crate::__hardened_static!(
            [$($attr)*] [$vis] $NAME [$below, $crate::hardened::Full] [$init]
        );
    };
    ([$($attr:tt)*] [$vis:vis] $NAME:ident [$below:ty, $parts:ty] [$init:expr]) => {
        /// The key of the hardened stack of this name.
        #[derive(Debug)]
        #[allow(non_camel_case_types)]
        $vis enum $NAME {}
        $($attr)*
        $vis static $NAME: $crate::Hardened<$below, $NAME, $parts> = {
            let below = $init;
            // SAFETY: this is the static of the key, whose type has just been made for it.
            unsafe { $crate::Hardened::<$below, $NAME, $parts>::for_static(below) }
        };
    };
}

/// `word()` and `set_word()`, by the language's thread-local storage.
#[doc(hidden)]
#[macro_export]
macro_rules! __hardened_local {
    () => {
        ::std::thread_local! {
            static WORD: ::core::cell::Cell<*mut $crate::__private::Record> =
                const { ::core::cell::Cell::new(::core::ptr::null_mut()) };
        }
        #[inline(always)]
        fn word() -> *mut $crate::__private::Record {
            WORD.with(::core::cell::Cell::get)
        }
        #[inline(always)]
        fn set_word(record: *mut $crate::__private::Record) {
            WORD.with(|word| word.set(record));
        }
    };
}

/// `word()` and `set_word()`, by initial-exec storage: a load by the thread's own register.
#[doc(hidden)]
#[macro_export]
macro_rules! __hardened_initial_exec {
    ($symbol:literal) => {
        mod storage {
            ::core::arch::global_asm!(
                ".pushsection .tbss,\"awT\",@nobits",
                ".p2align 3",
                concat!(".hidden ", $symbol),
                concat!(".globl ", $symbol),
                concat!(".type ", $symbol, ",@object"),
                concat!($symbol, ":"),
                ".zero 8",
                concat!(".size ", $symbol, ", 8"),
                ".popsection",
            );
        }
        #[inline(always)]
        fn word() -> *mut $crate::__private::Record {
            let word: *mut $crate::__private::Record;
            // SAFETY: reads the calling thread's word, which the symbol above names.
            unsafe {
                ::core::arch::asm!(
                    concat!("mov {word}, qword ptr [rip + ", $symbol, "@GOTTPOFF]"),
                    "mov {word}, qword ptr fs:[{word}]",
                    word = out(reg) word,
                    options(readonly, nostack, preserves_flags),
                );
            }
            word
        }
        #[inline(always)]
        fn set_word(record: *mut $crate::__private::Record) {
            // SAFETY: writes the calling thread's word.
            unsafe {
                ::core::arch::asm!(
                    concat!("mov {place}, qword ptr [rip + ", $symbol, "@GOTTPOFF]"),
                    "mov qword ptr fs:[{place}], {record}",
                    place = out(reg) _,
                    record = in(reg) record,
                    options(nostack, preserves_flags),
                );
            }
        }
    };
}

/// The key's impls, in a scope that has `word()` and `set_word()`.
#[doc(hidden)]
#[macro_export]
macro_rules! __hardened_key {
    ($NAME:ident [$below:ty]) => {
        $crate::__hardened_key!($NAME [$below, $crate::hardened::Full]);
    };
    ($NAME:ident [$below:ty, $parts:ty]) => {
        // SAFETY: the word is the calling thread's, constant-initialised, without a destructor; `Thread` has one run.
        unsafe impl $crate::__private::HardenedKey for $NAME {
            #[inline(always)]
            fn record() -> *mut $crate::__private::Record {
                word()
            }
            #[inline(always)]
            fn set(record: *mut $crate::__private::Record) {
                set_word(record);
            }
            fn watch_exit() -> bool {
                thread().watch_exit::<$NAME>()
            }
            fn watch_forks() {
                thread().watch_forks::<$NAME>();
            }
        }
        fn thread() -> &'static $crate::__private::HardenedThread {
            static THREAD: $crate::__private::HardenedThread =
                $crate::__private::HardenedThread::new();
            &THREAD
        }
        // SAFETY: it names the static, whose key this is.
        unsafe impl $crate::__private::HardenedStatic for $NAME {
            type Below = $below;
            type Parts = $parts;
            fn stack() -> &'static $crate::Hardened<$below, $NAME, $parts> {
                &$NAME
            }
        }
    };
}
