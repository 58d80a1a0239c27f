use alloc_arena::Bump;
use alloc_core::api2::alloc::Global;

fn main() {
    let bump = Bump::new(Global);
    std::thread::scope(|scope| {
        scope.spawn(|| *bump.alloc(1));
    });
}
