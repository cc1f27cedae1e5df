//! Batches of both sides in turn, so that whatever else the machine does meets both alike.

use std::sync::atomic::{AtomicI32, Ordering};
use std::time::{Duration, Instant};

use tokio::task::JoinSet;
use tokio_postgres::{Client, Config, Statement};

use super::setup::{Sides, connect};
use super::work::{Protocol, Work};
use super::{Failure, cpu};

/// Statements that each client sends in a batch at least.
const LEAST: usize = 2;

/// How much to measure.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Length {
    pub(crate) rounds: usize,
    pub(crate) batch: Duration,
}

/// One line of the table with what was measured for it, one entry for each round.
#[derive(Debug)]
pub(crate) struct Cell {
    pub(crate) work: Work,
    pub(crate) clients: usize,
    /// The latencies in µs.
    pub(crate) straight: Vec<Vec<f64>>,
    pub(crate) through: Vec<Vec<f64>>,
    /// noisegate's CPU time per statement in µs.
    pub(crate) cpu: Vec<f64>,
}

impl Cell {
    /// A cell that is to be measured.
    pub(crate) fn new(work: Work, clients: usize) -> Self {
        Self { work, clients, straight: Vec::new(), through: Vec::new(), cpu: Vec::new() }
    }

    /// What `--only` looks for.
    pub(crate) fn title(&self) -> String {
        format!("{}, {}, {}", self.work.name, self.work.protocol.name(), self.clients)
    }
}

/// A client with what it has prepared.
enum Ready {
    Session(Client, Option<Statement>),
    /// To be connected in the batch itself.
    Login(Config),
}

/// A number that no statement had before.
pub(crate) fn number() -> i32 {
    static NEXT: AtomicI32 = AtomicI32::new(1000);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// Measures all cells.
pub(crate) async fn all(sides: &Sides, cells: &mut [Cell], length: &Length) -> Result<(), Failure> {
    for cell in cells {
        let work = cell.work;
        let mut straight = ready(sides.straight(work.straight), work, cell.clients).await?;
        let mut through = ready(&sides.through, work, cell.clients).await?;
        // The first batch of each warms caches up and is not counted.
        for round in 0..=length.rounds {
            // The side that goes first changes, so that neither gains from it.
            let (plain, gated, spent) = if round % 2 == 0 {
                let plain = batch(&mut straight, work, length.batch).await?;
                let (gated, spent) = counted(&mut through, work, length.batch).await?;
                (plain, gated, spent)
            } else {
                let (gated, spent) = counted(&mut through, work, length.batch).await?;
                (batch(&mut straight, work, length.batch).await?, gated, spent)
            };
            if round > 0 {
                cell.straight.push(plain);
                cell.through.push(gated);
                cell.cpu.extend(spent);
            }
        }
    }
    Ok(())
}

async fn ready(config: &Config, work: Work, clients: usize) -> Result<Vec<Ready>, Failure> {
    let mut ready = Vec::new();
    for _ in 0..clients {
        ready.push(match work.protocol {
            Protocol::Login => Ready::Login(config.clone()),
            Protocol::Simple => Ready::Session(connect(config).await?, None),
            Protocol::Prepared => {
                let client = connect(config).await?;
                let statement = client.prepare(work.text).await?;
                Ready::Session(client, Some(statement))
            }
        });
    }
    Ok(ready)
}

/// A batch through noisegate, with its CPU time per statement.
async fn counted(
    clients: &mut Vec<Ready>,
    work: Work,
    length: Duration,
) -> Result<(Vec<f64>, Option<f64>), Failure> {
    let before = cpu::noisegate_ns();
    let latencies = batch(clients, work, length).await?;
    let spent = before.zip(cpu::noisegate_ns()).map(|(before, after)| {
        micros(Duration::from_nanos(after.saturating_sub(before))) / float(latencies.len())
    });
    Ok((latencies, spent))
}

/// All clients at once, each sending one statement after the other; the latencies in µs.
async fn batch(
    clients: &mut Vec<Ready>,
    work: Work,
    length: Duration,
) -> Result<Vec<f64>, Failure> {
    let mut running = JoinSet::new();
    let end = Instant::now() + length;
    for client in clients.drain(..) {
        running.spawn(async move {
            let mut latencies = Vec::new();
            while latencies.len() < LEAST || Instant::now() < end {
                let begun = Instant::now();
                once(&client, work).await?;
                latencies.push(micros(begun.elapsed()));
            }
            Ok::<_, Failure>((client, latencies))
        });
    }
    let mut all = Vec::new();
    while let Some(done) = running.join_next().await {
        let (client, latencies) = done??;
        clients.push(client);
        all.extend(latencies);
    }
    Ok(all)
}

async fn once(client: &Ready, work: Work) -> Result<(), Failure> {
    match client {
        Ready::Login(config) => {
            let (client, connection) = config.connect(tokio_postgres::NoTls).await?;
            drop(client);
            connection.await?;
        }
        Ready::Session(client, Some(statement)) if statement.params().is_empty() => {
            client.query(statement, &[]).await?;
        }
        Ready::Session(client, Some(statement)) => {
            client.query(statement, &[&number()]).await?;
        }
        Ready::Session(client, None) if work.text.contains("{}") => {
            client.simple_query(&work.text.replace("{}", &number().to_string())).await?;
        }
        Ready::Session(client, None) => {
            client.simple_query(work.text).await?;
        }
    }
    Ok(())
}

fn micros(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e6
}

fn float(count: usize) -> f64 {
    u32::try_from(count).map_or(f64::INFINITY, f64::from)
}
