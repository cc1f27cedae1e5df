//! Why the office did not do what it was asked.

use crate::ledger::LedgerError;

/// Why the office did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum OfficeError {
    /// There is no such thing.
    #[error("there is no {what} {name}")]
    NotFound {
        /// What was looked for.
        what: &'static str,
        /// By which name.
        name: String,
    },
    /// Something in the request cannot be meant.
    #[error("{field}: {message}")]
    Invalid {
        /// Where.
        field: &'static str,
        /// What is wrong with it.
        message: String,
    },
    /// It cannot be done as things are.
    #[error("{0}")]
    Conflict(String),
    /// It was decided for another version than the one that holds.
    #[error("it was changed in the meantime; the version is now {version}")]
    Stale {
        /// The version that holds.
        version: i64,
    },
    /// The key of a request came with another request.
    #[error("the key was used for another request")]
    KeyReused,
    /// The ledger does not answer.
    #[error("the ledger does not answer: {0}")]
    Ledger(LedgerError),
}

impl OfficeError {
    /// An error about a part of the request.
    pub fn invalid(field: &'static str, message: impl Into<String>) -> Self {
        Self::Invalid { field, message: message.into() }
    }
}

impl From<LedgerError> for OfficeError {
    fn from(error: LedgerError) -> Self {
        match error {
            LedgerError::Stale { version } => Self::Stale { version },
            LedgerError::KeyReused => Self::KeyReused,
            LedgerError::Malformed(what) => Self::invalid("request", what),
            other => Self::Ledger(other),
        }
    }
}
