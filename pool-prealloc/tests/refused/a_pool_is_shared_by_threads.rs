use pool_prealloc::Pool;

fn main() {
    let pool = Pool::with_capacity(2);
    std::thread::scope(|scope| {
        scope.spawn(|| pool.alloc(1).is_ok());
    });
}
