//! Kills a process that is charging, again and again, and looks at what its ledger says.
//!
//! The process tells over a pipe what it asks for and what was acknowledged. However it ends,
//! what was acknowledged is at most what is spent, what is spent is at most what was asked for
//! and at most the limit, and each release that was acknowledged is remembered.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use noisegate::clock::{Clock, Millis};
use noisegate::ids::{Analyst, ChargeKey, QueryId, Question};
use noisegate::ledger::{Account, Charge, LeafCharge, Ledger, Remembered, Window};
use noisegate_privacy::budget::{Accountant, Amount, Loss};

const CHILD: &str = "NOISEGATE_TEST_KILLED_LEDGER";
const LEDGERS: u64 = 8;
const ROUNDS: u64 = 25;
const TASKS: u64 = 16;
/// Small enough that the later rounds run into it.
const LIMIT: u64 = 6_000;

#[test]
fn what_was_acknowledged_survives_a_kill() {
    let mut seed = u64::from_le_bytes(QueryId::fresh().0) | 1;
    let (mut acknowledged, mut unacknowledged) = (0, 0);
    for _ in 0..LEDGERS {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ledger.db");
        let mut told = Told::default();
        for _ in 0..ROUNDS {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            killed_after(&path, Duration::from_micros(seed % 60_000), &mut told);
            told.check(&path);
        }
        acknowledged += told.charged;
        unacknowledged += told.asked - told.charged;
    }
    assert!(acknowledged > 0 && unacknowledged > 0, "{acknowledged} {unacknowledged}");
}

/// What the processes on one ledger said before they were killed.
#[derive(Default)]
struct Told {
    /// Σρ that was asked for and not refused.
    asked: u64,
    /// Σρ of charges that were acknowledged.
    charged: u64,
    /// Releases that were acknowledged since the last check.
    settled: Vec<u64>,
}

impl Told {
    fn hear(&mut self, line: &str) {
        let (word, number) = line.split_once(' ').unwrap();
        let number: u64 = number.parse().unwrap();
        match word {
            "ask" => self.asked += number,
            "refused" => self.asked -= number,
            "charged" => self.charged += number,
            "settled" => self.settled.push(number),
            _ => unreachable!("{line}"),
        }
    }

    fn check(&mut self, path: &Path) {
        let ledger = Ledger::open(path, Clock::System).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let balances = runtime.block_on(ledger.balances(vec![shop()])).unwrap();
        let spent: u64 = balances.first().unwrap().spent_rho.to_string().parse().unwrap();
        let (asked, charged) = (self.asked, self.charged);
        assert!(charged <= spent, "charged {charged}, spent {spent}");
        assert!(spent <= asked, "spent {spent}, asked {asked}");
        assert!(spent <= LIMIT, "spent {spent}");
        for number in self.settled.drain(..) {
            let recalled = runtime.block_on(ledger.recall(question(number))).unwrap();
            assert_eq!(recalled, Some(payload(number)), "release {number}");
        }
    }
}

/// Starts a process, lets it run for a while once it is ready, kills it, hears its last words.
fn killed_after(path: &Path, time: Duration, told: &mut Told) {
    let mut child = start(path);
    let mut lines = BufReader::new(child.stdout.take().unwrap()).split(b'\n');
    let ready = lines.by_ref().any(|line| line.unwrap().ends_with(b"ready"));
    assert!(ready, "the process ended before it was killed");
    std::thread::scope(|scope| {
        scope.spawn(|| {
            std::thread::sleep(time);
            child.kill().unwrap();
        });
        for line in lines {
            told.hear(std::str::from_utf8(&line.unwrap()).unwrap());
        }
    });
    assert!(!child.wait().unwrap().success());
}

fn start(path: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child", "--nocapture", "--quiet"])
        .env(CHILD, path)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Not a test by itself: what the killed process runs. It does nothing unless told where.
#[test]
fn child() {
    let Some(path) = std::env::var_os(CHILD) else { return };
    let ledger = Ledger::open(&PathBuf::from(path), Clock::System).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    tell("ready");
    runtime.block_on(async {
        let tasks: Vec<_> =
            (0..TASKS).map(|_| tokio::spawn(charge_for_ever(ledger.clone()))).collect();
        for task in tasks {
            task.await.unwrap();
        }
    });
}

async fn charge_for_ever(ledger: Ledger) {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    loop {
        let number = u64::from_le_bytes(QueryId::fresh().0) >> 1;
        let rho = COUNTER.fetch_add(1, Ordering::Relaxed) % 5 + 1;
        tell(&format!("ask {rho}"));
        let Ok(reservation) = ledger.reserve(charge(number, rho)).await else {
            tell(&format!("refused {rho}"));
            continue;
        };
        tell(&format!("charged {rho}"));
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
}

/// One line in one write: a pipe takes it whole or not at all.
fn tell(line: &str) {
    let mut out = std::io::stdout().lock();
    out.write_all(format!("{line}\n").as_bytes()).unwrap();
    out.flush().unwrap();
}

fn charge(number: u64, rho: u64) -> Charge {
    let rho = Amount::parse(&rho.to_string()).unwrap();
    let own = Account { id: format!("each_analyst/{}", number % 3), ..shop() };
    Charge {
        key: ChargeKey::fresh(0),
        query: QueryId(number.to_le_bytes()),
        analyst: Analyst("alice".to_owned()),
        leaves: vec![LeafCharge {
            question: question(number),
            loss: Loss { rho, epsilon: None, delta: Amount::ZERO },
            accounts: vec![own, shop()],
        }],
    }
}

fn shop() -> Account {
    Account {
        id: "shop".to_owned(),
        accountant: Accountant::Zcdp,
        rho: Amount::parse(&LIMIT.to_string()).unwrap(),
        epsilon: Amount::ZERO,
        delta: Amount::ZERO,
        window: Window::Lifetime,
        throttle: Vec::new(),
        control: 0,
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
    number.to_string().repeat(20).into_bytes()
}
