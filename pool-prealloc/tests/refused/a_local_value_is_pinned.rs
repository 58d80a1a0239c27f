use pool_prealloc::{SlotBox, StaticPool};

fn main() {
    let mut pool = StaticPool::<_, 4>::new();
    let one = pool.handle().alloc(std::marker::PhantomPinned).ok().unwrap();
    let _ = SlotBox::into_pin(one);
}
