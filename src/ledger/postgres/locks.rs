//! What is in flight, as advisory locks: the server gives back those of a session that ended.

use tokio_postgres::Row;

use super::super::flights::Locks;
use super::super::types::LedgerError;
use super::connect::Connection;
use super::read;
use super::rows::get;

/// Those of the keys that somebody else has; the others are taken.
const TAKE: &str =
    "SELECT key FROM unnest($1::bigint[]) AS key WHERE NOT pg_try_advisory_lock(key)";
/// The first of the keys that is free, and nothing is locked after it: rows are asked for one by one.
const TAKE_ONE: &str =
    "SELECT key FROM unnest($1::bigint[]) AS key WHERE pg_try_advisory_lock(key) LIMIT 1";
const GIVE: &str = "SELECT pg_advisory_unlock(key) FROM unnest($1::bigint[]) AS key";
pub(super) const STATEMENTS: [&str; 3] = [TAKE, TAKE_ONE, GIVE];

/// So that the server notices soon that a proxy's machine is gone. Without TCP they say nothing.
const KEEPALIVES: &str = "SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5;
    SET tcp_keepalives_count = 3";

/// A connection that has the locks. They are of the whole database, so that each ledger has keys of its
/// own.
pub(super) struct Advisory {
    connection: Connection,
    ledger: i64,
}

impl Advisory {
    pub(super) fn new(mut connection: Connection) -> Result<Self, LedgerError> {
        connection.batch(KEEPALIVES)?;
        connection.prepare(&STATEMENTS)?;
        let ledger = read::meta_now(&mut connection)?.ledger;
        let ledger = ledger.first_chunk().map_or(0, |bytes| i64::from_be_bytes(*bytes));
        Ok(Self { connection, ledger })
    }

    fn run(&mut self, sql: &'static str, keys: &[i64]) -> Result<Vec<Row>, LedgerError> {
        let own: Vec<i64> = keys.iter().map(|key| key ^ self.ledger).collect();
        self.connection.query(sql, vec![Box::new(own)])
    }
}

impl Locks for Advisory {
    fn take(&mut self, keys: &[i64]) -> Result<bool, LedgerError> {
        if keys.is_empty() {
            return Ok(true);
        }
        let rows = self.run(TAKE, keys)?;
        if rows.is_empty() {
            return Ok(true);
        }
        let refused = rows.iter().map(|row| get(row, 0)).collect::<Result<Vec<i64>, _>>()?;
        let taken = keys.iter().copied().filter(|key| !refused.contains(&(key ^ self.ledger)));
        self.give(&taken.collect::<Vec<i64>>())?;
        Ok(false)
    }

    fn take_one(&mut self, keys: &[i64]) -> Result<Option<i64>, LedgerError> {
        if keys.is_empty() {
            return Ok(None);
        }
        let rows = self.run(TAKE_ONE, keys)?;
        let own = rows.first().map(|row| get::<i64>(row, 0)).transpose()?;
        Ok(own.map(|key| key ^ self.ledger))
    }

    fn give(&mut self, keys: &[i64]) -> Result<(), LedgerError> {
        if keys.is_empty() {
            return Ok(());
        }
        self.run(GIVE, keys).map(drop)
    }
}
