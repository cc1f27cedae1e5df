//! The file: what is remembered, who may read it, and what happens when the disk fails.

use std::os::unix::fs::PermissionsExt;

use super::super::{Ledger, LedgerError};
use super::{Fixture, account, amount, charge, loss, question, remembered};
use noisegate_privacy::budget::{Amount, Loss};

impl Fixture {
    /// Charges one unit and settles it with a release.
    async fn answer(&self, n: u64, payload: &[u8], expires: i64) {
        let shop = account("shop", 1_000_000);
        let reservation = self.ledger.reserve(charge(n, loss(1), &[shop])).await.unwrap();
        let releases = vec![remembered(n, payload, expires)];
        self.ledger.settle(reservation, releases).await.unwrap();
    }

    async fn recall(&self, n: u64) -> Option<Vec<u8>> {
        self.ledger.recall(question(n)).await.unwrap()
    }
}

#[tokio::test]
async fn a_release_is_recalled_until_it_expires_and_not_changed_before() {
    let mut fixture = Fixture::new();
    assert_eq!(fixture.recall(1).await, None);
    fixture.answer(1, b"first", 1000).await;
    fixture.answer(1, b"second", 2000).await;
    fixture.set_time(999);
    fixture.reopen();
    assert_eq!(fixture.recall(1).await.unwrap(), b"first");
    fixture.set_time(1000);
    assert_eq!(fixture.recall(1).await, None);
    fixture.answer(1, b"third", 2000).await;
    assert_eq!(fixture.recall(1).await.unwrap(), b"third");
    // The ledger's time does not go back, so an expired release stays so.
    fixture.set_time(2000);
    fixture.answer(2, b"other", 5000).await;
    fixture.set_time(500);
    assert_eq!(fixture.recall(1).await, None);
}

#[tokio::test]
async fn what_is_remembered_is_bounded_expired_first_then_oldest() {
    let mut fixture = Fixture::new();
    fixture.ledger = Ledger::open_sized(&fixture.path(), fixture.clock.clone(), 100).unwrap();
    fixture.answer(1, &[1; 40], 9000).await;
    fixture.answer(2, &[2; 40], 1000).await;
    fixture.answer(3, &[3; 101], 9000).await;
    assert_eq!(fixture.recall(3).await, None, "larger than all that may be remembered");
    fixture.set_time(1000);
    fixture.answer(4, &[4; 40], 9000).await;
    assert_eq!(fixture.recall(1).await, Some(vec![1; 40]), "the expired one had to go first");
    fixture.answer(5, &[5; 40], 9000).await;
    assert_eq!(fixture.recall(1).await, None, "the oldest had to go");
    assert_eq!(fixture.recall(4).await, Some(vec![4; 40]));
    assert_eq!(fixture.recall(5).await, Some(vec![5; 40]));
}

#[tokio::test]
async fn users_come_and_go() {
    let fixture = Fixture::new();
    let ledger = &fixture.ledger;
    ledger.put_user("bob", "SCRAM-SHA-256$1").await.unwrap();
    ledger.put_user("alice", "SCRAM-SHA-256$2").await.unwrap();
    ledger.put_user("bob", "SCRAM-SHA-256$3").await.unwrap();
    assert_eq!(ledger.users().await.unwrap(), ["alice", "bob"]);
    assert_eq!(ledger.verifier("bob").await.unwrap().unwrap(), "SCRAM-SHA-256$3");
    assert!(ledger.remove_user("bob").await.unwrap());
    assert!(!ledger.remove_user("bob").await.unwrap());
    assert_eq!(ledger.verifier("bob").await.unwrap(), None);
    assert!(ledger.put_user("", "v").await.is_err());
    assert!(ledger.put_user("eve", &"v".repeat(5000)).await.is_err());
}

#[tokio::test]
async fn amounts_of_any_size_are_exact() {
    let fixture = Fixture::new();
    let digits = "9".repeat(300);
    let huge = Amount::parse(&digits).unwrap();
    let mut shop = account("shop", 0);
    shop.rho = huge.clone();
    let most = Loss { rho: huge.minus(&amount(1)), epsilon: None, delta: Amount::ZERO };
    let _spent = fixture.ledger.reserve(charge(1, most, &[shop.clone()])).await.unwrap();
    assert!(fixture.ledger.reserve(charge(2, loss(2), &[shop.clone()])).await.is_err());
    let _spent = fixture.ledger.reserve(charge(3, loss(1), &[shop.clone()])).await.unwrap();
    assert_eq!(fixture.spent_rho(&shop).await, huge);
    let too_long = Loss { rho: Amount::parse(&"9".repeat(400)).unwrap(), ..loss(1) };
    let refused = fixture.ledger.reserve(charge(4, too_long, &[shop])).await;
    assert!(matches!(refused, Err(LedgerError::Malformed(_))), "{refused:?}");
}

#[tokio::test]
async fn the_file_is_the_owners_and_commits_are_synced() {
    let fixture = Fixture::new();
    fixture.answer(1, b"x", 1).await;
    for name in ["ledger.db", "ledger.db-wal"] {
        let mode = std::fs::metadata(fixture.dir.path().join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    let pragmas = |name: &'static str| {
        fixture.ledger.write(move |batch| {
            Ok(batch.conn.pragma_query_value(None, name, |row| row.get::<_, i64>(0))?)
        })
    };
    assert_eq!(pragmas("synchronous").await.unwrap(), 2, "FULL");
    assert_eq!(pragmas("foreign_keys").await.unwrap(), 1);
    assert_eq!(pragmas("journal_size_limit").await.unwrap(), 64 * 1024 * 1024);
}

#[tokio::test]
async fn a_full_disk_is_an_error_and_the_ledger_recovers_when_there_is_room() {
    let fixture = Fixture::new();
    fixture.answer(1, b"before", 1000).await;
    // The limit belongs to the connection, so the one that is opened after the error has room.
    let full = fixture.ledger.write(|batch| {
        let pages: i64 = batch.conn.pragma_query_value(None, "page_count", |row| row.get(0))?;
        Ok(batch
            .conn
            .pragma_update_and_check(None, "max_page_count", pages, |row| row.get::<_, i64>(0))?)
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_that_fails_does_not_poison_its_batch() {
    let fixture = Fixture::new();
    let shop = account("shop", 1_000_000);
    let mut tasks = Vec::new();
    for n in 0..90 {
        let (ledger, shop) = (fixture.ledger.clone(), shop.clone());
        tasks.push(tokio::spawn(async move {
            if n % 3 == 0 {
                // Writes, then breaks a rule of the schema.
                let broken = ledger.write(|batch| {
                    batch.conn.execute("INSERT INTO user VALUES ('mallory', 'v')", [])?;
                    Ok(batch.conn.execute("UPDATE meta SET mark_ms = -1", [])?)
                });
                assert!(matches!(broken.await, Err(LedgerError::Store(_))));
            } else {
                let _spent = ledger.reserve(charge(n, loss(1), &[shop])).await.unwrap();
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(fixture.spent_rho(&shop).await, amount(60));
    assert!(fixture.ledger.users().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_ledger_that_is_deleted_or_replaced_while_open_charges_nothing() {
    let fixture = Fixture::new();
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
    let fixture = Fixture::new();
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
    newer.pragma_update(None, "user_version", 2).unwrap();
    assert!(matches!(
        Ledger::open(&fixture.path(), fixture.clock.clone()),
        Err(LedgerError::Store(_))
    ));
}
