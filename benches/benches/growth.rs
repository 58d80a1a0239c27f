//! A vector that doubles until it is full: see `benches::micro::growth`.

mod common;

use criterion::{Criterion, criterion_group, criterion_main};

fn growth(c: &mut Criterion) {
    common::group(c, "growth");
}

criterion_group! { name = all; config = common::criterion(); targets = growth }
criterion_main!(all);
