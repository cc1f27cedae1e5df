//! The source, the shadow and the ledger fail, one after the other, before, during and after a
//! query. The client hears one fixed sentence, the operator's log has the reason and no literal,
//! what was charged stays charged, and the proxy goes on by itself when the fault is gone.

mod common;

use std::io::Write;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use common::{DEMO, cell, open, run, texts};
use noisegate::demo::{Shop, ShopOptions};
use noisegate::ids::Analyst;
use noisegate::ledger::{Entry, State};
use tokio::task::JoinHandle;
use tokio_postgres::error::DbError;
use tokio_postgres::{Client, Error, NoTls};

/// In the literals of every query here; nowhere in the log.
const CANARY: &str = "zebra";
/// What one answer costs at [`EPSILON`]: ρ = ε²/2, in 10⁻¹².
const PRICE: u128 = 50_000_000;
const EPSILON: &str = "0.01";
/// What the policy grants a query on the source.
const TIMEOUT: Duration = Duration::from_secs(3);
const WAITING: &str = "SELECT count(*)::text FROM pg_stat_activity \
                       WHERE usename = 'noisegate_reader' AND state = 'active'";

/// One shop for all tests; each has it for itself, since it breaks it.
static SHOP: LazyLock<Mutex<Shop>> = LazyLock::new(|| {
    let log = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .with_writer(|| Log);
    log.try_init().expect("a log");
    let policy = DEMO.replace("timeout  = \"60s\"", "timeout  = \"3s\"");
    assert_ne!(policy, DEMO);
    let options = ShopOptions::new(0.001, &policy, "demo.toml");
    Mutex::new(open(ShopOptions { separate_shadow: true, log_statements: true, ..options }))
});

static LOGGED: Mutex<Vec<u8>> = Mutex::new(Vec::new());
/// Answers that were paid for and seen.
static ANSWERED: AtomicU64 = AtomicU64::new(0);

struct Log;

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        LOGGED.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn shop() -> MutexGuard<'static, Shop> {
    SHOP.lock().unwrap_or_else(PoisonError::into_inner)
}

fn log() -> String {
    let logged = LOGGED.lock().unwrap_or_else(PoisonError::into_inner);
    String::from_utf8_lossy(&logged).into_owned()
}

/// A client whose connection can be cut.
struct Session {
    client: Client,
    connection: JoinHandle<Result<(), Error>>,
}

async fn session(shop: &Shop) -> Session {
    let (client, connection) =
        shop.client_config("alice").connect(NoTls).await.expect("a connection");
    let connection = tokio::spawn(connection);
    client.batch_execute(&format!("SET noisegate.epsilon = '{EPSILON}'")).await.expect("a setting");
    Session { client, connection }
}

/// A question that nobody asked before.
fn fresh() -> String {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    format!("SELECT count(*) FROM customer WHERE c_mktsegment <> '{CANARY}{number}'")
}

/// The answer to a question that is paid for.
async fn answered(session: &Session, question: &str) -> String {
    let answer = cell(&session.client, question).await;
    ANSWERED.fetch_add(1, Ordering::Relaxed);
    answer
}

fn database_error(error: &Error) -> &DbError {
    error.as_db_error().unwrap_or_else(|| unreachable!("no error of the database: {error}"))
}

/// Asserts that the error is the fixed sentence and nothing else, and that the log has its id.
fn assert_fault(error: &Error) -> String {
    let error = database_error(error);
    assert_eq!(error.code().code(), "58000", "{error:?}");
    assert_eq!(error.severity(), "ERROR");
    assert_eq!(error.message(), "The query could not be completed.");
    let id = error.detail().and_then(|detail| detail.strip_prefix("The query's id is "));
    let id = id.and_then(|id| id.strip_suffix('.')).expect("an id").to_owned();
    assert!(id.len() == 16 && id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{id}");
    assert_eq!(
        error.hint(),
        Some("What was charged for it stays charged. The operator's log has the reason.")
    );
    assert!(error.position().is_none() && error.where_().is_none(), "{error:?}");
    let log = log();
    let line = log.lines().find(|line| line.contains(&id) && line.contains("a query failed"));
    assert!(line.is_some_and(|line| line.contains("ERROR")), "the log has no reason for {id}");
    id
}

async fn history(shop: &Shop) -> Vec<Entry> {
    shop.gate.ledger.history(&Analyst("alice".to_owned()), 1000).await.expect("a history")
}

async fn latest(shop: &Shop) -> Entry {
    history(shop).await.into_iter().next().expect("a charge")
}

async fn spent(shop: &Shop) -> u128 {
    let charges = history(shop).await;
    let kept = charges.iter().filter(|entry| entry.state != State::Voided);
    kept.map(|entry| entry.rho.to_string().parse::<u128>().expect("a number")).sum()
}

/// What holds after every test.
async fn assert_sound(shop: &Shop) {
    let answered = u128::from(ANSWERED.load(Ordering::Relaxed));
    let spent = spent(shop).await;
    assert!(answered * PRICE <= spent, "answered {answered} times, spent {spent}");
    // Nor does the ledger hold a literal, in any table or audit, or the log of its file.
    shop.gate.shared.records.write(&shop.gate.ledger).await.expect("records");
    let mut bytes = std::fs::read(&shop.ledger_path).expect("the ledger");
    let mut log_of_ledger = shop.ledger_path.clone().into_os_string();
    log_of_ledger.push("-wal");
    bytes.extend(std::fs::read(log_of_ledger).expect("its log"));
    let holds = |secret: &str| bytes.windows(secret.len()).any(|part| part == secret.as_bytes());
    assert!(!holds(CANARY) && !holds("Customer#") && holds("alice"));
    let log = log();
    for (number, line) in log.lines().enumerate() {
        for secret in [CANARY, "Customer#", "c_mktsegment <>"] {
            assert!(!line.contains(secret), "line {number} of the log: {line}");
        }
    }
}

/// The superuser of the source, on a connection of their own.
async fn superuser(shop: &Shop) -> Client {
    let (client, connection) =
        shop.source_config().connect(NoTls).await.expect("a connection to the source");
    tokio::spawn(connection);
    client
}

/// Makes each leaf over customers wait until the transaction ends.
async fn lock(superuser: &Client) {
    superuser
        .batch_execute("BEGIN; LOCK TABLE customer IN ACCESS EXCLUSIVE MODE")
        .await
        .expect("a lock");
}

/// Waits until so many leaves run on the source; says how long that took.
async fn until_running(superuser: &Client, count: &str) -> Duration {
    let start = Instant::now();
    // Inside a transaction what was seen first would be seen again.
    let look = format!("SELECT pg_stat_clear_snapshot(); {WAITING}");
    while texts(superuser, &look).await.expect("a count").pop()
        != Some(vec![Some(count.to_owned())])
    {
        assert!(start.elapsed() < Duration::from_secs(10), "not {count} leaves are running");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    start.elapsed()
}

#[test]
fn a_source_that_is_down_costs_nothing_and_is_found_again() {
    let mut shop = shop();
    run(async {
        let session = session(&shop).await;
        let (known, question) = (fresh(), fresh());
        let answer = answered(&session, &known).await;
        let before = spent(&shop).await;
        shop.source.stop();
        let id = assert_fault(&session.client.simple_query(&question).await.expect_err("a fault"));
        let entry = latest(&shop).await;
        assert_eq!((entry.query.to_string(), entry.state), (id, State::Voided));
        assert_eq!(spent(&shop).await, before, "nothing was sent");
        assert_eq!(
            cell(&session.client, &known).await,
            answer,
            "what is remembered needs no source"
        );
        // In a transaction the fault aborts it, as any error does.
        session.client.batch_execute("BEGIN").await.expect("a transaction");
        assert_fault(&session.client.query(&question, &[]).await.expect_err("a fault"));
        let error =
            session.client.query("SELECT 1", &[]).await.expect_err("an aborted transaction");
        assert_eq!(database_error(&error).code().code(), "25P02");
        session.client.batch_execute("ROLLBACK").await.expect("the end of the transaction");
        shop.source.restart().expect("the source starts");
        answered(&session, &question).await;
        assert_eq!(spent(&shop).await, before + PRICE);
        assert_sound(&shop).await;
    });
}

#[test]
fn a_source_that_is_killed_during_a_query_keeps_the_charge() {
    let mut shop = shop();
    run(async {
        let (session, admin) = (session(&shop).await, superuser(&shop).await);
        let (question, before) = (fresh(), spent(&shop).await);
        lock(&admin).await;
        let (asking, ()) = tokio::join!(session.client.simple_query(&question), async {
            until_running(&admin, "1").await;
            shop.source.kill();
        });
        let id = assert_fault(&asking.expect_err("a fault"));
        let entry = latest(&shop).await;
        assert_eq!((entry.query.to_string(), entry.state), (id, State::Posted));
        shop.source.restart().expect("the source starts");
        answered(&session, &question).await;
        assert_eq!(spent(&shop).await, before + 2 * PRICE, "the answer is paid for anew");
        assert_sound(&shop).await;
    });
}

#[test]
fn a_source_that_is_slow_is_left_at_the_deadline() {
    let shop = shop();
    run(async {
        let (session, admin) = (session(&shop).await, superuser(&shop).await);
        let (question, before) = (fresh(), spent(&shop).await);
        lock(&admin).await;
        let start = Instant::now();
        let error = session.client.simple_query(&question).await.expect_err("a fault");
        let took = start.elapsed();
        assert_fault(&error);
        assert!(took >= TIMEOUT.mul_f32(0.9) && took < TIMEOUT * 2, "{took:?}");
        until_running(&admin, "0").await;
        assert_eq!(latest(&shop).await.state, State::Posted);
        admin.batch_execute("ROLLBACK").await.expect("the end of the lock");
        answered(&session, &question).await;
        assert_eq!(spent(&shop).await, before + 2 * PRICE);
        assert_sound(&shop).await;
    });
}

/// The shadow computes what a leaf is given, from a text that the analyst wrote.
#[test]
fn what_a_leaf_is_given_ends_at_the_deadline() {
    const SLEEPING: &str = "SELECT count(*) FROM pg_stat_activity \
                            WHERE state = 'active' AND query LIKE '%pg_sleep(60%' \
                            AND pid <> pg_backend_pid()";
    let shop = shop();
    run(async {
        let (session, admin) = (session(&shop).await, superuser(&shop).await);
        let question = format!("{} AND c_acctbal > (SELECT 1 FROM pg_sleep(60))", fresh());
        let start = Instant::now();
        let error = session.client.simple_query(&question).await.expect_err("a fault");
        let took = start.elapsed();
        assert_fault(&error);
        assert!(took < TIMEOUT * 2, "{took:?}");
        while cell(&admin, SLEEPING).await != "0" {
            assert!(start.elapsed() < TIMEOUT * 3, "it sleeps on");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert_sound(&shop).await;
    });
}

#[test]
fn nothing_runs_on_for_a_client_that_left() {
    let shop = shop();
    run(async {
        let (gone, admin) = (session(&shop).await, superuser(&shop).await);
        let (question, before) = (fresh(), spent(&shop).await);
        lock(&admin).await;
        let asked = question.clone();
        let asking = tokio::spawn(async move { gone.client.simple_query(&asked).await.map(drop) });
        until_running(&admin, "1").await;
        gone.connection.abort();
        let took = until_running(&admin, "0").await;
        assert!(took < TIMEOUT / 2, "stopped by its timeout only, after {took:?}");
        assert!(asking.await.expect("no panic").is_err());
        assert_ne!(latest(&shop).await.state, State::Voided);
        admin.batch_execute("ROLLBACK").await.expect("the end of the lock");
        // The question is free for others to ask.
        answered(&session(&shop).await, &question).await;
        assert_eq!(spent(&shop).await, before + 2 * PRICE);
        assert_sound(&shop).await;
    });
}

#[test]
fn a_cancel_stops_the_leaf_and_keeps_the_charge() {
    let shop = shop();
    run(async {
        let (session, admin) = (session(&shop).await, superuser(&shop).await);
        let before = spent(&shop).await;
        lock(&admin).await;
        let question = fresh();
        let (asking, took) = tokio::join!(session.client.simple_query(&question), async {
            until_running(&admin, "1").await;
            session.client.cancel_token().cancel_query(NoTls).await.expect("a cancel");
            until_running(&admin, "0").await
        });
        let error = asking.expect_err("a canceled statement");
        assert_eq!(database_error(&error).code().code(), "57014");
        assert!(took < TIMEOUT / 2, "stopped by its timeout only, after {took:?}");
        assert_eq!(latest(&shop).await.state, State::Posted);
        assert_eq!(spent(&shop).await, before + PRICE);
        admin.batch_execute("ROLLBACK").await.expect("the end of the lock");
        // What only passes through is canceled on the shadow.
        let start = Instant::now();
        let (asking, ()) =
            tokio::join!(session.client.simple_query("SELECT pg_sleep(20)"), async {
                tokio::time::sleep(Duration::from_millis(200)).await;
                session.client.cancel_token().cancel_query(NoTls).await.expect("a cancel");
            });
        let error = asking.expect_err("a canceled statement");
        assert_eq!(database_error(&error).code().code(), "57014");
        assert!(start.elapsed() < Duration::from_secs(10));
        assert_sound(&shop).await;
    });
}

#[test]
fn a_shadow_that_is_down_ends_sessions_and_nothing_else() {
    let mut shop = shop();
    run(async {
        let (idle, asking) = (session(&shop).await, session(&shop).await);
        let admin = superuser(&shop).await;
        answered(&idle, &fresh()).await;
        let (question, before) = (fresh(), spent(&shop).await);
        lock(&admin).await;
        let shadow = shop.shadow.as_mut().expect("a shadow of its own");
        let (failed, ()) = tokio::join!(asking.client.simple_query(&question), async {
            until_running(&admin, "1").await;
            shadow.stop();
            admin.batch_execute("ROLLBACK").await.expect("the end of the lock");
        });
        failed.expect_err("the session has ended");
        let ended = idle.connection.await.expect("no panic").expect_err("the session has ended");
        let ended = database_error(&ended);
        assert_eq!((ended.severity(), ended.code().code()), ("FATAL", "57P01"), "{ended:?}");
        let refused = shop.client_config("alice").connect(NoTls).await;
        let refused = refused.err().expect("no shadow, no session");
        let refused = database_error(&refused);
        assert_eq!((refused.severity(), refused.code().code()), ("FATAL", "08006"));
        assert_eq!(refused.message(), "the database is not available at the moment");
        shop.shadow.as_mut().expect("a shadow").restart().expect("the shadow starts");
        // The answer that nobody could be told is remembered, and paid for once.
        let session = session(&shop).await;
        answered(&session, &question).await;
        assert_eq!(spent(&shop).await, before + PRICE);
        // Another text needs the shadow anew, over connections that died meanwhile.
        answered(&session, &fresh()).await;
        shop.shadow.as_mut().expect("a shadow").kill();
        shop.shadow.as_mut().expect("a shadow").restart().expect("the shadow starts");
        let session = self::session(&shop).await;
        answered(&session, &fresh()).await;
        assert_sound(&shop).await;
    });
}

#[test]
fn a_ledger_that_is_gone_answers_nothing_until_it_is_back() {
    let shop = shop();
    let away = shop.ledger_path.with_extension("away");
    run(async {
        let session = session(&shop).await;
        let (known, before) = (fresh(), spent(&shop).await);
        let answer = answered(&session, &known).await;
        std::fs::rename(&shop.ledger_path, &away).expect("a file to move");
        std::fs::create_dir(&shop.ledger_path).expect("a folder in its place");
        let question = fresh();
        let asked = session.client.simple_query(&question).await;
        std::fs::remove_dir(&shop.ledger_path).expect("a folder to remove");
        let missing = session.client.simple_query(&question).await;
        std::fs::rename(&away, &shop.ledger_path).expect("a file to move back");
        assert_fault(&asked.expect_err("a folder is no ledger"));
        assert_fault(&missing.expect_err("no ledger is no budget"));
        assert_eq!(spent(&shop).await, before + PRICE, "neither was charged");
        answered(&session, &question).await;
        assert_eq!(cell(&session.client, &known).await, answer);
        assert_eq!(spent(&shop).await, before + 2 * PRICE);
        assert_sound(&shop).await;
    });
}

/// Holds the ledger's lock, as a backup that hangs would.
fn hold(path: PathBuf) -> rusqlite::Connection {
    let other = rusqlite::Connection::open(path).expect("the ledger");
    other.busy_timeout(Duration::from_secs(5)).expect("patience");
    other.execute_batch("BEGIN EXCLUSIVE").expect("the lock");
    other
}

#[test]
fn a_ledger_that_cannot_be_written_shows_nothing() {
    let shop = shop();
    run(async {
        let (session, admin) = (session(&shop).await, superuser(&shop).await);
        let known = fresh();
        let answer = answered(&session, &known).await;
        let before = spent(&shop).await;
        // Before the charge.
        let other = hold(shop.ledger_path.clone());
        let question = fresh();
        let asked = session.client.simple_query(&question).await;
        assert_fault(&asked.expect_err("a charge that is not on disk"));
        assert_eq!(cell(&session.client, &known).await, answer, "reading goes on");
        other.execute_batch("ROLLBACK").expect("the end of the lock");
        assert_eq!(spent(&shop).await, before);
        // Between the charge and the answer.
        lock(&admin).await;
        let (asked, other) = tokio::join!(session.client.simple_query(&question), async {
            until_running(&admin, "1").await;
            let other = hold(shop.ledger_path.clone());
            admin.batch_execute("ROLLBACK").await.expect("the end of the lock");
            other
        });
        assert_fault(&asked.expect_err("a release that is not on disk"));
        other.execute_batch("ROLLBACK").expect("the end of the lock");
        assert_ne!(latest(&shop).await.state, State::Voided);
        answered(&session, &question).await;
        assert_eq!(spent(&shop).await, before + 2 * PRICE);
        assert_sound(&shop).await;
    });
}

#[test]
fn refusals_and_mistakes_leave_no_literal_in_the_log() {
    let shop = shop();
    run(async {
        let session = session(&shop).await;
        let before = spent(&shop).await;
        let refused = [
            format!("SELECT c_name FROM customer WHERE c_name = '{CANARY}'"),
            format!("SELECT min(c_acctbal) FROM customer WHERE c_address = '{CANARY}'"),
            format!("SELECT count(*) FROM customer WHERE c_comment = '{CANARY}'"),
            format!("SELECT count(*) FROM customer WHERE '{CANARY}'"),
            format!("SELECT count(*) FROM customer WHERE c_custkey = '{CANARY}'::int"),
            format!("SELECT count(*) FROM customer WHERE {CANARY} = 1"),
            format!("SELECT count(*) FROM customer WHERE c_mktsegment = '{CANARY}' AND ("),
            format!("DELETE FROM customer WHERE c_name = '{CANARY}'"),
            format!("SET noisegate.epsilon = '{CANARY}'"),
            format!("EXPLAIN ANALYZE SELECT count(*) FROM customer WHERE c_name = '{CANARY}'"),
        ];
        for text in refused {
            let error = session.client.simple_query(&text).await.expect_err("a refusal");
            assert_ne!(database_error(&error).code().code(), "58000", "{text}");
            let rows = texts(&session.client, "SELECT 1").await.expect("the session goes on");
            assert_eq!(rows.len(), 1);
        }
        assert_eq!(spent(&shop).await, before, "a refusal costs nothing");
        assert!(log().contains("refused"), "the log has the refusals' codes");
        assert_sound(&shop).await;
    });
}
