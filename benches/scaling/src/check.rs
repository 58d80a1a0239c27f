//! What has to hold of the counts, for CI.
//!
//! Above: `main`. Below: `counted`.

use crate::Arguments;
use crate::counted::Counted;
use crate::workloads::Workload;

const CORES: usize = 8;

/// The most transfers of the allocator's own lines for each operation, by workload.
const MOST: &[(&str, f64)] = &[
    ("pairs", 0.0),
    ("working-set", 0.01),
    ("bursts", 0.4),
    ("hand-over", 1.1),
    ("larson", 0.42),
    ("churn", 2.6),
    ("medium", 9.5),
    ("large", 32.0),
];

/// Runs the workloads at 8 cores.
///
/// # Errors
///
/// Where a workload has more transfers than it may, or a place is in no row of `points`.
pub fn check(workloads: &[&'static Workload], arguments: &Arguments) -> Result<(), String> {
    let mut failed = Vec::new();
    for workload in workloads {
        let counted = Counted::of(workload, CORES, arguments)?;
        let transfers = counted.transfers_of_allocator();
        let most = MOST.iter().find(|(name, _)| *name == workload.name).map_or(0.0, |(_, m)| *m);
        println!(
            "{:12} {transfers:7.4} transfers for each operation (at most {most})",
            workload.name
        );
        if transfers > most {
            failed.push(format!("{}: {transfers} transfers, not {most}", workload.name));
        }
        failed.extend(counted.unknown.iter().map(|name| format!("a place of no name: {name}")));
    }
    if failed.is_empty() { Ok(()) } else { Err(failed.join("\n")) }
}
