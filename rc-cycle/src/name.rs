//! Names of types, for people: pointers by the names that the user knows.
//!
//! Above: drawings, censuses. Below: the compiler's names.

use crate::kind::Local;
use crate::pointer::Pointer;
use crate::weak::WeakPointer;
use alloc::string::String;
use alloc_core::api2::alloc::Global;
use core::any::type_name;

/// A type's name, with `Cc` and `Weak` in it instead of what they stand for.
pub(crate) fn short(name: &str) -> String {
    let pointer = type_name::<Pointer<u8, Global, Local>>();
    let weak = type_name::<WeakPointer<u8, Global, Local>>();
    let (pointer, rest) = pointer.split_once("u8").unwrap_or((pointer, ">"));
    let weak = weak.split_once("u8").map_or(weak, |(weak, _)| weak);
    let local = [", ", type_name::<Local>(), ">"].concat();
    let name = name.replace(rest, ">").replace(&local, ">");
    #[cfg(feature = "std")]
    let name = {
        let kind = [", ", type_name::<crate::kind::Shared>(), ">"].concat();
        let global = [", ", type_name::<Global>(), &kind].concat();
        name.replace(&global, ">").replace(&kind, ">")
    };
    name.replace(pointer, "Cc<").replace(weak, "Weak<")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Cc, Weak};
    use alloc::vec::Vec;

    #[test]
    fn pointers_have_their_short_names() {
        let name = |name: &str| short(name).replace("alloc::vec::", "");
        assert_eq!(name(type_name::<Cc<u8>>()), "Cc<u8>");
        assert_eq!(name(type_name::<Vec<(Weak<Cc<str>>, u8)>>()), "Vec<(Weak<Cc<str>>, u8)>");
        assert_eq!(
            name(type_name::<Cc<u8, &'static Global>>()),
            ["Cc<u8, &", type_name::<Global>(), ">"].concat()
        );
        #[cfg(feature = "std")]
        assert_eq!(name(type_name::<crate::sync::Cc<Cc<u8>>>()), "Cc<Cc<u8>>");
    }
}
