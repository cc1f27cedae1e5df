//! The SQLite file: opening, settings, versions.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use super::super::chain::{BROUGHT, Link};
use super::super::store::{Changes, Meta};
use super::super::types::LedgerError;
use super::{read, write};
use crate::clock::Millis;

/// Marks a file as a ledger of ours ("NGld").
const APPLICATION_ID: i32 = 0x4e47_6c64;
/// The version of the tables.
const VERSION: i32 = 4;
/// How long to wait for another process that is writing.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// The write-ahead log is cut back to this after a checkpoint.
const LOG_BYTES_MAX: i64 = 64 * 1024 * 1024;
/// The log is carried over into the tables when it has so many pages (of 4 KiB).
const LOG_PAGES_CHECKPOINT: i64 = 4000;
const STATEMENTS_CACHED: usize = 64;

/// Opens the ledger for writing, making it if it is not there.
pub(super) fn open(path: &Path, now: Millis) -> Result<Connection, LedgerError> {
    create(path)?;
    let conn = connect(path)?;
    conn.execute_batch("BEGIN IMMEDIATE")?;
    migrate(&conn, now)?;
    conn.execute_batch("COMMIT")?;
    Ok(conn)
}

/// Opens the ledger for writing again after its store failed. A file that is gone is not made
/// again: that would be a ledger in which nothing is spent.
pub(super) fn reconnect(path: &Path) -> Result<Connection, LedgerError> {
    let conn = connect(path)?;
    // On a full disk the log may be what fills it. Where even this fails, the next try may not.
    let _best_effort = conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
    Ok(conn)
}

fn connect(path: &Path) -> Result<Connection, LedgerError> {
    let conn = with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    // Before anything is changed: the path may lead to somebody else's database.
    let application: i32 = conn.pragma_query_value(None, "application_id", |r| r.get(0))?;
    let tables: i64 = conn.query_row("SELECT count(*) FROM sqlite_schema", [], |r| r.get(0))?;
    if application != APPLICATION_ID && (application, tables) != (0, 0) {
        return Err(LedgerError::Store("the file is not a ledger".to_owned()));
    }
    let mode: String = conn.pragma_update_and_check(None, "journal_mode", "wal", |r| r.get(0))?;
    if mode != "wal" {
        return Err(LedgerError::Store(format!("journal mode is {mode}, not wal")));
    }
    // One fsync for each commit: what was acknowledged survives a power cut.
    conn.pragma_update(None, "synchronous", "full")?;
    conn.pragma_update(None, "fullfsync", true)?;
    conn.pragma_update(None, "checkpoint_fullfsync", true)?;
    // A checkpoint costs two more syncs and rewrites pages: not after every fifth batch.
    conn.pragma_update(None, "wal_autocheckpoint", LOG_PAGES_CHECKPOINT)?;
    conn.pragma_update(None, "foreign_keys", true)?;
    conn.pragma_update(None, "journal_size_limit", LOG_BYTES_MAX)?;
    Ok(conn)
}

/// Which file a path leads to. A ledger that is deleted or replaced while it is open must not go
/// on: what is acknowledged then would be in no file that the next start reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Identity(u64, u64);

impl Identity {
    /// Of the file that is there now.
    pub(super) fn of(path: &Path) -> Result<Self, LedgerError> {
        let metadata = std::fs::metadata(path)?;
        Ok(Self(metadata.dev(), metadata.ino()))
    }

    /// Refuses any other file.
    pub(super) fn check(self, path: &Path) -> Result<(), LedgerError> {
        if Self::of(path)? == self {
            return Ok(());
        }
        Err(LedgerError::Store("the file was replaced; restart to use another one".to_owned()))
    }
}

/// Opens the ledger for reading.
pub(super) fn connect_reader(path: &Path) -> Result<Connection, LedgerError> {
    with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)
}

fn with_flags(path: &Path, access: OpenFlags) -> Result<Connection, LedgerError> {
    let conn = Connection::open_with_flags(path, access | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    conn.busy_timeout(BUSY_TIMEOUT)?;
    conn.set_prepared_statement_cache_capacity(STATEMENTS_CACHED);
    Ok(conn)
}

/// Makes the file, readable by its owner only, and makes its name durable.
fn create(path: &Path) -> Result<(), LedgerError> {
    let new = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    match new {
        Ok(file) => file.sync_all()?,
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => return Ok(()),
        Err(error) => return Err(error.into()),
    }
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()?;
    Ok(())
}

fn migrate(conn: &Connection, now: Millis) -> Result<(), LedgerError> {
    let version: i32 = conn.pragma_query_value(None, "user_version", |r| r.get(0))?;
    match version {
        0 => {
            conn.execute_batch(include_str!("meta.sql"))?;
            conn.execute_batch(include_str!("schema.sql"))?;
            conn.execute(
                "INSERT INTO meta VALUES (1, ?1, 0, randomblob(16), 0, 0, 0, NULL, 0)",
                [now.0.max(0)],
            )?;
            let first = Link::first(ledger(conn)?, "made");
            write::links(conn, &[first])?;
            conn.pragma_update(None, "application_id", APPLICATION_ID)?;
        }
        1 => {
            conn.execute_batch(include_str!("from_1.sql"))?;
            conn.execute_batch(include_str!("meta.sql"))?;
            conn.execute_batch(
                "INSERT INTO meta SELECT 1, mark_ms, release_bytes, randomblob(16),
                     coalesce((SELECT max(id) FROM charge), 0), 0,
                     coalesce((SELECT max(id) FROM release), 0), NULL, 0 FROM meta_1;
                 DROP TABLE meta_1",
            )?;
            let first = Link::first_of_old(ledger(conn)?, "made from a ledger of version 1");
            write::links(conn, &[first])?;
            conn.execute_batch(include_str!("from_before_3.sql"))?;
        }
        2 => {
            conn.execute_batch(include_str!("from_2.sql"))?;
            conn.execute_batch(include_str!("from_before_3.sql"))?;
        }
        3 => conn.execute_batch(include_str!("from_3.sql"))?,
        VERSION => return Ok(()),
        newer => {
            let text = format!("its tables have version {newer}, known is {VERSION}");
            return Err(LedgerError::Store(text));
        }
    }
    if version < 3 {
        conn.execute_batch(include_str!("account.sql"))?;
        conn.execute_batch(include_str!("audit.sql"))?;
    }
    conn.execute_batch(include_str!("kept.sql"))?;
    if version != 0 {
        let Meta { link, mark, last_charge, last_event, .. } = read::meta(conn)?;
        let note = format!("{BROUGHT}{version} to {VERSION}");
        let counters = (last_charge, last_event);
        write::links(conn, &[link.next(&Changes::default(), mark, counters, Some(note))])?;
    }
    conn.pragma_update(None, "user_version", VERSION)?;
    Ok(())
}

fn ledger(conn: &Connection) -> Result<[u8; 16], LedgerError> {
    Ok(conn.query_row("SELECT ledger FROM meta", [], |row| row.get(0))?)
}
