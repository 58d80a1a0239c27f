//! The shim: the only place that names loom or core's atomics.
//!
//! Above: every protocol of the workspace imports its atomics, cells and locks from here, so that
//! under `cfg(all(loom, feature = "loom"))` a loom model runs the very code that ships.
//! In [`lock`](Lock): the one lock, in `held` its word. In [`fence`](light_fence): fences whose cost is on one side.
//! In `lines`, under `cfg(strata_lines)` and with `std`: a shim that counts what cores take from each other.
//! Not here: any protocol.
//!
//! Loom's atomics cannot be made in a constant; [`const_fn!`](crate::const_fn) takes that into account.

mod event;
mod fence;
mod held;
#[cfg(strata_lines)]
pub mod lines;
mod lock;

pub use fence::{HEAVY_FENCE_IS_KNOWN, heavy_fence, light_fence};
pub use lock::{Lock, LockGuard};
pub use shim::*;

/// A model sees what the last owner may rely on.
#[cfg(all(feature = "alloc", not(all(loom, feature = "loom"))))]
pub(crate) use alloc::sync::Arc;
#[cfg(all(feature = "alloc", loom, feature = "loom"))]
pub(crate) use loom::sync::Arc;

/// The language's own atomics, in a model, too: as types of values that users have.
pub(crate) use core::sync::atomic as language;

/// Reads a word of plain memory that another thread may write to meanwhile, by [`store_word`]. Relaxed, and under
/// loom not seen.
///
/// # Safety
///
/// The word is initialised, aligned, and nobody writes to it in another way meanwhile.
#[inline(always)]
pub unsafe fn load_word(place: *const *mut u8) -> *mut u8 {
    // SAFETY: the caller's; an atomic has the representation of its pointer.
    unsafe { core::sync::atomic::AtomicPtr::from_ptr(place.cast_mut()) }
        .load(core::sync::atomic::Ordering::Relaxed)
}

/// Writes a word that another thread may read meanwhile, by [`load_word`].
///
/// # Safety
///
/// The word may be written to, and nobody reads or writes it in another way meanwhile.
#[inline(always)]
pub unsafe fn store_word(place: *mut *mut u8, word: *mut u8) {
    // SAFETY: as in `load_word`.
    unsafe { core::sync::atomic::AtomicPtr::from_ptr(place) }
        .store(word, core::sync::atomic::Ordering::Relaxed);
}

/// Tells the model of cache lines of an access to plain memory that goes from core to core: links in
/// slots, records under a lock. Nothing at all, but under `cfg(strata_lines)`.
#[inline(always)]
pub fn note_plain<T>(_place: *const T, _writes: bool) {
    #[cfg(strata_lines)]
    {
        let access = if _writes { lines::Access::Write } else { lines::Access::Read };
        lines::touch(_place.cast(), size_of::<T>(), access, core::any::type_name::<T>());
    }
}

#[cfg(all(loom, feature = "loom"))]
mod shim {
    pub use loom::cell::UnsafeCell;
    pub use loom::sync::atomic::{
        AtomicBool, AtomicPtr, AtomicU8, AtomicU16, AtomicU32, AtomicU64, AtomicUsize, Ordering,
        fence,
    };
    pub use loom::{lazy_static, thread_local};

    /// A row of counters that stand at 0.
    pub fn zeroed_counters<const N: usize>() -> [AtomicUsize; N] {
        core::array::from_fn(|_| AtomicUsize::new(0))
    }

    /// Lets another thread run: loom's scheduler needs to be told that this one waits.
    pub fn wait_a_moment(_round: u32) {
        loom::thread::yield_now();
    }
}

#[cfg(strata_lines)]
mod shim {
    pub use super::lines::{
        AtomicBool, AtomicPtr, AtomicU8, AtomicU16, AtomicU32, AtomicU64, AtomicUsize, Ordering,
        UnsafeCell, fence, wait_a_moment, zeroed_counters,
    };
}

#[cfg(not(any(all(loom, feature = "loom"), strata_lines)))]
mod shim {
    pub use core::sync::atomic::{
        AtomicBool, AtomicPtr, AtomicU8, AtomicU16, AtomicU32, AtomicU64, AtomicUsize, Ordering,
        fence,
    };

    /// A row of counters that stand at 0.
    pub const fn zeroed_counters<const N: usize>() -> [AtomicUsize; N] {
        [const { AtomicUsize::new(0) }; N]
    }

    /// Waits a little for another thread: spins at first, then (with `std`) gives up the processor.
    #[inline]
    pub fn wait_a_moment(round: u32) {
        if round < 6 {
            for _ in 0..1u32 << round {
                core::hint::spin_loop();
            }
            return;
        }
        #[cfg(feature = "std")]
        std::thread::yield_now();
        #[cfg(not(feature = "std"))]
        core::hint::spin_loop();
    }

    /// `core::cell::UnsafeCell` with loom's interface: the pointer stays inside a closure, so that
    /// a model sees when an access begins and ends.
    #[derive(Debug, Default)]
    #[repr(transparent)]
    pub struct UnsafeCell<T: ?Sized>(core::cell::UnsafeCell<T>);

    impl<T> UnsafeCell<T> {
        /// A cell that holds `value`.
        #[inline]
        pub const fn new(value: T) -> Self {
            Self(core::cell::UnsafeCell::new(value))
        }

        /// The value, with the cell gone.
        #[inline]
        pub fn into_inner(self) -> T {
            self.0.into_inner()
        }
    }

    impl<T: ?Sized> UnsafeCell<T> {
        /// A shared access. The closure must not be entered while an exclusive access is under way.
        #[inline(always)]
        pub fn with<R>(&self, access: impl FnOnce(*const T) -> R) -> R {
            access(self.0.get())
        }

        /// An exclusive access. The closure must not be entered while another access is under way.
        #[inline(always)]
        pub fn with_mut<R>(&self, access: impl FnOnce(*mut T) -> R) -> R {
            access(self.0.get())
        }
    }
}

/// Declares functions that are `const`, except under loom, whose atomics cannot be constants.
///
/// ```
/// use alloc_core::sync::{AtomicUsize, Ordering};
///
/// pub struct Ticket(AtomicUsize);
///
/// impl Ticket {
///     alloc_core::const_fn! {
///         /// A fresh ticket.
///         pub const fn new() -> Self {
///             Self(AtomicUsize::new(0))
///         }
///     }
/// }
/// assert_eq!(Ticket::new().0.load(Ordering::Relaxed), 0);
/// ```
#[macro_export]
#[cfg(not(all(loom, feature = "loom")))]
macro_rules! const_fn {
    ($($item:tt)*) => { $($item)* };
}

/// Declares functions that are `const`, except under loom, whose atomics cannot be constants.
#[macro_export]
#[cfg(all(loom, feature = "loom"))]
macro_rules! const_fn {
    ($(#[$attr:meta])* $vis:vis const unsafe fn $($rest:tt)*) => {
        $(#[$attr])* $vis unsafe fn $($rest)*
    };
    ($(#[$attr:meta])* $vis:vis const fn $($rest:tt)*) => {
        $(#[$attr])* $vis fn $($rest)*
    };
}

/// Declares a function that returns a `static` array, made by the elements' `new`; under loom, which has no such statics, it
/// is empty.
///
/// ```
/// use alloc_core::sync::{AtomicUsize, Ordering};
///
/// struct Place(AtomicUsize);
///
/// impl Place {
///     alloc_core::const_fn! {
///         const fn new() -> Self {
///             Self(AtomicUsize::new(0))
///         }
///     }
/// }
///
/// alloc_core::static_array! {
///     /// The places of this process.
///     fn places() -> [Place; 64];
/// }
/// assert!(places().iter().all(|place| place.0.load(Ordering::Relaxed) == 0));
/// ```
#[macro_export]
#[cfg(not(all(loom, feature = "loom")))]
macro_rules! static_array {
    ($(#[$attr:meta])* $vis:vis fn $name:ident() -> [$element:ty; $count:expr];) => {
        $(#[$attr])*
        $vis fn $name() -> &'static [$element] {
            static ARRAY: [$element; $count] = [const { <$element>::new() }; $count];
            &ARRAY
        }
    };
}

/// Declares a function that returns a `static` array, made by the elements' `new`; under loom, which has no such statics, it
/// is empty.
#[macro_export]
#[cfg(all(loom, feature = "loom"))]
macro_rules! static_array {
    ($(#[$attr:meta])* $vis:vis fn $name:ident() -> [$element:ty; $count:expr];) => {
        $(#[$attr])*
        $vis fn $name() -> &'static [$element] {
            let _ = ($count, <$element>::new);
            &[]
        }
    };
}
