//! The disk is full: the ledger cannot grow by a byte. No answer leaves whose charge is not on
//! disk, what is remembered is still told, and with room again the same process goes on.
//!
//! It is the real program, `noisegate serve`, under a limit on the size of its files. Its output
//! goes to pipes, which the limit does not concern.

mod common;

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use common::place::Place;
use common::{DEMO, cell, open, run};
use noisegate::demo::{DATABASE, ShopOptions};
use tokio_postgres::{Client, Config, Error, NoTls};

/// In the literals of every query here; nowhere in the log.
const CANARY: &str = "zebra";
/// What one answer costs at [`EPSILON`]: ρ = ε²/2, in 10⁻¹².
const PRICE: u128 = 50_000_000;
const EPSILON: &str = "0.01";
/// What the ledger may still grow by: room for a few charges, not for many.
const ROOM: u64 = 512 * 1024;
/// Not a page of the log fits into this, with its header.
const NOTHING: &str = "4096";
/// More questions than fit into [`ROOM`].
const QUESTIONS_MAX: u64 = 300;

/// The larger of the ledger's two files.
fn size(place: &Place) -> u64 {
    let size = |name| std::fs::metadata(place.file(name)).map_or(0, |file| file.len());
    size("ledger.db").max(size("ledger.db-wal"))
}

/// Asserts that each answer is paid for; a query that failed may be.
fn assert_paid(place: &Place, answered: u64, failed: usize) {
    let (charges, spent) = place.charged();
    let most = answered + failed as u64;
    assert!((answered..=most).contains(&charges), "{answered} answers, {charges} charges");
    assert_eq!(spent, u128::from(charges) * PRICE);
}

/// A running proxy; killed when dropped.
struct Proxy {
    child: Child,
    port: u16,
    log: Arc<Mutex<Vec<u8>>>,
    _output: Box<dyn BufRead>,
}

impl Proxy {
    fn start(policy: &Path) -> Self {
        // A write past the limit then fails, as on a full disk, and kills nobody.
        let mut child = Command::new("sh")
            .args(["-c", "trap '' XFSZ; exec \"$0\" serve --policy \"$1\""])
            .arg(env!("CARGO_BIN_EXE_noisegate"))
            .arg(policy)
            .env("NOISEGATE_SOURCE_PASSWORD", "noisegate_reader")
            .env("NOISEGATE_SHADOW_ANALYST_PASSWORD", "noisegate_analyst")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program");
        let log = listen(child.stderr.take().expect("its log"));
        let mut output = BufReader::new(child.stdout.take().expect("its output"));
        let mut line = String::new();
        output.read_line(&mut line).expect("a line");
        let port = line
            .strip_prefix("noisegate answers at 127.0.0.1:")
            .and_then(|rest| rest.split(';').next())
            .and_then(|port| port.parse().ok());
        let mut proxy = Self { child, port: 0, log, _output: Box::new(output) };
        proxy.port = port.unwrap_or_else(|| unreachable!("it did not start: {line:?}"));
        proxy
    }

    /// Limits the size of the files that the running process writes.
    fn limit(&self, bytes: &str) {
        let status = Command::new("prlimit")
            .args(["--pid", &self.child.id().to_string(), &format!("--fsize={bytes}:")])
            .status();
        assert!(status.expect("prlimit").success(), "no limit of {bytes}");
    }

    async fn client(&self) -> Client {
        let mut config = Config::new();
        config.host("127.0.0.1").port(self.port).dbname(DATABASE).user("alice").password("alice");
        let (client, connection) = config.connect(NoTls).await.expect("a session");
        tokio::spawn(connection);
        let setting = format!("SET noisegate.epsilon = '{EPSILON}'");
        client.batch_execute(&setting).await.expect("a setting");
        client
    }

    fn log(&self) -> String {
        let log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&log).into_owned()
    }

    /// The line of the log that says why this query failed; it may take a moment to arrive.
    fn reason(&self, id: &str) -> String {
        let start = Instant::now();
        loop {
            let log = self.log();
            let line = log.lines().find(|line| line.contains(id) && line.contains("ERROR"));
            if let Some(line) = line {
                return line.to_owned();
            }
            assert!(start.elapsed() < Duration::from_secs(5), "no reason for {id} in: {log}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ended = self.child.kill();
        let _status = self.child.wait();
    }
}

/// Keeps what is written to a pipe, so that the writer never waits.
fn listen(mut pipe: impl Read + Send + 'static) -> Arc<Mutex<Vec<u8>>> {
    let log = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&log);
    std::thread::spawn(move || {
        let mut bytes = [0; 4096];
        while let Ok(count @ 1..) = pipe.read(&mut bytes) {
            let bytes = bytes.get(..count).unwrap_or_default();
            heard.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        }
    });
    log
}

fn question(number: u64) -> String {
    format!("SELECT count(*) FROM customer WHERE c_mktsegment <> '{CANARY}{number}'")
}

/// Asserts that the error is the fixed sentence and nothing else; the query's id.
fn assert_fault(error: &Error) -> String {
    let error = error.as_db_error().unwrap_or_else(|| unreachable!("no fault: {error}"));
    assert_eq!((error.severity(), error.code().code()), ("ERROR", "58000"), "{error:?}");
    assert_eq!(error.message(), "The query could not be completed.");
    let id = error.detail().and_then(|detail| detail.strip_prefix("The query's id is "));
    let id = id.and_then(|id| id.strip_suffix('.')).expect("an id").to_owned();
    assert!(id.len() == 16 && id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{id}");
    assert_eq!(
        error.hint(),
        Some("What was charged for it stays charged. The operator's log has the reason.")
    );
    assert!(error.position().is_none() && error.where_().is_none(), "{error:?}");
    id
}

/// Asks from question 1 on until one fails; how many are answered, with question 0, and the error.
async fn ask_until_full(client: &Client) -> (u64, Error) {
    for answered in 1..QUESTIONS_MAX {
        if let Err(error) = client.simple_query(&question(answered)).await {
            return (answered, error);
        }
    }
    unreachable!("the disk is never full")
}

#[test]
fn a_full_disk_shows_nothing_and_is_survived() {
    let shop =
        open(ShopOptions { separate_shadow: true, ..ShopOptions::new(0.001, DEMO, "demo.toml") });
    let place = Place::new(&shop);
    let mut proxy = Proxy::start(&place.file("policy.toml"));
    run(async {
        let client = proxy.client().await;
        let known = cell(&client, &question(0)).await;
        proxy.limit(&(size(&place) + ROOM).to_string());
        let (mut answered, fault) = ask_until_full(&client).await;
        assert!(answered > 1, "full before anything was asked");
        let mut faults = vec![assert_fault(&fault)];
        assert_paid(&place, answered, 1);
        proxy.limit(NOTHING);
        let before = place.charged();
        // Now nothing fits, nor into what a checkpoint frees: each attempt fails in the same way,
        // on this session and on another.
        let other = proxy.client().await;
        for client in [&client, &other, &client] {
            let error = client.simple_query(&question(answered)).await.expect_err("a full disk");
            faults.push(assert_fault(&error));
            assert_eq!(cell(client, "SELECT 1").await, "1");
            assert_eq!(cell(client, &question(0)).await, known, "reading goes on");
        }
        assert_eq!(place.charged(), before, "no charge fits");
        proxy.limit("unlimited");
        let last = cell(&client, &question(answered)).await;
        assert_eq!(cell(&other, &question(answered)).await, last, "it is remembered");
        answered += 1;
        assert_paid(&place, answered, faults.len());
        assert_eq!(place.charged().0, before.0 + 1, "what had room again is paid once");
        for id in &faults {
            let reason = proxy.reason(id);
            assert!(reason.contains("ledger"), "{reason}");
        }
        assert!(proxy.child.try_wait().expect("its state").is_none(), "the process has ended");
        assert!(!proxy.log().contains(CANARY), "a literal in the log");
    });
}
