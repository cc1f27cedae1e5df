//! The analysts who may log in. Verifiers are SCRAM's: no password is stored.

use super::store::Needs;
use super::types::LedgerError;

/// The kinds of the events.
pub(super) const PUT: &str = "analyst.put";
pub(super) const REMOVE: &str = "analyst.remove";

const NAME_BYTES_MAX: usize = 512;
const VERIFIER_BYTES_MAX: usize = 4096;

/// Refuses what cannot be stored.
pub(super) fn validate(name: &str, verifier: &str) -> Result<(), LedgerError> {
    if name.is_empty() || name.len() > NAME_BYTES_MAX || name.contains('\0') {
        return Err(LedgerError::Malformed("user without a name, or with too long a one"));
    }
    if verifier.is_empty() || verifier.len() > VERIFIER_BYTES_MAX || verifier.contains('\0') {
        return Err(LedgerError::Malformed("no verifier, or too long a one"));
    }
    Ok(())
}

/// What a change of a user needs to know.
pub(super) fn needs(name: &str) -> Needs {
    Needs { users: [name.to_owned()].into(), ..Needs::default() }
}
