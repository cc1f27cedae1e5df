//! The ledger in an SQLite file.

/// The events from before a time that are forgotten in one step.
macro_rules! old_events {
    () => {
        "WITH old AS (SELECT id, generation FROM event AS of_old WHERE at_ms < ?1
             AND NOT EXISTS (SELECT 1 FROM event AS kept
                 WHERE kept.generation = of_old.generation
                     AND (kept.kind = 'charge.void' OR kept.kind GLOB 'account.*'
                         OR kept.kind GLOB 'team.*'))),
         oldest AS (SELECT id FROM old WHERE generation <= (SELECT max(generation)
             FROM (SELECT generation FROM old ORDER BY id LIMIT 10000)))"
    };
}

mod locks;
mod open;
mod pages;
mod read;
mod rows;
mod shown;
mod view;
mod write;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use rusqlite::Connection;

use super::control::Control;
use super::flights::Locks;
use super::store::{
    Backend, Changes, Counts, Loaded, Meta, Needs, Page, Store, Sum, View as Viewing,
};
use super::types::LedgerError;
use crate::clock::Millis;
use locks::Bytes;
use open::Identity;
use view::View;

/// A file that a ledger is in.
pub(super) struct File {
    path: PathBuf,
    /// Which file it was when it was opened.
    identity: OnceLock<Identity>,
}

impl File {
    pub(super) fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), identity: OnceLock::new() }
    }

    fn store(&self, conn: Connection) -> Result<Box<dyn Store>, LedgerError> {
        let found = Identity::of(&self.path)?;
        let identity = *self.identity.get_or_init(|| found);
        Ok(Box::new(Sqlite { path: self.path.clone(), identity, conn }))
    }
}

impl Backend for File {
    fn exists(&self) -> Result<bool, LedgerError> {
        Ok(self.path.try_exists()?)
    }

    fn open(&self, now: Millis) -> Result<Box<dyn Store>, LedgerError> {
        self.store(open::open(&self.path, now)?)
    }

    fn reconnect(&self) -> Result<Box<dyn Store>, LedgerError> {
        if let Some(identity) = self.identity.get() {
            identity.check(&self.path)?;
        }
        self.store(open::reconnect(&self.path)?)
    }

    fn found_is_durable(&self) -> bool {
        false
    }

    fn view(&self) -> Result<Box<dyn Viewing>, LedgerError> {
        Ok(Box::new(View { conn: open::connect_reader(&self.path)? }))
    }

    fn locks(&self) -> Result<Box<dyn Locks>, LedgerError> {
        Ok(Box::new(Bytes::open(&self.path)?))
    }
}

/// A connection that writes.
struct Sqlite {
    path: PathBuf,
    identity: Identity,
    conn: Connection,
}

impl Store for Sqlite {
    fn begin(&mut self, needs: &Needs, known: Option<i64>) -> Result<Loaded, LedgerError> {
        self.identity.check(&self.path)?;
        self.conn.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
        read::loaded(&self.conn, needs, known)
    }

    fn sums(&mut self, of: &[(String, i64)]) -> Result<Vec<Sum>, LedgerError> {
        of.iter().map(|(id, start)| read::sum(&self.conn, id, *start)).collect()
    }

    fn latest(
        &mut self,
        account: &str,
        but: u32,
        after: Millis,
    ) -> Result<Option<Millis>, LedgerError> {
        read::latest(&self.conn, account, but, after)
    }

    fn old_events(&mut self, before: Millis) -> Result<i64, LedgerError> {
        let sql = concat!(old_events!(), " SELECT count(*) FROM oldest");
        Ok(self.conn.prepare_cached(sql)?.query_row([before.0], |row| row.get(0))?)
    }

    fn last_team_event(&mut self) -> Result<i64, LedgerError> {
        let sql = "SELECT coalesce(max(id), 0) FROM event INDEXED BY event_team
                   WHERE kind GLOB 'team.*'";
        Ok(self.conn.prepare_cached(sql)?.query_row([], |row| row.get(0))?)
    }

    fn resets_after(&mut self, at: Millis) -> Result<BTreeMap<String, Control>, LedgerError> {
        let columns = rows::ACCOUNT;
        let sql = format!("SELECT {columns} FROM account WHERE reset_ms > ?1");
        let mut statement = self.conn.prepare_cached(&sql)?;
        let found = statement.query_map([at.0], rows::account)?;
        found.map(|row| Ok(row.map(|(id, stored)| (id, stored.control))?)).collect()
    }

    fn pending(
        &mut self,
        (after, last): (i64, i64),
        count_max: i64,
    ) -> Result<Vec<i64>, LedgerError> {
        let sql = "SELECT id FROM charge WHERE id > ?1 AND id <= ?2 AND state = 'pending'
                   ORDER BY id LIMIT ?3";
        let mut statement = self.conn.prepare_cached(sql)?;
        let ids = statement.query_map([after, last, count_max], |row| row.get(0))?;
        Ok(ids.collect::<Result<_, _>>()?)
    }

    fn expired_bytes(&mut self, now: Millis) -> Result<i64, LedgerError> {
        let sql = "SELECT coalesce(sum(length(payload)), 0) FROM release WHERE expires_ms <= ?1";
        Ok(self.conn.prepare_cached(sql)?.query_row([now.0], |row| row.get(0))?)
    }

    fn oldest(
        &mut self,
        after: i64,
        now: Millis,
        count_max: i64,
    ) -> Result<Vec<(i64, i64)>, LedgerError> {
        let mut statement = self.conn.prepare_cached(
            "SELECT id, length(payload) FROM release WHERE id > ?1 AND expires_ms > ?2
             ORDER BY id LIMIT ?3",
        )?;
        let rows =
            statement.query_map([after, now.0, count_max], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    fn write(&mut self, changes: &Changes) -> Result<(), LedgerError> {
        write::all(&self.conn, changes)
    }

    fn commit(&mut self, changes: &Changes) -> Result<(), LedgerError> {
        self.write(changes)?;
        self.conn.prepare_cached("COMMIT")?.execute([])?;
        Ok(())
    }

    fn rollback(&mut self) -> Result<(), LedgerError> {
        self.conn.prepare_cached("ROLLBACK")?.execute([])?;
        Ok(())
    }

    fn mark_moved(&mut self, to: Option<&str>) -> Result<(), LedgerError> {
        self.conn.execute("UPDATE meta SET moved = ?1", [to])?;
        self.conn.execute_batch("COMMIT")?;
        Ok(())
    }

    fn page(&mut self, of: Page) -> Result<Changes, LedgerError> {
        pages::read(&self.conn, of)
    }

    fn counts(&mut self) -> Result<Counts, LedgerError> {
        pages::counts(&self.conn)
    }

    fn take_identity(&mut self, meta: &Meta) -> Result<(), LedgerError> {
        write::identity(&self.conn, meta)
    }

    #[cfg(test)]
    fn raw(&mut self, sql: &str) -> Result<Option<i64>, LedgerError> {
        let mut statement = self.conn.prepare(sql)?;
        let mut rows = statement.query([])?;
        Ok(rows.next()?.and_then(|row| row.get(0).ok()))
    }
}

impl From<rusqlite::Error> for LedgerError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Store(error.to_string())
    }
}
