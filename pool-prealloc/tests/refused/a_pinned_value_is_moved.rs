use pool_prealloc::{Pool, SlotBox};
use std::marker::PhantomPinned;

fn main() {
    let mut pool = Pool::with_capacity(1);
    std::mem::forget(SlotBox::into_pin(pool.alloc(PhantomPinned).ok().unwrap()));
    pool.iter_mut();
}
