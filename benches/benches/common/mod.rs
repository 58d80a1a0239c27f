//! What the benches share: criterion around the tasks of `benches::micro`, which say what they measure.
//!
//! All allocators are in one process. `benches micro` goes to and fro between them and prints one table;
//! criterion takes them one after the other, looks at each for longer, and compares with the run before.

use benches::micro::contestants::ALL;
use benches::micro::{Entry, tasks};
use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, Throughput};
use std::time::Duration;

/// Runs the tasks of a group, each on the floor and on all allocators.
pub fn group(c: &mut Criterion, name: &str) {
    for (at, task) in tasks().iter().enumerate().filter(|(_, task)| task.group == name) {
        let mut group = c.benchmark_group(&task.name);
        group.throughput(Throughput::Elements(task.operations));
        floor(&mut group, task);
        for entrant in ALL {
            let run = entrant.runs[at];
            group.bench_function(entrant.name, |bencher| bencher.iter_custom(run));
        }
        group.finish();
    }
}

fn floor(group: &mut BenchmarkGroup<'_, WallTime>, task: &Entry) {
    if (task.floor)(1).is_some() {
        let run = |steps| (task.floor)(steps).unwrap_or_default();
        group.bench_function("floor", |bencher| bencher.iter_custom(run));
    }
}

/// Criterion, set up so that all benches together take minutes, not an hour.
pub fn criterion() -> Criterion {
    Criterion::default()
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_millis(1500))
        .sample_size(30)
        .configure_from_args()
}
