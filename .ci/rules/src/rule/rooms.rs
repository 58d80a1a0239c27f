//! Rule `rooms`: a file under `src` opens with what it is.

use super::Offence;
use crate::source::Source;

pub fn check(source: &Source) -> Option<Offence> {
    let opens = source.lines.first().is_some_and(|line| {
        line.comment.starts_with("//!") || line.raw.starts_with("#![doc = include_str!(")
    });
    let what = "the file does not open with a //! comment that says what it is";
    (source.is_src() && !opens).then(|| Offence::new(&source.path, 0, "rooms", what))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_a_room_is_caught() {
        assert!(check(&Source::new("a/src/a.rs", "use b;\n//! Late.\n")).is_some());
        assert!(check(&Source::new("a/src/a.rs", "")).is_some());
        assert!(check(&Source::new("a/src/a.rs", "//! A.\n")).is_none());
        assert!(check(&Source::new("a/src/lib.rs", "#![doc = include_str!(\"R\")]\n")).is_none());
    }
}
