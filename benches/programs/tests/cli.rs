//! The command line, on small inputs.

use serde_json::Value;
use std::process::{Command, Output};

fn programs(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_programs")).args(arguments).output().unwrap()
}

#[test]
fn every_load_on_every_allocator_that_is_built() {
    let built = [
        env!("CARGO_BIN_EXE_on-strata"),
        env!("CARGO_BIN_EXE_on-system"),
        env!("CARGO_BIN_EXE_on-mimalloc"),
    ];
    assert!(built.iter().all(|path| std::path::Path::new(path).is_file()));
    let output =
        programs(&["--rounds", "1", "--scale", "1", "--json", "--only", "strata,system,mimalloc"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let rows: Value = serde_json::from_slice(&output.stdout).unwrap();
    let rows = rows.as_array().unwrap();
    assert_eq!(rows.len(), 3 * 7);
    for row in rows {
        for figure in ["wall_ns", "cpu_ns", "peak_bytes", "answer"] {
            assert!(row["figures"][figure].as_u64().unwrap() > 0, "{row}");
        }
    }
}

#[test]
fn tables_have_a_line_for_each() {
    let output =
        programs(&["tree", "regex", "--rounds", "1", "--scale", "1", "--only", "strata,system"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8_lossy(&output.stdout);
    for name in ["strata", "system"] {
        // A line for each load, and one of means; the first allocator heads the means.
        assert!((3..=4).contains(&text.matches(name).count()), "{text}");
    }
}

#[test]
fn what_there_is_not() {
    for (arguments, said) in [
        (&["nothing"][..], "there are: json"),
        (&["--only", "nobody"][..], "cargo build --release -p programs"),
    ] {
        let output = programs(arguments);
        assert_eq!(output.status.code(), Some(2));
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(error.contains(said), "{error}");
    }
}
