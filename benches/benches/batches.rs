//! Many objects that are allocated and then freed, in three orders: see `benches::micro::batches`.

mod common;

use criterion::{Criterion, criterion_group, criterion_main};

fn batches(c: &mut Criterion) {
    common::group(c, "batches");
}

criterion_group! { name = all; config = common::criterion(); targets = batches }
criterion_main!(all);
