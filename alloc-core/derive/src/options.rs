//! What `#[trace(…)]` says, on a type and on a field.

use syn::punctuated::Punctuated;
use syn::{Attribute, Error, Lifetime, LitStr, Result, Token, WherePredicate};

/// On a type.
#[derive(Default)]
pub struct TypeOptions {
    pub leaf: bool,
    pub brand: Option<Lifetime>,
    pub bound: Option<Punctuated<WherePredicate, Token![,]>>,
}

/// On a field.
#[derive(Default)]
pub struct FieldOptions {
    pub skip: bool,
    pub recursive: bool,
}

impl TypeOptions {
    pub fn of(attributes: &[Attribute]) -> Result<Self> {
        let mut options = Self::default();
        for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("trace")) {
            attribute.parse_nested_meta(|meta| {
                if meta.path.is_ident("leaf") {
                    options.leaf = true;
                } else if meta.path.is_ident("brand") {
                    options.brand = Some(meta.value()?.parse()?);
                } else if meta.path.is_ident("bound") {
                    let text: LitStr = meta.value()?.parse()?;
                    options.bound = Some(text.parse_with(Punctuated::parse_terminated)?);
                } else {
                    return Err(meta.error("on a type: `leaf`, `brand = 'gc`, `bound = \"…\"`"));
                }
                Ok(())
            })?;
        }
        Ok(options)
    }
}

impl FieldOptions {
    pub fn of(attributes: &[Attribute]) -> Result<Self> {
        let mut options = Self::default();
        for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("trace")) {
            attribute.parse_nested_meta(|meta| {
                if meta.path.is_ident("skip") {
                    options.skip = true;
                } else if meta.path.is_ident("recursive") {
                    options.recursive = true;
                } else {
                    return Err(meta.error("on a field: `skip`, `recursive`"));
                }
                Ok(())
            })?;
            if options.skip && options.recursive {
                return Err(Error::new_spanned(attribute, "`skip` or `recursive`, not both"));
            }
        }
        Ok(options)
    }
}
