//! The guide's tasks as a stranger does them: a package for each in a fresh folder, outside of the workspace.
//!
//! ```text
//! cargo run -p guide --bin fresh -- FOLDER
//! ```
//!
//! Above: whoever changes features, or the guide. Below: `docs/tasks.md`, whose `toml` and `rust` it takes, and Cargo. Doc tests see all
//! crates with all features that the guide needs at all; here each task has what its own `Cargo.toml` says.
//! Only the crates' versions become paths. A manifest with a `[package]` is a library's, whose model goes into `tests/loom.rs`. A part of a task with a `Cargo.toml` of its own, below a heading of its own, is one more. Not
//! here: task 8, which is commands.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::{env, fs, io};

const TASKS: &str = include_str!("../../../../docs/tasks.md");
const TOP: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
const CRATES: &[&str] = &[
    "alloc-arena",
    "alloc-core",
    "alloc-sizeclass",
    "gc-generational",
    "gc-marksweep",
    "pool-prealloc",
    "rc-cycle",
];

fn main() -> ExitCode {
    let Some(folder) = env::args_os().nth(1).map(PathBuf::from) else {
        eprintln!("usage: fresh FOLDER");
        return ExitCode::from(2);
    };
    let mut failed = 0;
    for section in TASKS.split("\n## ").skip(1).flat_map(|task| task.split("\n### ")) {
        let title = section.lines().next().unwrap_or_default();
        let Some(manifest) = code(section, "```toml").into_iter().next() else { continue };
        let done = task(&folder.join(anchor(title)), &manifest, section);
        println!("{title}: {}", if done.as_ref().is_ok_and(|ok| *ok) { "done" } else { "FAILED" });
        failed += usize::from(!done.is_ok_and(|ok| ok));
    }
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Makes a task's package, and runs it.
fn task(folder: &Path, manifest: &str, section: &str) -> io::Result<bool> {
    fs::create_dir_all(folder.join("src"))?;
    let dependencies: Vec<String> = manifest.lines().map(local).collect();
    let dependencies = dependencies.join("\n");
    let is_whole = dependencies.starts_with("[package]");
    let head = "[package]\nname = \"task\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n";
    let head = if is_whole { "" } else { head };
    fs::write(folder.join("Cargo.toml"), format!("{head}{dependencies}\n\n[workspace]\n"))?;
    let program: String = code(section, "```rust").into_iter().map(|code| whole(&code)).collect();
    let tests = program.contains("conformance::Kit") || program.contains("#[test]");
    let (file, program) = match is_whole {
        true => ("src/lib.rs", code(section, "```rust").concat()),
        false => ("src/main.rs", program),
    };
    fs::write(folder.join(file), program)?;
    if let Some(model) = code(section, "```rust,ignore").first().filter(|_| is_whole) {
        fs::create_dir_all(folder.join("tests"))?;
        fs::write(folder.join("tests/loom.rs"), model)?;
    }
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    // What is a dev-dependency is there for tests alone.
    cargo.arg(if tests { "test" } else { "run" }).arg("-q").current_dir(folder);
    Ok(cargo.status()?.success())
}

/// The blocks of a section that open so.
fn code(section: &str, opens: &str) -> Vec<String> {
    let mut blocks = Vec::new();
    let mut lines = section.lines();
    while lines.by_ref().any(|line| line == opens) {
        let block = lines.by_ref().take_while(|line| *line != "```");
        blocks.push(block.map(|line| format!("{line}\n")).collect());
    }
    blocks
}

/// A line of a manifest: a crate of this workspace comes by its path.
fn local(line: &str) -> String {
    let Some((name, rest)) = line.split_once(" = ") else { return line.to_owned() };
    if !CRATES.contains(&name) {
        return line.to_owned();
    }
    let path = format!("path = \"{TOP}/{name}\"");
    if rest.starts_with('{') {
        return format!("{name} = {}", rest.replace("version = \"0.1\"", &path));
    }
    format!("{name} = {{ {path} }}")
}

/// A block as a program.
fn whole(code: &str) -> String {
    if code.contains("fn main()") {
        return code.to_owned();
    }
    // Items may stand in a function, as in a doc test.
    let attribute =
        if code.contains("conformance::Kit") { "#[test]\nfn task()" } else { "fn main()" };
    let main = if attribute.starts_with('#') { "fn main() {}\n" } else { "" };
    format!("{main}{attribute} {{\n{code}}}\n")
}

fn anchor(title: &str) -> String {
    title
        .to_lowercase()
        .split(|c: char| !c.is_alphanumeric())
        .filter(|w| !w.is_empty())
        .collect::<Vec<_>>()
        .join("-")
}
