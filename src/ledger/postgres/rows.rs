//! Columns as values. A value that cannot be read is an error: nothing is guessed.

use noisegate_privacy::budget::{Amount, Loss};
use tokio_postgres::Row;
use tokio_postgres::types::FromSql;

use super::super::accounts::{Spent, Stored};
use super::super::chain::{Link, MadeOf};
use super::super::control::Control;
use super::super::event::RequestKey;
use super::super::shown::Token;
use super::super::store::{ChargeRow, EventRow, Sum};
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

/// A list of questions.
pub(super) fn questions(row: &Row, column: usize) -> Result<Vec<Question>, LedgerError> {
    let all: Vec<&[u8]> = get(row, column)?;
    let question = |one: &[u8]| one.try_into().map(Question);
    all.into_iter().map(question).collect::<Result<_, _>>().map_err(|_| wrong("a short question"))
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

/// Reads the row of an account: id, window, start, the sum, and the decisions.
pub(super) fn account(row: &Row) -> Result<(String, Stored), LedgerError> {
    let spent = Spent { window_ms: get(row, 1)?, start_ms: get(row, 2)?, sum: sum(row, 3)? };
    let cap: Option<&str> = get(row, 9)?;
    let control = Control {
        version: get(row, 7)?,
        frozen: get(row, 8)?,
        cap: cap.map(parse).transpose()?,
        granted: amount(row, 10)?,
        granted_until: get::<Option<i64>>(row, 11)?.map(Millis),
        reset_at: get::<Option<i64>>(row, 12)?.map(Millis),
    };
    Ok((get(row, 0)?, Stored { spent, control }))
}

/// Reads the row of an event.
pub(super) fn event(row: &Row) -> Result<EventRow, LedgerError> {
    let fixed = |column| {
        let bytes: Option<&[u8]> = get(row, column)?;
        bytes
            .map(|bytes| bytes.try_into().map_err(|_| wrong("a key of another length")))
            .transpose()
    };
    let (key, request): (Option<[u8; 32]>, Option<[u8; 32]>) = (fixed(8)?, fixed(9)?);
    Ok(EventRow {
        id: get(row, 0)?,
        at: Millis(get(row, 1)?),
        who: get(row, 2)?,
        via: get(row, 3)?,
        kind: get(row, 4)?,
        object: get(row, 5)?,
        detail: get(row, 6)?,
        why: get(row, 7)?,
        request: key.zip(request).map(|(key, request)| RequestKey { key, request }),
        generation: get(row, 10)?,
    })
}

/// Reads the row of a generation.
pub(super) fn link(row: &Row) -> Result<Link, LedgerError> {
    let mark: Option<i64> = get(row, 3)?;
    let made_of = match mark {
        None => None,
        Some(mark) => Some(MadeOf {
            mark: Millis(mark),
            last_charge: get(row, 4)?,
            last_event: get(row, 5)?,
            events: bytes(row, 6)?,
            rest: bytes(row, 7)?,
        }),
    };
    let marks = get::<Option<Vec<u8>>>(row, 8)?.unwrap_or_default();
    Ok(Link { generation: get(row, 0)?, head: bytes(row, 1)?, note: get(row, 2)?, made_of, marks })
}

/// Reads the row of a token.
pub(super) fn token(row: &Row) -> Result<Token, LedgerError> {
    Ok(Token {
        id: get(row, 0)?,
        hash: bytes(row, 1)?,
        name: get(row, 2)?,
        role: get(row, 3)?,
        created_by: get(row, 4)?,
        created_at: Millis(get(row, 5)?),
        expires_at: Millis(get(row, 6)?),
    })
}

/// Reads an amount.
pub(super) fn amount(row: &Row, column: usize) -> Result<Amount, LedgerError> {
    parse(get(row, column)?)
}

fn parse(text: &str) -> Result<Amount, LedgerError> {
    Amount::parse(text).ok_or_else(|| wrong("something that is not an amount"))
}

fn wrong(what: &str) -> LedgerError {
    LedgerError::Store(format!("its tables hold {what}"))
}
