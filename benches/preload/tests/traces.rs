//! `STRATA_RECORD` and `STRATA_REPORT`, from outside: what a program leaves behind in each of the
//! ways in which it can end (`programs/end.c`).

mod common;

use common::{Run, compile, scratch, signal};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Output;
use strata_trace::{Error, Op, Reader, Summary};

/// Calls of `calloc`, and of `realloc`, in one `work` of `end.c`.
const WORK: u64 = 20_000;

/// Runs `end.c`, recorded, in a directory of its own.
fn record(how: &str) -> (Output, PathBuf) {
    let program = compile("end.c");
    let folder = scratch(&format!("record-{how}"));
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).expect("the target directory is writable");
    let trace = folder.join("trace");
    let name = trace.to_str().expect("the path is UTF-8");
    let output = Run::new(&program).on_strata().with("STRATA_RECORD", name).arg(how).output();
    (output, trace)
}

fn read(trace: &Path) -> Result<Summary, Error> {
    let mut reader = Reader::new(File::open(trace).expect("there is a trace"))?;
    for event in reader.by_ref() {
        event?;
    }
    Ok(reader.summary().expect("the trace has ended"))
}

fn files(trace: &Path) -> usize {
    fs::read_dir(trace.parent().expect("it is in a folder")).expect("it exists").count()
}

/// Two threads did their work, and nothing else did.
fn whole(summary: Summary) {
    assert_eq!(summary.threads, 2, "{summary:?}");
    assert_eq!(summary.reallocs, 2 * WORK, "{summary:?}");
    // libc itself allocates a little: for threads, for output.
    assert!((2 * WORK..2 * WORK + 20).contains(&summary.zeroed), "{summary:?}");
    assert!((2 * WORK..2 * WORK + 100).contains(&summary.objects), "{summary:?}");
    assert!((2 * WORK - 2..=summary.objects).contains(&summary.frees), "{summary:?}");
    // Few live at once: ids are reused, so frees were understood.
    assert!(summary.peak_live_objects < 100, "{summary:?}");
}

#[test]
fn traces_are_whole_after_every_orderly_end() {
    for (how, code) in [("return", 0), ("exit", 3), ("_exit", 4), ("quick_exit", 5)] {
        let (output, trace) = record(how);
        assert_eq!(output.status.code(), Some(code), "{how}: {output:?}");
        assert!(output.stderr.is_empty(), "{how}: {output:?}");
        whole(read(&trace).unwrap_or_else(|error| panic!("{how}: {error}")));
    }
    let (output, trace) = record("abort");
    assert_eq!(signal(&output), Some(6));
    whole(read(&trace).expect("abort ends the trace"));
}

#[test]
fn a_killed_program_leaves_a_truncated_trace() {
    let (output, trace) = record("kill");
    assert_eq!(signal(&output), Some(9));
    assert!(matches!(read(&trace), Err(Error::Truncated)));
}

#[test]
fn a_forked_child_is_not_in_the_trace() {
    let (output, trace) = record("fork");
    assert!(output.status.success(), "{output:?}");
    whole(read(&trace).expect("the parent ends the trace"));
    assert_eq!(files(&trace), 1);
    // The parent went on after the fork, and after the vfork.
    let reader = Reader::new(File::open(&trace).expect("there is a trace")).expect("and whole");
    let ops: Vec<Op> = reader.map(|event| event.expect("it is whole").op).collect();
    let last = |wanted: u64| {
        ops.iter().any(|op| {
            matches!(op, Op::Alloc { size_bytes, align_bytes, .. }
            if (*size_bytes, *align_bytes) == (54_321, wanted))
        })
    };
    assert!(last(8192));
}

#[test]
fn another_program_in_the_same_process_starts_the_trace_anew() {
    let (output, trace) = record("exec");
    assert!(output.status.success(), "{output:?}");
    whole(read(&trace).expect("the second program ends the trace"));
    assert_eq!(files(&trace), 1);
    let reader = Reader::new(File::open(&trace).expect("there is a trace")).expect("and whole");
    assert_eq!(reader.header().command.last().map(String::as_str), Some("return"));
}

#[test]
fn a_child_program_has_a_trace_of_its_own() {
    let (output, trace) = record("spawn");
    assert!(output.status.success(), "{output:?}");
    assert_eq!(files(&trace), 2);
    for entry in fs::read_dir(trace.parent().expect("it is in a folder")).expect("it exists") {
        whole(read(&entry.expect("it is a file").path()).expect("both are whole"));
    }
}

#[test]
fn the_program_may_take_the_descriptor() {
    let (output, trace) = record("close");
    assert!(output.status.success(), "the program's own file was written to: {output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("took over"), "{output:?}");
    assert!(matches!(read(&trace), Err(Error::Truncated)));
}

#[test]
fn a_trace_that_cannot_be_written_stops_nobody() {
    let output = Run::new(&compile("end.c"))
        .on_strata()
        .with("STRATA_RECORD", "/nowhere/at/all")
        .arg("exit")
        .output();
    assert_eq!(output.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&output.stderr).contains("cannot record"), "{output:?}");
}

#[test]
fn the_report_goes_to_standard_error() {
    let program = compile("end.c");
    let silent = Run::new(&program).on_strata().output();
    assert!(silent.stderr.is_empty(), "{silent:?}");
    let output = Run::new(&program).on_strata().with("STRATA_REPORT", "1").output();
    let report = String::from_utf8_lossy(&output.stderr);
    for word in ["strata: process", "ThreadCache", "SizeClassHeap", "Arena"] {
        assert!(report.contains(word), "{word}: {report}");
    }
}

#[test]
fn reports_of_parent_and_child_go_to_one_file() {
    let folder = scratch("report");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).expect("the target directory is writable");
    let file = folder.join("report.txt");
    let name = file.to_str().expect("the path is UTF-8");
    let output =
        Run::new(&compile("end.c")).on_strata().with("STRATA_REPORT", name).arg("fork").output();
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    let report = fs::read_to_string(&file).expect("there is a report");
    assert_eq!(report.matches("strata: process").count(), 2, "{report}");
}
