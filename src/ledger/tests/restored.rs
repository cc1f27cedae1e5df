//! An older copy of a ledger is put back, or another ledger in its place.

use super::super::{Ledger, LedgerError, Place, Restored, copy};
use super::{Fixture, On, SERVER, account, amount, charge, loss, on_both};
use crate::clock::Millis;

/// A copy of a ledger's state, and the way back to it.
enum Backup {
    Files(Vec<(std::path::PathBuf, Vec<u8>)>),
    Schema(String),
}

impl Fixture {
    pub(super) async fn sql(sql: &str) {
        let config = SERVER.config("postgres", "postgres");
        let (client, connection) = config.connect(tokio_postgres::NoTls).await.unwrap();
        tokio::spawn(connection);
        client.batch_execute(sql).await.unwrap();
    }

    pub(super) fn schema(&self) -> String {
        self.place.to_string().rsplit(' ').next().unwrap().to_owned()
    }

    /// As an operator makes one: a copy of the file, or a dump of the tables.
    async fn backup(&self, on: On) -> Backup {
        match on {
            On::Sqlite => {
                let copy = self.dir.path().join("copy.db");
                let conn = rusqlite::Connection::open(self.path()).unwrap();
                conn.execute("VACUUM INTO ?1", [copy.to_str().unwrap()]).unwrap();
                let bytes = std::fs::read(&copy).unwrap();
                std::fs::remove_file(&copy).unwrap();
                Backup::Files(vec![(self.path(), bytes)])
            }
            On::Postgres => {
                let schema = self.schema();
                let mut sql = format!("CREATE SCHEMA {schema}_copy;");
                for table in TABLES {
                    sql += &format!(
                        "CREATE TABLE {schema}_copy.{table} AS SELECT * FROM {schema}.{table};"
                    );
                }
                Self::sql(&sql).await;
                Backup::Schema(schema)
            }
        }
    }

    /// Puts the backup back, while nobody has the ledger open.
    async fn restore(&self, backup: &Backup) {
        match backup {
            Backup::Files(files) => {
                for suffix in ["", "-wal", "-shm"] {
                    let _gone = std::fs::remove_file(format!("{}{suffix}", self.path().display()));
                }
                for (path, bytes) in files {
                    std::fs::write(path, bytes).unwrap();
                }
            }
            Backup::Schema(schema) => {
                let mut sql = "SET session_replication_role = replica;".to_owned();
                for table in TABLES {
                    sql += &format!(
                        "DELETE FROM {schema}.{table};
                         INSERT INTO {schema}.{table} SELECT * FROM {schema}_copy.{table};"
                    );
                }
                Self::sql(&sql).await;
            }
        }
    }

    async fn spend(ledger: &Ledger, times: u64) {
        for n in 0..times {
            let shop = account("shop", 1000);
            let _spent = ledger.reserve(charge(n, loss(1), &[shop])).await.unwrap();
        }
    }
}

const TABLES: [&str; 10] =
    ["meta", "chain", "charge", "leaf", "debit", "account", "release", "analyst", "event", "token"];

fn restored(outcome: Result<Ledger, LedgerError>) -> Restored {
    match outcome {
        Err(LedgerError::Restored(how)) => how,
        other => unreachable!("{other:?}"),
    }
}

on_both!(an_older_ledger_than_the_one_last_seen_is_refused_until_an_operator_accepts_it);
async fn an_older_ledger_than_the_one_last_seen_is_refused_until_an_operator_accepts_it(on: On) {
    let mut fixture = Fixture::on(on);
    Fixture::spend(&fixture.ledger, 3).await;
    // With charges that are pending, so that opening it makes a generation.
    let backup = fixture.backup(on).await;
    Fixture::spend(&fixture.ledger, 2).await;
    fixture.ledger = fixture.elsewhere();
    fixture.restore(&backup).await;
    let how = restored(Ledger::open_at(&fixture.place, fixture.clock.clone()));
    assert!(matches!(how, Restored::Older { now: 3, seen: 5 }), "{how:?}");
    // Another proxy, which has not seen the later ones, goes on for a while.
    let other = fixture.seen_elsewhere();
    let ahead = Ledger::open_at(&other, fixture.clock.clone()).unwrap();
    Fixture::spend(&ahead, 4).await;
    drop(ahead);
    let how = restored(Ledger::open_at(&fixture.place, fixture.clock.clone()));
    assert!(matches!(how, Restored::Diverged { seen: 5 }), "{how:?}");
    let accepted = Ledger::accept_restored(&fixture.place, fixture.clock.clone()).unwrap();
    Fixture::spend(&accepted, 1).await;
    drop(accepted);
    fixture.reopen();
    assert_eq!(fixture.spent_rho(&account("shop", 0)).await, amount(8));
}

on_both!(a_command_beside_a_proxy_does_not_end_its_notes);
async fn a_command_beside_a_proxy_does_not_end_its_notes(on: On) {
    let mut fixture = Fixture::on(on);
    Fixture::spend(&fixture.ledger, 1).await;
    // It notes what it saw in a file of its own, and is gone.
    let command = Ledger::open_at(&fixture.place, fixture.clock.clone()).unwrap();
    command.put_user("bob", "verifier").await.unwrap();
    drop(command);
    let backup = fixture.backup(on).await;
    Fixture::spend(&fixture.ledger, 3).await;
    fixture.ledger = fixture.elsewhere();
    fixture.restore(&backup).await;
    let how = restored(Ledger::open_at(&fixture.place, fixture.clock.clone()));
    assert!(matches!(how, Restored::Older { .. }), "{how:?}");
}

on_both!(what_was_moved_away_is_not_put_back);
async fn what_was_moved_away_is_not_put_back(on: On) {
    let mut fixture = Fixture::on(on);
    Fixture::spend(&fixture.ledger, 3).await;
    fixture.reopen();
    let backup = fixture.backup(on).await;
    fixture.ledger = fixture.elsewhere();
    let new = fixture.new_place(On::Sqlite);
    copy(&fixture.place, &new, Millis(0)).unwrap();
    // Marked as moved it is no ledger; as it was before it is an older one.
    let open = || Ledger::open_at(&fixture.place, fixture.clock.clone());
    assert!(matches!(open(), Err(LedgerError::Moved(_))));
    copy(&fixture.place, &new, Millis(0)).unwrap();
    fixture.restore(&backup).await;
    let how = restored(open());
    assert!(matches!(how, Restored::Older { .. }), "{how:?}");
}

on_both!(a_ledger_that_is_put_back_under_a_running_proxy_charges_nothing);
async fn a_ledger_that_is_put_back_under_a_running_proxy_charges_nothing(on: On) {
    let fixture = Fixture::on(on);
    Fixture::spend(&fixture.ledger, 3).await;
    let backup = fixture.backup(on).await;
    Fixture::spend(&fixture.ledger, 2).await;
    if on == On::Sqlite {
        // A new file would be noticed as such; here the old one gets the old contents.
        let Backup::Files(files) = &backup else { unreachable!() };
        let old = rusqlite::Connection::open_in_memory().unwrap();
        old.execute("ATTACH ?1 AS now", [fixture.path().to_str().unwrap()]).unwrap();
        let copy = fixture.dir.path().join("old.db");
        std::fs::write(&copy, &files[0].1).unwrap();
        old.execute("ATTACH ?1 AS old", [copy.to_str().unwrap()]).unwrap();
        old.execute_batch(
            "BEGIN; DROP TRIGGER now.chain_kept; DELETE FROM now.chain;
             INSERT INTO now.chain SELECT * FROM old.chain; COMMIT",
        )
        .unwrap();
    } else {
        fixture.restore(&backup).await;
    }
    let shop = account("shop", 1000);
    let outcome = fixture.ledger.reserve(charge(9, loss(1), &[shop])).await;
    assert!(matches!(outcome, Err(LedgerError::Restored(_))), "{outcome:?}");
}

on_both!(another_ledger_and_none_are_not_the_one_last_seen);
async fn another_ledger_and_none_are_not_the_one_last_seen(on: On) {
    let mut fixture = Fixture::on(on);
    Fixture::spend(&fixture.ledger, 2).await;
    fixture.ledger = fixture.elsewhere();
    match on {
        On::Sqlite => fixture.restore(&Backup::Files(Vec::new())).await,
        On::Postgres => Fixture::sql(&format!("DROP SCHEMA {} CASCADE", fixture.schema())).await,
    }
    for _ in 0..2 {
        // Not made by the first try either.
        let how = restored(Ledger::open_at(&fixture.place, fixture.clock.clone()));
        assert_eq!(how, Restored::Gone { seen: 2 });
    }
    drop(Ledger::open_at(&fixture.seen_elsewhere(), fixture.clock.clone()).unwrap());
    let how = restored(Ledger::open_at(&fixture.place, fixture.clock.clone()));
    assert_eq!(how, Restored::Another { seen: 2 });
    drop(Ledger::accept_restored(&fixture.place, fixture.clock.clone()).unwrap());
    fixture.reopen();
    assert_eq!(fixture.spent_rho(&account("shop", 0)).await, amount(0));
}

#[tokio::test]
async fn what_was_seen_is_not_guessed() {
    let fixture = Fixture::on(On::Sqlite);
    let seen = fixture.dir.path().join("ledger.db.seen");
    let whole = std::fs::read(&seen).unwrap();
    // One of the two places is enough.
    for start in [0, 512] {
        let mut torn = whole.clone();
        torn[start + 40] ^= 1;
        std::fs::write(&seen, &torn).unwrap();
        drop(fixture.other());
    }
    for wrong in [Vec::new(), vec![b' '; 1024], whole[..1000].to_vec()] {
        std::fs::write(&seen, wrong).unwrap();
        let refused = Ledger::open_at(&fixture.place, fixture.clock.clone());
        assert!(matches!(refused, Err(LedgerError::Store(_))), "{refused:?}");
    }
}

impl Fixture {
    /// A handle that keeps nothing of this ledger open.
    fn elsewhere(&self) -> Ledger {
        Ledger::open(&self.dir.path().join("elsewhere.db"), self.clock.clone()).unwrap()
    }

    /// The same ledger, from where nothing of it was seen.
    fn seen_elsewhere(&self) -> Place {
        let folder = self.dir.path().join("other");
        std::fs::create_dir_all(&folder).unwrap();
        self.place.seen_at(&folder)
    }
}
