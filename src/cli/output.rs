//! The one way to the standard output.

use std::io::Write;

/// Writes a line for the user. A reader that has gone away (`| head`) is no error of ours.
pub(super) fn say(line: impl std::fmt::Display) {
    let mut out = std::io::stdout().lock();
    let _gone = writeln!(out, "{line}").and_then(|()| out.flush());
}

/// Writes a line to the standard error.
pub(super) fn complain(line: impl std::fmt::Display) {
    let _gone = writeln!(std::io::stderr().lock(), "{line}");
}
