//! The traces that ship with the repository: whole, of a size to ship, of different character.
//!
//! `cargo test -p strata-preload --test shipped -- --nocapture` prints their figures, as they stand
//! in the README beside them.

use std::fs::{self, File};
use std::path::Path;
use strata_trace::{EXTENSION, Reader, Summary};

#[test]
fn traces_are_whole() {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../traces"));
    let mut seen: Vec<(String, Summary)> = Vec::new();
    for entry in fs::read_dir(folder).expect("the traces are there") {
        let path = entry.expect("the folder can be read").path();
        if path.extension().is_none_or(|extension| extension != EXTENSION) {
            continue;
        }
        let name = path.file_stem().expect("it has a name").to_string_lossy().into_owned();
        let bytes = path.metadata().expect("it is a file").len();
        assert!((200 << 10..2 << 20).contains(&bytes), "{name}: {bytes} bytes");
        let mut reader = Reader::new(File::open(&path).expect("it opens")).expect("it is a trace");
        for event in reader.by_ref() {
            event.unwrap_or_else(|error| panic!("{name}: {error}"));
        }
        seen.push((name, reader.summary().expect("it has ended")));
    }
    seen.sort_by(|a, b| a.0.cmp(&b.0));
    for (name, s) in &seen {
        println!(
            "| `{name}` | {} | {} | {} | {} | {} | {:.1} |",
            s.events,
            s.threads,
            s.objects,
            s.reallocs,
            s.peak_live_objects,
            s.peak_live_bytes as f64 / f64::from(1 << 20),
        );
    }
    assert!(seen.len() >= 6, "{seen:?}");
    assert!(seen.iter().filter(|(_, s)| s.threads > 1).count() >= 2, "{seen:?}");
    assert!(
        seen.iter().any(|(_, s)| s.threads == 1) && seen.iter().any(|(_, s)| s.reallocs > 1000)
    );
}
