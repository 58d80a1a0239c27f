//! The points of contention: the places in memory where cores can meet.
//!
//! Above: `counted`. Below: names as the shim gives them: the file of an atomic's access, or the type that a
//! cell or lock holds. A place that stands in no row is unknown, and `check` fails.

/// What the workloads' own objects are called.
pub const OBJECTS: &str = "objects";

/// What no row names.
pub const UNKNOWN: &str = "unknown";

/// What the name ends with, and whose it is.
#[rustfmt::skip]
const TABLE: &[(&str, &str)] = &[
    (OBJECTS,                           OBJECTS),
    // Of one thread, as long as nobody reclaims.
    ("cache/local.rs",                  "thread's state"),
    ("cache/mod.rs",                    "thread's state"),
    ("cache/key.rs",                    "thread's state"),
    ("cache/life.rs",                   "thread's state"),
    ("*mut alloc_sizeclass::heap::slot::Slot", "thread's lists"),
    ("u32",                             "thread's lists"),
    ("cache::list::Rest",               "thread's lists"),
    ("()",                              "gate"),
    // Of all threads.
    ("cache::local::Registry",          "registry"),
    ("heap/transfer.rs",                "transfer cache"),
    ("heap::class::Spans",              "class lock"),
    ("heap::span::Span",                "span records"),
    ("heap::slot::Slot",                "links in slots"),
    ("heap/index.rs",                   "index"),
    ("heap::others::Others",            "map beside the index"),
    ("heap::index::State",              "index"),
    ("heap::large::Large",              "large lock"),
    ("heap::span_pool::Records",        "pool of records"),
    ("heap::span_pool::FreeRecord",     "span records"),
    ("state::State",                    "arena lock"),
    ("alloc-arena/src/arena.rs",        "arena's bounds"),
    ("alloc-arena/src/below.rs",        "arena's counters"),
];

/// The point that has this name.
pub fn of(name: &str) -> &'static str {
    let row = TABLE.iter().find(|(end, _)| name.ends_with(end));
    row.map_or(UNKNOWN, |(_, point)| point)
}

/// All points, in the order of the table.
pub fn all() -> Vec<&'static str> {
    let mut points = Vec::new();
    for (_, point) in TABLE {
        if !points.contains(point) {
            points.push(*point);
        }
    }
    points.push(UNKNOWN);
    points
}
