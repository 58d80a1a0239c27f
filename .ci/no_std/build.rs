//! Links the C library, whose start-up code calls `main`: without std, nobody else asks for it.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rustc-link-arg-bins=-lc");
}
