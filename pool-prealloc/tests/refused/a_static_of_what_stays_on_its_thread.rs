use pool_prealloc::StaticPool;
use std::rc::Rc;

static POOL: StaticPool<Rc<u32>, 4> = StaticPool::new();

fn main() {
    POOL.claim();
}
