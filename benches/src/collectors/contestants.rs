//! Who takes part in `collectors`.
//!
//! Above: the command, the child. Below: the systems.

use super::outside::{self, Install, Outside};
use super::{Cache, Forest, Graph, Nodes, Scale, Texts, Workload};
use super::{arena, boehm, boxed, bump, gc_crate, ours};

/// A system that runs the programs.
#[derive(Debug)]
pub struct Contestant {
    /// What it is called in options and tables.
    pub name: &'static str,
    /// What it is, in a few words.
    pub about: &'static str,
    /// The allocator of its process: see [`crate::global`].
    pub global: &'static str,
    /// Whether it frees nothing of a program: one that allocates too much is left out.
    pub keeps_all: fn(&Workload) -> bool,
    /// Whether the system is on this machine.
    pub is_here: fn() -> bool,
    /// What runs the programs, if it is not this executable.
    pub outside: Option<&'static Outside>,
    /// Makes the thread that calls ready for the system: the main thread first, then the program's.
    pub prepare: fn(),
    /// What makes trees.
    pub forest: fn(Nodes) -> Box<dyn Forest>,
    /// A cache of so many nodes.
    pub cache: fn(usize) -> Box<dyn Cache>,
    /// A table of so many rings.
    pub graph: fn(usize) -> Box<dyn Graph>,
    /// A table of so many strings, all empty at first.
    pub texts: fn(usize) -> Box<dyn Texts>,
}

/// What a system that frees nothing is given to hold at most.
const KEPT_MAX_BYTES: u64 = 4 << 30;

macro_rules! ours {
    ($name:literal, $about:literal, $make:ident, $keeps_all:literal) => {
        Contestant {
            name: $name,
            about: $about,
            global: "strata",
            keeps_all: |_| $keeps_all,
            is_here: || true,
            outside: None,
            prepare: || {},
            forest: |nodes| ours::forest(ours::$make(), nodes),
            cache: |count| ours::cache(ours::$make(), count),
            graph: |rings| ours::graph(ours::$make(), rings),
            texts: |count| ours::texts(ours::$make(), count),
        }
    };
}

macro_rules! system {
    ($name:literal, $about:literal, $global:literal, $of:ident) => {
        Contestant {
            name: $name,
            about: $about,
            global: $global,
            keeps_all: |_| false,
            is_here: || true,
            outside: None,
            prepare: || {},
            forest: $of::forest,
            cache: $of::cache,
            graph: $of::graph,
            texts: $of::texts,
        }
    };
}

macro_rules! outside {
    ($name:literal, $about:literal, $outside:expr) => {
        Contestant {
            is_here: || $outside.language.build(Install::IfMissing),
            outside: Some($outside),
            ..system!($name, $about, "system", outside)
        }
    };
}

/// All systems, in the order of tables.
pub static ALL: &[Contestant] = &[
    ours!("generational", "gc-generational on the default stack", generational, false),
    ours!(
        "generational-bg",
        "the same, its tenured space marked in the background",
        generational_background,
        false
    ),
    ours!("marksweep", "gc-marksweep on the default stack, stop-the-world", stop_the_world, false),
    ours!("marksweep-inc", "the same, incremental", incremental, false),
    ours!("marksweep-bg", "the same, in the background", background, false),
    ours!("no-collection", "the same, never collecting: the baseline of pauses", never, true),
    system!("gc-arena", "gc-arena 0.5 on mimalloc", "mimalloc", arena),
    system!("gc-crate", "the gc crate 0.5 on mimalloc", "mimalloc", gc_crate),
    Contestant {
        is_here: boehm::is_here,
        prepare: boehm::prepare,
        ..system!("bdwgc", "bdwgc (Debian: libgc1), from its shared library", "system", boehm)
    },
    outside!("go", "Go (benches/src/collectors/go/build brings it)", &outside::GO),
    outside!("ocaml", "OCaml (Debian: ocaml-nox), by its defaults", &outside::OCAML),
    outside!("ocaml-1M", "the same, with a nursery of 1 Mi words", &outside::OCAML_1M),
    outside!(
        "java-serial",
        "Java (Debian: default-jdk-headless), serial collector, a heap of 4 times what is alive",
        &outside::JAVA_SERIAL
    ),
    outside!("java-serial-2x", "the same, a heap of twice what is alive", &outside::JAVA_SERIAL_2X),
    system!("free-mimalloc", "malloc and free on mimalloc", "mimalloc", boxed),
    system!("free-strata", "malloc and free on the default stack", "strata", boxed),
    Contestant {
        // Trees that die young go, a bump at a time.
        keeps_all: |workload| !matches!(workload.name, "binary-trees" | "gcbench"),
        ..system!(
            "bumpalo",
            "bumpalo 3 on mimalloc: trees go as a whole, all else stays",
            "mimalloc",
            bump
        )
    },
];

/// The system of this name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Contestant> {
    ALL.iter().find(|contestant| contestant.name == name)
}

impl Contestant {
    /// Whether it has room for a program.
    #[must_use]
    pub fn fits(&self, workload: &Workload, scale: Scale) -> bool {
        !(self.keeps_all)(workload) || (workload.bytes)(scale).1 <= KEPT_MAX_BYTES
    }
}
