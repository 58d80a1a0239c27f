//! Which of a type's parameters are bound by what.
//!
//! By name only, as a macro sees no more.

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use syn::punctuated::Punctuated;
use syn::{Generics, Ident, Token, Type, TypeParam, TypeParamBound, WherePredicate};

/// Whether a type without lifetimes has parameters, and each is bound to be 'static: no value of it can have a brand
/// then. A bound that the user has written out for the brand says otherwise.
pub fn all_are_static(
    generics: &Generics,
    bound: Option<&Punctuated<WherePredicate, Token![,]>>,
) -> bool {
    let has_brand = bound.is_some_and(|bound| names_brand(bound.to_token_stream()));
    let mut parameters = generics.type_params().peekable();
    !has_brand && parameters.peek().is_some() && parameters.all(|of| is_static(generics, of))
}

/// Whether a lifetime `'gc` is among the tokens.
fn names_brand(tokens: TokenStream) -> bool {
    let mut is_quote = false;
    tokens.into_iter().any(|token| {
        let was_quote = core::mem::replace(
            &mut is_quote,
            matches!(&token, TokenTree::Punct(punct) if punct.as_char() == '\''),
        );
        match token {
            TokenTree::Ident(name) => was_quote && name == "gc",
            TokenTree::Group(group) => names_brand(group.stream()),
            _ => false,
        }
    })
}

/// The parameters that `Trace` has to be asked of: not those of allocators, and, in a type that is all 'static, not those
/// of which the user asks it.
pub fn unbound(generics: &Generics, plain: bool) -> Vec<&Ident> {
    let is_unbound = |of: &&TypeParam| {
        !(is_bound_by(generics, of, &["Layer", "Allocator"])
            || plain && is_bound_by(generics, of, &["Trace"]))
    };
    generics.type_params().filter(is_unbound).map(|of| &of.ident).collect()
}

fn is_static(generics: &Generics, of: &TypeParam) -> bool {
    bounds(generics, of).any(
        |bound| matches!(bound, TypeParamBound::Lifetime(lifetime) if lifetime.ident == "static"),
    )
}

fn is_bound_by(generics: &Generics, of: &TypeParam, names: &[&str]) -> bool {
    bounds(generics, of).any(|bound| match bound {
        TypeParamBound::Trait(bound) => {
            let name = trait_name(bound.path.to_token_stream());
            name.is_some_and(|found| names.iter().any(|name| found == name))
        }
        _ => false,
    })
}

/// The last name of a path, without what is between angle brackets.
fn trait_name(path: TokenStream) -> Option<Ident> {
    let is_open = |token: &TokenTree| matches!(token, TokenTree::Punct(p) if p.as_char() == '<');
    let names =
        path.into_iter().take_while(|token| !is_open(token)).filter_map(|token| match token {
            TokenTree::Ident(name) => Some(name),
            _ => None,
        });
    names.last()
}

/// The bounds of a parameter, where it is declared and behind `where`.
fn bounds<'g>(
    generics: &'g Generics,
    of: &'g TypeParam,
) -> impl Iterator<Item = &'g TypeParamBound> {
    let clause = generics.where_clause.iter().flat_map(|clause| &clause.predicates);
    let behind = clause.filter_map(|predicate| match predicate {
        WherePredicate::Type(predicate) => Some(predicate),
        _ => None,
    });
    let behind = behind.filter(|predicate| match &predicate.bounded_ty {
        Type::Path(path) => path.path.is_ident(&of.ident),
        _ => false,
    });
    of.bounds.iter().chain(behind.flat_map(|predicate| &predicate.bounds))
}
