//! Who takes part in `counted`.
//!
//! Above: the command, the child. Below: the kinds, and the programs that each can run.

use super::clock::Clock;
use super::kinds::{self, Counted};
use super::programs::{Program, Work, alone, shared};
use crate::collectors::Scale;

/// Counted pointers that run the programs.
#[derive(Debug)]
pub struct System {
    /// What it is called in options and tables.
    pub name: &'static str,
    /// What it is, in a few words.
    pub about: &'static str,
    /// Whether cycles are freed.
    pub frees_cycles: bool,
    /// Whether many threads may have them.
    is_shared: bool,
    /// A program that it would not end.
    hangs_in: Option<Work>,
    pub(super) run: fn(Work, Scale, &mut Clock) -> u64,
    /// Frees what can be freed, in the end.
    pub(super) collect: fn(),
}

macro_rules! system {
    ($name:literal, $about:literal, $kind:ident, $run:ident) => {
        System {
            name: $name,
            about: $about,
            frees_cycles: true,
            is_shared: matches!(stringify!($run).as_bytes(), b"shared"),
            hangs_in: None,
            run: $run::<kinds::$kind>,
            collect: kinds::$kind::collect,
        }
    };
}

/// All systems, in the order of tables.
pub static ALL: &[System] = &[
    System { frees_cycles: false, ..system!("rc", "std's Rc", Rc, alone) },
    system!("rc-cycle", "rc_cycle::Cc", Local, alone),
    system!("dumpster", "dumpster::unsync::Gc 2.1", DumpsterUnsync, alone),
    system!("rust-cc", "rust_cc::Cc 0.6", RustCc, alone),
    system!(
        "bacon-rajan",
        "bacon_rajan_cc::Cc 0.4, told to collect at 100 000 candidates",
        BaconRajan,
        alone
    ),
    System { frees_cycles: false, ..system!("arc", "std's Arc", Arc, shared) },
    system!("rc-cycle-sync", "rc_cycle::sync::Cc", Shared, shared),
    System {
        // Collections on several threads come to wait for each other.
        hangs_in: Some(Work::ThreadsGraph),
        ..system!("dumpster-sync", "dumpster::sync::Gc 2.1", DumpsterSync, shared)
    },
];

/// The system of this name.
#[must_use]
pub fn find(name: &str) -> Option<&'static System> {
    ALL.iter().find(|system| system.name == name)
}

impl System {
    /// Whether it can run a program.
    #[must_use]
    pub fn fits(&self, program: &Program) -> bool {
        let has_threads = self.is_shared || !program.work.needs_threads();
        has_threads && self.hangs_in != Some(program.work)
    }
}
