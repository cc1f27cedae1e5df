//! The proxy is killed at any moment and started again: nothing is overspent, and each answer
//! that a client has seen is given again, the same and free of charge.
//!
//! It is the real program that is killed, `noisegate serve`, before databases that stay.

mod common;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::{Duration, Instant};

use common::place::Place;
use common::{DEMO, open, run, texts};
use noisegate::demo::{DATABASE, Shop, ShopOptions};
use noisegate::ids::QueryId;
use noisegate_privacy::budget::{Accountant, Delta, Epsilon, Limit};
use tokio_postgres::{Client, Config, NoTls};

/// As many rounds as fit into the time, and not more than this.
const ROUNDS: usize = 30;
const TIME: Duration = Duration::from_secs(40);
const CLIENTS: usize = 2;
/// Few enough that some are asked again.
const QUESTIONS: u64 = 400;
/// What one answer costs at [`EPSILON`]: ρ = ε²/2, in 10⁻¹². Its account pays for about 240.
const PRICE: u128 = 5_000_000_000;
const EPSILON: &str = "0.1";

/// The databases; the shop's own proxy is not used.
static SHOP: LazyLock<Shop> = LazyLock::new(|| {
    open(ShopOptions { separate_shadow: true, ..ShopOptions::new(0.001, DEMO, "demo.toml") })
});

/// Starts a proxy; `failpoint` is where in the ledger it ends by itself.
fn serve(place: &Place, failpoint: &str) -> Proxy {
    let mut child = Command::new(env!("CARGO_BIN_EXE_noisegate"))
        .args(["serve", "--policy"])
        .arg(place.file("policy.toml"))
        .env("NOISEGATE_SOURCE_PASSWORD", "noisegate_reader")
        .env("NOISEGATE_SHADOW_ANALYST_PASSWORD", "noisegate_analyst")
        .env("NOISEGATE_FAILPOINT", failpoint)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program");
    let mut lines = BufReader::new(child.stdout.take().expect("its output"));
    let mut line = String::new();
    lines.read_line(&mut line).expect("a line");
    let port = line
        .strip_prefix("noisegate answers at 127.0.0.1:")
        .and_then(|rest| rest.split(';').next())
        .and_then(|port| port.parse().ok());
    let mut proxy = Proxy { child, port: 0, _output: lines };
    proxy.port = port.unwrap_or_else(|| unreachable!("it did not start: {line:?}"));
    proxy
}

/// A running proxy; killed when dropped.
struct Proxy {
    child: Child,
    port: u16,
    _output: BufReader<ChildStdout>,
}

impl Proxy {
    async fn client(&self) -> Client {
        client(self.port).await.expect("a session")
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ended = self.child.kill();
        let _status = self.child.wait();
    }
}

async fn client(port: u16) -> Result<Client, tokio_postgres::Error> {
    let mut config = Config::new();
    config.host("127.0.0.1").port(port).dbname(DATABASE).user("alice").password("alice");
    let (client, connection) = config.connect(NoTls).await?;
    tokio::spawn(connection);
    client.batch_execute(&format!("SET noisegate.epsilon = '{EPSILON}'")).await?;
    Ok(client)
}

fn question(number: u64) -> String {
    format!("SELECT count(*) FROM customer WHERE c_mktsegment <> 'q{number}'")
}

type Answer = Vec<Vec<Option<String>>>;

/// What clients have seen.
type Seen = Arc<Mutex<BTreeMap<u64, Answer>>>;

/// Asks until the proxy is gone. An answer that was seen before must be the same.
async fn ask_for_ever(client: Client, mut random: u64, seen: Seen) {
    loop {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let number = random % QUESTIONS;
        match texts(&client, &question(number)).await {
            Ok(answer) => {
                let mut seen = seen.lock().expect("no poison");
                let before = seen.entry(number).or_insert_with(|| answer.clone());
                assert_eq!(*before, answer, "question {number}");
            }
            Err(error) if error.as_db_error().is_some_and(|db| db.code().code() == "53400") => {}
            Err(_) => return,
        }
    }
}

fn seed() -> u64 {
    u64::from_le_bytes(QueryId::fresh().0) | 1
}

#[test]
fn what_a_client_has_seen_survives_a_kill() {
    let place = Place::new(&SHOP);
    let limit = limit();
    let seen = Seen::default();
    let start = Instant::now();
    let mut round = 0;
    while round < ROUNDS && start.elapsed() < TIME {
        round += 1;
        let proxy = serve(&place, "");
        run(again(&place, &proxy, &seen));
        run(async {
            let mut asking = Vec::new();
            for _ in 0..CLIENTS {
                let client = proxy.client().await;
                asking.push(tokio::spawn(ask_for_ever(client, seed(), Arc::clone(&seen))));
            }
            tokio::time::sleep(Duration::from_micros(seed() % 200_000)).await;
            drop(proxy);
            for asked in asking {
                asked.await.expect("the same answers");
            }
        });
        let spent = place.charged().1;
        let seen = seen.lock().expect("no poison").len() as u128;
        assert!(seen * PRICE <= spent, "round {round}: {seen} answers seen, spent {spent}");
        assert!(spent <= limit, "round {round}: spent {spent} of {limit}");
    }
    assert!(seen.lock().expect("no poison").len() > round, "too few answers to tell anything");
}

/// Asks again what was answered before the kill.
async fn again(place: &Place, proxy: &Proxy, seen: &Seen) {
    let seen = seen.lock().expect("no poison").clone();
    let (client, before) = (proxy.client().await, place.charged().1);
    for (number, answer) in &seen {
        let now = texts(&client, &question(*number)).await.expect("a remembered answer");
        assert_eq!(now, *answer, "question {number}");
    }
    assert_eq!(place.charged().1, before, "what was seen is free");
}

/// What alice's account may spend under the demo's policy.
fn limit() -> u128 {
    let epsilon = Epsilon::parse("10").expect("an epsilon");
    let delta = Delta::parse("1e-7").expect("a delta");
    let limit = Limit::new(Accountant::Zcdp, &epsilon, &delta, (1, 10));
    limit.rho.to_string().parse().expect("a number")
}

/// The program has to be built with the feature: `cargo test --features failpoints --test crash`.
#[cfg(feature = "failpoints")]
#[test]
fn before_and_after_each_durable_step() {
    let place = Place::new(&SHOP);
    let points = [
        ("before_reserve_commit", 0),
        ("after_reserve_commit", PRICE),
        ("before_settle_commit", PRICE),
        ("after_settle_commit", PRICE),
    ];
    for round in 0..3 {
        for (at, (point, charged)) in (0..).zip(points) {
            let (before, number) = (place.charged().1, 1000 + round * 10 + at);
            let mut proxy = serve(&place, point);
            run(async {
                let client = proxy.client().await;
                let asked = texts(&client, &question(number)).await;
                asked.expect_err("the program ended before it answered");
            });
            assert!(!proxy.child.wait().expect("its end").success(), "{point}");
            assert_eq!(place.charged().1, before + charged, "{point}");
            let proxy = serve(&place, "");
            run(async {
                let client = proxy.client().await;
                texts(&client, &question(number)).await.expect("an answer");
            });
            // Only a release that is on disk is free.
            let anew = if point == "after_settle_commit" { 0 } else { PRICE };
            assert_eq!(place.charged().1, before + charged + anew, "{point}");
        }
    }
}
