//! The proxies, their databases and their ledger.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use noisegate::clock::Clock;
use noisegate::demo::{Cluster, DATABASE, Options, Shop, ShopOptions};
use noisegate::ledger::{Ledger, Place};
use sha2::{Digest, Sha256};
use tokio_postgres::{Client, Config, NoTls};

use crate::between::{Between, Order};
use crate::common::{DEMO, open, run, texts};
use crate::limits;
use crate::sessions::{USERS, client};

pub(crate) const PROXIES: usize = 3;

/// The databases; the shop's own proxy is not used.
static SHOP: LazyLock<Shop> = LazyLock::new(|| {
    open(ShopOptions { separate_shadow: true, ..ShopOptions::new(0.001, &policy(), "demo.toml") })
});

/// The demo's policy, with one analyst more.
fn policy() -> String {
    let policy = DEMO.replace(r#"["alice", "bob"]"#, r#"["alice", "bob", "dave"]"#);
    assert_ne!(policy, DEMO);
    // All sessions of an analyst may be at one proxy.
    let many = policy.replace("answers = \"noisy\"\n", "answers = \"noisy\"\nconcurrent = 100\n");
    assert_ne!(many, policy);
    many
}

/// What a login is checked against, after one round of hashing and not thousands: a hundred clients
/// log in again and again, and what is built for tests is slow at that.
fn verifier(password: &str) -> String {
    let hmac = |key: &[u8], text: &[u8]| {
        let mut hmac = Hmac::<Sha256>::new_from_slice(key).expect("a key");
        hmac.update(text);
        hmac.finalize().into_bytes()
    };
    let salt = *b"as good as others";
    let salted = hmac(password.as_bytes(), &[&salt[..], &1_u32.to_be_bytes()].concat());
    let stored = Sha256::digest(hmac(&salted, b"Client Key"));
    let server = hmac(&salted, b"Server Key");
    let [salt, stored, server] = [&salt[..], &stored, &server].map(|part| STANDARD.encode(part));
    format!("SCRAM-SHA-256$1:{salt}${stored}:{server}")
}

/// Where clients find the proxies that are there.
pub(crate) type Ports = Arc<Mutex<[Option<u16>; PROXIES]>>;

pub(crate) struct Proxies {
    pub(crate) server: Cluster,
    /// What the connections of each proxy to the ledger go through.
    pub(crate) betweens: Vec<Between>,
    pub(crate) ports: Ports,
    running: [Option<(Child, BufReader<ChildStdout>)>; PROXIES],
    /// Those who ask what was seen once more.
    clients: BTreeMap<(usize, &'static str), Client>,
    folder: tempfile::TempDir,
}

/// What was charged to an account, what of it counts, and the most of that in one window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Spent {
    pub(crate) all: u128,
    pub(crate) counts: u128,
    pub(crate) in_window: u128,
}

/// The library that gives a program another clock than the machine's.
fn faketime() -> PathBuf {
    let places =
        ["/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64", "/usr/lib"];
    let files = places.map(|place| PathBuf::from(place).join("faketime/libfaketime.so.1"));
    let named = std::env::var_os("NOISEGATE_FAKETIME").map(PathBuf::from);
    let found = named.into_iter().chain(files).find(|file| file.exists());
    found.expect(
        "libfaketime is needed for this test; install it, or name the library in NOISEGATE_FAKETIME",
    )
}

impl Proxies {
    pub(crate) fn start() -> Self {
        LazyLock::force(&SHOP);
        let options = Options { durable: true, ..Options::default() };
        let server = Cluster::temporary(options).expect("a server for the ledger");
        let folder = tempfile::tempdir().expect("a folder");
        let socket = server.socket_dir().join(format!(".s.PGSQL.{}", server.port()));
        let betweens = (0..PROXIES).map(|_| run(Between::start(socket.clone()))).collect();
        let (ports, running, clients) = Default::default();
        let mut proxies = Self { server, betweens, ports, running, clients, folder };
        run(proxies.prepare());
        for which in 0..PROXIES {
            proxies.serve(which);
        }
        proxies
    }

    /// Makes the ledger with its users, a login for each proxy, and their policies.
    async fn prepare(&self) {
        let superuser = self.connect().await.expect("the ledger's server");
        for which in 0..PROXIES {
            let sql = format!("CREATE ROLE proxy_{which} SUPERUSER LOGIN PASSWORD 'ledger'");
            superuser.batch_execute(&sql).await.expect("a login");
        }
        let ledger = Ledger::open_at(&self.place(), Clock::System).expect("a ledger");
        for user in USERS {
            ledger.put_user(user, &verifier(user)).await.expect("a user");
        }
        let shadow = SHOP.shadow.as_ref().expect("a shadow of its own");
        let config = shadow.config("postgres", "postgres");
        let (superuser, connection) = config.connect(NoTls).await.expect("the shadow's server");
        tokio::spawn(connection);
        let password = verifier("noisegate_analyst");
        let sql = format!("ALTER ROLE noisegate_analyst PASSWORD '{password}'");
        superuser.batch_execute(&sql).await.expect("another verifier");
        let source = SHOP.source_config();
        for (which, between) in self.betweens.iter().enumerate() {
            let server = format!(
                "\n[server]\nlisten = \"127.0.0.1:0\"\nadmin = \"127.0.0.1:0\"\nsource = \"{}\"\n\
                 shadow = \"{}\"\nledger = \"postgres://proxy_{which}@127.0.0.1:{}/postgres\"\n",
                SHOP.source.url(source.get_dbname().unwrap_or(""), "noisegate_reader"),
                shadow.url(DATABASE, "noisegate_shadow"),
                between.port,
            );
            let own = self.folder.path().join(which.to_string());
            std::fs::create_dir(&own).expect("a folder");
            let text = format!("{}{server}", policy());
            std::fs::write(own.join("policy.toml"), text).expect("a policy");
            self.set_clock(which, 0);
        }
    }

    /// The ledger, past what can fail.
    fn place(&self) -> Place {
        let url = self.server.url("postgres", "postgres");
        Place::postgres(&url, None, Some(self.folder.path())).expect("an address")
    }

    pub(crate) fn serve(&mut self, which: usize) {
        let mut child = Command::new(env!("CARGO_BIN_EXE_noisegate"))
            .args(["serve", "--policy"])
            .arg(self.folder.path().join(which.to_string()).join("policy.toml"))
            .env("NOISEGATE_SOURCE_PASSWORD", "noisegate_reader")
            .env("NOISEGATE_SHADOW_ANALYST_PASSWORD", "noisegate_analyst")
            .env("NOISEGATE_LEDGER_PASSWORD", "ledger")
            .env("LD_PRELOAD", faketime())
            .env("FAKETIME_TIMESTAMP_FILE", self.clock(which))
            .env("FAKETIME_CACHE_DURATION", "1")
            .env("DONT_FAKE_MONOTONIC", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the program");
        let mut lines = BufReader::new(child.stdout.take().expect("its output"));
        let mut line = String::new();
        lines.read_line(&mut line).expect("a line");
        let port = line.strip_prefix("noisegate answers at 127.0.0.1:");
        let port = port.and_then(|rest| rest.split(';').next()).and_then(|port| port.parse().ok());
        assert!(port.is_some(), "it did not start: {line:?}");
        self.put(which, port, Some((child, lines)));
    }

    fn clock(&self, which: usize) -> PathBuf {
        self.folder.path().join(which.to_string()).join("clock")
    }

    /// Sets a proxy's clock so many seconds beside the machine's; whether the ledger's time is at least
    /// as far ahead afterwards.
    pub(crate) fn step_clock(&self, which: usize, seconds: i64) -> bool {
        self.set_clock(which, seconds);
        let sql = "SELECT (mark_ms / 1000 - extract(epoch FROM clock_timestamp())::bigint)::text
                   FROM noisegate_ledger.meta";
        until(|| {
            let ahead = run(async {
                let client = self.connect().await.ok()?;
                texts(&client, sql).await.ok()
            });
            let ahead = ahead.into_iter().flatten().flatten().flatten().next();
            ahead
                .and_then(|ahead| ahead.parse::<i64>().ok())
                .is_some_and(|ahead| ahead + 10 >= seconds)
        })
    }

    fn set_clock(&self, which: usize, seconds: i64) {
        // Whole at once, since it is read while it runs.
        let new = self.clock(which).with_extension("new");
        std::fs::write(&new, format!("{seconds:+}\n")).expect("a clock");
        std::fs::rename(new, self.clock(which)).expect("a clock");
    }

    /// The sessions of the proxies can write no further than the beginning of any file, until one of
    /// them has noticed; whether one did.
    pub(crate) fn fill_disk(&self) -> bool {
        let full = || {
            let log = std::fs::read_to_string(self.server.log_path()).unwrap_or_default();
            log.matches("File too large").count()
        };
        let before = full();
        let sql = "SELECT pid::text FROM pg_stat_activity WHERE usename LIKE 'proxy_%'";
        let mut limited = Vec::new();
        let happened = until(|| {
            let pids = run(async {
                let client = self.connect().await.ok()?;
                texts(&client, sql).await.ok()
            });
            let pids = pids.into_iter().flatten().flatten().flatten();
            let pids: Vec<i32> = pids.filter_map(|pid| pid.parse().ok()).collect();
            limits::files(&self.server, limits::FULL, &pids);
            limited.extend(pids);
            full() > before
        });
        limits::files(&self.server, limits::NONE, &limited);
        // A session that cannot write the server's log has all others end as well.
        until(|| run(self.connect()).is_ok()) && happened
    }

    pub(crate) fn kill(&mut self, which: usize) {
        if let Some((mut child, _)) = self.put(which, None, None) {
            child.kill().expect("it runs");
            child.wait().expect("its end");
        }
    }

    fn put(
        &mut self,
        which: usize,
        port: Option<u16>,
        running: Option<(Child, BufReader<ChildStdout>)>,
    ) -> Option<(Child, BufReader<ChildStdout>)> {
        *self.ports.lock().expect("no poison").get_mut(which).expect("a proxy") = port;
        std::mem::replace(self.running.get_mut(which).expect("a proxy"), running)
    }

    async fn connect(&self) -> Result<Client, tokio_postgres::Error> {
        let config: Config = self.server.config("postgres", "postgres");
        let (client, connection) = config.connect(NoTls).await?;
        tokio::spawn(connection);
        Ok(client)
    }

    /// Ends the sessions that a proxy has with the ledger's server; whether it had any.
    pub(crate) fn end_sessions(&self, which: usize) -> bool {
        let sql = format!(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'proxy_{which}'"
        );
        let ended = async || {
            let client = self.connect().await.expect("the ledger's server");
            !texts(&client, &sql).await.expect("sessions").is_empty()
        };
        until(|| run(ended()))
    }

    /// Has something happen to a proxy's connections to the ledger; whether it had any.
    pub(crate) fn order(&self, which: usize, order: Order) -> bool {
        let between = self.betweens.get(which).expect("a proxy");
        until(|| between.order(order) > 0)
    }

    /// Loses the answer to a proxy's next commit, after which the server is away for a while.
    pub(crate) fn lose_acknowledgement(&self, which: usize, away: Duration) -> bool {
        let between = self.betweens.get(which).expect("a proxy");
        let before = between.swallowed();
        between.swallow(away);
        until(|| between.swallowed() > before)
    }

    /// What is spent from each account, after all that is being committed; and that no charge was
    /// made twice and no generation is missing.
    pub(crate) async fn spent(&self) -> BTreeMap<String, Spent> {
        let client = self.connect().await.expect("the ledger's server");
        client.batch_execute("BEGIN").await.expect("a transaction");
        // Who holds it commits, or never will.
        let sql = "SELECT 1 FROM noisegate_ledger.meta FOR UPDATE";
        client.query_one(sql, &[]).await.expect("the ledger's lock");
        let sql = "SELECT (SELECT count(key) - count(DISTINCT key) FROM noisegate_ledger.charge),
            (SELECT generation + 1 FROM noisegate_ledger.meta)
                - (SELECT count(*) FROM noisegate_ledger.chain)";
        let row = client.query_one(sql, &[]).await.expect("two numbers");
        let (doubled, lost): (i64, i64) = (row.get(0), row.get(1));
        assert_eq!((doubled, lost), (0, 0), "keys charged twice, generations missing");
        // The windows of the demo's policy: a lifetime for the dataset, and thirty days.
        let sql = "SELECT account, sum(rho)::text,
                coalesce(sum(rho) FILTER (WHERE state <> 'voided'), 0)::text
            FROM noisegate_ledger.debit JOIN noisegate_ledger.charge ON id = charge
            GROUP BY account, CASE WHEN account = 'shop' THEN 0
                ELSE debit.at_ms / (30::bigint * 86400000) END";
        let rows = client.query(sql, &[]).await.expect("the debits");
        let number = |text: &str| text.parse::<u128>().expect("a number");
        let mut spent: BTreeMap<String, Spent> = BTreeMap::new();
        for row in &rows {
            let (all, counts) = (number(row.get(1)), number(row.get(2)));
            let of = spent.entry(row.get(0)).or_default();
            of.all += all;
            of.counts += counts;
            of.in_window = of.in_window.max(counts);
        }
        spent
    }

    /// What a proxy answers, as often as it takes.
    pub(crate) async fn ask(&mut self, which: usize, user: &'static str, sql: &str) -> String {
        let port = self.ports.lock().expect("no poison").get(which).copied().flatten();
        let port = port.expect("a proxy that runs");
        let end = Instant::now() + Duration::from_mins(1);
        loop {
            let asked = async {
                let asking = match self.clients.remove(&(which, user)) {
                    Some(asking) => asking,
                    None => client(port, user).await?,
                };
                let rows = texts(&asking, sql).await?;
                self.clients.insert((which, user), asking);
                Ok::<_, tokio_postgres::Error>(rows)
            };
            match asked.await {
                Ok(rows) => return format!("{rows:?}"),
                Err(error) if Instant::now() > end => unreachable!("{sql}: {error:?}"),
                Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
            }
        }
    }

    /// The whole ledger is as its chain says.
    pub(crate) async fn verify(&self) {
        let ledger = Ledger::open_at(&self.place(), Clock::System).expect("the ledger");
        let verified = ledger.verify().await.expect("a look at all of it");
        assert_eq!(verified.broken, None);
        println!("{verified:?}");
    }
}

/// Tries for a while: a proxy may have no connection at the moment.
fn until(mut done: impl FnMut() -> bool) -> bool {
    let end = Instant::now() + Duration::from_secs(30);
    loop {
        if done() {
            return true;
        }
        if Instant::now() > end {
            return false;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

impl Drop for Proxies {
    fn drop(&mut self) {
        for (child, _) in self.running.iter_mut().flatten() {
            let _ended = child.kill();
            let _status = child.wait();
        }
    }
}
