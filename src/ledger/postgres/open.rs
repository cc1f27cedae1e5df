//! Making the tables, and making sure that they are ours.

use super::super::chain::{BROUGHT, Link};
use super::super::store::{Changes, Meta};
use super::super::types::LedgerError;
use super::connect::{Connection, Parameters};
use super::rows::get;
use super::{read, write};
use crate::clock::Millis;
use crate::quote;

/// The version of the tables in `schema.sql`.
const VERSION: i32 = 3;

/// Whether there is a ledger in the schema.
pub(super) fn exists(connection: &mut Connection, schema: &str) -> Result<bool, LedgerError> {
    let sql = "SELECT EXISTS (SELECT FROM pg_catalog.pg_class c
                   JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
                   WHERE n.nspname = $1 AND c.relname = 'meta' AND c.relkind = 'r')";
    let rows = connection.query(sql, vec![Box::new(schema.to_owned())])?;
    rows.first().map_or(Ok(false), |row| get(row, 0))
}

/// Makes the tables if they are not there, and the schema if that is not there.
pub(super) fn make(
    connection: &mut Connection,
    schema: &str,
    now: Millis,
) -> Result<(), LedgerError> {
    if exists(connection, schema)? && older(connection)?.is_none() {
        return Ok(());
    }
    connection.batch("BEGIN")?;
    // One proxy at a time; the others find the tables.
    connection.query(
        "SELECT pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtext('noisegate ledger'),
             pg_catalog.hashtext($1))",
        vec![Box::new(schema.to_owned())],
    )?;
    if !exists(connection, schema)? {
        create(connection, schema, now)?;
    } else if let Some(version) = older(connection)? {
        // Those who write wait for the lock, and then cannot write any more.
        connection.batch("SET LOCAL statement_timeout = 0; LOCK TABLE meta")?;
        if version == 1 {
            connection.batch_without_limit(include_str!("from_1.sql"))?;
            connection.batch(include_str!("account.sql"))?;
            connection.batch(include_str!("audit.sql"))?;
        } else {
            connection.batch(include_str!("from_2.sql"))?;
        }
        connection.batch_without_limit(include_str!("kept.sql"))?;
        let mut meta = read::meta_now(connection)?;
        let note = format!("{BROUGHT}{version} to {VERSION}");
        let counters = (meta.last_charge, meta.last_event);
        meta.link = meta.link.next(&Changes::default(), meta.mark, counters, Some(note));
        let link = write::links(std::slice::from_ref(&meta.link));
        connection.pipeline("", vec![link, write::counters(&meta)], &[])?;
    }
    connection.batch("COMMIT")
}

fn create(connection: &mut Connection, schema: &str, now: Millis) -> Result<(), LedgerError> {
    let rows = connection.query(
        "SELECT n.oid IS NOT NULL, count(c.oid)
         FROM (SELECT $1::text AS name) AS given
         LEFT JOIN pg_catalog.pg_namespace n ON n.nspname = given.name
         LEFT JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid GROUP BY 1",
        vec![Box::new(schema.to_owned())],
    )?;
    let (there, tables): (bool, i64) = match rows.first() {
        Some(row) => (get(row, 0)?, get(row, 1)?),
        None => (false, 0),
    };
    if tables > 0 {
        let text = format!("the schema {schema} holds other tables than a ledger's");
        return Err(LedgerError::Store(text));
    }
    if !there {
        connection.batch(&format!("CREATE SCHEMA {}", quote::ident(schema)))?;
    }
    let tables = [
        include_str!("schema.sql"),
        include_str!("account.sql"),
        include_str!("audit.sql"),
        include_str!("kept.sql"),
    ];
    tables.into_iter().try_for_each(|part| connection.batch(part))?;
    let mut ledger = [0; 16];
    getrandom::fill(&mut ledger)
        .map_err(|_| LedgerError::Store("the system gives no random numbers".to_owned()))?;
    let first = Link::first(ledger, "made");
    let parameters: Parameters = vec![
        Box::new(VERSION),
        Box::new(ledger.to_vec()),
        Box::new(now.0.max(0)),
        Box::new(first.head.to_vec()),
    ];
    connection.query(
        "INSERT INTO meta VALUES (true, $1, $2, $3, 0, 0, 0, 0, 0, $4, NULL, 0)",
        parameters,
    )?;
    connection.pipeline("", vec![write::links(&[first])], &[]).map(drop)
}

/// Refuses tables of another version.
pub(super) fn check_version(connection: &mut Connection) -> Result<(), LedgerError> {
    match version(connection)? {
        Some(version) => known(version),
        None => Err(LedgerError::Store("its tables are empty".to_owned())),
    }
}

/// Refuses another version than that of these tables.
pub(super) fn known(version: i32) -> Result<(), LedgerError> {
    if version == VERSION {
        return Ok(());
    }
    Err(LedgerError::Store(format!("its tables have version {version}, known is {VERSION}")))
}

/// The version of the tables, if they can be brought up to date.
fn older(connection: &mut Connection) -> Result<Option<i32>, LedgerError> {
    Ok(version(connection)?.filter(|version| (1..VERSION).contains(version)))
}

fn version(connection: &mut Connection) -> Result<Option<i32>, LedgerError> {
    let rows = connection.query("SELECT version FROM meta", Vec::new())?;
    rows.first().map(|row| get(row, 0)).transpose()
}

/// Makes an empty ledger the same one as another, whose generations come afterwards.
pub(super) fn take_identity(connection: &mut Connection, meta: &Meta) -> Result<(), LedgerError> {
    // The only generation that ever goes: the first one of a ledger that is none yet.
    connection.batch(
        "ALTER TABLE chain DISABLE TRIGGER chain_final; DELETE FROM chain;
         ALTER TABLE chain ENABLE TRIGGER chain_final",
    )?;
    connection.query("UPDATE meta SET ledger = $1", vec![Box::new(meta.ledger.to_vec())])?;
    connection.pipeline("", vec![write::counters(meta)], &[]).map(drop)
}
