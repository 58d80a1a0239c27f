fn main() {
    let local = rc_cycle::Cc::new(1);
    std::thread::spawn(move || *local);
}
