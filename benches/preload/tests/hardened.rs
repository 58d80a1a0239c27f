//! `STRATA_HARDENED`, from outside: programs that keep to the rules are as ever; those that do not are stopped.

mod common;

use common::{Run, compile, signal};

/// A program of the surface behaves as ever.
#[test]
fn right_programs_are_as_ever() {
    for source in [
        "symbols.c",
        "surface.c",
        "aligned.c",
        "errno.c",
        "threads.c",
        "fork.c",
        "cxx.cpp",
        "info.c",
    ] {
        Run::new(&compile(source)).on_strata().with("STRATA_HARDENED", "1").must_pass();
    }
    let program = compile("hardened.cpp");
    Run::new(&program).on_strata().with("STRATA_HARDENED", "1").arg("none").must_pass();
}

/// Who recorded or profiled it before it was hardened is not disturbed; a hardened program is not watched.
#[test]
fn it_goes_before_watchers_and_behind_recorders() {
    let program = compile("hardened.cpp");
    let hardened = || Run::new(&program).on_strata().with("STRATA_HARDENED", "1");
    let watched = hardened().with("STRATA_SAMPLED", "0").arg("delete-of-malloc");
    assert_eq!(signal(&watched.output()), Some(6));
    let trace = common::scratch("hardened.strata");
    let trace = trace.to_str().expect("the path is UTF-8");
    let output = hardened().with("STRATA_RECORD", trace).arg("delete-of-malloc").must_pass();
    assert!(String::from_utf8_lossy(&output.stderr).contains("recorded, and so not hardened"));
}

/// Ended by `SIGABRT`, with these words.
#[test]
fn mistakes_are_named() {
    let program = compile("hardened.cpp");
    for (kind, words) in [
        ("double-free", "double free"),
        ("double-free-among-others", "double free"),
        ("realloc-after-free", "double free"),
        ("interior", "invalid free"),
        ("misaligned", "invalid free"),
        ("stack", "invalid free"),
        ("global", "invalid free"),
        ("mapped", "invalid free"),
        ("delete-of-malloc", "free by the wrong function"),
        ("free-of-new", "free by the wrong function"),
        ("delete-of-array", "free by the wrong function"),
        ("array-delete-of-one", "free by the wrong function"),
        ("delete-of-aligned", "free by the wrong function"),
        ("aligned-delete-of-one", "free by the wrong function"),
        ("realloc-of-new", "free by the wrong function"),
        ("delete-with-wrong-size", "free with a wrong size"),
        ("overflow-1", "overflow"),
        ("overflow-32", "overflow"),
        ("overflow-large-1", "overflow"),
        ("underflow-1", "underflow"),
        ("underflow-32", "underflow"),
        ("underflow-large-1", "underflow"),
        ("write-after-free", "write after free"),
        ("calloc-of-written", "write after free"),
    ] {
        let output = Run::new(&program).on_strata().with("STRATA_HARDENED", "1").arg(kind).output();
        let text = String::from_utf8_lossy(&output.stderr);
        assert_eq!(signal(&output), Some(6), "{kind}: {output:?}");
        assert!(text.contains(&format!("strata: {words} at 0x")), "{kind}: {text}");
        // Who did it.
        assert!(text.contains("main"), "{kind}: {text}");
    }
}

/// Ended by `SIGSEGV`.
#[test]
fn guards_are_met() {
    let program = compile("hardened.cpp");
    for kind in [
        "guard-behind",
        "overflow-large-32",
        "guard-before",
        "read-large-after-free",
        "read-empty",
        "write-empty",
        "write-empty-aligned",
        "virtual-after-delete",
    ] {
        let output = Run::new(&program).on_strata().with("STRATA_HARDENED", "1").arg(kind).output();
        assert_eq!(signal(&output), Some(11), "{kind}: {output:?}");
    }
}
