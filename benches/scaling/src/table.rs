//! What is printed: a table for each workload, a column for each number of cores.
//!
//! Above: `main`. Below: `counted`.

use crate::counted::Counted;
use crate::points;
use crate::workloads::Workload;

/// Prints the figures of a workload.
pub fn print(workload: &Workload, columns: &[Counted]) {
    println!("\n{}: {}", workload.name, workload.about);
    row("cores", columns, |counted| counted.cores.to_string());
    println!("transfers for each allocation or free");
    for point in points::all() {
        if columns.iter().any(|counted| counted.transfers(point) > 0.0) {
            row(&format!("  {point}"), columns, |counted| number(counted.transfers(point)));
        }
    }
    row("  all but objects", columns, |counted| number(counted.transfers_of_allocator()));
    let locks = |of: &dyn Fn(&Counted, &str) -> f64, name: &str, least: f64| {
        for point in points::all() {
            if columns.iter().any(|counted| of(counted, point) >= least) {
                row(&format!("  {point}"), columns, |counted| number(of(counted, point)));
            }
            let _ = name;
        }
    };
    println!("part of the time in which a lock is held");
    locks(&|counted, point| counted.held(point), "held", 0.005);
    println!("steps of waiting for a lock, for each allocation or free");
    locks(&|counted, point| counted.waited(point), "waited", 0.5);
    row("steps of an operation", columns, |counted| format!("{:.0}", counted.steps_of_operation()));
}

fn row(name: &str, columns: &[Counted], cell: impl Fn(&Counted) -> String) {
    print!("{name:24}");
    columns.iter().for_each(|counted| print!("{:>9}", cell(counted)));
    println!();
}

fn number(value: f64) -> String {
    match value {
        0.0 => "0".into(),
        0.0..0.0005 => "< 0.001".into(),
        0.0..10.0 => format!("{value:.3}"),
        _ => format!("{value:.0}"),
    }
}
