use pool_prealloc::{Pool, SlotBox};

fn keep<'a>(pool: &Pool<&'a str>, text: &'a str) {
    let _ = SlotBox::leak(pool.alloc(text).unwrap());
}

fn main() {
    let mut pool: Pool<&'static str> = Pool::with_capacity(1);
    let text = String::from("short");
    keep(&pool, &text);
    drop(text);
    println!("{:?}", pool.iter().next());
}
