use alloc_arena::Bump;
use alloc_core::api2::alloc::Global;

fn main() {
    let mut bump = Bump::new(Global);
    let value = bump.alloc(1);
    bump.reset();
    println!("{value}");
}
