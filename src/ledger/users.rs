//! The analysts who may log in. Verifiers are SCRAM's: no password is stored.

use rusqlite::{Connection, OptionalExtension, params};

use super::types::LedgerError;

const NAME_BYTES_MAX: usize = 512;
const VERIFIER_BYTES_MAX: usize = 4096;

/// Adds a user, or gives a known one another verifier.
pub(super) fn put(conn: &Connection, name: &str, verifier: &str) -> Result<(), LedgerError> {
    if name.is_empty() || name.len() > NAME_BYTES_MAX {
        return Err(LedgerError::Malformed("user without a name, or with too long a one"));
    }
    if verifier.is_empty() || verifier.len() > VERIFIER_BYTES_MAX {
        return Err(LedgerError::Malformed("no verifier, or too long a one"));
    }
    conn.prepare_cached("INSERT OR REPLACE INTO user VALUES (?1, ?2)")?
        .execute(params![name, verifier])?;
    Ok(())
}

/// Removes a user; whether there was one.
pub(super) fn remove(conn: &Connection, name: &str) -> Result<bool, LedgerError> {
    Ok(conn.prepare_cached("DELETE FROM user WHERE name = ?1")?.execute([name])? == 1)
}

/// The names of all users, in order.
pub(super) fn names(conn: &Connection) -> Result<Vec<String>, LedgerError> {
    let mut statement = conn.prepare_cached("SELECT name FROM user ORDER BY name")?;
    let names = statement.query_map([], |row| row.get(0))?;
    Ok(names.collect::<Result<_, _>>()?)
}

/// The verifier of a user.
pub(super) fn verifier(conn: &Connection, name: &str) -> Result<Option<String>, LedgerError> {
    let mut statement = conn.prepare_cached("SELECT verifier FROM user WHERE name = ?1")?;
    Ok(statement.query_row([name], |row| row.get(0)).optional()?)
}
