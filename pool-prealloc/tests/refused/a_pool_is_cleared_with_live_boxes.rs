use pool_prealloc::Pool;

fn main() {
    let mut pool = Pool::with_capacity(1);
    let one = pool.alloc(1).unwrap();
    pool.clear();
    println!("{one}");
}
