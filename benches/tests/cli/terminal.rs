//! What stands where: on a terminal, in a pipe, in a pipe that nobody reads, in JSON; and every exit code.

use crate::{benches, fails, path, text, traces, works};
use serde_json::Value;
use std::fs::File;
use std::io::Read;
use std::os::fd::{FromRawFd, OwnedFd};
use std::process::{Command, Output, Stdio};

/// Runs on a terminal of its own, with these variables; returns what stands on it and the exit code.
fn on_a_terminal(arguments: &[&str], variables: &[(&str, &str)]) -> (String, Option<i32>) {
    let (mut ours, mut theirs) = (0, 0);
    let (name, null) = (std::ptr::null_mut(), std::ptr::null());
    // SAFETY: both pointers are to live integers; the others may be null, for defaults.
    let opened = unsafe { libc::openpty(&mut ours, &mut theirs, name, null, std::ptr::null()) };
    assert_eq!(opened, 0, "no terminal to be had");
    // SAFETY: both are descriptors that `openpty` has just opened, and nobody else's.
    let (ours, theirs) = unsafe { (OwnedFd::from_raw_fd(ours), OwnedFd::from_raw_fd(theirs)) };
    let mut command = Command::new(env!("CARGO_BIN_EXE_benches"));
    command.args(arguments).envs(variables.iter().copied()).env("STRATA_OFFLINE", "1");
    command.env("TERM", "xterm-256color").env_remove("CLICOLOR_FORCE");
    command.stdin(Stdio::null()).stdout(theirs.try_clone().unwrap()).stderr(theirs);
    let mut child = command.spawn().unwrap();
    // The child alone has the terminal's other end now.
    drop(command);
    let (mut all, mut piece) = (Vec::new(), [0; 4096]);
    let mut screen = File::from(ours);
    // Linux tells the end by an error.
    while let Ok(count @ 1..) = screen.read(&mut piece) {
        all.extend_from_slice(&piece[..count]);
    }
    (String::from_utf8_lossy(&all).into_owned(), child.wait().unwrap().code())
}

const ESCAPE: char = '\u{1b}';

#[test]
fn progress_is_for_terminals_only() {
    let (folder, one, _) = traces();
    let page = folder.path().join("r.html");
    let arguments =
        ["compare", path(&one), "--quick", "--only", "system,strata", "--output", path(&page)];
    let (screen, code) = on_a_terminal(&arguments, &[]);
    assert_eq!(code, Some(0), "{screen}");
    assert!(screen.contains(ESCAPE) && screen.contains("geometric mean"), "{screen}");
    let Output { stdout, stderr, .. } = benches(&arguments);
    assert_eq!(text(&stderr), "");
    assert!(!text(&stdout).contains(ESCAPE) && text(&stdout).contains("geometric mean"));
}

#[test]
fn no_color_means_no_colour() {
    let is_coloured = |variables: &[(&str, &str)]| {
        let (screen, code) = on_a_terminal(&["--help"], variables);
        assert!(screen.contains("Examples") && code == Some(0), "{screen}");
        screen.contains(ESCAPE)
    };
    assert!(is_coloured(&[]) && !is_coloured(&[("NO_COLOR", "1")]));
    for arguments in [["list"], ["--help"]] {
        assert!(!works(&arguments).contains(ESCAPE));
    }
}

#[test]
fn nobody_has_to_read_it() {
    let (_folder, one, _) = traces();
    for arguments in
        [&["list"][..], &["--help"], &["show", path(&one)], &["show", "no/such.strata"]]
    {
        // What is written goes into pipes whose other ends are closed.
        let ends = || {
            let (reads, writes) = std::io::pipe().unwrap();
            drop(reads);
            writes
        };
        let mut command = Command::new(env!("CARGO_BIN_EXE_benches"));
        let mut child = command.args(arguments).stdout(ends()).stderr(ends()).spawn().unwrap();
        let code = child.wait().unwrap().code();
        // 101 is a panic's.
        assert!(matches!(code, Some(0 | 3)), "{arguments:?}: {code:?}");
    }
}

/// What is printed is one value of JSON and nothing else.
fn json(arguments: &[&str]) -> Value {
    let output = benches(arguments);
    let told = text(&output.stdout);
    assert!(output.status.success(), "{arguments:?}: {}", text(&output.stderr));
    serde_json::from_str(&told).unwrap_or_else(|error| panic!("{arguments:?}: {error}:\n{told}"))
}

#[test]
fn figures_are_to_be_had_as_json_everywhere() {
    let (folder, one, _) = traces();
    let page = folder.path().join("p.html");
    let page = ["--json", "--quick", "--output", path(&page)];
    let shown = json(&["show", path(&one), "--json"]);
    assert_eq!((&shown["events"], &shown["threads"]), (&20_000.into(), &1.into()));
    let all = json(&["list", "--json"]);
    assert!(all.as_array().unwrap().iter().any(|it| it["name"] == "strata"));
    let run = json(&[&["compare", path(&one), "--only", "system,strata"][..], &page].concat());
    let setting = &run["setting"];
    assert!(setting["command"].as_str().unwrap().contains(" compare "), "{setting}");
    assert!(setting["machine"]["processors"].as_u64() > Some(0), "{setting}");
    let pauses = &run["traces"][0]["rows"][1]["verdict"]["measured"]["pauses"];
    assert!(pauses["from_ns"].as_u64() >= Some(10_000) && pauses["long"].is_array(), "{pauses}");
    let memory = ["memory", "threads-idle", "--scale", "1", "--only", "strata", "--json"];
    assert_eq!(json(&memory)[0]["candidate"], "strata");
    let micro = json(&["micro", "pairs", "--rounds", "1", "--only", "strata,system", "--json"]);
    assert!(!micro["tasks"].as_array().unwrap().is_empty());
    let counted = ["counted", "lists", "--scale", "1", "--only", "rc,rc-cycle"];
    assert!(json(&[&counted[..], &page].concat())["lines"].is_array());
    let collected = ["collectors", "lru", "--scale", "1", "--only", "marksweep,free-mimalloc"];
    assert_eq!(json(&[&collected[..], &page].concat())["lines"].as_array().unwrap().len(), 2);
    let tasks = ["goroutines", "storm-100"];
    assert!(json(&[&tasks[..], &page].concat()).is_object());
    // A recorded program prints what it likes.
    assert!(fails(&["record", "--json", "--", "true"], 2).contains("show FILE --json"));
}

#[test]
fn every_exit_code_is_the_documented_one() {
    let (folder, one, _) = traces();
    let page = folder.path().join("r.html");
    let page = ["--quick", "--only", "strata", "--output", path(&page)];
    works(&[&["compare", path(&one)][..], &page].concat());
    // A replay that takes longer than no time at all has failed.
    let error = fails(&[&["compare", path(&one), "--limit", "0"][..], &page].concat(), 1);
    assert!(error.contains("strata on one: did not end within 0 s"), "{error}");
    fails(&["compare", path(&one), "--rounds", "none"], 2);
    fails(&["show", "no/such/file.strata"], 3);
    fails(&["record", "--", "no-such-program"], 4);
    fails(&["compare", path(&one), "--output", "/no/such/folder/r.html"], 5);
}

#[test]
fn a_slip_is_told_with_what_was_meant() {
    let (_folder, one, _) = traces();
    let compare = |name: &str| fails(&["compare", path(&one), "--only", name], 2);
    assert!(compare("starta").contains("did you mean `strata`?"));
    assert!(compare("strata-haep").contains("did you mean `strata-heap`?"));
    assert!(fails(&["micro", "pair"], 2).contains("did you mean `pairs`?"));
    assert!(fails(&["memory", "peak-befor"], 2).contains("did you mean `peak-before`?"));
    assert!(fails(&["collectors", "lur"], 2).contains("did you mean `lru`?"));
    assert!(fails(&["pools", "--only", "slap"], 2).contains("did you mean `slab`?"));
    assert!(fails(&["arenas", "frame"], 2).contains("did you mean `frames`?"));
    assert!(fails(&["comprae"], 2).contains("'compare'"));
}

#[test]
fn a_page_that_cannot_be_written_is_told_before_the_work() {
    let (folder, one, _) = traces();
    let nowhere = ["--output", "/no/such/folder/r.html", "--quick"];
    for command in ["collectors", "counted", "pools", "goroutines", "arenas"] {
        let error = fails(&[&[command][..], &nowhere].concat(), 5);
        assert!(error.contains("cannot write /no/such/folder/r.html"), "{error}");
    }
    // A folder is no file; and what was only tried is not left behind.
    fails(&["compare", path(&one), "--output", path(folder.path())], 5);
    let page = folder.path().join("r.html");
    fails(&["compare", "no/such.strata", "--output", path(&page)], 3);
    assert!(!page.exists());
}
