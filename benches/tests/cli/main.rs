//! The program as its users meet it: commands, errors, exit codes.
//!
//! In `terminal`: what stands on a terminal, in a pipe, in JSON. In `look`: the page in a browser.

#[path = "../common/mod.rs"]
mod common;
mod look;
mod terminal;

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::TempDir;

fn benches(arguments: &[&str]) -> Output {
    // Nothing is installed by a test.
    let mut command = Command::new(env!("CARGO_BIN_EXE_benches"));
    command.args(arguments).env("STRATA_OFFLINE", "1").output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Runs, expects this exit code, and returns standard error.
fn fails(arguments: &[&str], code: i32) -> String {
    let output = benches(arguments);
    let error = text(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {error}");
    assert!(!error.contains("panicked"), "{error}");
    error
}

fn works(arguments: &[&str]) -> String {
    let output = benches(arguments);
    assert!(output.status.success(), "{arguments:?}: {}", text(&output.stderr));
    text(&output.stdout)
}

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// A folder with a trace of one thread and one of three.
fn traces() -> (TempDir, PathBuf, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let (one, three) = (folder.path().join("one.strata"), folder.path().join("three.strata"));
    common::write_trace(&one, 1, 20_000);
    common::write_trace(&three, 3, 30_000);
    (folder, one, three)
}

#[test]
fn a_whole_run_from_traces_to_report() {
    let (folder, ..) = traces();
    let report = folder.path().join("report.html");
    let beside = ["--collectors", "1", "--counted", "1", "--pools", "1", "--arenas", "1"];
    let options = ["--rounds", "2", "--output", path(&report)];
    let out = works(&[&["--traces", path(folder.path())][..], &options, &beside].concat());
    let names = ["one", "three", "system", "mimalloc", "geometric mean", "2 rounds", path(&report)];
    // The answer stands in the terminal, too.
    assert!(out.contains("For this traffic ") && !out.contains("<b>"), "{out}");
    for name in names
        .into_iter()
        .chain(["1 % of the work", "binary-trees", "marksweep-bg"])
        .chain(["clone-drop-leaf", "rc-cycle-sync", "passing", "key-pool"])
    {
        assert!(out.contains(name), "no {name} in:\n{out}");
    }
    assert!(!out.contains("FAILED"), "{out}");
    if let Some(wrong) = look::look(&report, &look::ANSWERS) {
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }
    let page = std::fs::read_to_string(report).unwrap();
    check_page(&page);
    for question in [
        "Which stack should I take?",
        "What does it cost in memory?",
        "What does my program’s traffic look like?",
        "Where do the pauses come from?",
    ] {
        assert!(page.contains(&format!("<h2>{question}</h2>")), "no {question}");
    }
    for drawing in [
        "Means: Processor time",
        "Processor time",
        "Peak memory",
        "Resident memory over the trace",
        "Sizes",
        "Calls that took long",
    ] {
        assert!(page.contains(&format!("aria-label=\"{drawing}\"")), "no drawing of {drawing}");
    }
    check_busy(&out, &page);
    check_collectors(&page);
    check_counted(&page);
    check_pools(&page);
    check_arenas(&page);
    for part in ["collectors", "counted", "pools", "arenas"] {
        assert!(page.contains(&format!("<h1 class=\"part\" id=\"{part}\">")), "no {part}");
    }
    // The command line of the made-up trace stands there as text.
    assert!(page.contains("made-up --for tests &lt;&amp;&gt;"));
}

/// A load of more than half of the processors is noted in the terminal and on the page, both of which it stands on anyway.
fn check_busy(out: &str, page: &str) {
    let (load, _) = page.split_once(" before it began").expect("a load");
    let (_, load) = load.rsplit_once("load ").unwrap();
    let processors = std::thread::available_parallelism().unwrap().get() as f64;
    // As it is printed, it may be either.
    let (load, half) = (load.parse::<f64>().unwrap(), processors / 2.0);
    let sign = format!("load {load:.2} before it began, on ");
    for text in [out, page] {
        assert!(load == half || text.contains(&sign) == (load > half), "{load}: {text}");
    }
    assert_eq!(out.contains("note: the machine was busy"), page.contains("the machine was busy"));
}

fn check_collectors(page: &str) {
    for drawing in ["Time of a collector", "Peak memory of a collector", "How long steps took"] {
        assert!(page.contains(&format!("aria-label=\"{drawing}\"")), "no drawing of {drawing}");
    }
    assert!(page.contains("id=\"lru\"") && page.contains("never collecting"));
}

fn check_counted(page: &str) {
    for drawing in ["Time of counted pointers", "Peak memory of counted pointers"] {
        assert!(page.contains(&format!("aria-label=\"{drawing}\"")), "no drawing of {drawing}");
    }
    assert!(page.contains("id=\"counted-lists\"") && page.contains("std's Rc"));
}

fn check_pools(page: &str) {
    for drawing in ["Time of a pool: hot", "Single operations of a pool: p99.99"] {
        assert!(page.contains(&format!("aria-label=\"{drawing}\"")), "no drawing of {drawing}");
    }
    assert!(page.contains("id=\"pool-latency\"") && page.contains("pool_prealloc::KeyPool"));
}

fn check_arenas(page: &str) {
    for drawing in ["small: mixed", "mixed: third pass", "frames: empty", "live: memory"] {
        assert!(page.contains(&format!("aria-label=\"{drawing}\"")), "no drawing of {drawing}");
    }
    assert!(page.contains("id=\"arenas-targets\"") && page.contains("StackPool over"));
}

#[test]
fn a_page_of_counted_pointers() {
    let folder = tempfile::tempdir().unwrap();
    let page = folder.path().join("c.html");
    let chosen = ["--only", "rc,rc-cycle", "--output", path(&page)];
    let out =
        works(&[&["counted", "lists", "churn", "--scale", "1", "--quick"][..], &chosen].concat());
    assert!(out.contains("rc-cycle") && out.contains(path(&page)), "{out}");
    let page = std::fs::read_to_string(page).unwrap();
    check_page(&page);
    check_counted(&page);
    assert!(page.contains("class=\"best\""));
}

#[test]
fn a_page_of_pools() {
    let folder = tempfile::tempdir().unwrap();
    let page = folder.path().join("p.html");
    let chosen = ["--only", "nothing,list,pool,key-pool,slab", "--output", path(&page)];
    let out = works(&[&["pools", "--rounds", "1"][..], &chosen].concat());
    for name in ["hot", "batches", "p99.99", "key-pool", "bytes beside", path(&page)] {
        assert!(out.contains(name), "no {name} in:\n{out}");
    }
    let page = std::fs::read_to_string(page).unwrap();
    check_page(&page);
    check_pools(&page);
    assert!(page.contains("aria-label=\"Bytes beside a value\""));
}

#[test]
fn a_page_of_arenas() {
    let folder = tempfile::tempdir().unwrap();
    let page = folder.path().join("a.html");
    let out = works(&["arenas", "--rounds", "1", "--scale", "1", "--output", path(&page)]);
    for name in ["third pass", "bump-scope", "scopeguard", "stack-pool", "at most", path(&page)] {
        assert!(out.contains(name), "no {name} in:\n{out}");
    }
    let page = std::fs::read_to_string(page).unwrap();
    check_page(&page);
    check_arenas(&page);
    assert!(page.contains("class=\"best\""));
}

#[test]
fn arenas_as_json() {
    let folder = tempfile::tempdir().unwrap();
    let chosen = ["--only", "bound,bump,bumpalo", "--json", "--rounds", "1", "--scale", "1"];
    let page = folder.path().join("a.html");
    let output = ["--output", path(&page)];
    let out = works(&[&["arenas", "small", "mixed"][..], &chosen, &output].concat());
    let all: serde_json::Value = serde_json::from_str(&out).unwrap();
    let tables = all["tables"].as_array().unwrap();
    assert_eq!(tables.len(), 2);
    for table in tables {
        assert_eq!(table["lines"].as_array().unwrap().len(), 3);
        assert!(table["lines"][1]["figures"][0]["median"].as_f64().unwrap() > 0.0, "{table}");
    }
    assert_eq!(tables[1]["columns"][2]["unit"], "total");
    assert!(all["targets"].as_array().unwrap().len() >= 2);
    assert!(fails(&["arenas", "--only", "nobody"], 2).contains("bump-scope"));
    assert!(fails(&["arenas", "nothing"], 2).contains("frames"));
}

#[test]
fn pools_as_json() {
    let folder = tempfile::tempdir().unwrap();
    let page = folder.path().join("p.html");
    let chosen = ["hot", "bytes", "--json", "--only", "pool,key-pool,slab,typed-arena"];
    let options = ["--rounds", "1", "--output", path(&page)];
    let out = works(&[&["pools"][..], &chosen, &options].concat());
    let json: serde_json::Value = serde_json::from_str(&out).unwrap();
    let lines = json["lines"].as_array().unwrap();
    assert_eq!(lines.len(), 4);
    let overhead = |at: usize| lines[at]["overhead_bytes"].as_f64().unwrap();
    // A key's version takes four bytes, slab's tag a word.
    assert!(overhead(0) < 1.0 && (4.0..5.0).contains(&overhead(1)), "{out}");
    assert!((8.0..9.0).contains(&overhead(2)), "{out}");
    assert!(lines[0]["figures"][0]["ns"].as_f64().unwrap() > 0.0);
    assert!(lines[0]["figures"][1].is_null() && lines[3]["figures"][0].is_null());
    assert!(fails(&["pools", "--only", "nobody"], 2).contains("key-pool"));
    assert!(fails(&["pools", "nothing"], 2).contains("latency"));
}

#[test]
fn a_page_of_collectors() {
    let folder = tempfile::tempdir().unwrap();
    let page = folder.path().join("c.html");
    let chosen = ["--only", "marksweep,no-collection,free-mimalloc", "--output", path(&page)];
    let out = works(&[&["collectors", "lru", "--scale", "20", "--quick"][..], &chosen].concat());
    assert!(out.contains("no-collection") && out.contains(path(&page)), "{out}");
    let page = std::fs::read_to_string(page).unwrap();
    check_page(&page);
    check_collectors(&page);
    // Memory, and the cycles of the one that has cycles.
    assert!(
        page.contains("aria-label=\"Memory and cycles over time\"") && page.contains("<circle")
    );
    let error = fails(&["collectors", "--only", "nobody"], 2);
    assert!(error.contains("marksweep-bg"), "{error}");
}

#[test]
fn figures_as_json() {
    let (folder, one, three) = traces();
    let report = folder.path().join("r.html");
    let out = works(&[
        "compare",
        path(&one),
        path(&three),
        "--json",
        "--quick",
        "--only",
        "system",
        "--output",
        path(&report),
    ]);
    let json: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(json["rounds"], 1);
    let traces = json["traces"].as_array().unwrap();
    assert_eq!(traces.len(), 2);
    assert_eq!(traces[1]["facts"]["threads"], 3);
    for trace in traces {
        let rows = trace["rows"].as_array().unwrap();
        assert_eq!(rows.len(), 1);
        let measured = &rows[0]["verdict"]["measured"];
        assert!(measured["wall_ns"].as_u64().unwrap() > 0);
        let memory = &measured["memory"];
        assert!(memory["samples"].as_array().unwrap().len() > 200);
        let (peak, live) = (&memory["peak_bytes"], &memory["at_peak"]["live_bytes"]);
        // What is live is resident: its pages were touched. (Counters lag by some pages.)
        assert!(peak.as_u64().unwrap() + (1 << 20) > live.as_u64().unwrap(), "{peak} < {live}");
    }
}

/// Every element that begins ends, in order, and nothing comes from elsewhere.
fn check_page(page: &str) {
    assert!(page.starts_with("<!DOCTYPE html>"));
    for foreign in ["http:", "https:", "<script", "<link", "@import", "url(", "src="] {
        assert!(!page.contains(foreign), "the page has {foreign}");
    }
    let mut open = Vec::new();
    let mut rest = page.split_once("<html").map(|(_, rest)| format!("<html{rest}")).unwrap();
    let mut count = 0;
    while let Some(start) = rest.find('<') {
        let between = &rest[..start];
        assert!(
            !between.contains('>') || open.last().is_some_and(|name| name == "style"),
            "{between}"
        );
        let end = start + rest[start..].find('>').expect("a tag ends");
        let tag = rest[start + 1..end].to_owned();
        rest.drain(..=end);
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop().as_deref(), Some(name), "at </{name}>");
        } else if !tag.ends_with('/') {
            assert_eq!(tag.matches('"').count() % 2, 0, "<{tag}>");
            open.push(tag.split_whitespace().next().unwrap().to_owned());
        }
        count += 1;
    }
    assert!(open.is_empty(), "{open:?} do not end");
    assert!(count > 200, "{count} tags");
    assert!(page.contains("prefers-color-scheme: dark"));
}

#[test]
fn a_trace_is_shown() {
    let (_folder, one, _) = traces();
    let out = works(&["show", path(&one)]);
    assert!(out.contains("made-up --for tests") && out.contains("20000"), "{out}");
    assert!(out.contains("live at the peak") && out.contains("█"), "{out}");
}

#[test]
fn candidates_are_listed() {
    let out = works(&["list"]);
    assert!(out.contains("system") && out.contains("mimalloc") && out.contains("glibc"), "{out}");
}

#[test]
fn bad_traces_are_named_with_their_fault() {
    let (folder, one, _) = traces();
    let good = std::fs::read(&one).unwrap();
    let file = folder.path().join("bad.strata");
    let told = |bytes: &[u8]| {
        std::fs::write(&file, bytes).unwrap();
        let shown = fails(&["show", path(&file)], 3);
        assert_eq!(fails(&["compare", path(&file)], 3), shown);
        assert!(shown.contains("bad.strata"), "{shown}");
        shown
    };
    assert!(told(&good[..good.len() / 2]).contains("truncated"));
    assert!(told(b"").contains("truncated"));
    assert!(told(b"int main() { return 0; }").contains("not an allocation trace"));
    let mut other = good.clone();
    other[8] = 9;
    let error = told(&other);
    assert!(error.contains("version 9") && error.contains("version 1"), "{error}");
    let mut damaged = good.clone();
    let middle = damaged.len() / 2;
    damaged[middle] ^= 0x20;
    assert!(told(&damaged).contains("damaged"));
    assert!(fails(&["compare", "no/such/file.strata"], 3).contains("No such file"));
}

#[test]
fn a_folder_without_traces_says_how_to_make_one() {
    let folder = tempfile::tempdir().unwrap();
    let error = fails(&["--traces", path(folder.path())], 3);
    assert!(error.contains("no traces") && error.contains("record"), "{error}");
    fails(&["--traces", "/no/such/folder"], 3);
}

#[test]
fn wrong_words_are_refused() {
    let (_folder, one, _) = traces();
    let error = fails(&["compare", path(&one), "--only", "nonesuch"], 2);
    assert!(error.contains("nonesuch") && error.contains("mimalloc"), "{error}");
    fails(&["compare"], 2);
    fails(&["nonsense"], 2);
    fails(&["--rounds", "0"], 2);
    fails(&["record"], 2);
    let error = fails(&["compare", path(&one), "--quick", "--output", "/no/such/folder/x.html"], 5);
    assert!(error.contains("/no/such/folder"), "{error}");
}

/// Runs `record` with a library that is loaded but records nothing: the C library itself.
fn records_nothing(arguments: &[&str]) -> String {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let libc = maps.split_whitespace().find(|word| word.contains("/libc.so")).expect("a C library");
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_benches"))
        .arg("record")
        .args(arguments)
        .env("STRATA_PRELOAD", libc)
        .current_dir(folder.path())
        .output()
        .unwrap();
    let error = text(&output.stderr);
    assert_eq!(output.status.code(), Some(4), "{error}");
    assert!(!error.contains("panicked"), "{error}");
    error
}

#[test]
fn recordings_that_fail_say_why() {
    let error = records_nothing(&["--", "no-such-program"]);
    assert!(error.contains("no-such-program") && error.contains("no such program"), "{error}");
    let error = records_nothing(&["--", "/etc/passwd"]);
    assert!(error.contains("may not be run"), "{error}");
    let error = records_nothing(&["--", "sh", "-c", "kill -KILL $$"]);
    assert!(error.contains("signal 9 (SIGKILL)"), "{error}");
    let error = records_nothing(&["--", "sh", "-c", "true"]);
    assert!(error.contains("recorded nothing"), "{error}");
}

#[test]
fn building_the_preload_library_is_told() {
    let folder = tempfile::tempdir().unwrap();
    // Stands for a cargo that has work to do, and cannot do it.
    let cargo = folder.path().join("cargo");
    std::fs::write(&cargo, "#!/bin/sh\nsleep 3\nexit 1\n").unwrap();
    std::fs::set_permissions(&cargo, std::fs::Permissions::from_mode(0o755)).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_benches"));
    command.args(["record", "--", "true"]).env("CARGO", &cargo).env_remove("STRATA_PRELOAD");
    let error = text(&command.current_dir(folder.path()).output().unwrap().stderr);
    assert!(error.starts_with("building strata-preload …\n"), "{error}");
}

#[test]
fn a_statically_linked_program_is_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let (source, program) = (folder.path().join("s.c"), folder.path().join("s"));
    std::fs::write(&source, "int main(void) { return 0; }").unwrap();
    let compiled = Command::new("cc").arg("-static").arg(&source).arg("-o").arg(&program).output();
    match compiled {
        Ok(output) if output.status.success() => {}
        other => return println!("skipped: nothing links statically here: {other:?}"),
    }
    let error = records_nothing(&["--", path(&program)]);
    assert!(error.contains("statically linked"), "{error}");
}

/// The preload library, if this workspace has built it: `cargo test` of all packages does.
fn preload() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_BIN_EXE_benches")).parent()?;
    let found = folder.join("libstrata_preload.so");
    found.is_file().then_some(found)
}

#[test]
fn a_program_is_recorded_shown_and_replayed() {
    let Some(library) = preload() else {
        return println!("skipped: the preload library is not built");
    };
    let folder = tempfile::tempdir().unwrap();
    let trace = folder.path().join("sort.strata");
    let record = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_benches"));
        command.env("STRATA_PRELOAD", &library).arg("record").arg("-o").arg(&trace);
        command.arg("--").args(arguments).output().unwrap()
    };
    let output = record(&["sort", "/etc/passwd"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let told = text(&output.stdout);
    assert!(
        told.contains("root:") && told.contains("sort.strata") && told.contains("events"),
        "{told}"
    );

    assert!(works(&["show", path(&trace)]).contains("/etc/passwd"));
    let report = folder.path().join("r.html");
    let out = works(&["compare", path(&trace), "--quick", "--output", path(&report)]);
    assert!(out.contains("sort") && out.contains("strata") && !out.contains("FAILED"), "{out}");

    // A program that fails is recorded all the same; one that is killed is not.
    let output = record(&["sh", "-c", "exit 3"]);
    assert!(output.status.success() && text(&output.stdout).contains("exit code 3"));
    let output = record(&["sh", "-c", "kill -TERM $$"]);
    assert_eq!(output.status.code(), Some(4));
    assert!(text(&output.stderr).contains("SIGTERM"));
}
