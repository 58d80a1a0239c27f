use alloc_arena::DropBump;
use alloc_core::api2::alloc::Global;

fn main() {
    let bump = DropBump::new(Global);
    bump.alloc(std::rc::Rc::new(1));
    std::thread::scope(|scope| {
        scope.spawn(move || drop(bump));
    });
}
