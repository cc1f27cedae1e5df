//! A proxy that runs: what it counts, what it lists, and how its policy is replaced. Where the file
//! of the policy matters, it is the real program that runs.

#![expect(clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod common;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, LazyLock, Mutex};
use std::time::{Duration, Instant};

use common::place::Place;
use common::served::Served;
use common::{DEMO, connect, error, open, run, texts};
use nix::sys::signal::Signal;
use noisegate::clock::Clock;
use noisegate::demo::{DATABASE, Shop, ShopOptions};
use noisegate::ids::Analyst;
use noisegate::ledger::{AuditFilter, Ledger, State};
use noisegate::live::Stage;
use noisegate::road::figures;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_postgres::{Client, NoTls};

/// For the tests that count, one at a time.
static SHOP: LazyLock<Mutex<Shop>> = LazyLock::new(|| {
    Mutex::new(open(ShopOptions {
        separate_shadow: true,
        ..ShopOptions::new(0.001, DEMO, "demo.toml")
    }))
});

const PATIENCE: Duration = Duration::from_secs(30);

fn shop() -> std::sync::MutexGuard<'static, Shop> {
    SHOP.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// The value of a series; nothing if it is not there.
fn value(text: &str, series: &str) -> Option<f64> {
    let line = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    line.map(|value| value.parse().expect("a number"))
}

fn rendered(shop: &Shop) -> String {
    shop.gate.shared.metrics.render(shop.gate.shared.live.sessions())
}

/// How much each series moved, where it did.
fn moved(before: &str, after: &str) -> Vec<(String, f64)> {
    let series = after.lines().filter(|line| !line.starts_with('#'));
    let mut moved = Vec::new();
    for name in series.filter_map(|line| line.rsplit_once(' ').map(|(name, _)| name)) {
        let by = value(after, name).unwrap_or(0.0) - value(before, name).unwrap_or(0.0);
        let timed = name.contains("_bucket") || name.contains("_sum");
        if by != 0.0 && !timed {
            moved.push((name.to_owned(), by));
        }
    }
    moved.sort_by(|one, other| one.0.cmp(&other.0));
    moved
}

/// Waits until something holds.
async fn until(what: &str, holds: impl AsyncFn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds().await {
        assert!(Instant::now() < deadline, "not in time: {what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// A transaction that lets nobody read the customers of the source.
async fn lock(shop: &Shop) -> Client {
    let (client, _) = connect(&shop.source_config()).await;
    client
        .batch_execute("BEGIN; LOCK TABLE customer IN ACCESS EXCLUSIVE MODE")
        .await
        .expect("a lock");
    client
}

#[test]
fn whoever_is_removed_asks_nothing_more() {
    let shop = shop();
    run(async {
        let ledger = &shop.gate.ledger;
        let verifier = ledger.verifier("bob").await.expect("a look").expect("bob");
        let (bob, _) = connect(&shop.client_config("bob")).await;
        texts(&bob, "SELECT count(*) FROM customer WHERE c_acctbal > 23").await.expect("an answer");
        assert!(ledger.remove_user("bob").await.expect("a change"));
        // A look at the user may be some seconds old.
        tokio::time::sleep(Duration::from_secs(6)).await;
        let paid = || async {
            ledger.history(&Analyst("bob".to_owned()), 100).await.expect("a history").len()
        };
        let before = paid().await;
        let ended = error(&bob, "SELECT count(*) FROM customer WHERE c_acctbal > 24").await;
        assert_eq!(ended.0, "28000");
        assert_eq!(paid().await, before);
        ledger.put_user("bob", &verifier).await.expect("bob again");
    });
}

#[test]
fn counters_move_by_what_happened() {
    let shop = shop();
    run(async {
        // The sessions of other tests may still be ending.
        let none = async || value(&rendered(&shop), "noisegate_sessions") == Some(0.0);
        until("nobody is there", none).await;
        let before = rendered(&shop);
        let (alice, _) = connect(&shop.client_config("alice")).await;
        let question = "SELECT count(*) FROM customer WHERE c_acctbal > 17";
        texts(&alice, question).await.expect("an answer");
        texts(&alice, question).await.expect("the same answer");
        assert_eq!(error(&alice, "SELECT c_comment FROM customer").await.0, "42501");
        error(&alice, "SELECT count(*) FROM customer WHERE nothing = 1").await;
        texts(&alice, &format!("EXPLAIN {question}")).await.expect("a plan");
        texts(&alice, "SELECT count(*) FROM region").await.expect("public rows");
        let mut wrong = shop.client_config("alice");
        assert!(wrong.password("wrong").connect(NoTls).await.is_err());
        let expected = [
            ("noisegate_ledger_commit_seconds_count", 2.0),
            ("noisegate_ledger_commits_total{result=\"ok\"}", 2.0),
            ("noisegate_logins_total{result=\"failed\"}", 1.0),
            ("noisegate_logins_total{result=\"ok\"}", 1.0),
            ("noisegate_refusals_total{code=\"rows\"}", 1.0),
            ("noisegate_sessions", 1.0),
            ("noisegate_sessions_total", 1.0),
            ("noisegate_stage_seconds_count{stage=\"analyze\"}", 2.0),
            ("noisegate_stage_seconds_count{stage=\"bind\"}", 3.0),
            ("noisegate_stage_seconds_count{stage=\"canonical\"}", 3.0),
            ("noisegate_stage_seconds_count{stage=\"reserve\"}", 1.0),
            ("noisegate_stage_seconds_count{stage=\"settle\"}", 1.0),
            ("noisegate_stage_seconds_count{stage=\"source\"}", 1.0),
            ("noisegate_stage_seconds_count{stage=\"splice\"}", 2.0),
            ("noisegate_statements_total{outcome=\"answered\"}", 1.0),
            ("noisegate_statements_total{outcome=\"refused\"}", 1.0),
            ("noisegate_statements_total{outcome=\"remembered\"}", 1.0),
        ];
        let expected: Vec<(String, f64)> = expected.map(|(name, by)| (name.to_owned(), by)).into();
        assert_eq!(moved(&before, &rendered(&shop)), expected);
        drop(alice);
        until("the session is no more", async || {
            value(&rendered(&shop), "noisegate_sessions") == Some(0.0)
        })
        .await;
        assert!(!rendered(&shop).contains("alice"));
    });
}

#[test]
fn budgets_are_told_without_names() {
    let shop = shop();
    run(async {
        let (bob, _) = connect(&shop.client_config("bob")).await;
        texts(&bob, "SELECT count(*) FROM customer WHERE c_acctbal > 18").await.expect("an answer");
        let figures = figures(&shop.gate).await.expect("figures");
        let names: Vec<(&str, &str, usize)> =
            figures.iter().map(|one| (one.budget.as_str(), one.per, one.accounts)).collect();
        assert_eq!(
            names,
            [("data_team", "team", 1), ("each_analyst", "analyst", 2), ("shop", "dataset", 1)]
        );
        for figure in &figures {
            assert!(figure.spent > 0.0 && figure.spent < 1.0, "{figure:?}");
            assert!(figure.remaining > 0.0 && figure.exhausted == 0, "{figure:?}");
            assert_eq!(figure.burn.is_none(), figure.budget == "shop", "{figure:?}");
            // All was spent just now, in 6 hours of 30 days.
            let expected = figure.burn.map(|_| figure.spent * 120.0);
            assert!(figure.burn.unwrap_or(0.0) >= expected.unwrap_or(0.0) * 0.99, "{figure:?}");
        }
        // The fuller account of the two stands for the budget.
        let accounts = texts(&bob, "SELECT account, epsilon_left FROM noisegate.budget").await;
        let accounts = accounts.expect("accounts");
        let left = |name: &str| {
            let of = accounts.iter().find(|row| row[0].as_deref() == Some(name)).expect("a row");
            of[1].as_deref().expect("a number").parse::<f64>().expect("a number")
        };
        let told = figures.iter().find(|one| one.budget == "shop").expect("the shop's");
        assert!((told.remaining - left("shop")).abs() < 0.001, "{told:?}");
    });
}

#[test]
fn a_statement_in_flight_is_listed_and_can_be_canceled() {
    let shop = shop();
    run(async {
        let live = shop.gate.shared.live.clone();
        let before = rendered(&shop);
        let charges = async || {
            let of = Analyst("alice".to_owned());
            shop.gate.ledger.history(&of, 1000).await.expect("a history")
        };
        let charged = charges().await.len();
        let locked = lock(&shop).await;
        let (alice, _) = connect(&shop.client_config("alice")).await;
        let alice = Arc::new(alice);
        let asking = Arc::clone(&alice);
        let asked = tokio::spawn(async move {
            error(&asking, "SELECT count(*) FROM customer WHERE c_acctbal > 19").await
        });
        let is_asking =
            async || live.list().iter().any(|statement| statement.stage == Stage::Asking);
        until("the source is asked", is_asking).await;
        let listed = live.list();
        assert_eq!(listed.len(), 1);
        assert_eq!((listed[0].analyst.0.as_str(), listed[0].epsilon), ("alice", Some(0.5)));
        assert!(live.cancel(listed[0].query));
        let (code, message) = asked.await.expect("no panic");
        assert_eq!(
            (code.as_str(), message.as_str()),
            ("57014", "canceling statement due to user request")
        );
        assert_eq!(live.list(), []);
        assert!(!live.cancel(listed[0].query), "it is gone");
        let after = charges().await;
        assert_eq!(after.len(), charged + 1, "the charge stands");
        assert!(after.iter().all(|charge| charge.state == State::Posted));

        // One that is left by its client counts as canceled, too.
        let (bob, connection) = shop.client_config("bob").connect(NoTls).await.expect("a session");
        let connection = tokio::spawn(connection);
        let asking = tokio::spawn(async move {
            let _left =
                bob.simple_query("SELECT count(*) FROM customer WHERE c_acctbal > 20").await;
        });
        until("the source is asked again", is_asking).await;
        connection.abort();
        asking.await.expect("no panic");
        until("it is gone", async || live.list().is_empty()).await;
        let settled = async || {
            let after = charges().await;
            let of_bob = Analyst("bob".to_owned());
            let of_bob = shop.gate.ledger.history(&of_bob, 1).await.expect("a history");
            after.iter().chain(&of_bob).all(|charge| charge.state == State::Posted)
        };
        until("its charge is settled", settled).await;
        let canceled = "noisegate_statements_total{outcome=\"canceled\"}";
        let by = value(&rendered(&shop), canceled).expect("a count")
            - value(&before, canceled).expect("a count");
        assert!((by - 2.0).abs() < 0.5, "{by}");
        drop(locked);
        texts(&alice, "SELECT count(*) FROM customer").await.expect("the session goes on");
    });
}

impl Served {
    /// What `/metrics` answers.
    fn metrics(&self) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", self.admin)).expect("a connection");
        let request = "GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n";
        stream.write_all(request.as_bytes()).expect("a request");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        assert!(answer.contains("content-type: text/plain; version=0.0.4"), "{answer}");
        answer
    }

    fn reloads(&self, result: &str) -> f64 {
        let series = format!("noisegate_policy_reloads_total{{result=\"{result}\"}}");
        value(&self.metrics(), &series).expect("a count")
    }

    async fn reloaded(&self, result: &str, times: f64) {
        until(&format!("{times} reloads are {result}"), async || self.reloads(result) >= times)
            .await;
        assert!((self.reloads(result) - times).abs() < 0.5);
    }
}

#[test]
fn another_policy_holds_for_the_statements_that_begin_afterwards() {
    let shop = shop();
    let place = Place::new(&shop);
    let file = place.file("policy.toml");
    let policy = std::fs::read_to_string(&file).expect("a policy");
    let without_alice = policy.replace("members = [\"alice\", \"bob\"]", "members = [\"bob\"]");
    assert_ne!(policy, without_alice);
    run(async {
        let proxy = Served::new(&place);
        let alice = Arc::new(proxy.client("alice").await);
        texts(&alice, "SELECT count(*) FROM customer").await.expect("an answer");
        let prepared = alice.prepare("SELECT count(*) FROM customer").await.expect("a statement");
        let metrics = proxy.metrics();
        assert!(
            value(&metrics, "noisegate_budget_spent_ratio{budget=\"shop\",per=\"dataset\"}")
                .expect("a share")
                > 0.0
        );
        assert!(!metrics.contains("alice"));

        // One that is in flight ends under the policy that it began under.
        let locked = lock(&shop).await;
        let asking = Arc::clone(&alice);
        let asked = tokio::spawn(async move {
            texts(&asking, "SELECT count(*) FROM customer WHERE c_acctbal > 3").await
        });
        let waits = async || {
            let sql = "SELECT count(*)::text FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND usename = 'noisegate_reader'";
            let (watcher, _) = connect(&shop.source.config("postgres", "postgres")).await;
            common::cell(&watcher, sql).await == "1"
        };
        until("the source is asked", waits).await;
        std::fs::write(&file, &without_alice).expect("a policy");
        proxy.reloaded("ok", 1.0).await;
        drop(locked);
        asked.await.expect("no panic").expect("an answer under the old policy");

        // The next one, on the same session, does not begin under it; nor one that was prepared.
        let refused = error(&alice, "SELECT count(*) FROM customer").await;
        assert_eq!(refused.1, "You have no role that gets answers about people.");
        assert!(alice.query(&prepared, &[]).await.is_err());

        // SIGHUP needs no look at the file.
        std::fs::write(&file, &policy).expect("a policy");
        proxy.signal(Signal::SIGHUP);
        proxy.reloaded("ok", 2.0).await;
        let ledger = Ledger::open(&place.file("ledger.db"), Clock::System).expect("a ledger");
        let by_file = AuditFilter { who: Some("proxy:file".to_owned()), ..AuditFilter::default() };
        let on_record =
            async || ledger.audit(by_file.clone(), None, 9).await.is_ok_and(|all| all.len() == 2);
        until("both are on record", on_record).await;
        texts(&alice, "SELECT count(*) FROM customer").await.expect("an answer");
        alice.query(&prepared, &[]).await.expect("an answer");
        drop(proxy.end());
    });
}

#[test]
fn what_cannot_be_loaded_leaves_the_policy_as_it_was() {
    let shop = shop();
    let place = Place::new(&shop);
    let file = place.file("policy.toml");
    let policy = std::fs::read_to_string(&file).expect("a policy");
    run(async {
        let proxy = Served::new(&place);
        let alice = proxy.client("alice").await;
        let wrongs = [
            // It cannot be read; it does not fit the schema; it means another place.
            policy.replace("[roles.analyst]", "[roles.analyst"),
            policy.replace("columns.c_acctbal ", "columns.c_nothing "),
            policy.replace("127.0.0.1:0\"\nadmin", "127.0.0.1:1\"\nadmin"),
        ];
        for (failures, wrong) in [1.0, 2.0, 3.0].into_iter().zip(&wrongs) {
            assert_ne!(wrong, &policy);
            std::fs::write(&file, wrong).expect("a policy");
            proxy.reloaded("failed", failures).await;
            let metrics = proxy.metrics();
            assert_eq!(value(&metrics, "noisegate_policy_last_reload_successful"), Some(0.0));
            texts(&alice, "SELECT count(*) FROM customer").await.expect("an answer");
        }
        // It is told once, also when nothing but the file's time is another.
        std::fs::write(&file, &wrongs[2]).expect("a policy");
        tokio::time::sleep(Duration::from_secs(7)).await;
        assert!((proxy.reloads("failed") - 3.0).abs() < 0.5);
        // What is in force is put back: there is nothing to load.
        std::fs::write(&file, &policy).expect("a policy");
        until("it stands", async || {
            value(&proxy.metrics(), "noisegate_policy_last_reload_successful") == Some(1.0)
        })
        .await;
        assert!((proxy.reloads("ok")).abs() < 0.5);
        let log = proxy.end();
        assert_eq!(log.matches("the policy was not reloaded").count(), 3, "{log}");
        assert!(log.contains("server.listen cannot change while the proxy runs"), "{log}");
        assert!(log.contains("c_nothing"), "{log}");
    });
}

/// Runs a command of an administrator beside the proxy.
fn administer(place: &Place, words: &[&str]) {
    let ran = Command::new(env!("CARGO_BIN_EXE_noisegate"))
        .args(words)
        .args(["--why", "a test", "--policy"])
        .arg(place.file("policy.toml"))
        .output()
        .expect("the program");
    assert!(ran.status.success(), "{words:?}: {}", String::from_utf8_lossy(&ran.stderr));
}

#[test]
fn proxies_follow_the_teams_that_others_change() {
    let shop = shop();
    let place = Place::with(&shop, DEMO, &["alice", "dora"]);
    let file = place.file("policy.toml");
    let policy = std::fs::read_to_string(&file).expect("a policy");
    let question = "SELECT count(*) FROM customer";
    run(async {
        let proxy = Served::new(&place);
        let alice = proxy.client("alice").await;
        texts(&alice, question).await.expect("an answer");
        let asks = async |proxy: &Served| {
            let mut config = tokio_postgres::Config::new();
            config
                .host("127.0.0.1")
                .port(proxy.port)
                .dbname(DATABASE)
                .user("dora")
                .password("dora");
            let Ok((client, connection)) = config.connect(NoTls).await else { return false };
            tokio::spawn(connection);
            texts(&client, question).await.is_ok()
        };
        assert!(!asks(&proxy).await, "she has no role");
        administer(&place, &["team", "join", "data", "dora"]);
        until("she has a role", async || asks(&proxy).await).await;
        // A proxy that starts afterwards knows it from its first moment; and another file forgets
        // nobody.
        let later = Served::new(&place);
        assert!(asks(&later).await);
        let other = policy.replace("max = 1 }", "max = 0.9 }");
        assert_ne!(policy, other);
        std::fs::write(&file, &other).expect("a policy");
        proxy.reloaded("ok", 1.0).await;
        assert!(asks(&proxy).await);
        let dora = proxy.client("dora").await;
        texts(&dora, question).await.expect("an answer");

        administer(&place, &["team", "leave", "data", "dora"]);
        for one in [&proxy, &later] {
            until("she has no role any more", async || !asks(one).await).await;
        }
        let refused = error(&dora, question).await;
        assert_eq!(refused.1, "You have no role that gets answers about people.");
        texts(&alice, question).await.expect("an answer");
        drop((proxy.end(), later.end()));
    });
}

#[test]
fn equal_questions_at_two_proxies_are_asked_once() {
    let shop = shop();
    let cheap = DEMO.replace("default = 0.5", "default = 0.05");
    assert_ne!(cheap, DEMO);
    let place = Place::with(&shop, &cheap, &["alice"]);
    run(async {
        let proxies = [Served::new(&place), Served::new(&place)];
        let clients = [proxies[0].client("alice").await, proxies[1].client("alice").await];
        for number in 0..10 {
            let sql = format!("SELECT count(*) FROM customer WHERE c_acctbal > {number}");
            let (one, two) =
                futures_util::future::join(texts(&clients[0], &sql), texts(&clients[1], &sql))
                    .await;
            assert_eq!(one.expect("an answer"), two.expect("an answer"), "{sql}");
            // While the source is slow, too.
            if number == 0 {
                let locked = lock(&shop).await;
                let sql = "SELECT count(*) FROM customer WHERE c_acctbal < 50";
                let both =
                    futures_util::future::join(texts(&clients[0], sql), texts(&clients[1], sql));
                let freed = async {
                    tokio::time::sleep(Duration::from_millis(700)).await;
                    drop(locked);
                };
                let ((one, two), ()) = futures_util::future::join(both, freed).await;
                assert_eq!(one.expect("an answer"), two.expect("an answer"));
            }
        }
        assert_eq!(place.charged().0, 11);
        // One that is killed keeps nobody waiting.
        let locked = lock(&shop).await;
        let sql = "SELECT count(*) FROM customer WHERE c_acctbal < 51";
        let [first, second] = &clients;
        let asks = async {
            let asked = tokio::time::timeout(Duration::from_secs(1), texts(first, sql)).await;
            assert!(asked.is_err(), "it waits for the source");
            proxies[0].signal(Signal::SIGKILL);
            drop(locked);
            texts(second, sql).await.expect("an answer");
        };
        tokio::time::timeout(Duration::from_secs(20), asks).await.expect("in time");
    });
}

/// Reads an answer of the administrators' address over TLS.
async fn encrypted(port: u16, certificate: &Path, path: &str) -> String {
    let trusts = noisegate::wire::tls::connector(certificate).expect("a certificate");
    let stream = tokio::net::TcpStream::connect(("127.0.0.1", port)).await.expect("a port");
    let name = "localhost".try_into().expect("a name");
    let mut stream = trusts.connect(name, stream).await.expect("a handshake");
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("a request");
    let mut answer = Vec::new();
    let read = stream.read_to_end(&mut answer);
    let _closed = tokio::time::timeout(PATIENCE, read).await;
    String::from_utf8_lossy(&answer).into_owned()
}

#[test]
fn administrators_have_the_certificate_of_the_policy() {
    let shop = shop();
    let place = Place::new(&shop);
    let (certificate, key) = (place.file("admin.crt"), place.file("admin.key"));
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"])
        .args(["-nodes", "-days", "2", "-subj", "/CN=localhost"])
        .args(["-addext", "basicConstraints=critical,CA:FALSE"])
        .args(["-addext", "subjectAltName=DNS:localhost", "-out"])
        .arg(&certificate)
        .arg("-keyout")
        .arg(&key)
        .output()
        .expect("openssl");
    assert!(made.status.success(), "{made:?}");
    let policy = std::fs::read_to_string(place.file("policy.toml")).expect("a policy");
    let tls = "admin_tls = { cert = \"admin.crt\", key = \"admin.key\" }\n";
    std::fs::write(place.file("policy.toml"), format!("{policy}{tls}")).expect("a policy");
    run(async {
        let proxy = Served::new(&place);
        assert!(proxy.line.contains("its health is at https://127.0.0.1:"), "{}", proxy.line);
        let ready = encrypted(proxy.admin, &certificate, "/readyz").await;
        assert!(ready.starts_with("HTTP/1.1 200") && ready.contains("strict-transport"), "{ready}");
        let page = encrypted(proxy.admin, &certificate, "/").await;
        assert!(page.contains("<title>"), "{page}");
        drop(proxy.end());
    });
}

/// What a command says that asks a proxy.
fn remote(proxy: &Served, token: &str, words: &[&str]) -> (bool, String) {
    let ran = Command::new(env!("CARGO_BIN_EXE_noisegate"))
        .args(words)
        .env("NOISEGATE_SERVER", format!("http://127.0.0.1:{}/", proxy.admin))
        .env("NOISEGATE_TOKEN", token)
        .output()
        .expect("the program");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (ran.status.success(), text(&ran.stdout) + &text(&ran.stderr))
}

fn administrators_token(place: &Place) -> String {
    let token = Command::new(env!("CARGO_BIN_EXE_noisegate"))
        .args(["token", "create", "--json", "--role", "admin", "--name", "t", "--expires", "1d"])
        .arg("--policy")
        .arg(place.file("policy.toml"))
        .output()
        .expect("the program");
    let token: serde_json::Value = serde_json::from_slice(&token.stdout).expect("a token");
    token["token"].as_str().expect("a token").to_owned()
}

/// The queries in flight as a proxy lists them.
fn listed(proxy: &Served, token: &str) -> Vec<serde_json::Value> {
    let (listed, all) = remote(proxy, token, &["query", "list", "--json"]);
    assert!(listed, "{all}");
    let all: serde_json::Value = serde_json::from_str(&all).expect("JSON");
    all["items"].as_array().expect("a list").clone()
}

#[test]
fn proxies_share_turns_and_list_and_stop_what_others_answer() {
    let shop = shop();
    let one_at_once =
        DEMO.replace("answers = \"noisy\"\n", "answers = \"noisy\"\nconcurrent = 1\n");
    assert_ne!(one_at_once, DEMO);
    let place = Place::with(&shop, &one_at_once, &["alice", "bob"]);
    let token = administrators_token(&place);
    run(async {
        let (one, other) = (Served::new(&place), Served::new(&place));
        let (alice, again) = (one.client("alice").await, other.client("alice").await);
        let bob = other.client("bob").await;
        let locked = lock(&shop).await;
        let asked = tokio::spawn(async move {
            error(&alice, "SELECT count(*) FROM customer WHERE c_acctbal > 78").await.0
        });
        until("it is charged", async || place.charged().0 == 1).await;
        // No command takes it for a charge that was left behind.
        administer(&place, &["budget", "freeze", "bob"]);
        administer(&place, &["budget", "thaw", "bob"]);
        let [mine] = &listed(&one, &token)[..] else { panic!("one query") };
        assert_eq!((&mine["analyst"], &mine["here"]), (&"alice".into(), &true.into()));
        let [theirs] = &listed(&other, &token)[..] else { panic!("one query") };
        for same in ["query", "analyst", "fingerprint"] {
            assert_eq!(mine[same], theirs[same]);
        }
        assert_eq!(theirs["here"], false);

        // Her turn is taken at both, and nobody else's.
        let question = "SELECT count(*) FROM orders";
        let (code, said) = error(&again, question).await;
        assert_eq!(code, "53400");
        assert_eq!(said, "At most 1 of your statements is answered at once.");
        texts(&bob, question).await.expect("an answer");

        let query = theirs["query"].as_str().expect("an id");
        let cancel = ["query", "cancel", query, "--why", "a test"];
        let (canceled, said) = remote(&other, &token, &cancel);
        assert_eq!((canceled, said), (true, format!("{query} is being stopped\n")));
        let ended = tokio::time::timeout(PATIENCE, asked).await.expect("in time");
        assert_eq!(ended.expect("no panic"), "57014");
        drop(locked);
        assert_eq!((listed(&one, &token), listed(&other, &token)), (vec![], vec![]));
        let (gone, said) = remote(&other, &token, &cancel);
        assert!(!gone && said.contains("no query in flight"), "{said}");
        until("her turn is free", async || texts(&again, question).await.is_ok()).await;
        drop((one.end(), other.end()));
    });
}

#[test]
fn commands_ask_a_proxy_that_runs() {
    let shop = shop();
    let place = Place::new(&shop);
    let token = administrators_token(&place);
    run(async {
        let proxy = Served::new(&place);
        let ask = |words: &[&str]| remote(&proxy, &token, words);
        let alice = proxy.client("alice").await;
        let locked = lock(&shop).await;
        let asked = tokio::spawn(async move {
            error(&alice, "SELECT count(*) FROM customer WHERE c_acctbal > 77").await.0
        });
        until("it asks the source", async || ask(&["query", "list"]).1.contains("asking")).await;
        let (listed, all) = ask(&["query", "list", "--json"]);
        let all: serde_json::Value = serde_json::from_str(&all).expect("JSON");
        assert!(listed && all["items"][0]["analyst"] == "alice", "{all}");
        let query = all["items"][0]["query"].as_str().expect("an id").to_owned();
        let cancel = ["query", "cancel", &query, "--why", "a test"];
        assert_eq!(ask(&cancel), (true, format!("{query} is being stopped\n")));
        assert_eq!(asked.await.expect("no panic"), "57014");
        drop(locked);
        let (gone, said) = ask(&cancel);
        assert!(!gone && said.contains("the proxy refuses: "), "{said}");
        let (reloaded, said) = ask(&["policy", "reload", "--why", "a test"]);
        assert!(reloaded && said.ends_with("is in force\n"), "{said}");
        let (known, said) = remote(&proxy, "ng_unknown", &["query", "list"]);
        assert!(!known && !said.contains("ng_unknown"), "{said}");
        drop(proxy.end());
    });
}
