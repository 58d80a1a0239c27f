//! Which of a type's lifetimes is the heap's.

use syn::{Error, Generics, Lifetime, Result};

/// The brand, and whether the implementation has to introduce it.
pub fn brand(generics: &Generics, named: Option<&Lifetime>) -> Result<(Lifetime, bool)> {
    let mut lifetimes = generics.lifetimes().map(|parameter| &parameter.lifetime);
    if let Some(named) = named {
        return match lifetimes.any(|lifetime| lifetime == named) {
            true => Ok((named.clone(), false)),
            false => Err(Error::new_spanned(named, "the type has no such lifetime")),
        };
    }
    let all: Vec<_> = lifetimes.collect();
    if let Some(gc) = all.iter().find(|lifetime| lifetime.ident == "gc") {
        return Ok(((*gc).clone(), false));
    }
    match *all {
        [] => Ok((Lifetime::new("'gc", proc_macro2::Span::mixed_site()), true)),
        [only] => Ok((only.clone(), false)),
        _ => Err(Error::new_spanned(
            generics,
            "which of these lifetimes is the brand of the heap? Name it 'gc, or write `#[trace(brand = 'a)]`",
        )),
    }
}
