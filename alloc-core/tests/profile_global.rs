//! `Profile` as the allocator of the whole program: its own reports allocate from it, and `go tool pprof` reads them.
//!
//! The test that needs Go looks for it in `STRATA_GO`, on `PATH`, and where `benches/src/collectors/go/build` puts it;
//! without it, it says so and passes.

#![cfg(not(all(loom, feature = "loom")))]

use alloc_core::api2::alloc::System;
use alloc_core::{AsGlobal, Layer, Profile};
use std::collections::HashMap;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};

#[global_allocator]
static PROGRAM: AsGlobal<Profile<System>> =
    AsGlobal::new(Profile::new(System).with_mean_bytes(4096).with_seed(5));

/// One test at a time: each looks at the whole program.
static ALONE: Mutex<()> = Mutex::new(());

fn alone() -> impl Drop {
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

#[inline(never)]
fn hold_three_parts() -> Vec<Vec<u8>> {
    // The box keeps this function's frame: it is no tail call.
    black_box((0..9000).map(|_| vec![black_box(1); 1000]).collect())
}

#[inline(never)]
fn hold_one_part() -> Vec<Vec<u8>> {
    black_box((0..30_000).map(|_| vec![black_box(1); 100]).collect())
}

/// Holds nothing in the end.
#[inline(never)]
fn hold_for_a_moment() {
    for _ in 0..2000 {
        drop(black_box(vec![1u8; 3000]));
    }
}

#[test]
fn proportions_of_the_program() {
    let _alone = alone();
    let kept = (hold_three_parts(), hold_one_part());
    hold_for_a_moment();
    let snapshot = PROGRAM.below().snapshot();
    let (mut in_use, mut allocated) = (HashMap::new(), HashMap::new());
    for sample in snapshot.samples() {
        let functions = sample.functions();
        for site in ["hold_three_parts", "hold_one_part", "hold_for_a_moment"] {
            if functions.iter().any(|function| function.contains(site)) {
                *in_use.entry(site).or_insert(0.0) += sample.in_use.bytes;
                *allocated.entry(site).or_insert(0.0) += sample.allocated.bytes;
            }
        }
    }
    // About 2200, 730 and 1460 samples: one part in twenty is more than two standard deviations of the
    // smallest, and the seed is fixed.
    let near = |what: f64, expected: f64| (what / expected - 1.0).abs() < 0.1;
    assert!(near(in_use["hold_three_parts"], 9e6 + 24.0 * 9000.0), "{in_use:?}");
    assert!(near(in_use["hold_one_part"], 3e6 + 24.0 * 30_000.0), "{in_use:?}");
    assert_eq!(in_use["hold_for_a_moment"], 0.0);
    assert!(near(allocated["hold_for_a_moment"], 6e6), "{allocated:?}");
    drop(kept);
    PROGRAM.below().verify().expect("all is well");
}

#[test]
fn a_report_is_not_in_itself() {
    let _alone = alone();
    let before = lives();
    for _ in 0..3 {
        let mut file = Vec::new();
        PROGRAM.below().write(&mut file).expect("a vector takes everything");
        // gzip's magic number.
        assert_eq!(file[..2], [0x1f, 0x8b]);
    }
    let text = format!("{:?}", PROGRAM.below());
    assert!(text.contains("4096"), "{text}");
    // Names, tables and messages are megabytes; none of it is sampled.
    assert!(lives() - before < 200_000.0, "{} more", lives() - before);
}

fn lives() -> f64 {
    PROGRAM.below().snapshot().samples().map(|sample| sample.in_use.bytes).sum()
}

/// Threads that end, one after the other, each with what the one before it allocated.
#[test]
fn threads_come_and_go() {
    let _alone = alone();
    let mut list: Vec<Vec<u8>> = Vec::new();
    for round in 0..50 {
        list = std::thread::spawn(move || {
            list.truncate(round);
            list.extend((0..100).map(|n| vec![0; n * 50]));
            list
        })
        .join()
        .expect("it does not panic");
    }
    drop(list);
    PROGRAM.below().verify().expect("all is well");
}

fn go() -> Option<PathBuf> {
    let built = "go/toolchain/go/bin/go";
    let tests = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR"));
    [
        std::env::var_os("STRATA_GO").map(PathBuf::from),
        Some("go".into()),
        tests.parent().map(|target| target.join(built)),
        workspace.parent().map(|top| top.join("target").join(built)),
    ]
    .into_iter()
    .flatten()
    .find(|go| Command::new(go).arg("version").output().is_ok_and(|output| output.status.success()))
}

#[test]
fn go_tool_pprof_reads_it() {
    let _alone = alone();
    let Some(go) = go() else {
        println!("SKIPPED: there is no Go: set STRATA_GO, or run benches/src/collectors/go/build");
        return;
    };
    let kept = (hold_three_parts(), hold_one_part());
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("profile_global.pb.gz");
    let mut file = std::fs::File::create(&path).expect("the target directory is writable");
    PROGRAM.below().write(&mut file).expect("it can be written");
    drop(kept);
    let output = Command::new(go)
        .args(["tool", "pprof", "-top", "-cum", "-unit=B", "-nodecount=1000", "-nodefraction=0"])
        .arg(&path)
        .env("GOTOOLCHAIN", "local")
        .env("GOFLAGS", "-mod=mod")
        .env("GOPROXY", "off")
        .env("GOCACHE", Path::new(env!("CARGO_TARGET_TMPDIR")).join("go-cache"))
        .output()
        .expect("Go starts");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{output:?}");
    assert!(text.contains("Type: inuse_space"), "{text}");
    // FLAT FLAT% SUM% CUM CUM% NAME
    let cumulated = |name: &str| -> f64 {
        let line = text
            .lines()
            .find(|line| line.contains(name))
            .unwrap_or_else(|| panic!("{name}: {text}"));
        let word = line.split_whitespace().nth(3).expect("there is a fourth column");
        word.trim_end_matches('B').parse().expect("it is a number")
    };
    let parts = cumulated("hold_three_parts") / cumulated("hold_one_part");
    let expected = (9e6 + 24.0 * 9000.0) / (3e6 + 24.0 * 30_000.0);
    assert!((parts / expected - 1.0).abs() < 0.15, "{parts}, not {expected}: {text}");
}
