//! What features add; and what the compiler refuses.

#![cfg(not(loom))]

use alloc_core::gc::Trace;
use rc_cycle::{Cc, census, collect, sync};
use std::cell::RefCell;
use std::sync::Mutex;

#[derive(Trace)]
struct Node(RefCell<Vec<Cc<Node>>>);

#[derive(Trace)]
struct Star(Mutex<Vec<sync::Cc<Star>>>);

#[test]
fn a_census_is_a_report_of_leaks() {
    let held = Cc::new(Node(RefCell::default()));
    for _ in 0..10 {
        let node = Cc::new(Node(RefCell::default()));
        node.0.borrow_mut().extend([node.clone(), held.clone()]);
    }
    assert_eq!(census()[0].objects, 11);
    collect();
    let counts = census();
    assert_eq!((counts.len(), counts[0].objects), (1, 1));
    assert!(counts[0].to_string().contains("features::Node"), "{}", counts[0]);
    drop(held);
    collect();
    assert_eq!(census(), []);
    let star = sync::Cc::new(Star(Mutex::default()));
    star.0.lock().unwrap().push(star.clone());
    assert!(sync::census().iter().any(|count| count.name.ends_with("Star")));
    drop(star);
    sync::collect();
    assert_eq!(sync::census(), []);
}

#[test]
fn assuming_one_thread_is_nothing_with_std() {
    // SAFETY: with `std`, nothing is assumed.
    unsafe { rc_cycle::assume_one_thread() };
    std::thread::spawn(|| drop(Cc::new(1))).join().unwrap();
}

#[test]
fn pointers_serialise_as_their_values() {
    let value: (Cc<u32>, sync::Cc<String>, Cc<[u8]>, Cc<str>) =
        (Cc::new(7), sync::Cc::new("seven".into()), Cc::from([1, 2]), Cc::from("text"));
    let text = serde_json::to_string(&value).unwrap();
    assert_eq!(text, r#"[7,"seven",[1,2],"text"]"#);
    let back: (Cc<u32>, sync::Cc<String>, Cc<[u8]>, Cc<str>) = serde_json::from_str(&text).unwrap();
    assert_eq!(back, value);
}

/// The compiler's words differ between versions; that it refuses does not.
#[test]
fn gc_refused_what_would_not_be_sound() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("tests/refused/*.rs");
}
