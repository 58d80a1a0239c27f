//! The C and C++ surface, checked from inside programs: `programs/*.c` and `cxx.cpp` say what.
//!
//! Each program runs on the system's allocator first, which shows that it asks for nothing but
//! what is promised; then on Strata; then on Strata while it is recorded.

mod common;

use common::{Run, compile, compile_shared, scratch, signal};

fn everywhere(source: &str) {
    let program = compile(source);
    Run::new(&program).must_pass();
    Run::new(&program).on_strata().must_pass();
    let trace = scratch(&format!("{source}.strata"));
    let trace = trace.to_str().expect("the path is UTF-8");
    Run::new(&program).on_strata().with("STRATA_RECORD", trace).must_pass();
}

#[test]
fn every_symbol_is_ours() {
    everywhere("symbols.c");
}

#[test]
fn malloc_and_its_family() {
    everywhere("surface.c");
}

#[test]
fn alignments() {
    everywhere("aligned.c");
}

#[test]
fn free_keeps_errno() {
    everywhere("errno.c");
}

#[test]
fn threads_that_share_and_end() {
    everywhere("threads.c");
}

#[test]
fn fork_under_busy_threads() {
    everywhere("fork.c");
}

/// Beside a thread that gives back whatever it can, as often as it can.
#[test]
fn beside_the_purger() {
    for source in ["idle.c", "surface.c", "threads.c", "fork.c"] {
        Run::new(&compile(source)).on_strata().with("STRATA_IDLE_MS", "1").must_pass();
    }
}

#[test]
fn idle_memory_goes_back() {
    let program = compile("idle.c");
    Run::new(&program).must_pass();
    Run::new(&program).on_strata().with("STRATA_IDLE_MS", "50").must_pass();
}

#[test]
fn figures() {
    everywhere("info.c");
}

#[test]
fn operators_new_and_delete() {
    everywhere("cxx.cpp");
}

#[test]
fn a_private_cxx_runtime_is_found() {
    let (host, plugin) = (compile("host.c"), compile_shared("plugin.cpp"));
    let plugin = plugin.to_str().expect("the path is UTF-8");
    Run::new(&host).arg(plugin).must_pass();
    Run::new(&host).on_strata().arg(plugin).must_pass();
}

#[test]
fn memory_of_the_next_library() {
    everywhere("foreign.c");
}

#[test]
fn what_nobody_allocated_ends_the_program() {
    let output = Run::new(&compile("foreign.c")).on_strata().arg("nobody").output();
    assert_eq!(signal(&output), Some(6), "{output:?}");
    assert!(!output.stderr.is_empty(), "it says why");
}

#[test]
fn limits_of_the_address_space() {
    let program = compile("limits.c");
    Run::limited(&program, 700_000).must_pass();
    for kib in [300_000, 700_000, 3_000_000] {
        Run::limited(&program, kib).on_strata().must_pass();
    }
}

/// A thread's first allocation, when there is no memory, and when the thread ends.
#[test]
fn first_allocations_at_bad_moments() {
    let program = compile("starved.c");
    Run::new(&program).must_pass();
    Run::new(&program).on_strata().must_pass();
    Run::new(&program).on_strata().arg("starve").must_pass();
}
