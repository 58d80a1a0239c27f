//! The implementation of `Trace` for a type.

use crate::bounds;
use crate::brand::brand;
use crate::options::{FieldOptions, TypeOptions};
use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Data, DeriveInput, Error, Field, Fields, Generics, Lifetime, Result, Type, parse_quote};

pub fn trace(input: &DeriveInput) -> Result<TokenStream> {
    let options = TypeOptions::of(&input.attrs)?;
    let variants = variants(input)?;
    let (brand, is_new) = brand(&input.generics, options.brand.as_ref())?;
    if options.leaf {
        return Ok(leaf(input, &brand, is_new));
    }
    for traced in variants.iter().flat_map(|variant| &variant.traced) {
        crate::refused::check(traced.of, &brand)?;
    }
    let plain = is_new && bounds::all_are_static(&input.generics, options.bound.as_ref());
    // Whose pointers the fields are asked for.
    let of = if plain { Lifetime::new("'static", Span::call_site()) } else { brand.clone() };
    let mut generics = input.generics.clone();
    let parameters = bounds::unbound(&input.generics, plain);
    let clause = generics.make_where_clause();
    if plain {
        let (ident, (_, arguments, _)) = (&input.ident, input.generics.split_for_impl());
        clause.predicates.push(parse_quote!(#ident #arguments: 'static));
    }
    match options.bound {
        Some(bound) => clause.predicates.extend(bound),
        None => {
            clause.predicates.extend(parameters.iter().map(|parameter| -> syn::WherePredicate {
                parse_quote!(#parameter: ::alloc_core::gc::Trace<#of>)
            }))
        }
    }
    let traced: Vec<&Traced> = variants.iter().flat_map(|variant| &variant.traced).collect();
    let constant = |name: &str| constant(&Ident::new(name, Span::call_site()), &traced, &of, input);
    let constants = ["NEEDS_TRACE", "HOLDS_COUNTED", "MAY_CYCLE"].map(constant);
    let sends = sends(input, &variants, &of);
    let shared = arms(&variants, &format_ident!("trace"), &of);
    let exclusive = arms(&variants, &format_ident!("trace_mut"), &of);
    let (header, clause) = header(&generics, &brand, is_new, &input.ident);
    let no_drop = no_drop(input);
    Ok(quote! {
        // SAFETY: every field is visited but those that are 'static, or functions; there is no `Drop` that could
        // look at what is gone. A type that is 'static as a whole has no pointers with a brand, so its fields may be
        // asked for those of any.
        #[automatically_derived]
        unsafe impl #header #clause {
            #(#constants)*
            const SENDS: bool = #sends;
            #[inline]
            fn trace<__V: ::alloc_core::gc::Visitor + ?::core::marker::Sized>(&self, __visitor: &mut __V) {
                const fn is_static<__T: ?::core::marker::Sized + 'static>(_: *const __T) {}
                const fn is_function<__T>(_: *const __T) {}
                match *self { #shared }
            }
            #[inline]
            fn trace_mut<__V: ::alloc_core::gc::VisitorMut + ?::core::marker::Sized>(&mut self, __visitor: &mut __V) {
                match *self { #exclusive }
            }
        }
        #no_drop
    })
}

/// A variant's pattern, and the fields that it binds.
struct Variant<'a> {
    path: TokenStream,
    traced: Vec<Traced<'a>>,
    skipped: Vec<Traced<'a>>,
    /// Pointers to functions, which hold nothing.
    functions: Vec<Traced<'a>>,
}

/// A field.
struct Traced<'a> {
    member: TokenStream,
    binding: Ident,
    of: &'a Type,
    recursive: bool,
}

fn variants(input: &DeriveInput) -> Result<Vec<Variant<'_>>> {
    match &input.data {
        Data::Struct(data) => Ok(vec![variant(quote!(Self), &data.fields)?]),
        Data::Enum(data) => {
            let of = |of: &'_ syn::Variant| {
                let ident = &of.ident;
                quote!(Self::#ident)
            };
            data.variants.iter().map(|v| variant(of(v), &v.fields)).collect()
        }
        Data::Union(data) => Err(Error::new_spanned(
            data.union_token,
            "nobody knows which field of a union is there: implement `Trace` by hand, or not at all",
        )),
    }
}

fn variant(path: TokenStream, fields: &Fields) -> Result<Variant<'_>> {
    let mut variant =
        Variant { path, traced: Vec::new(), skipped: Vec::new(), functions: Vec::new() };
    for (index, field) in fields.iter().enumerate() {
        let options = FieldOptions::of(&field.attrs)?;
        if options.skip {
            variant.skipped.push(traced(index, field, false));
        } else if is_function(&field.ty) {
            variant.functions.push(traced(index, field, false));
        } else {
            variant.traced.push(traced(index, field, options.recursive));
        }
    }
    Ok(variant)
}

/// Whether a type is that of a function pointer; one that takes references has no `Trace` of its own.
fn is_function(of: &Type) -> bool {
    match of {
        Type::BareFn(_) => true,
        Type::Paren(syn::TypeParen { elem, .. }) | Type::Group(syn::TypeGroup { elem, .. }) => {
            is_function(elem)
        }
        _ => false,
    }
}

fn traced(index: usize, field: &Field, recursive: bool) -> Traced<'_> {
    let place = syn::Index::from(index);
    let member = field.ident.as_ref().map_or_else(|| quote!(#place), ToTokens::to_token_stream);
    Traced { member, binding: format_ident!("__field_{index}"), of: &field.ty, recursive }
}

/// A match arm for each variant, which visits what it binds.
fn arms(variants: &[Variant<'_>], method: &Ident, brand: &Lifetime) -> TokenStream {
    let by = if method == "trace" { quote!(ref) } else { quote!(ref mut) };
    let arms = variants.iter().map(|Variant { path, traced, skipped, functions }| {
        // Every field is named, and its type has to be the one that was seen, without any coercion but to a
        // raw pointer: an attribute may have changed the type since.
        let is = |fields: &[Traced<'_>], is: &str| -> TokenStream {
            let is_it = fields.iter().map(|Traced { binding, of, .. }| {
                if method == "trace" {
                    let is = Ident::new(is, of.span());
                    quote_spanned!(of.span()=> #is::<#of>(#binding);)
                } else {
                    quote!(let _ = #binding;)
                }
            });
            is_it.collect()
        };
        let are_static = is(skipped, "is_static");
        let are_functions = is(functions, "is_function");
        let bindings = traced.iter().chain(skipped).chain(functions).map(|Traced { member, binding, .. }| quote!(#member: #by #binding));
        let visits = traced.iter().map(|Traced { binding, of, .. }| {
            // The compiler points at the field when its type does not implement `Trace`. What it names is named here,
            // also where another macro has written the field.
            let at = of.span().resolved_at(Span::call_site());
            quote_spanned!(at=> <#of as ::alloc_core::gc::Trace<#brand>>::#method(#binding, __visitor);)
        });
        quote!(#path { #(#bindings,)* } => { #are_static #are_functions #(#visits)* })
    });
    let none = variants.is_empty().then(|| quote!(_ => {}));
    quote!(#(#arms)* #none)
}

/// One of the constants: of all fields together.
fn constant(
    name: &Ident,
    traced: &[&Traced<'_>],
    brand: &Lifetime,
    input: &DeriveInput,
) -> TokenStream {
    let fields = traced.iter().map(|Traced { of, recursive, .. }| {
        // The constant of this type would depend on itself: so it is taken to be true.
        if *recursive || mentions(of.to_token_stream(), &input.ident) {
            quote!(true)
        } else {
            quote_spanned!(of.span()=> <#of as ::alloc_core::gc::Trace<#brand>>::#name)
        }
    });
    quote!(const #name: bool = false #(|| #fields)*;)
}

/// Whether the type is `Send` between mutations, when every brand may be taken for 'static: `Gc<'static, _>` is.
/// Of a type with parameters, nothing is known of the whole: so its fields are asked.
fn sends(input: &DeriveInput, variants: &[Variant<'_>], brand: &Lifetime) -> TokenStream {
    if input.generics.type_params().next().is_none() {
        let (ident, lifetimes) =
            (&input.ident, input.generics.lifetimes().map(|_| quote!('static)));
        let consts = input.generics.const_params().map(|of| of.ident.to_token_stream());
        let arguments = lifetimes.chain(consts);
        return is_send(&quote!(#ident<#(#arguments),*>));
    }
    let traced = variants.iter().flat_map(|variant| &variant.traced);
    let traced = traced.map(|Traced { of, recursive, .. }| {
        if *recursive || mentions(of.to_token_stream(), &input.ident) {
            quote!(false)
        } else {
            quote_spanned!(of.span()=> <#of as ::alloc_core::gc::Trace<#brand>>::SENDS)
        }
    });
    let skipped = variants.iter().flat_map(|variant| &variant.skipped);
    let skipped = skipped.map(|field| is_send(&field.of.to_token_stream()));
    quote!(true #(&& #traced)* #(&& #skipped)*)
}

/// Asks the compiler.
fn is_send(of: &TokenStream) -> TokenStream {
    quote!({
        #[allow(unused_imports)]
        use ::alloc_core::gc::__Otherwise as _;
        <::alloc_core::gc::__Asked<#of>>::SENDS
    })
}

/// Whether a type names `ident`, or `Self`.
fn mentions(of: TokenStream, ident: &Ident) -> bool {
    of.into_iter().any(|token| match token {
        TokenTree::Ident(found) => found == *ident || found == "Self",
        TokenTree::Group(group) => mentions(group.stream(), ident),
        _ => false,
    })
}

/// `<'gc, T> Trace<'gc> for Type<T>`, and the where clause.
fn header(
    generics: &Generics,
    brand: &Lifetime,
    is_new: bool,
    ident: &Ident,
) -> (TokenStream, TokenStream) {
    let (_, of, clause) = generics.split_for_impl();
    let mut with_brand = generics.clone();
    if is_new {
        with_brand.params.insert(0, parse_quote!(#brand));
    }
    let (parameters, _, _) = with_brand.split_for_impl();
    let header = quote!(#parameters ::alloc_core::gc::Trace<#brand> for #ident #of);
    (header, clause.to_token_stream())
}

/// A type without any traced pointer: the compiler checks that it is 'static.
fn leaf(input: &DeriveInput, brand: &Lifetime, is_new: bool) -> TokenStream {
    let mut generics = input.generics.clone();
    let ident = &input.ident;
    let (_, of, _) = input.generics.split_for_impl();
    let sends = is_send(&quote!(Self));
    generics.make_where_clause().predicates.push(parse_quote!(#ident #of: 'static));
    let (header, clause) = header(&generics, brand, is_new, ident);
    quote! {
        // SAFETY: a 'static type holds no pointer with a brand.
        #[automatically_derived]
        unsafe impl #header #clause {
            const NEEDS_TRACE: bool = false;
            const HOLDS_COUNTED: bool = false;
            const MAY_CYCLE: bool = false;
            const SENDS: bool = #sends;
            #[inline(always)]
            fn trace<__V: ::alloc_core::gc::Visitor + ?::core::marker::Sized>(&self, _: &mut __V) {}
            #[inline(always)]
            fn trace_mut<__V: ::alloc_core::gc::VisitorMut + ?::core::marker::Sized>(&mut self, _: &mut __V) {}
        }
    }
}

/// Two implementations that collide if the type implements `Drop`. The trait's name is what the compiler says of it.
fn no_drop(input: &DeriveInput) -> TokenStream {
    let ident = &input.ident;
    let (parameters, of, clause) = input.generics.split_for_impl();
    let name = Ident::new("MustNotImplementDropUnlessItIsMarkedTraceLeaf", ident.span());
    quote! {
        const _: () = {
            trait #name {}
            #[allow(drop_bounds)]
            impl<__T: ?::core::marker::Sized + ::core::ops::Drop> #name for __T {}
            #[automatically_derived]
            impl #parameters #name for #ident #of #clause {}
        };
    }
}
