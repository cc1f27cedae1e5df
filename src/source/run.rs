//! Connections to the source, and the one read-only snapshot that a statement's leaves run in.

use std::sync::Mutex;
use std::time::Duration;

use futures_util::{StreamExt, pin_mut};
use noisegate_privacy::plan::{Plan, Statistic};
use noisegate_privacy::quantiles::Bins;
use noisegate_privacy::release::{Charged, Release};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio_postgres::types::Type;
use tokio_postgres::{Client, Config};

use super::decode::exact_row;
use super::{BoundedSql, NotExecuted, RawParameter};
use crate::database::{self, Busy};
use crate::error::Fault;
use crate::quote::literal;

/// Idle connections that are kept: a login costs more than many a leaf.
const IDLE_MAX: usize = 16;
/// Snapshots at once; more wait for their turn. The reader's role may hold 64 connections.
const SNAPSHOTS_MAX: usize = 32;
/// How long the end of a snapshot may take.
const END: Duration = Duration::from_secs(2);
/// Groups that one leaf may show. They are counted after noise and thresholds: a limit on the exact
/// groups would tell, by its fault, whether one more person is there.
const GROUPS_MAX: usize = 1_000_000;
/// Noisy numbers of histograms in all groups that one leaf shows.
const COUNTS_MAX: usize = 4_000_000;

/// The operator's database.
#[derive(Debug)]
pub struct Source {
    config: Config,
    timeout_ms: u64,
    idle: Mutex<Vec<Client>>,
    places: Semaphore,
}

impl Source {
    /// Leaves may take `timeout_ms`.
    pub fn new(mut config: Config, timeout_ms: u64) -> Self {
        config.application_name("noisegate");
        config.connect_timeout(Duration::from_secs(10));
        let places = Semaphore::new(SNAPSHOTS_MAX);
        Self { config, timeout_ms, idle: Mutex::new(Vec::new()), places }
    }

    /// Begins a snapshot under the settings that change what a query means. Nothing of the
    /// statement has been sent when this fails, so its charge may be given back.
    pub async fn begin(
        &self,
        settings: &[(&str, &str)],
    ) -> Result<Snapshot<'_>, (Fault, NotExecuted)> {
        let limit = Duration::from_millis(self.timeout_ms);
        let begun = tokio::time::timeout(limit, self.begin_whenever(settings)).await;
        begun.unwrap_or(Err(Fault::Deadline)).map_err(|fault| (fault, NotExecuted::assertion()))
    }

    async fn begin_whenever(&self, settings: &[(&str, &str)]) -> Result<Snapshot<'_>, Fault> {
        let place = self.places.acquire().await;
        let place = place.map_err(|_| Fault::Unreachable("the source's places are closed"))?;
        let mut begin = format!(
            "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; \
             SET LOCAL statement_timeout = {}; SET LOCAL search_path = pg_catalog; \
             SET LOCAL extra_float_digits = 1;",
            self.timeout_ms
        );
        for (name, value) in settings {
            begin.push_str(&format!(" SET LOCAL {name} = {};", literal(value)));
        }
        // A connection that was idle may be gone; a fresh one is tried before giving up.
        if let Some(client) = self.take_idle()
            && client.batch_execute(&begin).await.is_ok()
        {
            return Ok(self.snapshot(client, place));
        }
        let fault = |error: tokio_postgres::Error| Fault::Source(describe(&error));
        let client = self.connect().await.map_err(fault)?;
        client.batch_execute(&begin).await.map_err(fault)?;
        Ok(self.snapshot(client, place))
    }

    fn snapshot<'a>(&'a self, client: Client, place: SemaphorePermit<'a>) -> Snapshot<'a> {
        Snapshot { source: self, busy: Busy::new(self.config.clone(), client), _place: place }
    }

    async fn connect(&self) -> Result<Client, tokio_postgres::Error> {
        database::connect(&self.config).await
    }

    fn take_idle(&self) -> Option<Client> {
        let mut idle = self.idle.lock().ok()?;
        while let Some(client) = idle.pop() {
            if !client.is_closed() {
                return Some(client);
            }
        }
        None
    }

    fn keep(&self, client: Client) {
        if let Ok(mut idle) = self.idle.lock()
            && idle.len() < IDLE_MAX
        {
            idle.push(client);
        }
    }
}

/// A read-only snapshot of the source. Dropped without [`Snapshot::finish`], it stops what still
/// runs and closes its connection.
#[derive(Debug)]
pub struct Snapshot<'a> {
    source: &'a Source,
    busy: Busy,
    _place: SemaphorePermit<'a>,
}

impl Snapshot<'_> {
    /// Runs one leaf and adds the noise to each row as it comes. Parameter 1 is the statement's time,
    /// the client's own follow.
    pub async fn release(
        &mut self,
        plan: Plan<Charged>,
        sql: &BoundedSql,
        types: &[Type],
        parameters: &[RawParameter],
    ) -> Result<Release, Fault> {
        let fault = |error: tokio_postgres::Error| Fault::Source(describe(&error));
        let shape = |_| Fault::Source("an answer could not be released".to_owned());
        let client = self.busy.client().ok_or(Fault::Unreachable("a finished snapshot"))?;
        let statement = client.prepare_typed(sql.text(), types).await.map_err(fault)?;
        let rows = client.query_raw(&statement, parameters).await.map_err(fault)?;
        pin_mut!(rows);
        let counts = plan.leaf().statistics.iter().filter_map(Statistic::bins);
        let counts = counts.map(Bins::nodes).fold(0, usize::saturating_add);
        let groups_max = COUNTS_MAX.checked_div(counts).unwrap_or(GROUPS_MAX).min(GROUPS_MAX);
        let mut releasing = plan.releasing();
        while let Some(row) = rows.next().await {
            let row = row.map_err(fault)?;
            releasing.add(exact_row(&row, sql.keys(), sql.statistics())?).map_err(shape)?;
            if releasing.shown() > groups_max {
                return Err(Fault::Source("a leaf shows more groups than are handled".to_owned()));
            }
        }
        releasing.finish().map_err(shape)
    }

    /// Ends the snapshot and keeps the connection, if it is sound.
    pub async fn finish(self) {
        let Some(client) = self.busy.client() else { return };
        let ended = tokio::time::timeout(END, client.batch_execute("ROLLBACK")).await;
        if matches!(ended, Ok(Ok(())))
            && let Some(client) = self.busy.ended()
        {
            self.source.keep(client);
        }
    }
}

/// What an operator may read of an error: its class, never its text, which can hold values.
pub(crate) fn describe(error: &tokio_postgres::Error) -> String {
    match error.as_db_error() {
        Some(db) => format!("SQLSTATE {}", db.code().code()),
        None if error.is_closed() => "connection closed".to_owned(),
        None => error.to_string(),
    }
}
