//! What is particular to the server: settings, lost connections, commits that nobody hears of.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio_postgres::{Client, NoTls};

use super::super::store::Needs;
use super::super::{Ledger, LedgerError, Place};
use super::{Fixture, On, SERVER, account, amount, charge, fresh_url, loss, remembered};
use crate::clock::{Clock, Millis};
use crate::demo::{Cluster, Options};

async fn superuser(server: &Cluster) -> Client {
    let (client, connection) = server.config("postgres", "postgres").connect(NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

/// A server of its own, for tests that end connections; the ledger is in its usual schema.
fn own_server() -> (Cluster, Fixture) {
    let server = Cluster::temporary(Options { durable: true, ..Options::default() }).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let url = server.url("postgres", "postgres");
    let place = Place::postgres(&url, None, Some(dir.path())).unwrap();
    (server, Fixture::at(dir, place))
}

fn schema(fixture: &Fixture) -> String {
    fixture.place.to_string().rsplit(' ').next().unwrap().to_owned()
}

#[tokio::test]
async fn a_server_that_does_not_sync_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let careless = Cluster::temporary(Options::default()).unwrap();
    let url = careless.url("postgres", "postgres");
    let place = Place::postgres(&url, None, Some(dir.path())).unwrap();
    let error = Ledger::open_at(&place, Clock::System).unwrap_err().to_string();
    assert!(error.contains("fsync = off"), "{error}");
}

#[tokio::test]
async fn each_session_waits_for_the_disk_and_not_for_ever_for_the_lock() {
    let fixture = Fixture::on(On::Postgres);
    let sql = "SELECT count(*) FROM pg_settings
               WHERE (name, setting) IN (('synchronous_commit', 'on'), ('lock_timeout', '5000'))";
    let set = fixture.ledger.write(Needs::default(), |batch| batch.raw(sql)).await;
    assert_eq!(set.unwrap(), Some(2));
}

#[tokio::test]
async fn nothing_of_a_password_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let url = "postgres://keeper:hunter2@127.0.0.1:1/budgets?schema=a_b";
    let place = Place::postgres(url, Some("hunter3"), Some(dir.path())).unwrap();
    let shown =
        format!("{place} {place:?} {}", Ledger::open_at(&place, Clock::System).unwrap_err());
    assert!(!shown.contains("hunter"), "{shown}");
    assert!(shown.contains("127.0.0.1:1/budgets, schema a_b"), "{shown}");
    for wrong in ["postgres://keeper:hunter2@h:port/d", "postgres://u@h/d?schema=a\"b"] {
        let error = Place::postgres(wrong, None, Some(dir.path())).unwrap_err();
        assert!(!format!("{error:?} {error}").contains("hunter"), "{error}");
    }
}

#[tokio::test]
async fn a_schema_with_other_tables_is_left_alone() {
    let (dir, url) = (tempfile::tempdir().unwrap(), fresh_url());
    let schema = url.rsplit('=').next().unwrap();
    let client = superuser(&SERVER).await;
    let sql = format!("CREATE SCHEMA {schema}; CREATE TABLE {schema}.other (a int)");
    client.batch_execute(&sql).await.unwrap();
    let place = Place::postgres(&url, None, Some(dir.path())).unwrap();
    let error = Ledger::open_at(&place, Clock::System).unwrap_err().to_string();
    assert!(error.contains("other tables"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_are_lost_while_idle_are_made_again() {
    let (server, fixture) = own_server();
    let shops = [account("shop", 100)];
    for n in 0..3 {
        let reservation = fixture.ledger.reserve(charge(n, loss(1), &shops)).await.unwrap();
        fixture.ledger.settle(reservation, vec![remembered(n, b"x", 9000)]).await.unwrap();
        assert!(fixture.recall(n).await.is_some());
        let sql = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
                   WHERE application_name = 'noisegate ledger' AND state = 'idle'";
        superuser(&server).await.query_one(sql, &[]).await.unwrap();
    }
    assert_eq!(fixture.spent_rho(&shops[0]).await, amount(3));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_is_lost_in_the_middle_fails_what_it_carried_and_no_more() {
    let (server, fixture) = own_server();
    let shops = [account("shop", 100)];
    let _spent = fixture.ledger.reserve(charge(0, loss(1), &shops)).await.unwrap();
    let schema = schema(&fixture);
    let lost = fixture.ledger.write(Needs::default(), |batch| {
        batch.put_user("mallory", "v");
        batch.raw("SELECT pg_terminate_backend(pg_backend_pid())")
    });
    assert!(matches!(lost.await, Err(LedgerError::Store(_))));
    assert!(fixture.ledger.users().await.unwrap().is_empty());
    // Terminated while it waits for the lock that another holds.
    let client = superuser(&server).await;
    client.batch_execute(&format!("BEGIN; SELECT * FROM {schema}.meta FOR UPDATE")).await.unwrap();
    let waiting = fixture.ledger.reserve(charge(1, loss(1), &shops));
    let ending = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        let sql = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
                   WHERE wait_event_type = 'Lock' AND query LIKE '%FOR UPDATE%'";
        superuser(&server).await.query_one(sql, &[]).await.unwrap();
        client.batch_execute("COMMIT").await.unwrap();
    };
    let (waited, ()) = tokio::join!(waiting, ending);
    // Nothing had been done, so it was done on another connection.
    let _spent = waited.unwrap();
    assert_eq!(fixture.spent_rho(&shops[0]).await, amount(2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_that_fails_charges_nothing() {
    let fixture = Fixture::on(On::Postgres);
    let shops = [account("shop", 100)];
    let schema = schema(&fixture);
    // A row that is checked at the commit, by a function that ends the session.
    let ending = |when: &str| {
        format!(
            "CREATE OR REPLACE FUNCTION {schema}.ending() RETURNS trigger LANGUAGE plpgsql AS
             $$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END $$;
             CREATE CONSTRAINT TRIGGER ending AFTER INSERT ON {schema}.charge
             {when} FOR EACH ROW EXECUTE FUNCTION {schema}.ending()"
        )
    };
    let client = superuser(&SERVER).await;
    client.batch_execute(&ending("DEFERRABLE INITIALLY DEFERRED")).await.unwrap();
    // It ends in the commit, before that is done: not charged.
    let lost = fixture.ledger.reserve(charge(1, loss(1), &shops)).await;
    assert!(matches!(lost, Err(LedgerError::Store(_))), "{lost:?}");
    assert_eq!(fixture.spent_rho(&shops[0]).await, amount(0));
    client.batch_execute(&format!("DROP TRIGGER ending ON {schema}.charge")).await.unwrap();
    // Nothing of it is left, so the same key can be charged now.
    let _spent = fixture.ledger.reserve(charge(1, loss(1), &shops)).await.unwrap();
    assert_eq!(fixture.spent_rho(&shops[0]).await, amount(1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_restarts_is_waited_for_by_nobody_and_found_again() {
    let (mut server, fixture) = own_server();
    let ledger = &fixture.ledger;
    let shops = [account("shop", 100)];
    let reservation = ledger.reserve(charge(1, loss(1), &shops)).await.unwrap();
    server.kill();
    assert!(ledger.reserve(charge(2, loss(1), &shops)).await.is_err());
    assert!(ledger.balances(shops.to_vec()).await.is_err());
    server.restart().unwrap();
    ledger.settle(reservation, vec![remembered(1, b"x", 9000)]).await.unwrap();
    assert!(ledger.recall(super::question(1)).await.unwrap().is_some());
    let spent = ledger.balances(shops.to_vec()).await.unwrap().pop().unwrap().spent_rho;
    assert_eq!(spent, amount(1));
}

/// Stands between a ledger and its server, and cuts off connections in the moment of a commit.
struct Between {
    port: u16,
    /// The next commit reaches the server, and its answer reaches nobody.
    swallow: Arc<AtomicBool>,
    /// And afterwards nobody gets through.
    away: Arc<AtomicBool>,
    then_away: Arc<AtomicBool>,
}

impl Between {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (swallow, away, then_away) = Default::default();
        let it = Self { port, swallow, away, then_away };
        let socket = SERVER.socket_dir().join(format!(".s.PGSQL.{}", SERVER.port()));
        let flags = (Arc::clone(&it.swallow), Arc::clone(&it.away), Arc::clone(&it.then_away));
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (swallow, away, then_away) = flags.clone();
                if !away.load(Ordering::SeqCst) {
                    tokio::spawn(pass(client, socket.clone(), swallow, away, then_away));
                }
            }
        });
        it
    }
}

async fn pass(
    mut client: TcpStream,
    socket: PathBuf,
    swallow: Arc<AtomicBool>,
    away: Arc<AtomicBool>,
    then_away: Arc<AtomicBool>,
) {
    let mut server = UnixStream::connect(socket).await.unwrap();
    let (mut asked, mut answered) = (vec![0; 65536], vec![0; 65536]);
    loop {
        tokio::select! {
            read = client.read(&mut asked) => {
                let Ok(length @ 1..) = read else { return };
                let commits = asked[..length].windows(7).any(|word| word == b"COMMIT\0");
                server.write_all(&asked[..length]).await.unwrap();
                if commits && swallow.swap(false, Ordering::SeqCst) {
                    away.store(then_away.load(Ordering::SeqCst), Ordering::SeqCst);
                    // Until the server has done it.
                    let mut words = Vec::new();
                    while !words.windows(7).any(|word| word == b"COMMIT\0") {
                        let length = server.read(&mut answered).await.unwrap();
                        words.extend_from_slice(&answered[..length]);
                    }
                    return;
                }
            }
            read = server.read(&mut answered) => {
                let Ok(length @ 1..) = read else { return };
                if client.write_all(&answered[..length]).await.is_err() {
                    return;
                }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_commit_whose_acknowledgement_is_lost_is_made_once() {
    let between = Between::start().await;
    let dir = tempfile::tempdir().unwrap();
    let schema = fresh_url().rsplit('=').next().unwrap().to_owned();
    let url = format!("postgres://postgres@127.0.0.1:{}/postgres?schema={schema}", between.port);
    let place = Place::postgres(&url, None, Some(dir.path())).unwrap();
    let fixture = Fixture::at(dir, place);
    let shop = account("shop", 10);
    let shops = std::slice::from_ref(&shop);

    // The server is there to be asked, so it is known that the charge was made.
    between.swallow.store(true, Ordering::SeqCst);
    let first = charge(1, loss(4), shops);
    let mut reserved = fixture.ledger.reserve(first.clone()).await.unwrap();
    assert!(!between.swallow.load(Ordering::SeqCst), "it was swallowed");
    assert_eq!(reserved.receipts().len(), 1);
    assert!(matches!(fixture.ledger.reserve(first).await, Err(LedgerError::Repeated)));
    between.swallow.store(true, Ordering::SeqCst);
    fixture.ledger.settle(reserved, vec![remembered(1, b"x", 9000)]).await.unwrap();
    assert_eq!(fixture.recall(1).await.unwrap(), b"x");

    // It is not, so nobody knows: not acknowledged, and spent.
    let second = charge(2, loss(4), shops);
    between.then_away.store(true, Ordering::SeqCst);
    between.swallow.store(true, Ordering::SeqCst);
    let lost = fixture.ledger.reserve(second.clone()).await;
    assert!(matches!(lost, Err(LedgerError::Store(_))), "{lost:?}");
    between.away.store(false, Ordering::SeqCst);
    assert!(matches!(fixture.ledger.reserve(second).await, Err(LedgerError::Repeated)));
    assert_eq!(fixture.spent_rho(&shop).await, amount(8));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_of_version_1_is_brought_up_to_date() {
    let dir = tempfile::tempdir().unwrap();
    let url = fresh_url();
    let schema = url.rsplit('=').next().unwrap().to_owned();
    let tables = include_str!("postgres_1.sql");
    Fixture::sql(&format!("CREATE SCHEMA {schema}; SET search_path = {schema}; {tables}")).await;
    let place = Place::postgres(&url, None, Some(dir.path())).unwrap();
    let (clock, _) = Clock::fixed(Millis(2000));
    super::sqlite::is_up_to_date(Ledger::open_at(&place, clock).unwrap()).await;
}
