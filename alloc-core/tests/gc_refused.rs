//! What the compiler has to refuse: each file in `refused` is an escape from a heap, or a type that no collector
//! could see through. Beside it stands what the compiler says.
//!
//! `TRYBUILD=overwrite cargo test -p alloc-core --test gc_refused` writes that anew; look at it.

// Stable compilers word their errors in another way than nightly ones.
#[cfg_attr(strata_nightly, ignore)]
#[test]
fn gc_refused() {
    trybuild::TestCases::new().compile_fail("tests/refused/*.rs");
}
