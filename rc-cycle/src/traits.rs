//! What pointers do because their values do.
//!
//! Above: the user. Below: the values.

use crate::kind::{Admits, Kind};
use crate::pointer::Pointer;
use crate::target::Target;
use alloc_core::Layer;
use alloc_core::api2::alloc::Global;
use core::borrow::Borrow;
use core::cmp::Ordering;
use core::error::Error;
use core::fmt;
use core::hash::{Hash, Hasher};
use core::panic::{RefUnwindSafe, UnwindSafe};

macro_rules! for_pointers {
    ($(impl [$($bound:tt)*] $($what:ident)::+ $(<$of:ident>)? { $($body:tt)* })*) => {$(
        impl<T: ?Sized + Target + $($bound)*, A: Layer + 'static, K: Kind> $($what)::+ $(<$of>)?
            for Pointer<T, A, K>
        {
            $($body)*
        }
    )*};
}

for_pointers! {
    impl [fmt::Debug] fmt::Debug {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            (**self).fmt(f)
        }
    }
    impl [fmt::Display] fmt::Display {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            (**self).fmt(f)
        }
    }
    impl [] fmt::Pointer {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            fmt::Pointer::fmt(&Self::as_ptr(self), f)
        }
    }
    impl [PartialEq] PartialEq {
        #[inline]
        fn eq(&self, other: &Self) -> bool {
            **self == **other
        }
    }
    impl [Eq] Eq {}
    impl [PartialOrd] PartialOrd {
        #[inline]
        fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
            (**self).partial_cmp(&**other)
        }
    }
    impl [Ord] Ord {
        #[inline]
        fn cmp(&self, other: &Self) -> Ordering {
            (**self).cmp(&**other)
        }
    }
    impl [Hash] Hash {
        #[inline]
        fn hash<H: Hasher>(&self, state: &mut H) {
            (**self).hash(state);
        }
    }
    impl [] Borrow<T> {
        fn borrow(&self) -> &T {
            self
        }
    }
    impl [] AsRef<T> {
        fn as_ref(&self) -> &T {
            self
        }
    }
    impl [Error] Error {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            (**self).source()
        }
    }
    impl [RefUnwindSafe] UnwindSafe {}
    impl [RefUnwindSafe] RefUnwindSafe {}
    impl [] Unpin {}
}

impl<T: Target + Default, K: Admits<T>> Default for Pointer<T, Global, K> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T: Target, K: Admits<T>> From<T> for Pointer<T, Global, K> {
    fn from(value: T) -> Self {
        Self::new(value)
    }
}

/// As what they point at. What is shared is written several times, and is not shared when it is read; a cycle cannot be
/// written.
#[cfg(feature = "serde")]
mod serialised {
    use super::{Admits, Global, Kind, Layer, Pointer, Target};
    use alloc::boxed::Box;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    impl<T: ?Sized + Target + Serialize, A: Layer + 'static, K: Kind> Serialize for Pointer<T, A, K> {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            (**self).serialize(serializer)
        }
    }

    impl<'de, T: ?Sized + Target, K: Admits<T>> Deserialize<'de> for Pointer<T, Global, K>
    where
        Box<T>: Deserialize<'de>,
        Self: From<Box<T>>,
    {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            Box::<T>::deserialize(deserializer).map(Self::from)
        }
    }
}
