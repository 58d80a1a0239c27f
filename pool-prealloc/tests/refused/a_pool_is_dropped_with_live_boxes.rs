use pool_prealloc::Pool;

fn main() {
    let pool = Pool::with_capacity(1);
    let one = pool.alloc(1).unwrap();
    drop(pool);
    println!("{one}");
}
