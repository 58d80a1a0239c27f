use pool_prealloc::{Pool, SlotBox};

fn leaked() -> &'static mut u32 {
    let pool = Pool::with_capacity(1);
    SlotBox::leak(pool.alloc(1).unwrap())
}

fn main() {
    leaked();
}
