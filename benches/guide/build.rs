//! Takes code out of the guide for tests that are no doc tests: the queue of task 5 and its model, the stacks
//! with their reports, and the front page's ten lines.

use std::fmt::Write;
use std::path::Path;
use std::{env, fs};

const TASKS: &str = "../../docs/tasks.md";
const COMPOSING: &str = "../../docs/composing.md";
const FRONT: &str = "../../README.md";

fn main() {
    let folder = env::var_os("OUT_DIR").expect("Cargo sets it");
    let folder = Path::new(&folder);
    let [tasks, composing, front] = [TASKS, COMPOSING, FRONT].map(|path| {
        println!("cargo::rerun-if-changed={path}");
        fs::read_to_string(path).expect("the chapter is there")
    });
    let queue = tasks.split("\n## ").find(|section| section.starts_with("5. "));
    let queue = queue.expect("there is a task 5");
    fs::write(folder.join("queue.rs"), code(queue, "```rust")).expect("the code is written");
    let model = within(&code(queue, "```rust,ignore"));
    fs::write(folder.join("queue_model.rs"), model).expect("the code is written");
    fs::write(folder.join("stacks.rs"), stacks(&composing)).expect("the code is written");
    fs::write(folder.join("ten_lines.rs"), ten_lines(&front)).expect("the code is written");
}

/// The program of the front page, which compares its report instead of printing it.
fn ten_lines(page: &str) -> String {
    let section = page.split("\n## ").find(|section| section.starts_with("Ten lines"));
    let code = code(section.expect("the section is there"), "```rust");
    let print = "println!(\"{} words\\n{}\", words.len(), Tree::of(&STACK))";
    assert_eq!(code.matches(print).count(), 1, "it prints its report");
    code.replace(print, "compare(words.len(), &Tree::of(&STACK))").replace("fn main", "pub fn main")
}

/// A file that names its crate, as a part of a module that has all of it.
fn within(file: &str) -> String {
    let is_of_file = |line: &&str| line.starts_with("#![") || line.starts_with("use queue::");
    file.lines().filter(|line| !is_of_file(line)).collect::<Vec<_>>().join("\n")
}

/// The Rust of a section, in blocks that open so.
fn code(section: &str, opens: &str) -> String {
    let mut code = String::new();
    let mut is_code = false;
    for line in section.lines() {
        match line {
            _ if line == opens => is_code = true,
            "```" => is_code = false,
            _ if is_code => code.extend([line, "\n"]),
            _ => {}
        }
    }
    code
}

/// A test for each section with a report: what the code prints is compared with what the chapter shows.
fn stacks(chapter: &str) -> String {
    let sections = chapter.split("\n## ").skip(1);
    let sections = sections.filter(|section| section.contains("```text"));
    let mut tests = String::new();
    for (number, section) in sections.enumerate() {
        let title = section.lines().next().expect("a heading");
        let print = "print!(\"{}\", Tree::of(";
        let compare = format!("compare(\"{title}\", &Tree::of(");
        let code = code(section, "```rust");
        assert_eq!(code.matches(print).count(), 1, "{title} prints one report");
        let code = code.replace(print, &compare);
        write!(tests, "#[test]\nfn stack_{number}() {{\n{code}}}\n").expect("a string");
    }
    tests
}
