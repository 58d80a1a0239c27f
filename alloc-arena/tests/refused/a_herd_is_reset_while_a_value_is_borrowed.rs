use alloc_arena::Herd;
use alloc_core::api2::alloc::Global;

fn main() {
    let mut herd = Herd::new(Global);
    let value = herd.get().alloc(1);
    herd.reset();
    println!("{value}");
}
