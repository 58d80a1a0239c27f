//! One thread allocates what another frees: see `benches::micro::handover`.

mod common;

use criterion::{Criterion, criterion_group, criterion_main};

fn producer(c: &mut Criterion) {
    common::group(c, "producer");
}

criterion_group! { name = all; config = common::criterion(); targets = producer }
criterion_main!(all);
