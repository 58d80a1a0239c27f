//! What is printed for people: dead cycles as drawings, censuses; and in both, types by the names that the user knows.
//!
//! Above: the user. Below: what was found, what was counted; the pointers, whose names are the compiler's.

#[cfg(feature = "census")]
use crate::census::Count;
use crate::figures::Found;
use crate::header::{record, visit};
use crate::pointer::Pointer;
use crate::visit::Act;
use crate::weak::WeakPointer;
use crate::words::{Local, words};
use alloc::string::String;
use alloc::vec::Vec;
use alloc_core::api2::alloc::Global;
use core::any::type_name;
use core::fmt;

/// A type's name, with `Cc` and `Weak` in it instead of what they stand for.
fn short(name: &str) -> String {
    let pointer = type_name::<Pointer<u8, Global, Local>>();
    let weak = type_name::<WeakPointer<u8, Global, Local>>();
    let (pointer, rest) = pointer.split_once("u8").unwrap_or((pointer, ">"));
    let weak = weak.split_once("u8").map_or(weak, |(weak, _)| weak);
    let local = [", ", type_name::<Local>(), ">"].concat();
    let name = name.replace(rest, ">").replace(&local, ">");
    #[cfg(feature = "std")]
    let name = {
        let kind = [", ", type_name::<crate::words::Shared>(), ">"].concat();
        let global = [", ", type_name::<Global>(), &kind].concat();
        name.replace(&global, ">").replace(&kind, ">")
    };
    name.replace(pointer, "Cc<").replace(weak, "Weak<")
}

#[cfg(feature = "census")]
impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>9} objects, {:>12} bytes: {}", self.objects, self.bytes, short(self.name))
    }
}

impl fmt::Display for Found<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "digraph cycle {{")?;
        for &value in self.values() {
            // SAFETY: as in `types`. One count is the step's.
            let (name, strong) =
                unsafe { (short((record(value).name)()), words::<Local>(value).strong.get() - 1) };
            writeln!(f, "  n{:x} [label=\"{name}\\n{strong} pointers\"];", value.addr())?;
        }
        for &value in self.values() {
            let mut to = Vec::new();
            // SAFETY: as in `types`; this is a step.
            unsafe { visit(value, Act::Look(&mut |other| to.push(other))) };
            for other in to {
                writeln!(f, "  n{:x} -> n{:x};", value.addr(), other.addr())?;
            }
        }
        writeln!(f, "}}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Cc, Weak};

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
