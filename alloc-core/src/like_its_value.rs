//! [`like_its_value!`](crate::like_its_value): what a pointer does because the value that it points at does.
//!
//! Above: `Gc` here, the counted pointers of rc-cycle, the boxes of pool-prealloc, and pointers that users write. Below: the
//! pointer's `Deref`, by which alone each method gets at the value.

/// Has a pointer compared, hashed, printed and borrowed as its value is.
///
/// It writes `Debug`, `Display`, `Pointer` (the value's address), `PartialEq`, `Eq`, `PartialOrd`, `Ord`, `Hash`,
/// `Borrow`, `AsRef` and `Error`, each for those values that have it, as `Box` and `Rc` have them. So a map with such keys
/// may be asked by a value.
///
/// ```
/// use alloc_core::like_its_value;
/// use std::{collections::HashSet, ops::Deref, sync::Arc};
///
/// /// A name that is kept once, however often it is written.
/// #[derive(Clone)]
/// struct Name<T: ?Sized>(Arc<T>);
///
/// impl<T: ?Sized> Deref for Name<T> {
///     type Target = T;
///     fn deref(&self) -> &T {
///         &self.0
///     }
/// }
///
/// like_its_value! { impl[T: ?Sized] for Name<T>, where T is the value }
///
/// let names = HashSet::from([Name::<str>("granite".into()), Name("basalt".into())]);
/// assert!(names.contains("basalt"));
/// assert_eq!(names.iter().max().map(ToString::to_string).as_deref(), Some("granite"));
/// ```
#[macro_export]
macro_rules! like_its_value {
    (impl[$($generics:tt)*] for $pointer:ty, where $value:ident is the value) => {
        $crate::like_its_value! { @each [$($generics)*] $pointer, $value;
            [::core::fmt::Debug] {
                fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                    ::core::fmt::Debug::fmt(&**self, f)
                }
            }
            [::core::fmt::Display] {
                fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                    ::core::fmt::Display::fmt(&**self, f)
                }
            }
            [::core::cmp::PartialEq] {
                #[inline]
                fn eq(&self, other: &Self) -> bool {
                    **self == **other
                }
            }
            [::core::cmp::Eq] {}
            [::core::cmp::PartialOrd] {
                #[inline]
                fn partial_cmp(&self, other: &Self) -> ::core::option::Option<::core::cmp::Ordering> {
                    ::core::cmp::PartialOrd::partial_cmp(&**self, &**other)
                }
            }
            [::core::cmp::Ord] {
                #[inline]
                fn cmp(&self, other: &Self) -> ::core::cmp::Ordering {
                    ::core::cmp::Ord::cmp(&**self, &**other)
                }
            }
            [::core::hash::Hash] {
                #[inline]
                fn hash<S: ::core::hash::Hasher>(&self, state: &mut S) {
                    ::core::hash::Hash::hash(&**self, state);
                }
            }
            [::core::error::Error] {
                fn source(&self) -> ::core::option::Option<&(dyn ::core::error::Error + 'static)> {
                    ::core::error::Error::source(&**self)
                }
            }
        }
        impl<$($generics)*> ::core::fmt::Pointer for $pointer {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                ::core::fmt::Pointer::fmt(&(&raw const **self), f)
            }
        }
        impl<$($generics)*> ::core::borrow::Borrow<$value> for $pointer {
            #[inline]
            fn borrow(&self) -> &$value {
                self
            }
        }
        impl<$($generics)*> ::core::convert::AsRef<$value> for $pointer {
            #[inline]
            fn as_ref(&self) -> &$value {
                self
            }
        }
    };
    (@each $generics:tt $pointer:ty, $value:ident; $([$what:path] $body:tt)*) => {$(
        $crate::like_its_value! { @one $generics $pointer, $value, $what, $body }
    )*};
    (@one [$($generics:tt)*] $pointer:ty, $value:ident, $what:path, { $($body:tt)* }) => {
        impl<$($generics)*> $what for $pointer
        where
            $value: $what,
        {
            $($body)*
        }
    };
}
