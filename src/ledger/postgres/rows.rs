//! Columns as values. A value that cannot be read is an error: nothing is guessed.

use noisegate_privacy::budget::{Amount, Loss};
use tokio_postgres::Row;
use tokio_postgres::types::FromSql;

use super::super::store::{ChargeRow, Sum};
use super::super::types::{LedgerError, State};
use super::connect::described;
use crate::clock::Millis;
use crate::ids::{ChargeKey, QueryId, Question};

/// A column of any type that PostgreSQL and Rust share.
pub(super) fn get<'r, T: FromSql<'r>>(row: &'r Row, column: usize) -> Result<T, LedgerError> {
    row.try_get(column).map_err(|error| described(&error))
}

/// Bytes of a fixed number.
pub(super) fn bytes<const N: usize>(row: &Row, column: usize) -> Result<[u8; N], LedgerError> {
    let bytes: &[u8] = get(row, column)?;
    bytes.try_into().map_err(|_| wrong("bytes of another length"))
}

/// A question.
pub(super) fn question(row: &Row, column: usize) -> Result<Question, LedgerError> {
    bytes(row, column).map(Question)
}

/// Reads ρ, ε and δ from three columns of text.
pub(super) fn loss(row: &Row, first: usize) -> Result<Loss, LedgerError> {
    let epsilon: Option<&str> = get(row, first + 1)?;
    Ok(Loss {
        rho: amount(row, first)?,
        epsilon: epsilon.map(parse).transpose()?,
        delta: amount(row, first + 2)?,
    })
}

/// Reads a sum from four columns.
pub(super) fn sum(row: &Row, first: usize) -> Result<Sum, LedgerError> {
    Ok(Sum {
        rho: amount(row, first)?,
        epsilon: amount(row, first + 1)?,
        delta: amount(row, first + 2)?,
        gaussian: get(row, first + 3)?,
    })
}

/// Reads id, key, query, analyst, time and state of a charge.
pub(super) fn charge(row: &Row) -> Result<ChargeRow, LedgerError> {
    let key: Option<&[u8]> = get(row, 1)?;
    let key = key.map(|key| key.try_into().map_err(|_| wrong("a key of another length")));
    Ok(ChargeRow {
        id: get(row, 0)?,
        key: key.transpose()?.map(ChargeKey),
        query: QueryId(bytes(row, 2)?),
        analyst: get(row, 3)?,
        at: Millis(get(row, 4)?),
        state: State::parse(get(row, 5)?)?,
    })
}

fn amount(row: &Row, column: usize) -> Result<Amount, LedgerError> {
    parse(get(row, column)?)
}

fn parse(text: &str) -> Result<Amount, LedgerError> {
    Amount::parse(text).ok_or_else(|| wrong("something that is not an amount"))
}

fn wrong(what: &str) -> LedgerError {
    LedgerError::Store(format!("its tables hold {what}"))
}
