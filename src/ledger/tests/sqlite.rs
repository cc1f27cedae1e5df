//! What is particular to the file: who may read it, a disk that is full, another file in its place.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use super::super::store::Needs;
use super::super::{Ledger, LedgerError, State};
use super::{Fixture, On, account, amount, charge, loss, remembered};

impl Fixture {
    pub(super) fn path(&self) -> PathBuf {
        self.dir.path().join("ledger.db")
    }
}

#[tokio::test]
async fn the_file_is_the_owners_and_commits_are_synced() {
    let fixture = Fixture::on(On::Sqlite);
    fixture.answer(1, b"x", 1).await;
    for name in ["ledger.db", "ledger.db-wal", "ledger.db.seen"] {
        let mode = std::fs::metadata(fixture.dir.path().join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    let pragma = |sql| fixture.ledger.write(Needs::default(), move |batch| batch.raw(sql));
    assert_eq!(pragma("PRAGMA synchronous").await.unwrap(), Some(2), "FULL");
    assert_eq!(pragma("PRAGMA foreign_keys").await.unwrap(), Some(1));
    assert_eq!(pragma("PRAGMA journal_size_limit").await.unwrap(), Some(64 * 1024 * 1024));
}

#[tokio::test]
async fn a_full_disk_is_an_error_and_the_ledger_recovers_when_there_is_room() {
    let fixture = Fixture::on(On::Sqlite);
    fixture.answer(1, b"before", 1000).await;
    // The limit belongs to the connection, so the one that is opened after the error has room.
    let full = fixture.ledger.write(Needs::default(), |batch| {
        let pages = batch.raw("PRAGMA page_count")?.unwrap();
        batch.raw(&format!("PRAGMA max_page_count = {pages}"))
    });
    full.await.unwrap();
    let shops = [account("shop", 1_000_000)];
    let reservation = fixture.ledger.reserve(charge(2, loss(1), &shops)).await.unwrap();
    let releases = vec![remembered(2, &[7; 100_000], 1000)];
    let outcome = fixture.ledger.settle(reservation, releases).await;
    assert!(matches!(outcome, Err(LedgerError::Store(_))), "{outcome:?}");
    assert_eq!(fixture.recall(2).await, None);
    assert_eq!(fixture.recall(1).await.unwrap(), b"before");
    assert_eq!(fixture.spent_rho(&shops[0]).await, amount(2), "it stays spent");
    fixture.answer(3, &vec![7; 100_000], 1000).await;
    assert_eq!(fixture.recall(3).await.unwrap(), vec![7; 100_000]);
}

#[tokio::test]
async fn a_ledger_that_is_deleted_or_replaced_while_open_charges_nothing() {
    let fixture = Fixture::on(On::Sqlite);
    fixture.answer(1, b"x", 1000).await;
    let shops = [account("shop", 1_000_000)];
    let old = fixture.dir.path().join("old");
    std::fs::rename(fixture.path(), &old).unwrap();
    let outcome = fixture.ledger.reserve(charge(2, loss(1), &shops)).await;
    assert!(matches!(outcome, Err(LedgerError::Store(_))), "{outcome:?}");
    assert!(!fixture.path().exists());
    std::fs::copy(&old, fixture.path()).unwrap();
    let outcome = fixture.ledger.reserve(charge(3, loss(1), &shops)).await;
    assert!(matches!(outcome, Err(LedgerError::Store(_))), "{outcome:?}");
    std::fs::rename(&old, fixture.path()).unwrap();
    let _spent = fixture.ledger.reserve(charge(4, loss(1), &shops)).await.unwrap();
}

#[test]
fn a_file_that_is_not_a_ledger_is_left_alone() {
    let fixture = Fixture::on(On::Sqlite);
    let path = fixture.dir.path().join("other.db");
    let other = rusqlite::Connection::open(&path).unwrap();
    other.execute_batch("CREATE TABLE t (a INTEGER)").unwrap();
    assert!(matches!(Ledger::open(&path, fixture.clock.clone()), Err(LedgerError::Store(_))));
    let tables: i64 =
        other.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)).unwrap();
    assert_eq!(tables, 1);
    let mode: String = other.pragma_query_value(None, "journal_mode", |row| row.get(0)).unwrap();
    assert_eq!(mode, "delete");
    let newer = rusqlite::Connection::open(fixture.path()).unwrap();
    newer.pragma_update(None, "user_version", 5).unwrap();
    assert!(matches!(
        Ledger::open(&fixture.path(), fixture.clock.clone()),
        Err(LedgerError::Store(_))
    ));
}

/// The tables of older versions, as they were made and filled then.
const OLDER: [&str; 2] = [include_str!("version_1.sql"), include_str!("version_2.sql")];

#[tokio::test]
async fn ledgers_of_older_versions_are_brought_up_to_date() {
    for tables in OLDER {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ledger.db");
        rusqlite::Connection::open(&path).unwrap().execute_batch(tables).unwrap();
        let (clock, _) = crate::clock::Clock::fixed(crate::clock::Millis(2000));
        is_up_to_date(Ledger::open(&path, clock).unwrap()).await;
    }
}

/// What all of them were filled with.
pub(super) async fn is_up_to_date(ledger: Ledger) {
    let shop = account("shop", 10);
    let balance = ledger.balances(vec![shop.clone()]).await.unwrap().pop().unwrap();
    assert_eq!(balance.spent_rho, amount(7));
    assert_eq!(ledger.recall(super::question(1)).await.unwrap().unwrap(), b"hello");
    assert_eq!(ledger.users().await.unwrap(), ["alice"]);
    let history = ledger.history(&crate::ids::Analyst("alice".to_owned()), 10).await.unwrap();
    let states: Vec<_> = history.iter().map(|entry| entry.state).collect();
    assert_eq!(states, [State::Posted, State::Voided, State::Posted]);
    assert!(ledger.reserve(charge(9, loss(4), std::slice::from_ref(&shop))).await.is_err());
    let reservation = ledger.reserve(charge(9, loss(3), &[shop])).await.unwrap();
    ledger.settle(reservation, vec![remembered(2, b"new", 9000)]).await.unwrap();
    assert_eq!(ledger.recall(super::question(2)).await.unwrap().unwrap(), b"new");
    let verified = ledger.verify().await.unwrap();
    assert_eq!(verified.broken, None);
    assert!(verified.generations >= 3, "{verified:?}");
}
