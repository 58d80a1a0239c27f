use alloc_arena::Herd;
use alloc_core::api2::alloc::Global;

fn main() {
    let herd = Herd::new(Global);
    let member = herd.get();
    std::thread::scope(|scope| {
        scope.spawn(|| *member.alloc(1));
    });
}
