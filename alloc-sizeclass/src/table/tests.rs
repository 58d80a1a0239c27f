//! Tables that break a rule: a heap over one is not compiled, so they cannot be tested from outside.

use super::build::check;
use super::{MAX_SLOT_BYTES, SizeClasses};

/// What a table is refused for; nothing, if it is one.
macro_rules! refusal {
    ($granule_bytes:expr, $slot_bytes:expr) => {{
        struct Table;
        impl SizeClasses for Table {
            const SLOT_BYTES: &'static [usize] = &$slot_bytes;
            const GRANULE_BYTES: usize = $granule_bytes;
        }
        std::panic::catch_unwind(check::<Table>)
            .map_err(|panic| *panic.downcast_ref::<&str>().expect("a rule"))
            .err()
    }};
}

/// As many sizes as there may be, and more: 64 up to 1 KiB, 16 to each doubling above.
const fn ladder<const N: usize>() -> [usize; N] {
    let mut sizes = [0; N];
    let mut at = 0;
    let mut size: usize = 0;
    while at < N {
        size += if size < 1024 { 16 } else { (1 << size.ilog2()) / 16 };
        sizes[at] = size;
        at += 1;
    }
    sizes
}

#[test]
fn tables_that_keep_the_rules_are_taken() {
    assert_eq!(refusal!(256, [16]), None);
    assert_eq!(refusal!(1 << 16, [16, 1024, 1088, 2048, 2176, MAX_SLOT_BYTES]), None);
    assert_eq!(refusal!(4096, ladder::<95>()), None);
}

#[test]
fn tables_that_break_a_rule_are_refused() {
    let sizes_ascend = Some("T1: sizes ascend");
    assert_eq!(refusal!(4096, [32, 16]), sizes_ascend);
    assert_eq!(refusal!(4096, [16, 32, 32]), sizes_ascend);
    let a_multiple = Some("T1: a multiple");
    assert_eq!(refusal!(4096, [24]), a_multiple);
    assert_eq!(refusal!(4096, [16, 1040]), a_multiple);
    assert_eq!(refusal!(4096, [16, 2112]), a_multiple);
    assert_eq!(refusal!(4096, ladder::<96>()), Some("T2: the number of classes"));
    assert_eq!(refusal!(4096, []), Some("T2: the number of classes"));
    assert_eq!(refusal!(4096, [8]), Some("T2: a size"));
    assert_eq!(refusal!(4096, [16, 2 * MAX_SLOT_BYTES]), Some("T2: a size"));
    assert_eq!(refusal!(128, [16]), Some("T3: the granule"));
    assert_eq!(refusal!(3 << 10, [16]), Some("T3: the granule"));
}
