//! What a unit of work needs, read in the round trip that takes the lock.

use std::collections::{BTreeMap, BTreeSet};

use tokio_postgres::Row;

use super::super::accounts::Stored;
use super::super::chain::{Head, Link};
use super::super::store::{Kept, Known, Loaded, Meta, Needs, Sum};
use super::super::types::{LedgerError, State};
use super::connect::{Connection, Parameters};
use super::rows::{self, bytes, get, question};
use crate::clock::Millis;
use crate::ids::{ChargeKey, Question};

const LOCK: &str = "SELECT ledger, mark_ms, release_bytes, last_charge, final_charge, last_release,
    moved, last_event, generation, head, version FROM meta FOR UPDATE";
const META: &str = "SELECT ledger, mark_ms, release_bytes, last_charge, final_charge, last_release,
    moved, last_event, generation, head, version FROM meta";
const KNOWN: &str = "SELECT head FROM chain WHERE generation = $1";
const ACCOUNTS: &str = "SELECT id, window_ms, start_ms, rho::text, epsilon::text, delta::text,
    gaussian, version, frozen, cap::text, granted::text, granted_until, reset_ms
    FROM account WHERE id = ANY($1)";
const PAYERS: &str = "SELECT id, window_ms, start_ms, rho::text, epsilon::text, delta::text,
    gaussian, version, frozen, cap::text, granted::text, granted_until, reset_ms
    FROM account WHERE id IN (SELECT account FROM debit WHERE charge = ANY($1))";
const CHARGES: &str = "SELECT id, state, at_ms FROM charge WHERE id = ANY($1)";
const DEBITS: &str = "SELECT charge, account, rho::text, epsilon::text, delta::text FROM debit
    WHERE charge = ANY($1)";
const KEYS: &str = "SELECT key FROM charge WHERE key = ANY($1)";
const RELEASES: &str = "SELECT question, id, expires_ms, length(payload)::bigint FROM release
    WHERE question = ANY($1)";
const REQUESTS: &str = "SELECT key, request FROM event WHERE key = ANY($1)";
const TOKENS: &str = "SELECT id FROM token WHERE id = ANY($1)";
const LATEST: &str = "SELECT debit.at_ms FROM debit JOIN charge ON charge.id = debit.charge
    WHERE debit.account = $1 AND debit.at_ms > $2 AND charge.state <> 'voided'
    ORDER BY debit.at_ms DESC LIMIT 1 OFFSET $3";
const USERS: &str = "SELECT name FROM analyst WHERE name = ANY($1)";
const SUMS: &str = "SELECT coalesce(sum(paid.rho), 0)::text, coalesce(sum(paid.epsilon), 0)::text,
        coalesce(sum(paid.delta), 0)::text,
        count(*) FILTER (WHERE paid.rho IS NOT NULL AND paid.epsilon IS NULL)
    FROM unnest($1::text[], $2::bigint[]) WITH ORDINALITY AS asked (id, start_ms, place)
    LEFT JOIN LATERAL (
        SELECT debit.rho, debit.epsilon, debit.delta
        FROM debit JOIN charge ON charge.id = debit.charge
        WHERE debit.account = asked.id AND debit.at_ms >= asked.start_ms
            AND charge.state <> 'voided'
    ) AS paid ON true
    GROUP BY asked.place ORDER BY asked.place";

pub(super) const STATEMENTS: [&str; 11] =
    [LOCK, KNOWN, ACCOUNTS, PAYERS, CHARGES, DEBITS, KEYS, RELEASES, USERS, SUMS, LATEST];

/// Takes the lock, and reads. Statements for what nobody asks about are left out.
pub(super) fn loaded(
    connection: &mut Connection,
    needs: &Needs,
    known: Option<i64>,
) -> Result<Loaded, LedgerError> {
    let mut asked = vec![(LOCK, Parameters::new())];
    if let Some(generation) = known {
        asked.push((KNOWN, vec![Box::new(generation)]));
    }
    let accounts: BTreeSet<&String> = needs.accounts.keys().chain(&needs.controls).collect();
    let accounts: Vec<String> = accounts.into_iter().cloned().collect();
    let charges: Vec<i64> = needs.charges.union(&needs.voids).copied().collect();
    let voids: Vec<i64> = needs.voids.iter().copied().collect();
    let keys: Vec<Vec<u8>> = needs.keys.iter().map(|key| key.0.to_vec()).collect();
    let questions: Vec<Vec<u8>> = needs.questions.iter().map(|q| q.0.to_vec()).collect();
    let users: Vec<String> = needs.users.iter().cloned().collect();
    let requests: Vec<Vec<u8>> = needs.requests.iter().map(|key| key.to_vec()).collect();
    let tokens: Vec<String> = needs.tokens.iter().cloned().collect();
    ask(&mut asked, ACCOUNTS, accounts);
    ask(&mut asked, PAYERS, voids.clone());
    ask(&mut asked, CHARGES, charges);
    ask(&mut asked, DEBITS, voids);
    ask(&mut asked, KEYS, keys);
    ask(&mut asked, RELEASES, questions);
    ask(&mut asked, USERS, users);
    ask(&mut asked, REQUESTS, requests);
    ask(&mut asked, TOKENS, tokens);
    let asked_for: Vec<&str> = asked.iter().map(|(sql, _)| *sql).collect();
    let answers = connection.pipeline("BEGIN ISOLATION LEVEL READ COMMITTED", asked, &[])?;
    let mut found: BTreeMap<&str, Vec<Row>> = asked_for.into_iter().zip(answers).collect();
    let mut rows = |sql| found.remove(sql).unwrap_or_default();
    let meta = meta(&rows(LOCK))?;
    let known = rows(KNOWN).first().map(|row| bytes(row, 0)).transpose()?;
    let mut accounts = stored(&rows(ACCOUNTS))?;
    accounts.extend(stored(&rows(PAYERS))?);
    let request = |row: &Row| Ok((bytes(row, 0)?, bytes(row, 1)?));
    Ok(Loaded {
        meta,
        accounts,
        charges: charges_of(&rows(CHARGES), &rows(DEBITS))?,
        keys: rows(KEYS)
            .iter()
            .map(|row| bytes(row, 0).map(ChargeKey))
            .collect::<Result<_, _>>()?,
        releases: rows(RELEASES).iter().map(kept).collect::<Result<_, _>>()?,
        users: rows(USERS).iter().map(|row| get(row, 0)).collect::<Result<BTreeSet<_>, _>>()?,
        requests: rows(REQUESTS).iter().map(request).collect::<Result<_, LedgerError>>()?,
        tokens: rows(TOKENS).iter().map(|row| get(row, 0)).collect::<Result<BTreeSet<_>, _>>()?,
        known,
    })
}

/// Asks about all of a list at once, if there is anything in it.
fn ask<T>(asked: &mut Vec<(&'static str, Parameters)>, sql: &'static str, list: Vec<T>)
where
    Vec<T>: tokio_postgres::types::ToSql + Send + Sync + 'static,
{
    if !list.is_empty() {
        asked.push((sql, vec![Box::new(list)]));
    }
}

fn meta(rows: &[Row]) -> Result<Meta, LedgerError> {
    let empty = || LedgerError::Store("its tables are empty".to_owned());
    let row = rows.first().ok_or_else(empty)?;
    let head: Head = bytes(row, 9)?;
    // Another program may have changed the tables since this one connected.
    super::open::known(get(row, 10)?)?;
    Ok(Meta {
        ledger: bytes(row, 0)?,
        mark: Millis(get(row, 1)?),
        release_bytes: get(row, 2)?,
        last_charge: get(row, 3)?,
        final_charge: get(row, 4)?,
        last_release: get(row, 5)?,
        moved: get(row, 6)?,
        last_event: get(row, 7)?,
        link: Link { generation: get(row, 8)?, head, note: None, made_of: None, marks: Vec::new() },
    })
}

/// Rows of accounts.
pub(super) fn stored(rows: &[Row]) -> Result<BTreeMap<String, Stored>, LedgerError> {
    rows.iter().map(rows::account).collect()
}

/// The ledger itself, without its lock.
pub(super) fn meta_now(connection: &mut Connection) -> Result<Meta, LedgerError> {
    meta(&connection.query(META, Vec::new())?)
}

/// When the latest debit but so many was made, if that was after a time.
pub(super) fn latest(
    connection: &mut Connection,
    account: &str,
    but: u32,
    after: Millis,
) -> Result<Option<Millis>, LedgerError> {
    let parameters: Parameters =
        vec![Box::new(account.to_owned()), Box::new(after.0), Box::new(i64::from(but))];
    let rows = connection.query(LATEST, parameters)?;
    rows.first().map(|row| get(row, 0).map(Millis)).transpose()
}

fn charges_of(charges: &[Row], debits: &[Row]) -> Result<BTreeMap<i64, Known>, LedgerError> {
    let mut found = BTreeMap::new();
    for row in charges {
        let (state, at) = (State::parse(get(row, 1)?)?, Millis(get(row, 2)?));
        found.insert(get(row, 0)?, Known { state, at, debits: Vec::new() });
    }
    for row in debits {
        if let Some(known) = found.get_mut(&get(row, 0)?) {
            known.debits.push((get(row, 1)?, rows::loss(row, 2)?));
        }
    }
    Ok(found)
}

fn kept(row: &Row) -> Result<(Question, Kept), LedgerError> {
    let kept = Kept { id: get(row, 1)?, expires: Millis(get(row, 2)?), bytes: get(row, 3)? };
    Ok((question(row, 0)?, kept))
}

/// Adds up debits, on the server.
pub(super) fn sums(
    connection: &mut Connection,
    of: &[(String, i64)],
) -> Result<Vec<Sum>, LedgerError> {
    let ids: Vec<String> = of.iter().map(|(id, _)| id.clone()).collect();
    let starts: Vec<i64> = of.iter().map(|(_, start)| *start).collect();
    let rows = connection.query(SUMS, vec![Box::new(ids), Box::new(starts)])?;
    rows.iter().map(|row| rows::sum(row, 0)).collect()
}
