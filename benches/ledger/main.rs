//! How many charges in a second the ledger makes durable, beside plain SQLite and plain PostgreSQL
//! that do the same durable work on the same machine: `cargo bench --bench ledger`.
//!
//! Each line is measured in turn with what it is compared to, round by round, so that whatever
//! else the machine does meets both; the ratio is the median of the rounds' own ratios.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark")]

mod charges;
mod plain_postgres;
mod plain_sqlite;

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use noisegate::clock::Clock;
use noisegate::demo::{Cluster, Options};
use noisegate::ledger::{Ledger, Place};
use tokio::runtime::Runtime;

/// What can be chosen after `--`.
struct Chosen {
    clients: Vec<usize>,
    rounds: usize,
    seconds: f64,
    accounts: usize,
    dir: Option<std::path::PathBuf>,
}

impl Chosen {
    fn read() -> Self {
        let arguments: Vec<String> = std::env::args().collect();
        let after = |name: &str| {
            let at = arguments.iter().position(|argument| argument == name)?;
            arguments.get(at + 1).cloned()
        };
        let number = |name, usual| after(name).map_or(usual, |text| text.parse().unwrap());
        let clients = after("--clients").unwrap_or("1,16,64".to_owned());
        Self {
            clients: clients.split(',').map(|text| text.parse().unwrap()).collect(),
            rounds: number("--rounds", 5),
            seconds: after("--seconds").map_or(3.0, |text| text.parse().unwrap()),
            accounts: number("--accounts", 1),
            dir: after("--dir").map(Into::into),
        }
    }
}

/// Runs clients for a while; how many times in a second one of them was done.
async fn rate<F, Fut>(clients: usize, seconds: f64, client: F) -> f64
where
    F: Fn(usize, Running) -> Fut,
    Fut: Future<Output = ()> + Send + 'static,
{
    let running = Running { stop: Arc::default(), done: Arc::default() };
    let tasks: Vec<_> =
        (0..clients).map(|number| tokio::spawn(client(number, running.clone()))).collect();
    // The first tenth warms up.
    tokio::time::sleep(Duration::from_secs_f64(seconds / 10.0)).await;
    let (start, before) = (Instant::now(), running.done.load(Ordering::Relaxed));
    tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
    let done = running.done.load(Ordering::Relaxed) - before;
    let took = start.elapsed();
    running.stop.store(true, Ordering::Relaxed);
    for task in tasks {
        task.await.unwrap();
    }
    f64::from(u32::try_from(done).unwrap()) / took.as_secs_f64()
}

/// What the clients of one measurement share.
#[derive(Clone)]
struct Running {
    stop: Arc<AtomicBool>,
    done: Arc<AtomicU64>,
}

impl Running {
    fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    fn did(&self) {
        self.done.fetch_add(1, Ordering::Relaxed);
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

fn main() {
    let chosen = Chosen::read();
    let runtime = Runtime::new().unwrap();
    let folder = match &chosen.dir {
        Some(dir) => tempfile::tempdir_in(dir).unwrap(),
        None => tempfile::tempdir().unwrap(),
    };
    let options = Options { durable: true, ..Options::default() };
    let server = Cluster::start(&folder.path().join("pg"), options.with("max_connections", "200"));
    let server = server.unwrap();
    println!(
        "{} rounds of {} s; charges are durable, from {} account(s) that all clients share\n",
        chosen.rounds, chosen.seconds, chosen.accounts
    );
    println!("| store | clients | plain/s | ledger/s | ledger to plain | least to most |");
    println!("| --- | ---: | ---: | ---: | ---: | ---: |");
    for &clients in &chosen.clients {
        let place = Place::sqlite(&folder.path().join(format!("ledger-{clients}.db")));
        let ledger = Ledger::open_at(&place, Clock::System).unwrap();
        let plain = plain_sqlite::Plain::open(&folder.path().join(format!("plain-{clients}.db")));
        compare(&runtime, &chosen, "SQLite", clients, &ledger, |running| {
            plain.clone().run(running)
        });
    }
    let url = server.url("postgres", "postgres");
    runtime.block_on(plain_postgres::prepare(&server));
    for &clients in &chosen.clients {
        let url = format!("{url}?schema=ledger_{clients}");
        let place = Place::postgres(&url, None, Some(&folder.path().join("pg"))).unwrap();
        let _old = std::fs::remove_file(folder.path().join("pg/ledger.seen"));
        let ledger = Ledger::open_at(&place, Clock::System).unwrap();
        let config = server.config("postgres", "postgres");
        compare(&runtime, &chosen, "PostgreSQL", clients, &ledger, |running| {
            plain_postgres::run(config.clone(), running)
        });
    }
}

fn compare<Fut>(
    runtime: &Runtime,
    chosen: &Chosen,
    store: &str,
    clients: usize,
    ledger: &Ledger,
    plain: impl Fn(Running) -> Fut,
) where
    Fut: Future<Output = ()> + Send + 'static,
{
    let (mut plains, mut ours, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..chosen.rounds {
        let plain = runtime.block_on(rate(clients, chosen.seconds, |_, running| plain(running)));
        let accounts = chosen.accounts;
        let own = runtime.block_on(rate(clients, chosen.seconds, |number, running| {
            charges::run(ledger.clone(), number, accounts, running)
        }));
        plains.push(plain);
        ours.push(own);
        ratios.push(own / plain);
    }
    let least = ratios.iter().copied().fold(f64::INFINITY, f64::min);
    let most = ratios.iter().copied().fold(0.0, f64::max);
    println!(
        "| {store} | {clients} | {:.0} | {:.0} | **{:.2}** | {least:.2} to {most:.2} |",
        median(plains),
        median(ours),
        median(ratios)
    );
}
