//! The shim that counts: every access is also told to a model of cache lines (`--cfg strata_lines`).
//!
//! Above: `sync`, whose atomics and cells these are then, so that the code that ships is what is
//! counted. In `directory`: which core holds which line, and what an access costs. In `cores`: threads
//! that stand for cores, and take turns. In `figures`: what was counted. Users: `benches/scaling`.
//!
//! What is seen: atomics, [`Lock`](super::Lock)s, cells of this shim, and what is told by [`touch`].
//! What is not: memory that plain references reach. A cell counts as touched in its whole length.
//!
//! Not here: time. A step is what an access to a line that the core holds takes; a line that has to
//! come from another core takes more (`directory`). So steps tell what grows with the number of
//! cores, not how fast a program is.

mod cores;
mod directory;
mod figures;

pub use core::sync::atomic::{Ordering, fence};
pub use cores::{
    MAX_CORES, count_from_now, count_until_now, done, meet, replace_thread, simulate, touch,
    wait_until, work,
};
pub use directory::LINE_BYTES;
pub use figures::{Figures, LockFigures, Point};

pub(super) use cores::note_lock;

use super::event::LockEvent;
use core::fmt;
use core::panic::Location;
use cores::seen;

/// How memory is accessed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Others may keep the line.
    Read,
    /// Others lose the line.
    Write,
}

/// The address of a value, and its length.
fn place<T: ?Sized>(value: &T) -> (usize, usize) {
    (core::ptr::from_ref(value).cast::<u8>().addr(), size_of_val(value))
}

/// A row of counters that stand at 0.
#[must_use]
pub const fn zeroed_counters<const N: usize>() -> [AtomicUsize; N] {
    [const { AtomicUsize::new(0) }; N]
}

/// What giving up the processor takes, where nothing else wants it: a system call.
const YIELD_STEPS: u64 = 600;

/// Waits a little for another thread, as the shim of every day does: on a simulated core, for some
/// steps.
pub fn wait_a_moment(round: u32) {
    if !cores::pause(if round < 6 { 1 << round } else { YIELD_STEPS }) {
        std::thread::yield_now();
    }
}

macro_rules! counted {
    ($name:ident $(<$t:ident>)?, $value:ty) => {
        /// Core's atomic of the same name, every access to which is counted.
        #[repr(transparent)]
        pub struct $name $(<$t>)? (core::sync::atomic::$name $(<$t>)?);

        impl $(<$t>)? $name $(<$t>)? {
            /// As core's.
            #[must_use]
            pub const fn new(value: $value) -> Self {
                Self(core::sync::atomic::$name::new(value))
            }

            /// As core's.
            #[track_caller]
            pub fn load(&self, order: Ordering) -> $value {
                seen(place(self), Access::Read, Location::caller().file());
                self.0.load(order)
            }

            /// As core's.
            #[track_caller]
            pub fn store(&self, value: $value, order: Ordering) {
                seen(place(self), Access::Write, Location::caller().file());
                self.0.store(value, order);
            }

            /// As core's.
            #[track_caller]
            pub fn swap(&self, value: $value, order: Ordering) -> $value {
                seen(place(self), Access::Write, Location::caller().file());
                self.0.swap(value, order)
            }

            /// As core's.
            ///
            /// # Errors
            ///
            /// The value that stood there, if it is not `current`.
            #[track_caller]
            pub fn compare_exchange(
                &self,
                current: $value,
                new: $value,
                success: Ordering,
                failure: Ordering,
            ) -> Result<$value, $value> {
                seen(place(self), Access::Write, Location::caller().file());
                self.0.compare_exchange(current, new, success, failure)
            }

            /// As core's, but that it does not fail without a reason.
            ///
            /// # Errors
            ///
            /// The value that stood there, if it is not `current`.
            #[track_caller]
            pub fn compare_exchange_weak(
                &self,
                current: $value,
                new: $value,
                success: Ordering,
                failure: Ordering,
            ) -> Result<$value, $value> {
                self.compare_exchange(current, new, success, failure)
            }

            /// As core's.
            ///
            /// # Errors
            ///
            /// The value that stood there, if `update` answers `None`.
            #[track_caller]
            pub fn fetch_update(
                &self,
                set: Ordering,
                fetch: Ordering,
                update: impl FnMut($value) -> Option<$value>,
            ) -> Result<$value, $value> {
                seen(place(self), Access::Write, Location::caller().file());
                self.0.fetch_update(set, fetch, update)
            }

            /// As core's: no other thread is there.
            pub fn get_mut(&mut self) -> &mut $value {
                self.0.get_mut()
            }

            /// As core's.
            #[must_use]
            pub fn into_inner(self) -> $value {
                self.0.into_inner()
            }
        }

        impl $(<$t>)? fmt::Debug for $name $(<$t>)? {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl $(<$t>)? Default for $name $(<$t>)? {
            fn default() -> Self {
                Self(Default::default())
            }
        }
    };
}

macro_rules! counted_number {
    ($($name:ident: $value:ty: $($method:ident)*;)*) => {
        $(
            counted!($name, $value);
            impl $name {
                $(
                    /// As core's.
                    #[track_caller]
                    pub fn $method(&self, value: $value, order: Ordering) -> $value {
                        seen(place(self), Access::Write, Location::caller().file());
                        self.0.$method(value, order)
                    }
                )*
            }
        )*
    };
}

counted!(AtomicPtr<T>, *mut T);
counted_number! {
    AtomicBool: bool: fetch_and fetch_or;
    AtomicU8: u8: fetch_add fetch_sub fetch_max fetch_and fetch_or;
    AtomicU16: u16: fetch_add fetch_sub fetch_max fetch_and fetch_or;
    AtomicU32: u32: fetch_add fetch_sub fetch_max fetch_and fetch_or;
    AtomicU64: u64: fetch_add fetch_sub fetch_max fetch_and fetch_or;
    AtomicUsize: usize: fetch_add fetch_sub fetch_max fetch_and fetch_or;
}

/// The shim's cell, every access to which is counted as one to all that is in it.
#[derive(Debug, Default)]
#[repr(transparent)]
pub struct UnsafeCell<T: ?Sized>(core::cell::UnsafeCell<T>);

impl<T> UnsafeCell<T> {
    /// A cell that holds `value`.
    pub const fn new(value: T) -> Self {
        Self(core::cell::UnsafeCell::new(value))
    }

    /// The value, with the cell gone.
    pub fn into_inner(self) -> T {
        self.0.into_inner()
    }
}

impl<T: ?Sized> UnsafeCell<T> {
    /// A shared access. The closure must not be entered while an exclusive access is under way.
    pub fn with<R>(&self, access: impl FnOnce(*const T) -> R) -> R {
        seen(place(self), Access::Read, core::any::type_name::<T>());
        access(self.0.get())
    }

    /// An exclusive access. The closure must not be entered while another access is under way.
    pub fn with_mut<R>(&self, access: impl FnOnce(*mut T) -> R) -> R {
        seen(place(self), Access::Write, core::any::type_name::<T>());
        access(self.0.get())
    }
}
