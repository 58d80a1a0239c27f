use pool_prealloc::Pool;

fn main() {
    let pool = Pool::with_capacity(2);
    let one = pool.alloc(1).unwrap();
    std::thread::scope(|scope| {
        scope.spawn(move || drop(one));
    });
}
