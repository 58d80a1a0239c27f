//! One allocation and its free at once, by size: see `benches::micro::pairs`.

mod common;

use criterion::{Criterion, criterion_group, criterion_main};

fn pairs(c: &mut Criterion) {
    common::group(c, "pairs");
}

criterion_group! { name = all; config = common::criterion(); targets = pairs }
criterion_main!(all);
