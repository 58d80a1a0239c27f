//! One object in another's place, anywhere in a full table: see `benches::micro::replace`.

mod common;

use criterion::{Criterion, criterion_group, criterion_main};

fn replace(c: &mut Criterion) {
    common::group(c, "replace");
}

criterion_group! { name = all; config = common::criterion(); targets = replace }
criterion_main!(all);
