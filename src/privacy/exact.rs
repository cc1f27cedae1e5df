//! Values before and after noise.

use std::fmt;

/// A value computed from private rows, before noise. It cannot be printed, copied, compared or
/// taken out; only a mechanism of this crate consumes it.
pub struct Exact<T>(pub(crate) T);

impl<T> Exact<T> {
    /// Wraps what came from the source.
    pub fn new(value: T) -> Self {
        Self(value)
    }
}

impl<T> fmt::Debug for Exact<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("redacted")
    }
}

/// A value that a mechanism made. It may be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Noisy<T>(pub(crate) T);

impl<T> Noisy<T> {
    /// The value.
    pub fn get(&self) -> &T {
        &self.0
    }
}
