//! Everything, page by page, for a copy.

use rusqlite::{Connection, Params, params};

use super::super::copy::{PAGE_RELEASES, PAGE_ROWS};
use super::super::store::{Changes, Counts, Page, UserRow, WholeCharge, WholeRelease};
use super::super::types::LedgerError;
use super::rows;
use crate::clock::Millis;
use crate::ids::Question;

pub(super) fn read(conn: &Connection, of: Page) -> Result<Changes, LedgerError> {
    let mut page = Changes::default();
    match of {
        Page::Charges(after) => page.charges = charges(conn, after)?,
        Page::Accounts(after) => {
            let columns = rows::ACCOUNT;
            let sql = format!("SELECT {columns} FROM account WHERE id > ?1 ORDER BY id LIMIT ?2");
            let accounts = rows_of(conn, &sql, params![after, PAGE_ROWS], rows::account)?;
            page.take_accounts(accounts);
        }
        Page::Releases(after) => {
            let sql = "SELECT id, question, charge, expires_ms, payload FROM release
                       WHERE id > ?1 ORDER BY id LIMIT ?2";
            page.releases = rows_of(conn, sql, params![after, PAGE_RELEASES], |row| {
                Ok(WholeRelease {
                    id: row.get(0)?,
                    question: Question(row.get(1)?),
                    charge: row.get(2)?,
                    expires: Millis(row.get(3)?),
                    payload: row.get(4)?,
                })
            })?;
        }
        Page::Users(after) => {
            let sql = "SELECT name, verifier, added_ms, seen_ms FROM user WHERE name > ?1
                       ORDER BY name LIMIT ?2";
            let millis = |at: Option<i64>| at.map(Millis);
            let users = rows_of(conn, sql, params![after, PAGE_ROWS], |row| {
                let (added, seen) = (millis(row.get(2)?), millis(row.get(3)?));
                Ok((row.get(0)?, Some(UserRow { verifier: row.get(1)?, added, seen })))
            })?;
            page.users = users.into_iter().collect();
        }
        Page::Tokens(after) => {
            let columns = rows::TOKEN;
            let sql = format!("SELECT {columns} FROM token WHERE id > ?1 ORDER BY id LIMIT ?2");
            let tokens = rows_of(conn, &sql, params![after, PAGE_ROWS], rows::token)?;
            page.tokens = tokens.into_iter().map(|token| (token.id.clone(), Some(token))).collect();
        }
        Page::Events(after) => {
            let columns = rows::EVENT;
            let sql = format!("SELECT {columns} FROM event WHERE id > ?1 ORDER BY id LIMIT ?2");
            page.events = rows_of(conn, &sql, params![after, PAGE_ROWS], rows::event)?;
        }
        Page::Links(after) => {
            let columns = rows::LINK;
            let sql = format!(
                "SELECT {columns} FROM chain WHERE generation > ?1 ORDER BY generation LIMIT ?2"
            );
            page.links = rows_of(conn, &sql, params![after, PAGE_ROWS], |row| rows::link(row, 0))?;
        }
    }
    Ok(page)
}

fn charges(conn: &Connection, after: i64) -> Result<Vec<WholeCharge>, LedgerError> {
    let columns = rows::CHARGE;
    let sql = format!("SELECT {columns} FROM charge WHERE id > ?1 ORDER BY id LIMIT ?2");
    let charges = rows_of(conn, &sql, params![after, PAGE_ROWS], rows::charge)?;
    let whole = |row: super::super::store::ChargeRow| {
        let sql = "SELECT question, rho, epsilon, delta FROM leaf WHERE charge = ?1
                   ORDER BY position";
        let leaves = rows_of(conn, sql, [row.id], |leaf| {
            Ok((Question(leaf.get(0)?), rows::loss(leaf, 1)?))
        })?;
        let sql = "SELECT account, rho, epsilon, delta FROM debit
                   WHERE charge = ?1 AND at_ms = ?2 ORDER BY account";
        let parameters = [row.id, row.at.0];
        let debits =
            rows_of(conn, sql, parameters, |debit| Ok((debit.get(0)?, rows::loss(debit, 1)?)))?;
        Ok(WholeCharge { row, leaves, debits })
    };
    charges.into_iter().map(whole).collect()
}

fn rows_of<T>(
    conn: &Connection,
    sql: &str,
    parameters: impl Params,
    read: impl FnMut(&rusqlite::Row<'_>) -> rusqlite::Result<T>,
) -> Result<Vec<T>, LedgerError> {
    let mut statement = conn.prepare_cached(sql)?;
    let rows = statement.query_map(parameters, read)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(super) fn counts(conn: &Connection) -> Result<Counts, LedgerError> {
    let sql = "SELECT (SELECT count(*) FROM charge), (SELECT count(*) FROM leaf),
                   (SELECT count(*) FROM debit), (SELECT count(*) FROM account),
                   (SELECT count(*) FROM release), (SELECT count(*) FROM user),
                   (SELECT count(*) FROM chain), (SELECT count(*) FROM token),
                   (SELECT count(*) FROM event)";
    Ok(conn.query_row(sql, [], |row| {
        Ok(Counts {
            charges: row.get(0)?,
            leaves: row.get(1)?,
            debits: row.get(2)?,
            accounts: row.get(3)?,
            releases: row.get(4)?,
            users: row.get(5)?,
            links: row.get(6)?,
            tokens: row.get(7)?,
            events: row.get(8)?,
        })
    })?)
}
