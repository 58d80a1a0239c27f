//! Reports: the text, aligned; the tree, also there and back through serde.

#![cfg_attr(strata_nightly, feature(allocator_api))]
#![cfg(not(all(loom, feature = "loom")))]

use alloc_core::api2::alloc::Global;
use alloc_core::report::{Sink, Text, Tree};
use alloc_core::{Allocator, Fallback, Layout, Limit, Null, Observe, Report, Unit};
use std::fmt::Write;

/// A stack with figures that are known.
fn used_stack() -> Observe<Fallback<Null, Limit<Global>>> {
    let stack = Observe::new(Fallback::new(Null, Limit::new(1_234_567, Global)));
    for bytes in [1, 100, 100, 70_000] {
        let layout = Layout::from_size_align(bytes, 8).unwrap();
        let slice = stack.allocate(layout).unwrap();
        // SAFETY: allocated in the line before with this layout.
        unsafe { stack.deallocate(slice.cast(), layout) };
    }
    assert!(stack.allocate(Layout::new::<[u8; 2_000_000]>()).is_err());
    stack
}

const GOLDEN: &str = "\
Observe
  live                                                 0 B
  peak                                            70_000 B
  live allocations                                     0
  allocations                                          4
  deallocations                                        4
  grows                                                0
  shrinks                                              0
  refused                                              1
  allocations by size
    up to 1 B                                          1
    up to 128 B                                        2
    up to 128 KiB                                      1
  Fallback
    primary
      Null
    secondary
      Limit
        limit                                  1_234_567 B
        live                                           0 B
        peak                                      70_000 B
        refused                                        1
        Global
";

#[test]
fn text_is_aligned() {
    let stack = used_stack();
    let mut text = String::new();
    Text::write(&stack, &mut text).unwrap();
    assert_eq!(text, GOLDEN);
    assert_eq!(Tree::of(&stack).to_string(), GOLDEN, "the tree prints the same");
}

#[test]
fn units_and_great_numbers() {
    let mut text = String::new();
    let mut sink = Text::new(&mut text);
    let mut report = Report::new(&mut sink);
    report.layer("L", |report| {
        report.pages("pages", 1);
        report.slots("slots", 1000);
        report.figure("share", 999, Unit::Permille);
        report.figure("time", u64::MAX, Unit::Nanoseconds);
        report.bytes("a name that is longer than the column in which values end", 7);
    });
    sink.finish().unwrap();
    let expected = "\
L
  pages                                                1 pages
  slots                                            1_000 slots
  share                                              999 ‰
  time                        18_446_744_073_709_551_615 ns
  a name that is longer than the column in which values end7 B
";
    assert_eq!(text, expected);
}

/// A writer that fails after a few lines: the error comes back, and nothing panics.
#[test]
fn a_failing_writer() {
    struct Short(usize);
    impl Write for Short {
        fn write_str(&mut self, text: &str) -> std::fmt::Result {
            self.0 = self.0.checked_sub(text.len()).ok_or(std::fmt::Error)?;
            Ok(())
        }
    }
    assert!(Text::write(&used_stack(), &mut Short(100)).is_err());
    assert!(Text::write(&used_stack(), &mut Short(10_000)).is_ok());
}

#[test]
fn a_tree_finds_figures() {
    let tree = Tree::of(&used_stack());
    assert_eq!(tree.figure("Limit", "peak"), Some(70_000));
    assert_eq!(tree.figure("Observe", "peak"), Some(70_000));
    assert_eq!(tree.figure("Global", "peak"), None);
    // Two layers side by side stay two layers.
    struct Pair(Tree);
    let mut pair = Pair(Tree::default());
    impl Sink for Pair {
        fn enter(&mut self, name: &str) {
            self.0.below.push(Tree { name: name.into(), ..Tree::default() });
        }
        fn figure(&mut self, _: &str, _: u64, _: Unit) {}
        fn leave(&mut self) {}
    }
    tree.replay(&mut pair);
    assert_eq!(pair.0.below[0].name, "Observe");
}

#[cfg(feature = "serde")]
#[test]
fn a_tree_goes_through_json_and_back() {
    let tree = Tree::of(&used_stack());
    let json = serde_json::to_string(&tree).unwrap();
    assert!(json.contains(r#"{"name":"limit","value":1234567,"unit":"bytes"}"#), "{json}");
    assert_eq!(serde_json::from_str::<Tree>(&json).unwrap(), tree);
}
