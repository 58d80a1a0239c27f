use alloc_core::gc::Trace;
use rc_cycle::Cc;

#[derive(Trace)]
struct Named<'a> {
    name: &'a str,
    others: Vec<Cc<u8>>,
}

fn main() {}
