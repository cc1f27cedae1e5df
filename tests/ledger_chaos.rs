//! Three processes with a hundred clients charge one ledger in PostgreSQL, while processes are
//! killed, connections ended, the server crashed, its disk full, and clocks set back and ahead.
//!
//! At every audit, with SQL of its own: what was acknowledged is at most what is spent, that is at
//! most the limit, it never falls, each key is charged once, and the stored sums are those of the
//! debits. In the end each release that was acknowledged is there, and the whole ledger is as its
//! chain says.
//!
//! `NOISEGATE_CHAOS_SECONDS=600 cargo test --test ledger_chaos` goes on for ten minutes. The faults
//! follow from `NOISEGATE_SEED`, which a failure tells.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test, which tells its seed and what happened"
)]

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use noisegate::clock::{Clock, Millis};
use noisegate::demo::{Cluster, Options};
use noisegate::ids::{Analyst, ChargeKey, QueryId, Question};
use noisegate::ledger::{
    Account, Charge, LeafCharge, Ledger, LedgerError, Place, Remembered, Window,
};
use noisegate_privacy::budget::{Accountant, Amount, Loss};
use tokio::runtime::Runtime;
use tokio_postgres::{Config, NoTls, Row};

const CHILD: &str = "NOISEGATE_TEST_CHAOS";
const PROCESSES: usize = 3;
const CLIENTS: usize = 34;
/// What may be spent beyond what is spent already; small, so that refusals are as frequent as
/// charges.
const ROOM: u64 = 400;
/// How long this runs in an ordinary run of all tests.
const USUAL_SECONDS: u64 = 12;

#[test]
fn nothing_is_overspent_whatever_fails() {
    let number =
        |name, usual| std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(usual);
    let seconds = number("NOISEGATE_CHAOS_SECONDS", USUAL_SECONDS);
    let seed = number("NOISEGATE_SEED", u64::from_le_bytes(QueryId::fresh().0)) | 1;
    println!("{seconds} s, NOISEGATE_SEED={seed}");
    let mut chaos = Chaos::begin(seed);
    let end = Instant::now() + Duration::from_secs(seconds);
    while Instant::now() < end {
        chaos.something_fails();
        chaos.audit();
    }
    chaos.end();
}

/// A source of decisions that can be had again.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

/// What the processes said.
#[derive(Default)]
struct Told {
    /// Σρ that was asked for.
    asked: u64,
    /// Σρ of charges that were acknowledged, by their keys.
    charged: BTreeMap<u64, u64>,
    settled: Vec<u64>,
    refused: u64,
    repeated: u64,
    failed: u64,
}

impl Told {
    fn hear(&mut self, line: &str) {
        let mut words = line.split(' ');
        let word = words.next().unwrap();
        let mut number = || -> u64 { words.next().unwrap().parse().unwrap() };
        match word {
            "ask" => self.asked += number(),
            "refused" => self.refused += 1,
            "failed" => self.failed += 1,
            "charged" => {
                let key = number();
                assert!(self.charged.insert(key, number()).is_none(), "charged twice: {key}");
            }
            "repeated" => self.repeated += 1,
            "settled" => self.settled.push(number()),
            // What the test harness of the process says.
            _ => {}
        }
    }

    fn charged_sum(&self) -> u64 {
        self.charged.values().sum()
    }
}

struct Proxy {
    child: Child,
    listening: Option<JoinHandle<()>>,
}

struct Chaos {
    random: Random,
    runtime: Runtime,
    server: Cluster,
    folder: tempfile::TempDir,
    proxies: Vec<Proxy>,
    told: Arc<Mutex<Told>>,
    spent: u64,
    limit: u64,
    faults: BTreeMap<&'static str, u64>,
    audits: u64,
}

impl Chaos {
    fn begin(seed: u64) -> Self {
        let options = Options { durable: true, ..Options::default() };
        let server = Cluster::temporary(options).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let mut chaos = Self {
            random: Random(seed),
            runtime: Runtime::new().unwrap(),
            server,
            folder,
            proxies: Vec::new(),
            told: Arc::default(),
            spent: 0,
            limit: 0,
            faults: BTreeMap::new(),
            audits: 0,
        };
        chaos.raise();
        for number in 0..PROCESSES {
            let own = chaos.own(number);
            std::fs::create_dir(&own).unwrap();
            std::fs::write(own.join("offset"), "0").unwrap();
            let proxy = chaos.start(number);
            chaos.proxies.push(proxy);
        }
        chaos
    }

    fn own(&self, number: usize) -> PathBuf {
        self.folder.path().join(number.to_string())
    }

    fn start(&self, number: usize) -> Proxy {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "child", "--nocapture", "--quiet"])
            .env(CHILD, self.server.url("postgres", "postgres"))
            .current_dir(self.own(number))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        let told = Arc::clone(&self.told);
        let listening = std::thread::spawn(move || {
            for line in lines.lines() {
                // Killed in the middle of a line, it said nothing.
                let Ok(line) = line else { return };
                told.lock().unwrap().hear(&line);
            }
        });
        Proxy { child, listening: Some(listening) }
    }

    fn something_fails(&mut self) {
        let pause = Duration::from_millis(20 + self.random.below(300));
        std::thread::sleep(pause);
        let number = usize::try_from(self.random.below(PROCESSES as u64)).unwrap();
        let fault = match self.random.below(100) {
            0..30 => {
                self.kill(number);
                self.proxies[number] = self.start(number);
                "processes killed"
            }
            30..60 => {
                let which = self.random.below(6);
                let sql = format!(
                    "SELECT count(pg_terminate_backend(pid)) FROM (SELECT pid FROM pg_stat_activity
                     WHERE application_name = 'noisegate ledger' ORDER BY pid OFFSET {which} LIMIT 1
                     ) AS victim"
                );
                self.rows(&sql);
                "connections ended"
            }
            60..65 => {
                self.server.kill();
                std::thread::sleep(Duration::from_millis(self.random.below(500)));
                self.server.restart().unwrap();
                "servers crashed"
            }
            65..70 => {
                self.fill_disk();
                "disks full"
            }
            70..88 => {
                // Within what a clock may jump; back is never believed.
                let days = i64::try_from(self.random.below(20)).unwrap() - 10;
                let offset = (days * 24 * 60 * 60 * 1000).to_string();
                replace(&self.own(number).join("offset"), &offset);
                "clocks set"
            }
            _ => "nothing",
        };
        *self.faults.entry(fault).or_default() += 1;
    }

    /// The server's processes that serve the proxies can write no further than the first megabyte
    /// of any file, for a while. One that cannot write its log takes the server down with it, as on
    /// a disk that is full; the next processes are not limited.
    fn fill_disk(&mut self) {
        let limit = |limit: &str, pids: &[i32]| {
            for pid in pids {
                let pid = format!("--pid={pid}");
                // It may be gone by now.
                let _gone = Command::new("prlimit")
                    .args([&pid, limit])
                    .stderr(Stdio::null())
                    .status()
                    .expect("prlimit");
            }
        };
        let sql = "SELECT pid FROM pg_stat_activity WHERE application_name = 'noisegate ledger'";
        let pids: Vec<i32> = self.rows(sql).iter().map(|row| row.get(0)).collect();
        limit("--fsize=1048576:", &pids);
        std::thread::sleep(Duration::from_millis(50 + self.random.below(300)));
        limit("--fsize=unlimited:", &pids);
    }

    fn kill(&mut self, number: usize) {
        let proxy = &mut self.proxies[number];
        proxy.child.kill().unwrap();
        proxy.child.wait().unwrap();
        proxy.listening.take().unwrap().join().unwrap();
    }

    /// Lets a little more be spent.
    fn raise(&mut self) {
        self.limit = self.limit.max(self.spent + ROOM);
        replace(&self.folder.path().join("limit"), &self.limit.to_string());
    }

    fn rows(&self, sql: &str) -> Vec<Row> {
        self.runtime.block_on(rows(&self.server.config("postgres", "postgres"), sql))
    }

    fn audit(&mut self) {
        let acknowledged = self.told.lock().unwrap().charged_sum();
        let Some([spent, stored, doubled, lost]) = self.looked() else { return };
        assert!(acknowledged <= spent, "{acknowledged} acknowledged, {spent} spent");
        assert!(spent <= self.limit, "{spent} spent of {}", self.limit);
        assert!(self.spent <= spent, "{} was spent, {spent} is", self.spent);
        assert_eq!(stored, spent, "the stored sum and the debits");
        assert_eq!((doubled, lost), (0, 0), "keys charged twice, generations missing");
        self.spent = spent;
        self.audits += 1;
        self.raise();
    }

    /// Spent by the debits and by the stored sum, keys that were charged twice, generations that
    /// are missing; all at one moment. Nothing before there is a ledger.
    fn looked(&self) -> Option<[u64; 4]> {
        let there = self.rows("SELECT to_regclass('noisegate_ledger.meta') IS NOT NULL");
        if !there[0].get::<_, bool>(0) {
            return None;
        }
        let rows = self.rows(
            "SELECT
                (SELECT coalesce(sum(rho), 0)::bigint FROM noisegate_ledger.debit
                 JOIN noisegate_ledger.charge ON id = charge
                 WHERE account = 'shop' AND state <> 'voided'),
                coalesce((SELECT rho::bigint FROM noisegate_ledger.account WHERE id = 'shop'), 0),
                (SELECT count(key) - count(DISTINCT key) FROM noisegate_ledger.charge),
                (SELECT generation + 1 FROM noisegate_ledger.meta)
                    - (SELECT count(*) FROM noisegate_ledger.chain)",
        );
        Some([0, 1, 2, 3].map(|column| u64::try_from(rows[0].get::<_, i64>(column)).unwrap()))
    }

    fn end(mut self) {
        for number in 0..PROCESSES {
            self.kill(number);
        }
        self.audit();
        let told = std::mem::take(&mut *self.told.lock().unwrap());
        println!(
            "{:?}; {} audits; {} charged, {} refused, {} repeated, {} failed, {} settled",
            self.faults,
            self.audits,
            told.charged.len(),
            told.refused,
            told.repeated,
            told.failed,
            told.settled.len()
        );
        assert!(self.spent <= told.asked, "{} spent, {} asked", self.spent, told.asked);
        assert!(!told.settled.is_empty() && told.refused > 0 && self.audits > 0);
        let place = place(&self.server.url("postgres", "postgres"), &self.own(0));
        let ledger = Ledger::open_at(&place, Clock::System).unwrap();
        self.runtime.block_on(async {
            for number in told.settled {
                let recalled = ledger.recall(question(number)).await.unwrap();
                assert_eq!(recalled, Some(payload(number)), "release {number}");
            }
            let verified = ledger.verify(u64::MAX).await.unwrap();
            assert_eq!(verified.broken, None);
            println!("{verified:?}");
        });
    }
}

/// The rows of a query, from a server that may be about to crash or to recover.
async fn rows(config: &Config, sql: &str) -> Vec<Row> {
    let end = Instant::now() + Duration::from_mins(1);
    loop {
        let asked = async {
            let (client, connection) = config.connect(NoTls).await?;
            tokio::spawn(connection);
            client.query(sql, &[]).await
        };
        match asked.await {
            Ok(rows) => return rows,
            Err(error) if Instant::now() > end => unreachable!("no answer: {error:?}"),
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}

/// A file whose readers see the old text or the new one.
fn replace(path: &Path, text: &str) {
    let new = path.with_extension("new");
    std::fs::write(&new, text).unwrap();
    std::fs::rename(&new, path).unwrap();
}

fn place(url: &str, folder: &Path) -> Place {
    Place::postgres(url, None, Some(folder)).unwrap()
}

/// Not a test by itself: what the other processes run. It does nothing unless told where.
#[test]
fn child() {
    let Ok(url) = std::env::var(CHILD) else { return };
    let folder = std::env::current_dir().unwrap();
    let (clock, time) = Clock::fixed(Clock::System.now());
    let limit = Arc::new(AtomicU64::new(0));
    follow(&folder, &time, &limit);
    let (moving, limiting) = (folder.clone(), Arc::clone(&limit));
    std::thread::spawn(move || {
        loop {
            std::thread::sleep(Duration::from_millis(10));
            follow(&moving, &time, &limiting);
        }
    });
    let ledger = loop {
        match Ledger::open_at(&place(&url, &folder), clock.clone()) {
            Ok(ledger) => break ledger,
            // The server may be away. Nothing else may be wrong.
            Err(LedgerError::Store(_)) => std::thread::sleep(Duration::from_millis(50)),
            Err(other) => unreachable!("{other}"),
        }
    };
    Runtime::new().unwrap().block_on(async {
        let clients =
            (0..CLIENTS).map(|_| tokio::spawn(charge_for_ever(ledger.clone(), Arc::clone(&limit))));
        for client in clients.collect::<Vec<_>>() {
            client.await.unwrap();
        }
    });
}

/// Takes on what the test says of the time and the limit.
fn follow(folder: &Path, time: &AtomicI64, limit: &AtomicU64) {
    let number = |path: PathBuf| std::fs::read_to_string(path).unwrap().parse::<i64>().unwrap();
    let offset = number(folder.join("offset"));
    time.store(Clock::System.now().0 + offset, Ordering::SeqCst);
    let now = number(folder.parent().unwrap().join("limit"));
    limit.store(u64::try_from(now).unwrap(), Ordering::SeqCst);
}

async fn charge_for_ever(ledger: Ledger, limit: Arc<AtomicU64>) {
    loop {
        let number = u64::from_le_bytes(QueryId::fresh().0) >> 1;
        let rho = number % 5 + 1;
        tell(&format!("ask {rho}"));
        let charge = charge(number, rho, limit.load(Ordering::SeqCst));
        // As often as it takes: under one key it is charged once.
        let outcome = loop {
            match ledger.reserve(charge.clone()).await {
                Err(LedgerError::Store(_)) => {
                    tell("failed");
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
                outcome => break outcome,
            }
        };
        match outcome {
            Ok(reservation) => {
                tell(&format!("charged {number} {rho}"));
                if number.is_multiple_of(4) {
                    continue; // Dropped: it stays spent.
                }
                let releases = vec![Remembered {
                    question: question(number),
                    payload: payload(number),
                    expires_at: Millis(i64::MAX),
                }];
                if ledger.settle(reservation, releases).await.is_ok() {
                    tell(&format!("settled {number}"));
                }
            }
            Err(LedgerError::Repeated) => {
                tell("repeated");
                // It is charged, and this is the acknowledgement.
                tell(&format!("charged {number} {rho}"));
            }
            Err(LedgerError::Overdrawn(_)) => {
                tell("refused");
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            Err(LedgerError::Clock { .. }) => {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            Err(other) => unreachable!("{other}"),
        }
    }
}

/// One line in one write: a pipe takes it whole or not at all.
fn tell(line: &str) {
    let mut out = std::io::stdout().lock();
    out.write_all(format!("{line}\n").as_bytes()).unwrap();
    out.flush().unwrap();
}

fn charge(number: u64, rho: u64, limit: u64) -> Charge {
    let amount = |number: u64| Amount::parse(&number.to_string()).unwrap();
    let account = |id: &str, limit, window| Account {
        id: id.to_owned(),
        accountant: Accountant::Zcdp,
        rho: amount(limit),
        epsilon: Amount::ZERO,
        delta: Amount::ZERO,
        window,
        throttle: Vec::new(),
        control: 0,
    };
    let day = Window::Every { ms: 24 * 60 * 60 * 1000 };
    let own = account(&format!("each_analyst/{}", number % 7), u64::MAX, day);
    Charge {
        key: ChargeKey::fresh(i64::try_from(number >> 8).unwrap()),
        query: QueryId(number.to_le_bytes()),
        analyst: Analyst("alice".to_owned()),
        leaves: vec![LeafCharge {
            question: question(number),
            loss: Loss { rho: amount(rho), epsilon: None, delta: Amount::ZERO },
            accounts: vec![own, account("shop", limit, Window::Lifetime)],
        }],
    }
}

fn question(number: u64) -> Question {
    let mut bytes = [0; 32];
    for (byte, from) in bytes.iter_mut().zip(number.to_le_bytes()) {
        *byte = from;
    }
    Question(bytes)
}

fn payload(number: u64) -> Vec<u8> {
    number.to_string().repeat(5).into_bytes()
}
