use pool_prealloc::{ObjectPool, SyncPool};

fn put<'s>(pool: &SyncPool<&'s str>, word: &'s str) {
    std::mem::forget(pool.alloc(word));
}

fn change<'s, I: Fn() -> &'s str, R: Fn(&mut &'s str)>(pool: &ObjectPool<&'s str, I, R>, word: &'s str) {
    *pool.get().unwrap() = word;
}

fn main() {
    let pool = SyncPool::<&'static str>::with_capacity(1);
    put(&pool, &String::from("short"));
    drop(pool);

    let objects = SyncPool::<&'static str>::objects(1, || "long", |_| ());
    change(&objects, &String::from("short"));
    drop(objects);
}
