//! What the compiler has to refuse: each file in `refused` would outlive a frame, a bump or a herd, or meet it on two
//! threads. Beside it stands what the compiler says.
//!
//! `TRYBUILD=overwrite cargo test -p alloc-arena --test refused` writes that anew; look at it.

#![cfg(not(loom))]

/// The name is one that the lane of nightly's sanitizer leaves out: compilers word their errors differently.
#[test]
fn gc_refused_arena() {
    trybuild::TestCases::new().compile_fail("tests/refused/*.rs");
}
