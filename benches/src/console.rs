//! Lines for who runs the program.
//!
//! Above: the commands, and what they start. Below: the standard streams.

/// Prints a line; that nobody reads it is no failure.
pub(crate) fn say(text: impl std::fmt::Display) {
    use std::io::Write;
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// The same on standard error.
pub(crate) fn tell(text: impl std::fmt::Display) {
    use std::io::Write;
    let _ = writeln!(std::io::stderr(), "{text}");
}
