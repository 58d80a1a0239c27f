//! Of two lifetimes, one has to be named as the brand.

use alloc_core::gc::*;

#[derive(Trace)]
struct Node<'a, 'b: 'a>(Gc<'a, u8>, std::marker::PhantomData<&'b ()>);

fn main() {}
