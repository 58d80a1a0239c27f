use pool_prealloc::StaticPool;

static POOL: StaticPool<u32, 4> = StaticPool::new();

fn main() {
    let one = POOL.claim().unwrap().alloc(1).unwrap();
    std::thread::spawn(move || drop(one));
}
