//! Takes the queue of task 5, and its model, out of the guide, for `tests/loom.rs`.

use std::path::Path;
use std::{env, fs};

const CHAPTER: &str = "../../docs/tasks.md";

fn main() {
    println!("cargo::rerun-if-changed={CHAPTER}");
    let chapter = fs::read_to_string(CHAPTER).expect("the chapter is there");
    let from = chapter.find("\n## 5. ").expect("there is a task 5");
    let to = chapter.find("\n## 6. ").expect("there is a task 6");
    let mut code = String::new();
    let mut is_code = false;
    for line in chapter[from..to].lines() {
        match line {
            "```rust" | "```rust,ignore" => is_code = true,
            "```" => is_code = false,
            _ if is_code => code.extend([line, "\n"]),
            _ => {}
        }
    }
    let folder = env::var_os("OUT_DIR").expect("Cargo sets it");
    fs::write(Path::new(&folder).join("queue.rs"), code).expect("the code is written");
}
