use pool_prealloc::SyncPool;
use pool_prealloc::sync::HeldBox;

fn main() {
    let below = alloc_core::Null;
    let pool = SyncPool::<_, _>::try_with_capacity_in(1, &below).unwrap();
    let one = pool.alloc(std::marker::PhantomPinned).ok().unwrap();
    let _ = HeldBox::into_pin(one);
}
