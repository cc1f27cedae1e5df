//! What a unit of work needs, read under its lock. Nothing here is far away, so row by row.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::{Connection, OptionalExtension, params};

use super::super::accounts::Stored;
use super::super::chain::Head;
use super::super::store::{Kept, Known, Loaded, Meta, Needs, Sum};
use super::super::types::LedgerError;
use super::rows;
use crate::clock::Millis;

pub(super) fn loaded(
    conn: &Connection,
    needs: &Needs,
    known: Option<i64>,
) -> Result<Loaded, LedgerError> {
    let charges = charges(conn, needs)?;
    let mut accounts: BTreeSet<&String> = needs.accounts.keys().collect();
    accounts.extend(charges.values().flat_map(|charge| &charge.debits).map(|(id, _)| id));
    accounts.extend(&needs.controls);
    let stored = stored(conn, accounts)?;
    Ok(Loaded {
        meta: meta(conn)?,
        accounts: stored,
        charges,
        keys: present(conn, "SELECT 1 FROM charge WHERE key = ?1", &needs.keys, |key| key.0)?,
        releases: releases(conn, needs)?,
        users: present(conn, "SELECT 1 FROM user WHERE name = ?1", &needs.users, String::clone)?,
        requests: requests(conn, needs)?,
        tokens: present(conn, "SELECT 1 FROM token WHERE id = ?1", &needs.tokens, String::clone)?,
        known: known.map(|generation| head(conn, generation)).transpose()?.flatten(),
    })
}

pub(super) fn meta(conn: &Connection) -> Result<Meta, LedgerError> {
    let mut statement = conn.prepare_cached(
        "SELECT ledger, meta.mark_ms, release_bytes, meta.last_charge, final_charge, last_release,
             moved, meta.last_event, generation, head, note, chain.mark_ms, chain.last_charge,
             chain.last_event, events, rest, marks
         FROM meta, chain ORDER BY generation DESC LIMIT 1",
    )?;
    Ok(statement.query_row([], |row| {
        Ok(Meta {
            ledger: row.get(0)?,
            mark: Millis(row.get(1)?),
            release_bytes: row.get(2)?,
            last_charge: row.get(3)?,
            final_charge: row.get(4)?,
            last_release: row.get(5)?,
            moved: row.get(6)?,
            last_event: row.get(7)?,
            link: rows::link(row, 8)?,
        })
    })?)
}

fn head(conn: &Connection, generation: i64) -> Result<Option<Head>, LedgerError> {
    let mut statement = conn.prepare_cached("SELECT head FROM chain WHERE generation = ?1")?;
    Ok(statement.query_row([generation], |row| row.get(0)).optional()?)
}

/// The stored rows of accounts, whichever window they are for.
pub(super) fn stored<'a>(
    conn: &Connection,
    ids: impl IntoIterator<Item = &'a String>,
) -> Result<BTreeMap<String, Stored>, LedgerError> {
    let columns = rows::ACCOUNT;
    let mut statement =
        conn.prepare_cached(&format!("SELECT {columns} FROM account WHERE id = ?1"))?;
    let mut found = BTreeMap::new();
    for id in ids {
        found.extend(statement.query_row([id], rows::account).optional()?);
    }
    Ok(found)
}

/// When the latest debit but so many was made, if that was after a time.
pub(super) fn latest(
    conn: &Connection,
    account: &str,
    but: u32,
    after: Millis,
) -> Result<Option<Millis>, LedgerError> {
    let mut statement = conn.prepare_cached(
        "SELECT debit.at_ms FROM debit JOIN charge ON charge.id = debit.charge
         WHERE debit.account = ?1 AND debit.at_ms > ?2 AND charge.state <> 'voided'
         ORDER BY debit.at_ms DESC LIMIT 1 OFFSET ?3",
    )?;
    let at = statement.query_row(params![account, after.0, but], |row| row.get(0)).optional()?;
    Ok(at.map(Millis))
}

fn requests(conn: &Connection, needs: &Needs) -> Result<BTreeMap<[u8; 32], [u8; 32]>, LedgerError> {
    let mut statement = conn.prepare_cached("SELECT request FROM event WHERE key = ?1")?;
    let mut found = BTreeMap::new();
    for key in &needs.requests {
        if let Some(request) = statement.query_row([key], |row| row.get(0)).optional()? {
            found.insert(*key, request);
        }
    }
    Ok(found)
}

/// Adds up debits. They are text, which SQLite cannot add.
pub(super) fn sum(conn: &Connection, id: &str, start_ms: i64) -> Result<Sum, LedgerError> {
    let mut statement = conn.prepare_cached(
        "SELECT debit.rho, debit.epsilon, debit.delta
         FROM debit JOIN charge ON charge.id = debit.charge
         WHERE debit.account = ?1 AND debit.at_ms >= ?2 AND charge.state <> 'voided'",
    )?;
    let mut rows = statement.query(params![id, start_ms])?;
    let mut sum = Sum::default();
    while let Some(row) = rows.next()? {
        sum.add(&rows::loss(row, 0)?);
    }
    Ok(sum)
}

fn charges(conn: &Connection, needs: &Needs) -> Result<BTreeMap<i64, Known>, LedgerError> {
    let mut states = conn.prepare_cached("SELECT state, at_ms FROM charge WHERE id = ?1")?;
    let mut debits =
        conn.prepare_cached("SELECT account, rho, epsilon, delta FROM debit WHERE charge = ?1")?;
    let mut found = BTreeMap::new();
    for id in needs.charges.union(&needs.voids) {
        let row = states.query_row([id], |row| Ok((rows::state(row, 0)?, Millis(row.get(1)?))));
        let Some((state, at)) = row.optional()? else { continue };
        let mut known = Known { state, at, debits: Vec::new() };
        if needs.voids.contains(id) {
            let rows = debits.query_map([id], |row| Ok((row.get(0)?, rows::loss(row, 1)?)))?;
            known.debits = rows.collect::<Result<_, _>>()?;
        }
        found.insert(*id, known);
    }
    Ok(found)
}

fn releases(
    conn: &Connection,
    needs: &Needs,
) -> Result<BTreeMap<crate::ids::Question, Kept>, LedgerError> {
    let mut statement = conn.prepare_cached(
        "SELECT id, expires_ms, length(payload) FROM release WHERE question = ?1",
    )?;
    let mut found = BTreeMap::new();
    for question in &needs.questions {
        let row = statement.query_row([question.0], |row| {
            Ok(Kept { id: row.get(0)?, expires: Millis(row.get(1)?), bytes: row.get(2)? })
        });
        if let Some(kept) = row.optional()? {
            found.insert(*question, kept);
        }
    }
    Ok(found)
}

/// Those of a set that a query finds something for.
fn present<T: Clone + Ord, P: rusqlite::ToSql>(
    conn: &Connection,
    sql: &str,
    of: &BTreeSet<T>,
    parameter: impl Fn(&T) -> P,
) -> Result<BTreeSet<T>, LedgerError> {
    let mut statement = conn.prepare_cached(sql)?;
    let mut found = BTreeSet::new();
    for each in of {
        if statement.exists([parameter(each)])? {
            found.insert(each.clone());
        }
    }
    Ok(found)
}
