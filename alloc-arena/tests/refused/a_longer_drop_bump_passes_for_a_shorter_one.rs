use alloc_arena::DropBump;
use alloc_core::api2::alloc::Global;

fn shorter<'s, 'l: 's>(bump: &'s DropBump<'l, Global>) -> &'s DropBump<'s, Global> {
    bump
}

fn main() {
    let bump = DropBump::new(Global);
    shorter(&bump).alloc(1);
}
