//! Every allocator of this crate through the conformance kit, alone and stacked.

use alloc_core::api2::alloc::{Global, System};
use alloc_core::conformance::Kit;
use alloc_sizeclass::{Compact, SizeClassHeap, ThreadCache, thread_cache};

#[test]
fn heap_over_global() {
    Kit::layer(|| SizeClassHeap::<Global>::new(Global)).threads().check();
}

#[test]
fn heap_with_a_compact_table() {
    Kit::layer(|| SizeClassHeap::<System, Compact>::new(System)).threads().check();
}

#[test]
fn heap_over_heap() {
    let stack = || SizeClassHeap::<_>::new(SizeClassHeap::<System>::new(System));
    Kit::layer(stack).threads().cases(32).check();
}

#[test]
fn cache_as_a_value() {
    Kit::layer(|| ThreadCache::new(SizeClassHeap::<System>::new(System))).threads().check();
}

#[test]
fn cache_over_cache() {
    let stack = || ThreadCache::new(ThreadCache::new(SizeClassHeap::<System>::new(System)));
    Kit::layer(stack).threads().cases(32).check();
}

thread_cache! {
    static STACK: SizeClassHeap<System> = SizeClassHeap::new(System);
}

thread_cache! {
    #[initial_exec = "strata_test_conformance_tls"]
    static INITIAL_EXEC: SizeClassHeap<System> = SizeClassHeap::new(System);
}

#[test]
fn cache_as_a_static() {
    Kit::layer(|| &STACK).threads().clones().check();
}

#[test]
fn cache_with_initial_exec_storage() {
    Kit::layer(|| &INITIAL_EXEC).threads().clones().check();
}
