//! A connection to the PostgreSQL that keeps a ledger, driven by the thread that uses it.

use std::collections::BTreeMap;
use std::future::Future;
use std::time::Duration;

use futures_util::future;
use tokio::runtime::Runtime;
use tokio_postgres::config::TargetSessionAttrs;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Config, Error, Row, Statement};

use super::super::types::LedgerError;
use crate::database;
use crate::quote;

/// How long to wait for another proxy that is writing.
const LOCK_TIMEOUT_S: u32 = 5;
/// How long a statement may take on the server.
const STATEMENT_TIMEOUT_S: u32 = 10;
/// How long a step may take, from here to the server and back. A proxy that stops in the middle
/// of its unit of work keeps the others waiting for no longer than that.
const STEP_LIMIT: Duration = Duration::from_secs(15);
const CONNECT_LIMIT: Duration = Duration::from_secs(10);

/// Parameters of a statement that own what they say, so that several can be on their way.
pub(super) type Parameters = Vec<Box<dyn ToSql + Sync + Send>>;

/// A connection with its prepared statements and a runtime of its own: dropped, the socket is
/// closed at once, and the server rolls back.
pub(super) struct Connection {
    client: Client,
    statements: BTreeMap<&'static str, Statement>,
    runtime: Runtime,
    broken: bool,
}

impl Connection {
    /// Connects to a server that keeps what it acknowledges.
    pub(super) fn open(config: &Config, schema: &str) -> Result<Self, LedgerError> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let mut config = config.clone();
        config.application_name("noisegate ledger");
        config.connect_timeout(CONNECT_LIMIT);
        config.keepalives_idle(CONNECT_LIMIT);
        config.tcp_user_timeout(STEP_LIMIT);
        config.target_session_attrs(TargetSessionAttrs::ReadWrite);
        let client = runtime.block_on(async {
            let connecting = database::connect(&config);
            tokio::time::timeout(STEP_LIMIT, connecting).await
        });
        let client = client.map_err(|_| timeout())?.map_err(|error| described(&error))?;
        let mut connection = Self { client, statements: BTreeMap::new(), runtime, broken: false };
        connection.settings(schema)?;
        Ok(connection)
    }

    fn settings(&mut self, schema: &str) -> Result<(), LedgerError> {
        self.batch(&format!(
            "SET search_path = {}, pg_temp; SET lock_timeout = '{LOCK_TIMEOUT_S}s';
             SET statement_timeout = '{STATEMENT_TIMEOUT_S}s';
             SET idle_in_transaction_session_timeout = '{STATEMENT_TIMEOUT_S}s';
             SET default_transaction_isolation = 'read committed';
             -- Statements are planned while the tables are empty, and kept while they grow.
             SET enable_seqscan = off; SET jit = off;",
            quote::ident(schema)
        ))?;
        // So that a proxy that died in the queue for the lock does not get it. Not everywhere.
        let _as_far_as_known = self.batch("SET client_connection_check_interval = '2s'");
        self.broken = false;
        // What is acknowledged has to survive a power cut.
        self.batch(
            "SELECT set_config('synchronous_commit', 'on', false)
             WHERE current_setting('synchronous_commit') <> 'remote_apply'",
        )?;
        let settings = self.query(
            "SELECT current_setting('synchronous_commit'), current_setting('fsync'),
                 current_setting('full_page_writes'), current_setting('server_encoding')",
            Vec::new(),
        )?;
        let value = |column| settings.first().map(|row: &Row| row.try_get::<_, String>(column));
        let expected: [(&str, &[&str]); 4] = [
            ("synchronous_commit", &["on", "remote_apply"]),
            ("fsync", &["on"]),
            ("full_page_writes", &["on"]),
            ("server_encoding", &["UTF8"]),
        ];
        for (column, (name, allowed)) in expected.into_iter().enumerate() {
            let found = value(column).transpose().map_err(|error| described(&error))?;
            let found = found.unwrap_or_default();
            if !allowed.contains(&found.as_str()) {
                let allowed = allowed.join(" or ");
                let text = format!("the server has {name} = {found}, and must have {allowed}");
                return Err(LedgerError::Store(text));
            }
        }
        Ok(())
    }

    /// Prepares statements, all in one step.
    pub(super) fn prepare(&mut self, all: &[&'static str]) -> Result<(), LedgerError> {
        let preparing = future::try_join_all(all.iter().map(|sql| self.client.prepare(sql)));
        let prepared = self.runtime.block_on(limited(preparing));
        let prepared = self.sound(prepared)?;
        self.statements.extend(all.iter().copied().zip(prepared));
        Ok(())
    }

    /// Runs statements without parameters.
    pub(super) fn batch(&mut self, sql: &str) -> Result<(), LedgerError> {
        let done = self.runtime.block_on(limited(self.client.batch_execute(sql)));
        self.sound(done)
    }

    /// The same, however long it takes.
    pub(super) fn batch_without_limit(&mut self, sql: &str) -> Result<(), LedgerError> {
        let done = self.runtime.block_on(self.client.batch_execute(sql));
        self.sound(done.map_err(Failure::Sql))
    }

    /// See [`super::Store::raw`].
    #[cfg(test)]
    pub(super) fn raw(&mut self, sql: &str) -> Result<Option<i64>, LedgerError> {
        let done = self.runtime.block_on(limited(self.client.simple_query(sql)));
        let first = self.sound(done)?.into_iter().find_map(|message| match message {
            tokio_postgres::SimpleQueryMessage::Row(row) => Some(row),
            _ => None,
        });
        Ok(first.and_then(|row| row.get(0)?.parse().ok()))
    }

    /// The rows of one statement.
    pub(super) fn query(
        &mut self,
        sql: &'static str,
        parameters: Parameters,
    ) -> Result<Vec<Row>, LedgerError> {
        let mut answers = self.pipeline("", vec![(sql, parameters)], &[])?;
        Ok(answers.pop().unwrap_or_default())
    }

    /// Sends statements one after the other without waiting in between, and then waits for all of
    /// them: one round trip. `before` and `after` are texts without parameters. The rows of the
    /// statements are given, in order.
    ///
    /// After one that fails the server runs none of the rest: they are in one transaction, and it
    /// is the caller who began it.
    pub(super) fn pipeline(
        &mut self,
        before: &str,
        statements: Vec<(&'static str, Parameters)>,
        after: &[&str],
    ) -> Result<Vec<Vec<Row>>, LedgerError> {
        let unknown: Vec<&'static str> = statements
            .iter()
            .map(|(sql, _)| *sql)
            .filter(|sql| !self.statements.contains_key(sql))
            .collect();
        if !unknown.is_empty() {
            self.prepare(&unknown)?;
        }
        let (client, known) = (&self.client, &self.statements);
        // Each is sent when its future is first polled, which is in this order.
        let mut sent: Vec<future::BoxFuture<'_, Result<Vec<Row>, Error>>> = Vec::new();
        if !before.is_empty() {
            sent.push(Box::pin(text(client, before)));
        }
        for (sql, parameters) in &statements {
            if let Some(statement) = known.get(sql) {
                sent.push(Box::pin(rows(client, statement, parameters)));
            }
        }
        for sql in after {
            sent.push(Box::pin(text(client, sql)));
        }
        let answers = self.runtime.block_on(limited(future::try_join_all(sent)));
        let mut answers = self.sound(answers)?;
        if !before.is_empty() {
            answers.remove(0);
        }
        answers.truncate(statements.len());
        Ok(answers)
    }

    /// Whether another connection is needed.
    pub(super) fn lost(&self) -> bool {
        self.broken || self.client.is_closed()
    }

    fn sound<T>(&mut self, outcome: Result<T, Failure>) -> Result<T, LedgerError> {
        outcome.map_err(|failure| match failure {
            Failure::Late => {
                self.broken = true;
                timeout()
            }
            Failure::Sql(error) => {
                // Without an SQLSTATE it is the connection; a server that ends says 57P01 and on.
                let code = error.code();
                let ends = [
                    SqlState::ADMIN_SHUTDOWN,
                    SqlState::CRASH_SHUTDOWN,
                    SqlState::CANNOT_CONNECT_NOW,
                    SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT,
                ];
                self.broken |= code.is_none_or(|code| ends.contains(code));
                described(&error)
            }
        })
    }
}

enum Failure {
    Late,
    Sql(Error),
}

async fn limited<T>(work: impl Future<Output = Result<T, Error>>) -> Result<T, Failure> {
    match tokio::time::timeout(STEP_LIMIT, work).await {
        Ok(outcome) => outcome.map_err(Failure::Sql),
        Err(_) => Err(Failure::Late),
    }
}

async fn text(client: &Client, sql: &str) -> Result<Vec<Row>, Error> {
    client.batch_execute(sql).await.map(|()| Vec::new())
}

async fn rows(
    client: &Client,
    statement: &Statement,
    parameters: &Parameters,
) -> Result<Vec<Row>, Error> {
    let parameters: Vec<&(dyn ToSql + Sync)> =
        parameters.iter().map(|parameter| parameter.as_ref() as &(dyn ToSql + Sync)).collect();
    client.query(statement, &parameters).await
}

fn timeout() -> LedgerError {
    LedgerError::Store("the ledger's server does not answer".to_owned())
}

/// The server's words without its detail, which may quote rows; or why there are none.
pub(super) fn described(error: &Error) -> LedgerError {
    use std::error::Error as _;
    if let Some(db) = error.as_db_error() {
        return LedgerError::Store(format!("{} ({})", db.message(), db.code().code()));
    }
    let cause = error.source().map_or(String::new(), |cause| format!(": {cause}"));
    LedgerError::Store(format!("{error}{cause}"))
}
