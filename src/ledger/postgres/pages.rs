//! Everything, page by page, for a copy.

use std::collections::BTreeMap;

use tokio_postgres::Row;

use super::super::copy::{PAGE_RELEASES, PAGE_ROWS};
use super::super::store::{Changes, Counts, Page, UserRow, WholeCharge, WholeRelease};
use super::super::types::LedgerError;
use super::connect::Connection;
use super::read;
use super::rows::{self, get, question};
use crate::clock::Millis;

pub(super) fn read(connection: &mut Connection, of: Page) -> Result<Changes, LedgerError> {
    let mut page = Changes::default();
    match of {
        Page::Charges(after) => page.charges = charges(connection, after)?,
        Page::Accounts(after) => {
            let sql = "SELECT id, window_ms, start_ms, rho::text, epsilon::text, delta::text,
                       gaussian, version, frozen, cap::text, granted::text, granted_until,
                       reset_ms FROM account WHERE id > $1 ORDER BY id LIMIT $2";
            let rows = connection.query(sql, vec![Box::new(after), Box::new(PAGE_ROWS)])?;
            page.take_accounts(read::stored(&rows)?);
        }
        Page::Releases(after) => {
            let sql = "SELECT id, question, charge, expires_ms, payload FROM release
                       WHERE id > $1 ORDER BY id LIMIT $2";
            let rows = connection.query(sql, vec![Box::new(after), Box::new(PAGE_RELEASES)])?;
            page.releases = rows.iter().map(release).collect::<Result<_, _>>()?;
        }
        Page::Users(after) => {
            let sql = "SELECT name, verifier, added_ms, seen_ms FROM analyst WHERE name > $1
                       ORDER BY name LIMIT $2";
            let rows = connection.query(sql, vec![Box::new(after), Box::new(PAGE_ROWS)])?;
            page.users = rows.iter().map(user).collect::<Result<_, _>>()?;
        }
        Page::Tokens(after) => {
            let sql = "SELECT id, hash, name, role, created_by, created_ms, expires_ms FROM token
                       WHERE id > $1 ORDER BY id LIMIT $2";
            let rows = connection.query(sql, vec![Box::new(after), Box::new(PAGE_ROWS)])?;
            let tokens = rows.iter().map(rows::token);
            let tokens = tokens.map(|token| token.map(|token| (token.id.clone(), Some(token))));
            page.tokens = tokens.collect::<Result<_, _>>()?;
        }
        Page::Events(after) => {
            let sql = "SELECT id, at_ms, who, via, kind, object, detail, why, key, request,
        generation
                       FROM event WHERE id > $1 ORDER BY id LIMIT $2";
            let rows = connection.query(sql, vec![Box::new(after), Box::new(PAGE_ROWS)])?;
            page.events = rows.iter().map(rows::event).collect::<Result<_, _>>()?;
        }
        Page::Links(after) => {
            let sql = "SELECT generation, head, note, mark_ms, last_charge, last_event, events,
                       rest, marks FROM chain WHERE generation > $1 ORDER BY generation LIMIT $2";
            let rows = connection.query(sql, vec![Box::new(after), Box::new(PAGE_ROWS)])?;
            page.links = rows.iter().map(rows::link).collect::<Result<_, _>>()?;
        }
    }
    Ok(page)
}

fn user(row: &Row) -> Result<(String, Option<UserRow>), LedgerError> {
    let at = |column| Ok::<_, LedgerError>(get::<Option<i64>>(row, column)?.map(Millis));
    let user = UserRow { verifier: get(row, 1)?, added: at(2)?, seen: at(3)? };
    Ok((get(row, 0)?, Some(user)))
}

fn release(row: &Row) -> Result<WholeRelease, LedgerError> {
    Ok(WholeRelease {
        id: get(row, 0)?,
        question: question(row, 1)?,
        charge: get(row, 2)?,
        expires: Millis(get(row, 3)?),
        payload: get(row, 4)?,
    })
}

fn charges(connection: &mut Connection, after: i64) -> Result<Vec<WholeCharge>, LedgerError> {
    let sql = "SELECT id, key, query, analyst, at_ms, state FROM charge WHERE id > $1
               ORDER BY id LIMIT $2";
    let found = connection.query(sql, vec![Box::new(after), Box::new(PAGE_ROWS)])?;
    let charges = found.iter().map(rows::charge).collect::<Result<Vec<_>, _>>()?;
    let ids: Vec<i64> = charges.iter().map(|charge| charge.id).collect();
    let sql = "SELECT charge, question, rho::text, epsilon::text, delta::text FROM leaf
               WHERE charge = ANY($1) ORDER BY charge, position";
    let leaf = |row: &Row| Ok((question(row, 1)?, rows::loss(row, 2)?));
    let mut leaves = grouped(&connection.query(sql, vec![Box::new(ids.clone())])?, leaf)?;
    let sql = "SELECT charge, account, debit.rho::text, debit.epsilon::text, debit.delta::text
               FROM debit JOIN charge ON charge.id = debit.charge AND charge.at_ms = debit.at_ms
               WHERE charge = ANY($1) ORDER BY charge, account";
    let debit = |row: &Row| Ok((get(row, 1)?, rows::loss(row, 2)?));
    let mut debits = grouped(&connection.query(sql, vec![Box::new(ids)])?, debit)?;
    let whole = |row: super::super::store::ChargeRow| WholeCharge {
        leaves: leaves.remove(&row.id).unwrap_or_default(),
        debits: debits.remove(&row.id).unwrap_or_default(),
        row,
    };
    Ok(charges.into_iter().map(whole).collect())
}

/// Rows by the charge that they begin with.
fn grouped<T>(
    rows: &[Row],
    read: impl Fn(&Row) -> Result<T, LedgerError>,
) -> Result<BTreeMap<i64, Vec<T>>, LedgerError> {
    let mut groups: BTreeMap<i64, Vec<T>> = BTreeMap::new();
    for row in rows {
        groups.entry(get(row, 0)?).or_default().push(read(row)?);
    }
    Ok(groups)
}

/// Every row is looked at, which may take longer than a unit of work may.
pub(super) fn counts(connection: &mut Connection) -> Result<Counts, LedgerError> {
    connection.batch("SET LOCAL statement_timeout = 0; SET LOCAL enable_seqscan = on")?;
    let sql = "SELECT (SELECT count(*) FROM charge), (SELECT count(*) FROM leaf),
                   (SELECT count(*) FROM debit), (SELECT count(*) FROM account),
                   (SELECT count(*) FROM release), (SELECT count(*) FROM analyst),
                   (SELECT count(*) FROM chain), (SELECT count(*) FROM token),
                   (SELECT count(*) FROM event)";
    let rows = connection.query(sql, Vec::new())?;
    let row = rows.first().ok_or_else(|| LedgerError::Store("nothing is counted".to_owned()))?;
    Ok(Counts {
        charges: get(row, 0)?,
        leaves: get(row, 1)?,
        debits: get(row, 2)?,
        accounts: get(row, 3)?,
        releases: get(row, 4)?,
        users: get(row, 5)?,
        links: get(row, 6)?,
        tokens: get(row, 7)?,
        events: get(row, 8)?,
    })
}
