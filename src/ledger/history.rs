//! What an analyst was charged for, newest first.

use noisegate_privacy::budget::Loss;
use rusqlite::types::Type;
use rusqlite::{Connection, Row, params};

use super::accounts;
use super::charge::both;
use super::types::{Entry, LedgerError, State};
use crate::clock::Millis;
use crate::ids::{Analyst, QueryId};

/// The most charges that one look at the history shows.
const ENTRIES_MAX: u32 = 10_000;

/// The latest charges of an analyst.
pub(super) fn of(
    conn: &Connection,
    analyst: &Analyst,
    limit: u32,
) -> Result<Vec<Entry>, LedgerError> {
    let mut charges = conn.prepare_cached(
        "SELECT id, query, at_ms, state FROM charge WHERE analyst = ?1 ORDER BY id DESC LIMIT ?2",
    )?;
    let mut leaves =
        conn.prepare_cached("SELECT rho, epsilon, delta FROM leaf WHERE charge = ?1")?;
    let mut rows = charges.query(params![analyst.0, limit.min(ENTRIES_MAX)])?;
    let mut entries = Vec::new();
    while let Some(row) = rows.next()? {
        let losses = leaves.query_map([row.get::<_, i64>(0)?], |leaf| accounts::loss(leaf, 0))?;
        let losses = losses.collect::<Result<Vec<_>, _>>()?;
        let Loss { rho, epsilon, delta } =
            losses.into_iter().reduce(|a, b| both(&a, &b)).unwrap_or_default();
        entries.push(Entry {
            query: QueryId(row.get(1)?),
            at: Millis(row.get(2)?),
            state: state(row, 3)?,
            rho,
            epsilon,
            delta,
        });
    }
    Ok(entries)
}

fn state(row: &Row<'_>, column: usize) -> rusqlite::Result<State> {
    let text: String = row.get(column)?;
    match text.as_str() {
        "pending" => Ok(State::Pending),
        "posted" => Ok(State::Posted),
        "voided" => Ok(State::Voided),
        _ => Err(rusqlite::Error::FromSqlConversionFailure(
            column,
            Type::Text,
            "not a state of a charge".into(),
        )),
    }
}
