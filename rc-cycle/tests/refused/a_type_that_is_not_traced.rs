struct Opaque;

fn main() {
    let _ = rc_cycle::Cc::new(Opaque);
}
