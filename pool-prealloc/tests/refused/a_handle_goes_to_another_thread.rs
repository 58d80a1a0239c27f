use pool_prealloc::StaticPool;

static POOL: StaticPool<u32, 4> = StaticPool::new();

fn main() {
    let pool = POOL.claim().unwrap();
    std::thread::spawn(move || pool.alloc(1).is_ok());
}
