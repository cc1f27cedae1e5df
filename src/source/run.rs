//! Connections to the source, and the one read-only snapshot that a statement's leaves run in.

use std::sync::Mutex;

use futures_util::{StreamExt, pin_mut};
use noisegate_privacy::release::ExactRow;
use tokio_postgres::types::Type;
use tokio_postgres::{Client, Config, NoTls};

use super::decode::exact_row;
use super::print::literal;
use super::{BoundedSql, NotExecuted, RawParameter};
use crate::error::Fault;

/// Idle connections that are kept.
const IDLE_MAX: usize = 8;
/// Groups that one leaf may have before noise; more is a fault whatever the data.
const GROUPS_MAX: usize = 1_000_000;

/// The operator's database.
#[derive(Debug)]
pub struct Source {
    config: Config,
    timeout_ms: u64,
    idle: Mutex<Vec<Client>>,
}

impl Source {
    /// Leaves may take `timeout_ms`.
    pub fn new(mut config: Config, timeout_ms: u64) -> Self {
        config.application_name("noisegate");
        config.connect_timeout(std::time::Duration::from_secs(10));
        Self { config, timeout_ms, idle: Mutex::new(Vec::new()) }
    }

    /// Begins a snapshot under the settings that change what a query means. Nothing of the
    /// statement has been sent when this fails, so its charge may be given back.
    pub async fn begin(
        &self,
        settings: &[(&str, &str)],
    ) -> Result<Snapshot<'_>, (Fault, NotExecuted)> {
        let mut begin = format!(
            "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; \
             SET LOCAL statement_timeout = {}; SET LOCAL search_path = pg_catalog;",
            self.timeout_ms
        );
        for (name, value) in settings {
            begin.push_str(&format!(" SET LOCAL {name} = {};", literal(value)));
        }
        // A connection that was idle may be gone; a fresh one is tried before giving up.
        if let Some(client) = self.take_idle()
            && client.batch_execute(&begin).await.is_ok()
        {
            return Ok(Snapshot { source: self, client });
        }
        let fault = |error: tokio_postgres::Error| {
            (Fault::Source(describe(&error)), NotExecuted::assertion())
        };
        let client = self.connect().await.map_err(fault)?;
        client.batch_execute(&begin).await.map_err(fault)?;
        Ok(Snapshot { source: self, client })
    }

    async fn connect(&self) -> Result<Client, tokio_postgres::Error> {
        let (client, connection) = self.config.connect(NoTls).await?;
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(error = %describe(&error), "a connection to the source ended");
            }
        });
        Ok(client)
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

/// A read-only snapshot of the source. Dropped without [`Snapshot::finish`], it closes its
/// connection, which ends whatever still runs.
#[derive(Debug)]
pub struct Snapshot<'a> {
    source: &'a Source,
    client: Client,
}

impl Snapshot<'_> {
    /// Runs one leaf. Parameter 1 is the statement's time, the client's own follow.
    pub async fn run(
        &mut self,
        sql: BoundedSql,
        types: &[Type],
        parameters: &[RawParameter],
    ) -> Result<Vec<ExactRow>, Fault> {
        let fault = |error: tokio_postgres::Error| Fault::Source(describe(&error));
        let statement = self.client.prepare_typed(sql.text(), types).await.map_err(fault)?;
        let rows = self.client.query_raw(&statement, parameters).await.map_err(fault)?;
        pin_mut!(rows);
        let mut exact = Vec::new();
        while let Some(row) = rows.next().await {
            let row = row.map_err(fault)?;
            if exact.len() >= GROUPS_MAX {
                return Err(Fault::Source("a leaf has more groups than are handled".to_owned()));
            }
            exact.push(exact_row(&row, sql.keys(), sql.statistics())?);
        }
        Ok(exact)
    }

    /// A handle that stops what runs.
    pub fn cancel_token(&self) -> tokio_postgres::CancelToken {
        self.client.cancel_token()
    }

    /// Ends the snapshot and keeps the connection.
    pub async fn finish(self) {
        if self.client.batch_execute("ROLLBACK").await.is_ok() {
            self.source.keep(self.client);
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
