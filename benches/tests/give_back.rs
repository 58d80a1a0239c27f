//! Memory given back: the command `memory` on small loads, and what has to hold of its figures.
//!
//! Figures are counts of bytes, from processes of their own; no test looks at a clock.

use serde_json::Value;
use std::process::Command;

fn memory(arguments: &[&str]) -> Vec<Value> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_benches"));
    let output = command.args(["--json", "memory"]).args(arguments).output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {error}");
    let lines: Value = serde_json::from_slice(&output.stdout).unwrap();
    lines.as_array().unwrap().clone()
}

/// The figure of a reading, in bytes.
fn figure(line: &Value, at: &str, name: &str) -> u64 {
    let readings = line["outcome"]["Ok"]["readings"].as_array().unwrap();
    let reading = readings.iter().find(|reading| reading["at"] == at);
    reading.unwrap_or_else(|| panic!("nothing at `{at}`: {line}"))[name].as_u64().unwrap()
}

#[test]
fn a_freed_peak_goes_back_when_it_is_asked_for() {
    let lines = memory(&["peak-before", "--scale", "25", "--only", "strata,system"]);
    assert_eq!(lines.len(), 2);
    for line in &lines {
        let peak = 64 << 20;
        let live = figure(line, "loaded", "live_bytes");
        assert!((peak..peak + (4 << 20)).contains(&live), "{line}");
        let loaded = figure(line, "loaded", "resident_bytes");
        assert!(loaded >= live && loaded < live * 5 / 4, "what is live is resident: {line}");
        let freed = figure(line, "reclaimed", "live_bytes");
        assert!(freed < live / 15, "nearly all is freed: {line}");
        let reclaimed = figure(line, "reclaimed", "resident_bytes");
        assert!(reclaimed >= figure(line, "reclaimed", "pinned_bytes"), "{line}");
        assert!(reclaimed < live / 4, "most goes back: {line}");
    }
}

#[test]
fn threads_that_are_gone_hold_nothing() {
    let lines = memory(&["threads-come-go", "--scale", "10", "--only", "strata"]);
    let line = &lines[0];
    let live = figure(line, "all ended", "live_bytes");
    let kept = figure(line, "all ended", "resident_bytes");
    // 100 threads had a MiB each; the spans that 8 of them had at once may stay.
    assert!(kept < live + (40 << 20), "{line}");
    assert!(!line["outcome"]["Ok"]["samples"].as_array().unwrap().is_empty());
}

#[test]
fn long_lifetimes_are_read_at_the_end_of_each_phase() {
    let arguments = ["lifetimes", "--scale", "10", "--seconds", "1"];
    let lines = memory(&[&arguments[..], &["--only", "strata,mimalloc"]].concat());
    for line in &lines {
        let readings = line["outcome"]["Ok"]["readings"].as_array().unwrap();
        assert_eq!(readings.len(), 13, "{line}");
        for reading in readings {
            let of = |name: &str| reading[name].as_u64().unwrap();
            assert!(of("pinned_bytes") >= of("live_bytes") / 2, "{line}");
            assert!(of("resident_bytes") >= of("pinned_bytes") * 9 / 10, "{line}");
        }
    }
}

#[test]
fn one_that_never_frees_takes_no_part() {
    let lines = memory(&["threads-idle", "--scale", "10", "--only", "strata-bump,strata-heap"]);
    let of = |name: &str| lines.iter().any(|line| line["candidate"] == name);
    // Little enough for it: 100 threads of 64 KiB.
    assert!(of("strata-bump") && of("strata-heap"), "{lines:?}");
    let whole = memory(&["peak-exit", "--scale", "40", "--only", "strata-bump,strata-heap"]);
    assert_eq!(whole.len(), 1, "{whole:?}");
}

#[test]
fn a_workload_that_there_is_not() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_benches"));
    let output = command.args(["memory", "nothing"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(error.contains("there are: peak-before"), "{error}");
}
