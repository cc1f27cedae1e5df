//! Places where a crash test ends the process.

/// Ends the process, as a crash would, when `NOISEGATE_FAILPOINT` names this place.
#[cfg(any(test, feature = "failpoints"))]
pub(super) fn hit(name: &str) {
    if std::env::var_os("NOISEGATE_FAILPOINT").is_some_and(|wanted| wanted == name) {
        std::process::abort();
    }
}

/// Nothing, in a build that is not for tests.
#[cfg(not(any(test, feature = "failpoints")))]
pub(super) fn hit(_name: &str) {}
