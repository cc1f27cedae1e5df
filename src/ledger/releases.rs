//! Releases remembered: the answers that cost nothing when asked again.

use rusqlite::{Connection, OptionalExtension, params};

use super::batch::Batch;
use super::types::{LedgerError, Remembered};
use crate::clock::Millis;
use crate::ids::Question;

/// How many old releases are forgotten in one step.
const FORGET_ROWS: i64 = 64;

/// Stores releases. A question that has an unexpired answer keeps that one.
///
/// What is stored is bounded: past the limit, all expired releases go first, then the oldest. A
/// release that is larger than the limit is not stored at all. Forgetting is never wrong for
/// privacy: a question asked again is charged again.
pub(super) fn remember(
    batch: &Batch<'_>,
    charge: i64,
    releases: &[Remembered],
) -> Result<(), LedgerError> {
    let now = batch.now();
    for release in releases {
        if i64::try_from(release.payload.len()).is_ok_and(|size| size <= batch.release_bytes_max) {
            store(batch.conn, charge, release, now)?;
        }
    }
    if !releases.is_empty() && stored_bytes(batch.conn)? > batch.release_bytes_max {
        forget(batch, now)?;
    }
    Ok(())
}

/// The unexpired release that answers a question.
pub(super) fn recall(
    conn: &Connection,
    question: &Question,
    now: Millis,
) -> Result<Option<Vec<u8>>, LedgerError> {
    let mut statement =
        conn.prepare_cached("SELECT payload FROM release WHERE question = ?1 AND expires_ms > ?2")?;
    Ok(statement.query_row(params![question.0, now.0], |row| row.get(0)).optional()?)
}

fn store(
    conn: &Connection,
    charge: i64,
    release: &Remembered,
    now: Millis,
) -> Result<(), LedgerError> {
    conn.prepare_cached("DELETE FROM release WHERE question = ?1 AND expires_ms <= ?2")?
        .execute(params![release.question.0, now.0])?;
    conn.prepare_cached(
        "INSERT INTO release (question, charge, expires_ms, payload) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (question) DO NOTHING",
    )?
    .execute(params![release.question.0, charge, release.expires_at.0, release.payload])?;
    Ok(())
}

fn forget(batch: &Batch<'_>, now: Millis) -> Result<(), LedgerError> {
    let conn = batch.conn;
    conn.prepare_cached("DELETE FROM release WHERE expires_ms <= ?1")?.execute([now.0])?;
    while stored_bytes(conn)? > batch.release_bytes_max {
        // Row by row, so that no more goes than has to.
        let mut oldest = conn.prepare_cached("SELECT id FROM release ORDER BY id LIMIT ?1")?;
        let ids = oldest.query_map([FORGET_ROWS], |row| row.get::<_, i64>(0))?;
        for id in ids.collect::<Result<Vec<_>, _>>()? {
            conn.prepare_cached("DELETE FROM release WHERE id = ?1")?.execute([id])?;
            if stored_bytes(conn)? <= batch.release_bytes_max {
                break;
            }
        }
    }
    Ok(())
}

fn stored_bytes(conn: &Connection) -> Result<i64, LedgerError> {
    let mut statement = conn.prepare_cached("SELECT release_bytes FROM meta")?;
    Ok(statement.query_row([], |row| row.get(0))?)
}
