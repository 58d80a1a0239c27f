//! What the compiler would refuse with an error about lifetimes is refused here first, with a reason.
//!
//! By name only: what a type alias hides, the compiler finds.

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use syn::{Error, Lifetime, Result, Type};

/// Types by their names, where a traced pointer must not be in them, and why.
const REFUSED: &[(&[&str], Part, &str)] = &[
    (
        &["Cell", "RefCell", "OnceCell", "UnsafeCell", "Mutex", "RwLock"],
        Part::All,
        "this cell of traced pointers bypasses the write barrier: use `gc::Lock`, `gc::RefLock` or `gc::OnceLock`",
    ),
    (
        &["Rc", "Arc"],
        Part::All,
        "a collector cannot look into what other owners share: use `gc::Gc` instead of a counted pointer",
    ),
    (
        &["HashMap", "BTreeMap", "IndexMap"],
        Part::First,
        "keys in this map cannot be rewritten when objects move: use `gc::Map` (feature `hashbrown`), or for keys by identity `gc::Id`",
    ),
    (
        &["HashSet", "BTreeSet", "IndexSet"],
        Part::First,
        "keys in this set cannot be rewritten when objects move: use `gc::Set` (feature `hashbrown`), or for keys by identity `gc::Id`",
    ),
    (
        &["BinaryHeap"],
        Part::First,
        "elements of this heap cannot be rewritten when objects move: those of a `Vec` can",
    ),
];

/// Which of a type's arguments.
#[derive(PartialEq)]
enum Part {
    All,
    First,
}

/// Whether a field's type is fit to be traced, as far as its text says.
pub fn check(of: &Type, brand: &Lifetime) -> Result<()> {
    if let Type::Reference(reference) = of
        && reference.lifetime.as_ref().is_some_and(|lifetime| lifetime == brand)
    {
        let why = "a traced value cannot borrow: own what this leads to (`gc::Gc`, `String`, `Box`), or let it be `&'static`";
        return Err(Error::new_spanned(of, why));
    }
    match find(of.to_token_stream(), brand) {
        Some((token, why)) => Err(Error::new(token.span(), why)),
        None => Ok(()),
    }
}

/// A refused name with the brand between the angle brackets behind it.
fn find(of: TokenStream, brand: &Lifetime) -> Option<(TokenTree, &'static str)> {
    let tokens: Vec<TokenTree> = of.into_iter().collect();
    for (at, token) in tokens.iter().enumerate() {
        if let TokenTree::Group(group) = token
            && let Some(found) = find(group.stream(), brand)
        {
            return Some(found);
        }
        let TokenTree::Ident(name) = token else { continue };
        let name = name.to_string();
        let refused = REFUSED.iter().find(|(names, ..)| names.contains(&name.as_str()));
        let arguments = arguments(&tokens[at + 1..]);
        // Another type of that name, with a lifetime of its own, is fine.
        let is_other = arguments.get(1).is_some_and(is_quote);
        if let Some((_, part, why)) = refused
            && !is_other
            && mentions(if *part == Part::First { first(arguments) } else { arguments }, brand)
        {
            return Some((token.clone(), why));
        }
    }
    None
}

/// What stands between the angle brackets with which `tokens` begin.
fn arguments(tokens: &[TokenTree]) -> &[TokenTree] {
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate() {
        if let TokenTree::Punct(punct) = token {
            match punct.as_char() {
                '<' => depth += 1,
                '>' => depth = depth.saturating_sub(1),
                _ => {}
            }
        }
        if depth == 0 {
            return &tokens[..at];
        }
    }
    tokens
}

/// What of some arguments stands before the comma that ends the first one.
fn first(arguments: &[TokenTree]) -> &[TokenTree] {
    let mut depth = 0_usize;
    for (at, token) in arguments.iter().enumerate() {
        let TokenTree::Punct(punct) = token else { continue };
        match punct.as_char() {
            '<' => depth += 1,
            '>' => depth = depth.saturating_sub(1),
            // The bracket that all arguments are in is one.
            ',' if depth == 1 => return &arguments[..at],
            _ => {}
        }
    }
    arguments
}

/// Whether a lifetime begins with this token.
fn is_quote(token: &TokenTree) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == '\'')
}

/// Whether a lifetime is among the tokens.
fn mentions(tokens: &[TokenTree], brand: &Lifetime) -> bool {
    let in_row = |pair: &[TokenTree]| {
        is_quote(&pair[0]) && matches!(&pair[1], TokenTree::Ident(name) if *name == brand.ident)
    };
    let in_group = |token: &TokenTree| match token {
        TokenTree::Group(group) => mentions(&group.stream().into_iter().collect::<Vec<_>>(), brand),
        _ => false,
    };
    tokens.windows(2).any(in_row) || tokens.iter().any(in_group)
}
