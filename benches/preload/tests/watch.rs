//! `STRATA_PROFILE`, `STRATA_LEAKS` and `STRATA_SAMPLED`, from outside: what a watched program does, and what it leaves behind.

mod common;

use common::{Run, compile, scratch, signal};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A program of the surface behaves as ever while it is watched, in each way.
fn everywhere(source: &str, sampled: &[&str], profiled_bytes: &[&str]) {
    let program = compile(source);
    let path = scratch(&format!("{source}.pb.gz"));
    let path = path.to_str().expect("the path is UTF-8");
    let list = scratch(&format!("{source}.leaks"));
    let list = list.to_str().expect("the path is UTF-8");
    Run::new(&program).on_strata().with("STRATA_LEAKS", list).must_pass();
    for mean in sampled {
        Run::new(&program).on_strata().with("STRATA_SAMPLED", mean).must_pass();
    }
    for mean_bytes in profiled_bytes {
        let run = Run::new(&program).on_strata().with("STRATA_PROFILE", path);
        run.with("STRATA_PROFILE_BYTES", mean_bytes).must_pass();
        assert_eq!(fs::read(path).expect("there is a profile")[..2], [0x1f, 0x8b], "gzip");
    }
    let both = Run::new(&program).on_strata().with("STRATA_PROFILE", path);
    both.with("STRATA_PROFILE_BYTES", "10000").with("STRATA_SAMPLED", "100").must_pass();
}

#[test]
fn malloc_and_its_family_are_as_ever() {
    for source in ["surface.c", "aligned.c", "errno.c"] {
        everywhere(source, &["0", "50", "10000"], &["0", "524288"]);
    }
}

#[test]
fn threads_are_as_ever() {
    everywhere("threads.c", &["50"], &[]);
}

#[test]
fn forks_are_as_ever() {
    everywhere("fork.c", &["50"], &[]);
}

#[test]
fn random_calls_of_two_threads_are_as_ever() {
    everywhere("churn.c", &["3", "50"], &["0", "100"]);
}

#[test]
fn cxx_is_as_ever() {
    everywhere("cxx.cpp", &["0", "50"], &["0"]);
}

fn go() -> Option<PathBuf> {
    let built = "go/toolchain/go/bin/go";
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    [
        std::env::var_os("STRATA_GO").map(PathBuf::from),
        Some("go".into()),
        Path::new(env!("CARGO_TARGET_TMPDIR")).parent().map(|target| target.join(built)),
        Some(top.join("target").join(built)),
    ]
    .into_iter()
    .flatten()
    .find(|go| Command::new(go).arg("version").output().is_ok_and(|output| output.status.success()))
}

/// `go tool pprof -top`, cumulated, of a profile; `None` where there is no Go.
fn top(path: &Path, index: &str) -> Option<String> {
    let Some(go) = go() else {
        println!("SKIPPED: there is no Go: set STRATA_GO, or run benches/src/collectors/go/build");
        return None;
    };
    let output = Command::new(go)
        .args(["tool", "pprof", "-top", "-cum", "-unit=B", "-nodefraction=0"])
        .arg(format!("-sample_index={index}"))
        .arg(path)
        .env("GOTOOLCHAIN", "local")
        .env("GOFLAGS", "-mod=mod")
        .env("GOPROXY", "off")
        .env("GOCACHE", scratch("go-cache"))
        .output()
        .expect("Go starts");
    assert!(output.status.success(), "{output:?}");
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn cumulated(text: &str, name: &str) -> f64 {
    let line = text.lines().find(|line| line.contains(name));
    let line = line.unwrap_or_else(|| panic!("{name}: {text}"));
    let word = line.split_whitespace().nth(3).expect("there is a fourth column");
    word.trim_end_matches('B').parse().expect("it is a number")
}

#[test]
fn a_program_in_c_has_its_proportions() {
    let path = scratch("profile-c.pb.gz");
    Run::new(&compile("profile.c"))
        .on_strata()
        .with("STRATA_PROFILE", path.to_str().expect("the path is UTF-8"))
        .with("STRATA_PROFILE_BYTES", "8192")
        .must_pass();
    let Some(in_use) = top(&path, "inuse_space") else { return };
    let parts = cumulated(&in_use, "hold_three_parts") / cumulated(&in_use, "hold_one_part");
    // About 1500 and 500 samples.
    assert!((2.5..3.5).contains(&parts), "{parts}: {in_use}");
    assert!(!in_use.contains("hold_for_a_moment"), "{in_use}");
    let allocated = top(&path, "alloc_space").expect("Go was there");
    let moment = cumulated(&allocated, "hold_for_a_moment");
    assert!((0.8e7..1.2e7).contains(&moment), "{moment}: {allocated}");
}

/// pprof looks for them in the program's file.
#[test]
fn names_can_be_left_to_pprof() {
    let path = scratch("profile-addresses.pb.gz");
    Run::new(&compile("profile.c"))
        .on_strata()
        .with("STRATA_PROFILE", path.to_str().expect("the path is UTF-8"))
        .with("STRATA_PROFILE_BYTES", "8192")
        .with("STRATA_PROFILE_NAMES", "0")
        .must_pass();
    let Some(in_use) = top(&path, "inuse_space") else { return };
    let parts = cumulated(&in_use, "hold_three_parts") / cumulated(&in_use, "hold_one_part");
    assert!((2.5..3.5).contains(&parts), "{parts}: {in_use}");
}

/// The program waits for the file while it still holds everything, and ends by `_exit` in a child and in itself.
#[test]
fn a_signal_writes_it_while_the_program_runs() {
    let path = scratch("profile-signal.pb.gz");
    let name = path.to_str().expect("the path is UTF-8");
    Run::new(&compile("profile.c"))
        .on_strata()
        .with("STRATA_PROFILE", name)
        .with("STRATA_PROFILE_BYTES", "8192")
        .with("STRATA_PROFILE_SIGNAL", "SIGUSR2")
        .arg(name)
        .must_pass();
    let Some(in_use) = top(&path, "inuse_space") else { return };
    assert!(in_use.contains("hold_one_part"), "{in_use}");
}

/// Each function's objects are drawn for, one as often as the other.
#[test]
fn guarded_and_sampled_are_as_many_as_they_should() {
    let program = compile("often.c");
    for mean in ["10", "50"] {
        let run = Run::new(&program).on_strata().with("STRATA_SAMPLED", mean);
        run.arg("calls").arg(mean).must_pass();
    }
    let path = scratch("often.pb.gz");
    let path = path.to_str().expect("the path is UTF-8");
    for mean in ["1000", "10000"] {
        let run = Run::new(&program).on_strata().with("STRATA_PROFILE", path);
        run.with("STRATA_PROFILE_BYTES", mean).arg("bytes").arg(mean).must_pass();
    }
}

/// What was grown is the account of who grew it, and of nobody else.
#[test]
fn callocs_and_reallocs_have_their_proportions() {
    let path = scratch("held.pb.gz");
    Run::new(&compile("often.c"))
        .on_strata()
        .with("STRATA_PROFILE", path.to_str().expect("the path is UTF-8"))
        .with("STRATA_PROFILE_BYTES", "8192")
        .arg("held")
        .must_pass();
    let Some(in_use) = top(&path, "inuse_space") else { return };
    let allocated = top(&path, "alloc_space").expect("Go was there");
    // Some 1000 samples, or 500.
    let is_about = |text: &str, name: &str, bytes: f64| {
        let parts = cumulated(text, name) / bytes;
        assert!((0.75..1.25).contains(&parts), "{name}: {parts}: {text}");
    };
    for name in ["hold_by_calloc", "hold_by_realloc", "hold_by_malloc", "hold_after"] {
        is_about(&in_use, name, 9e6);
    }
    assert!(!in_use.contains("hold_before"), "{in_use}");
    is_about(&allocated, "hold_by_realloc", 13.8e6);
    is_about(&allocated, "hold_before", 3.6e6);
}

#[test]
fn what_cannot_be_done_is_said_and_stops_nobody() {
    let program = compile("end.c");
    let run = |variables: &[(&str, &str)]| {
        let run = variables
            .iter()
            .fold(Run::new(&program).on_strata(), |run, (name, value)| run.with(name, value));
        let output = run.arg("exit").output();
        assert_eq!((output.status.code(), signal(&output)), (Some(3), None), "{output:?}");
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    assert!(run(&[("STRATA_PROFILE", "/nowhere/at/all")]).contains("cannot write a profile"));
    let path = scratch("profile-odd.pb.gz");
    let path = path.to_str().expect("the path is UTF-8");
    let odd = [("STRATA_PROFILE", path), ("STRATA_PROFILE_BYTES", "many")];
    assert!(run(&odd).contains("is no number"));
    let odd = [("STRATA_PROFILE", path), ("STRATA_PROFILE_SIGNAL", "SIGNOTHING")];
    assert!(run(&odd).contains("no signal"));
    assert_eq!(run(&[("STRATA_PROFILE", path)]), "");
}

#[test]
fn leaks_are_listed_by_call_site() {
    let output = Run::new(&compile("leaks.c")).on_strata().with("STRATA_LEAKS", "1").must_pass();
    let text = String::from_utf8_lossy(&output.stderr);
    let sites: Vec<&str> = text.split(" bytes in ").collect();
    let of = |name: &str| {
        let at = sites
            .iter()
            .position(|site| site.contains(name))
            .unwrap_or_else(|| panic!("{name}: {text}"));
        let bytes = sites[at - 1].lines().last().expect("a number stands before it");
        (at, format!("{bytes} {}", sites[at].lines().next().expect("it is not empty")))
    };
    let (one, three) = (of("forgets_one"), of("forgets_three"));
    assert_eq!(
        (one.1.as_str(), three.1.as_str()),
        ("70000 1 allocations", "3000 3 allocations"),
        "{text}"
    );
    assert!(one.0 < three.0, "most bytes first: {text}");
    assert!(!text.contains("forgets_nothing"), "{text}");
    // This library's own functions are in no list.
    for (at, name) in [(one.0, "forgets_one"), (three.0, "forgets_three")] {
        let first = sites[at].lines().nth(1).expect("there are calls");
        assert!(first.contains(name), "{name}: {text}");
    }
    assert!(!text.contains("0xffffffffffffffff"), "{text}");
}

#[test]
fn mistakes_are_found_and_named() {
    let program = compile("sampled.c");
    let run = |kind| Run::new(&program).on_strata().with("STRATA_SAMPLED", "0").arg(kind);
    run("none").must_pass();
    for (kind, name) in [
        ("overflow", "overflow at"),
        ("overflow-at-free", "overflow at"),
        ("underflow", "underflow at"),
        ("use-after-free", "use after free at"),
        ("double-free", "double free at"),
        ("invalid-free", "invalid free at"),
        ("realloc-after-free", "double free at"),
    ] {
        let output = run(kind).output();
        let text = String::from_utf8_lossy(&output.stderr);
        assert_eq!(signal(&output), Some(6), "{kind}: {text}");
        assert!(text.contains(&format!("strata: {name}")), "{kind}: {text}");
        assert!(
            text.contains("an object of 100 bytes") && text.contains("allocates_it"),
            "{kind}: {text}"
        );
    }
}
