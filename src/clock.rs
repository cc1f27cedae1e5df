//! Time, from one place, so that tests can move it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// Milliseconds since 1970 UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Millis(pub i64);

/// Where the time comes from.
#[derive(Clone, Debug)]
pub enum Clock {
    /// The machine's clock.
    System,
    /// A clock that a test sets.
    Fixed(Arc<AtomicI64>),
}

impl Clock {
    /// A clock that stands still until the returned handle is stored to.
    pub fn fixed(at: Millis) -> (Self, Arc<AtomicI64>) {
        let handle = Arc::new(AtomicI64::new(at.0));
        (Self::Fixed(Arc::clone(&handle)), handle)
    }

    /// Now. A clock before 1970 reads as 1970.
    pub fn now(&self) -> Millis {
        match self {
            Self::System => Millis(
                SystemTime::now()
                    .duration_since(UNIX_EPOCH)
                    .ok()
                    .and_then(|since| i64::try_from(since.as_millis()).ok())
                    .unwrap_or(0),
            ),
            Self::Fixed(handle) => Millis(handle.load(Ordering::SeqCst)),
        }
    }
}
