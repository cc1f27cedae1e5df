//! Columns as values. A value that cannot be read is an error: nothing is guessed.

use noisegate_privacy::budget::{Amount, Loss};
use rusqlite::Row;
use rusqlite::types::Type;

use super::super::accounts::{Spent, Stored};
use super::super::chain::{Link, MadeOf};
use super::super::control::Control;
use super::super::event::RequestKey;
use super::super::shown::Token;
use super::super::store::{ChargeRow, EventRow, Sum};
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

/// The columns of an account, as [`account`] reads them.
pub(super) const ACCOUNT: &str = "window_ms, start_ms, rho, epsilon, delta, gaussian, version,
    frozen, cap, granted, granted_until, reset_ms, id";

/// Reads the columns of [`ACCOUNT`].
pub(super) fn account(row: &Row<'_>) -> rusqlite::Result<(String, Stored)> {
    let spent = Spent { window_ms: row.get(0)?, start_ms: row.get(1)?, sum: sum(row, 2)? };
    let cap: Option<String> = row.get(8)?;
    let control = Control {
        version: row.get(6)?,
        frozen: row.get(7)?,
        cap: cap.map(|text| parse(&text, 8)).transpose()?,
        granted: amount(row, 9)?,
        granted_until: row.get::<_, Option<i64>>(10)?.map(Millis),
        reset_at: row.get::<_, Option<i64>>(11)?.map(Millis),
    };
    Ok((row.get(12)?, Stored { spent, control }))
}

/// The columns of an event, as [`event`] reads them.
pub(super) const EVENT: &str = "id, at_ms, who, via, kind, object, detail, why, key, request,
    generation";

/// Reads the columns of [`EVENT`].
pub(super) fn event(row: &Row<'_>) -> rusqlite::Result<EventRow> {
    let key: Option<[u8; 32]> = row.get(8)?;
    let request: Option<[u8; 32]> = row.get(9)?;
    Ok(EventRow {
        id: row.get(0)?,
        at: Millis(row.get(1)?),
        who: row.get(2)?,
        via: row.get(3)?,
        kind: row.get(4)?,
        object: row.get(5)?,
        detail: row.get(6)?,
        why: row.get(7)?,
        request: key.zip(request).map(|(key, request)| RequestKey { key, request }),
        generation: row.get(10)?,
    })
}

/// The columns of a generation, as [`link`] reads them.
pub(super) const LINK: &str =
    "generation, head, note, mark_ms, last_charge, chain.last_event, events, rest, marks";

/// Reads the columns of [`LINK`], from one on.
pub(super) fn link(row: &Row<'_>, first: usize) -> rusqlite::Result<Link> {
    let mark: Option<i64> = row.get(first + 3)?;
    let made_of = match mark {
        None => None,
        Some(mark) => Some(MadeOf {
            mark: Millis(mark),
            last_charge: row.get(first + 4)?,
            last_event: row.get(first + 5)?,
            events: row.get(first + 6)?,
            rest: row.get(first + 7)?,
        }),
    };
    Ok(Link {
        generation: row.get(first)?,
        head: row.get(first + 1)?,
        note: row.get(first + 2)?,
        made_of,
        marks: row.get::<_, Option<Vec<u8>>>(first + 8)?.unwrap_or_default(),
    })
}

/// The columns of a token, as [`token`] reads them.
pub(super) const TOKEN: &str = "id, hash, name, role, created_by, created_ms, expires_ms";

/// Reads the columns of [`TOKEN`].
pub(super) fn token(row: &Row<'_>) -> rusqlite::Result<Token> {
    Ok(Token {
        id: row.get(0)?,
        hash: row.get(1)?,
        name: row.get(2)?,
        role: row.get(3)?,
        created_by: row.get(4)?,
        created_at: Millis(row.get(5)?),
        expires_at: Millis(row.get(6)?),
    })
}

/// Reads an amount.
pub(super) fn amount(row: &Row<'_>, column: usize) -> rusqlite::Result<Amount> {
    let text: String = row.get(column)?;
    parse(&text, column)
}

fn parse(text: &str, column: usize) -> rusqlite::Result<Amount> {
    Amount::parse(text).ok_or_else(|| wrong(column, "not an amount"))
}

fn wrong(column: usize, what: &'static str) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, Type::Text, what.into())
}
