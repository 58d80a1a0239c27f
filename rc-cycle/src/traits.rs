//! What pointers do because their values do.
//!
//! Above: the user. Below: the values.

use crate::kind::{Admits, Kind};
use crate::pointer::Pointer;
use crate::target::Target;
use alloc_core::Layer;
use alloc_core::api2::alloc::Global;
use core::panic::{RefUnwindSafe, UnwindSafe};

alloc_core::like_its_value! {
    impl[T: ?Sized + Target, A: Layer + 'static, K: Kind] for Pointer<T, A, K>, where T is the value
}

impl<T: ?Sized + Target + RefUnwindSafe, A: Layer + 'static, K: Kind> UnwindSafe
    for Pointer<T, A, K>
{
}
impl<T: ?Sized + Target + RefUnwindSafe, A: Layer + 'static, K: Kind> RefUnwindSafe
    for Pointer<T, A, K>
{
}
impl<T: ?Sized + Target, A: Layer + 'static, K: Kind> Unpin for Pointer<T, A, K> {}

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
