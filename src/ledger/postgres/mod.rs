//! The ledger in a schema of a PostgreSQL, for several proxies.
//!
//! The one row of `meta` is the lock. Under READ COMMITTED each statement sees what was committed
//! before it began, so what is read after the lock was taken is the latest there is. Statements
//! are sent without waiting for each other: a unit of work is two round trips, however many
//! charges it holds.

/// The events from before a time that are forgotten in one step.
macro_rules! old_events {
    () => {
        "WITH old AS (SELECT id, generation FROM event AS of_old WHERE at_ms < $1
             AND NOT EXISTS (SELECT 1 FROM event AS kept
                 WHERE kept.generation = of_old.generation
                     AND (kept.kind = 'charge.void' OR kept.kind LIKE 'account.%'
                         OR kept.kind LIKE 'team.%'))),
         oldest AS (SELECT id FROM old WHERE generation <= (SELECT max(generation)
             FROM (SELECT generation FROM old ORDER BY id LIMIT 10000) AS first))"
    };
}

mod connect;
mod locks;
mod open;
mod pages;
mod read;
mod rows;
mod shown;
mod view;
mod write;

use std::collections::BTreeMap;

use tokio_postgres::Config;

use super::control::Control;
use super::flights::Locks;
use super::store::{
    Backend, Changes, Counts, Loaded, Meta, Needs, Page, Store, Sum, View as Viewing,
};
use super::types::LedgerError;
use crate::clock::Millis;
use connect::Connection;
use locks::Advisory;
use rows::get;
use view::View;

/// A schema that a ledger is in.
pub(super) struct Remote {
    config: Config,
    schema: String,
}

impl Remote {
    pub(super) fn new(config: &Config, schema: &str) -> Self {
        Self { config: config.clone(), schema: schema.to_owned() }
    }

    fn connect(&self) -> Result<Connection, LedgerError> {
        Connection::open(&self.config, &self.schema)
    }
}

impl Backend for Remote {
    fn exists(&self) -> Result<bool, LedgerError> {
        open::exists(&mut self.connect()?, &self.schema)
    }

    fn open(&self, now: Millis) -> Result<Box<dyn Store>, LedgerError> {
        let mut connection = self.connect()?;
        open::make(&mut connection, &self.schema, now)?;
        ready(connection)
    }

    fn reconnect(&self) -> Result<Box<dyn Store>, LedgerError> {
        ready(self.connect()?)
    }

    fn found_is_durable(&self) -> bool {
        true
    }

    fn view(&self) -> Result<Box<dyn Viewing>, LedgerError> {
        let mut connection = self.connect()?;
        connection.batch("SET default_transaction_read_only = on")?;
        open::check_version(&mut connection)?;
        connection.prepare(&view::STATEMENTS)?;
        Ok(Box::new(View { connection }))
    }

    fn locks(&self) -> Result<Box<dyn Locks>, LedgerError> {
        Ok(Box::new(Advisory::new(self.connect()?)?))
    }
}

fn ready(mut connection: Connection) -> Result<Box<dyn Store>, LedgerError> {
    open::check_version(&mut connection)?;
    connection.prepare(&read::STATEMENTS)?;
    connection.prepare(&write::STATEMENTS)?;
    Ok(Box::new(Postgres { connection }))
}

/// A connection that writes.
struct Postgres {
    connection: Connection,
}

impl Store for Postgres {
    fn begin(&mut self, needs: &Needs, known: Option<i64>) -> Result<Loaded, LedgerError> {
        read::loaded(&mut self.connection, needs, known)
    }

    fn sums(&mut self, of: &[(String, i64)]) -> Result<Vec<Sum>, LedgerError> {
        read::sums(&mut self.connection, of)
    }

    fn latest(
        &mut self,
        account: &str,
        but: u32,
        after: Millis,
    ) -> Result<Option<Millis>, LedgerError> {
        read::latest(&mut self.connection, account, but, after)
    }

    fn old_events(&mut self, before: Millis) -> Result<i64, LedgerError> {
        let sql = concat!(old_events!(), " SELECT count(*) FROM oldest");
        let rows = self.connection.query(sql, vec![Box::new(before.0)])?;
        rows.first().map_or(Ok(0), |row| get(row, 0))
    }

    fn last_team_event(&mut self) -> Result<i64, LedgerError> {
        let sql = "SELECT coalesce(max(id), 0) FROM event WHERE kind LIKE 'team.%'";
        let rows = self.connection.query(sql, Vec::new())?;
        rows.first().map_or(Ok(0), |row| get(row, 0))
    }

    fn resets_after(&mut self, at: Millis) -> Result<BTreeMap<String, Control>, LedgerError> {
        let sql = "SELECT id, window_ms, start_ms, rho::text, epsilon::text, delta::text,
                       gaussian, version, frozen, cap::text, granted::text, granted_until, reset_ms
                   FROM account WHERE reset_ms > $1";
        let rows = self.connection.query(sql, vec![Box::new(at.0)])?;
        let stored = read::stored(&rows)?.into_iter();
        Ok(stored.map(|(id, stored)| (id, stored.control)).collect())
    }

    fn pending(
        &mut self,
        (after, last): (i64, i64),
        count_max: i64,
    ) -> Result<Vec<i64>, LedgerError> {
        let sql = "SELECT id FROM charge WHERE id > $1 AND id <= $2 AND state = 'pending'
                   ORDER BY id LIMIT $3";
        let parameters: connect::Parameters =
            vec![Box::new(after), Box::new(last), Box::new(count_max)];
        let rows = self.connection.query(sql, parameters)?;
        rows.iter().map(|row| get(row, 0)).collect()
    }

    fn expired_bytes(&mut self, now: Millis) -> Result<i64, LedgerError> {
        let sql = "SELECT coalesce(sum(length(payload)), 0)::bigint FROM release
                   WHERE expires_ms <= $1";
        let rows = self.connection.query(sql, vec![Box::new(now.0)])?;
        rows.first().map_or(Ok(0), |row| get(row, 0))
    }

    fn oldest(
        &mut self,
        after: i64,
        now: Millis,
        count_max: i64,
    ) -> Result<Vec<(i64, i64)>, LedgerError> {
        let sql = "SELECT id, length(payload)::bigint FROM release
                   WHERE id > $1 AND expires_ms > $2 ORDER BY id LIMIT $3";
        let parameters: connect::Parameters =
            vec![Box::new(after), Box::new(now.0), Box::new(count_max)];
        let rows = self.connection.query(sql, parameters)?;
        rows.iter().map(|row| Ok((get(row, 0)?, get(row, 1)?))).collect()
    }

    fn write(&mut self, changes: &Changes) -> Result<(), LedgerError> {
        self.connection.pipeline("", write::statements(changes), &[]).map(drop)
    }

    fn commit(&mut self, changes: &Changes) -> Result<(), LedgerError> {
        // A timeout while a standby confirms would end the wait, and the commit would be
        // acknowledged all the same.
        let end = ["SET LOCAL statement_timeout = 0", "COMMIT"];
        self.connection.pipeline("", write::statements(changes), &end).map(drop)
    }

    fn rollback(&mut self) -> Result<(), LedgerError> {
        self.connection.batch("ROLLBACK")
    }

    fn mark_moved(&mut self, to: Option<&str>) -> Result<(), LedgerError> {
        let to = to.map(str::to_owned);
        self.connection.query("UPDATE meta SET moved = $1", vec![Box::new(to)])?;
        // As in `commit`: no timeout while a standby confirms.
        self.connection.batch("SET LOCAL statement_timeout = 0; COMMIT")
    }

    fn page(&mut self, of: Page) -> Result<Changes, LedgerError> {
        pages::read(&mut self.connection, of)
    }

    fn counts(&mut self) -> Result<Counts, LedgerError> {
        pages::counts(&mut self.connection)
    }

    fn take_identity(&mut self, meta: &Meta) -> Result<(), LedgerError> {
        open::take_identity(&mut self.connection, meta)
    }

    fn lost(&self) -> bool {
        self.connection.lost()
    }

    #[cfg(test)]
    fn raw(&mut self, sql: &str) -> Result<Option<i64>, LedgerError> {
        self.connection.raw(sql)
    }
}
