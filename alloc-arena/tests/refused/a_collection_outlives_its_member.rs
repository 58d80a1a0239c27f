use alloc_arena::Herd;
use alloc_core::api2::alloc::Global;

fn main() {
    let herd = Herd::new(Global);
    let mut numbers = herd.get().vec();
    numbers.push(1);
}
