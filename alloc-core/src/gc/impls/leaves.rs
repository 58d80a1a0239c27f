//! `Trace` for types that hold no traced pointer.

use super::leaf;
use crate::gc::{Static, Trace};
use crate::sync::language as atomic;

macro_rules! leaves {
    ($($(#[$attr:meta])* $of:ty),* $(,)?) => {$(
        // SAFETY: it holds no traced pointer.
        $(#[$attr])* unsafe impl<'gc> Trace<'gc> for $of { leaf!(sends); }
    )*};
}

leaves! {
    (), bool, char, str, u8, u16, u32, u64, u128, usize, i8, i16, i32, i64, i128, isize, f32, f64,
    core::num::NonZeroU8, core::num::NonZeroU16, core::num::NonZeroU32, core::num::NonZeroU64,
    core::num::NonZeroU128, core::num::NonZeroUsize, core::num::NonZeroI8, core::num::NonZeroI16,
    core::num::NonZeroI32, core::num::NonZeroI64, core::num::NonZeroI128, core::num::NonZeroIsize,
    core::time::Duration, core::any::TypeId, core::alloc::Layout, core::cmp::Ordering,
    core::ffi::CStr, core::convert::Infallible, core::marker::PhantomPinned, core::ops::RangeFull,
    core::fmt::Error, core::num::ParseIntError, core::num::ParseFloatError, core::num::TryFromIntError,
    core::str::ParseBoolError, core::str::Utf8Error, core::char::ParseCharError,
    core::net::IpAddr, core::net::Ipv4Addr, core::net::Ipv6Addr, core::net::SocketAddr,
    core::net::SocketAddrV4, core::net::SocketAddrV6, core::net::AddrParseError,
    crate::gc::Id,
    #[cfg(feature = "alloc")] alloc::string::String,
    #[cfg(feature = "alloc")] alloc::ffi::CString,
    #[cfg(feature = "alloc")] alloc::string::FromUtf8Error,
    #[cfg(feature = "alloc")] alloc::string::FromUtf16Error,
    #[cfg(feature = "alloc")] alloc::ffi::NulError,
    #[cfg(feature = "std")] std::path::Path,
    #[cfg(feature = "std")] std::path::PathBuf,
    #[cfg(feature = "std")] std::ffi::OsStr,
    #[cfg(feature = "std")] std::ffi::OsString,
    #[cfg(feature = "std")] std::time::Instant,
    #[cfg(feature = "std")] std::time::SystemTime,
    #[cfg(feature = "std")] std::fs::File,
    #[cfg(feature = "std")] std::io::Error,
    #[cfg(feature = "std")] std::io::ErrorKind,
    #[cfg(feature = "std")] std::env::VarError,
    #[cfg(feature = "std")] std::thread::ThreadId,
    #[cfg(feature = "std")] std::thread::Thread,
    #[cfg(feature = "std")] std::sync::Condvar,
    #[cfg(feature = "std")] std::sync::Barrier,
    #[cfg(feature = "std")] std::sync::Once,
    #[cfg(target_has_atomic = "8")] atomic::AtomicBool,
    #[cfg(target_has_atomic = "8")] atomic::AtomicU8,
    #[cfg(target_has_atomic = "8")] atomic::AtomicI8,
    #[cfg(target_has_atomic = "16")] atomic::AtomicU16,
    #[cfg(target_has_atomic = "16")] atomic::AtomicI16,
    #[cfg(target_has_atomic = "32")] atomic::AtomicU32,
    #[cfg(target_has_atomic = "32")] atomic::AtomicI32,
    #[cfg(target_has_atomic = "64")] atomic::AtomicU64,
    #[cfg(target_has_atomic = "64")] atomic::AtomicI64,
    #[cfg(target_has_atomic = "ptr")] atomic::AtomicUsize,
    #[cfg(target_has_atomic = "ptr")] atomic::AtomicIsize,
}

// SAFETY: what a static reference leads to was there before the heap: its type has no brand.
unsafe impl<'gc, T: ?Sized + 'static> Trace<'gc> for &'static T {
    leaf!();
}

// SAFETY: a type that is 'static holds no pointer with a brand.
unsafe impl<'gc, T: 'static> Trace<'gc> for Static<T> {
    leaf!();
}

// SAFETY: it has no value in it.
unsafe impl<'gc, T: ?Sized> Trace<'gc> for core::marker::PhantomData<T> {
    leaf!();
}

// SAFETY: 'static, as for `Static`; what it shares is not followed.
#[cfg(feature = "alloc")]
unsafe impl<'gc, T: ?Sized + 'static> Trace<'gc> for alloc::rc::Rc<T> {
    leaf!();
}

// SAFETY: as for `Rc`.
#[cfg(feature = "alloc")]
unsafe impl<'gc, T: ?Sized + 'static> Trace<'gc> for alloc::rc::Weak<T> {
    leaf!();
}

// SAFETY: as for `Rc`.
#[cfg(feature = "alloc")]
unsafe impl<'gc, T: ?Sized + 'static> Trace<'gc> for alloc::sync::Arc<T> {
    leaf!();
}

// SAFETY: as for `Rc`.
#[cfg(feature = "alloc")]
unsafe impl<'gc, T: ?Sized + 'static> Trace<'gc> for alloc::sync::Weak<T> {
    leaf!();
}

// SAFETY: a dynamic root is outside the heap; it keeps its object by itself.
#[cfg(feature = "alloc")]
unsafe impl<'gc, R> Trace<'gc> for crate::gc::DynamicRoot<R>
where
    R: for<'r> crate::gc::Rootable<'r>,
{
    leaf!();
}

macro_rules! functions {
    ($($argument:ident)*) => {
        // SAFETY: a function pointer holds no value.
        unsafe impl<'gc, Out, $($argument),*> Trace<'gc> for fn($($argument),*) -> Out { leaf!(sends); }
    };
}
functions!();
functions!(A);
functions!(A B);
functions!(A B D);
functions!(A B D E);
functions!(A B D E F);
