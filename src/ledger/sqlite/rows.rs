//! Columns as values. A value that cannot be read is an error: nothing is guessed.

use noisegate_privacy::budget::{Amount, Loss};
use rusqlite::Row;
use rusqlite::types::Type;

use super::super::store::{ChargeRow, Sum};
use super::super::types::State;
use crate::clock::Millis;
use crate::ids::{ChargeKey, QueryId};

/// Reads ρ, ε and δ from three columns.
pub(super) fn loss(row: &Row<'_>, first: usize) -> rusqlite::Result<Loss> {
    let epsilon: Option<String> = row.get(first + 1)?;
    Ok(Loss {
        rho: amount(row, first)?,
        epsilon: epsilon.map(|text| parse(&text, first + 1)).transpose()?,
        delta: amount(row, first + 2)?,
    })
}

/// Reads a sum from four columns.
pub(super) fn sum(row: &Row<'_>, first: usize) -> rusqlite::Result<Sum> {
    Ok(Sum {
        rho: amount(row, first)?,
        epsilon: amount(row, first + 1)?,
        delta: amount(row, first + 2)?,
        gaussian: row.get(first + 3)?,
    })
}

/// The columns of a charge, as [`charge`] reads them.
pub(super) const CHARGE: &str = "id, key, query, analyst, at_ms, state";

/// Reads the columns of [`CHARGE`].
pub(super) fn charge(row: &Row<'_>) -> rusqlite::Result<ChargeRow> {
    Ok(ChargeRow {
        id: row.get(0)?,
        key: row.get::<_, Option<[u8; 16]>>(1)?.map(ChargeKey),
        query: QueryId(row.get(2)?),
        analyst: row.get(3)?,
        at: Millis(row.get(4)?),
        state: state(row, 5)?,
    })
}

/// Reads a state.
pub(super) fn state(row: &Row<'_>, column: usize) -> rusqlite::Result<State> {
    let text: String = row.get(column)?;
    State::parse(&text).map_err(|_| wrong(column, "not a state of a charge"))
}

fn amount(row: &Row<'_>, column: usize) -> rusqlite::Result<Amount> {
    let text: String = row.get(column)?;
    parse(&text, column)
}

fn parse(text: &str, column: usize) -> rusqlite::Result<Amount> {
    Amount::parse(text).ok_or_else(|| wrong(column, "not an amount"))
}

fn wrong(column: usize, what: &'static str) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, Type::Text, what.into())
}
