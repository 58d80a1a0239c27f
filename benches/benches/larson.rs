//! Threads that come and go, and leave their objects to the next: see `benches::micro::larson`.

mod common;

use criterion::{Criterion, criterion_group, criterion_main};

fn larson(c: &mut Criterion) {
    common::group(c, "larson");
}

criterion_group! { name = all; config = common::criterion(); targets = larson }
criterion_main!(all);
