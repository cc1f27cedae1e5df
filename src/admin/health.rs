//! Whether what the proxy stands on can be reached.

use std::future::Future;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio_postgres::Config;

use crate::database;
use crate::ledger::Ledger;

/// How long each part may take to answer.
const PATIENCE: Duration = Duration::from_secs(3);

/// What an answer to an analyst needs.
#[derive(Debug)]
pub struct Health {
    source: Config,
    shadow: Config,
    ledger: Ledger,
    /// Whoever asks often makes one connection at a time.
    turn: Mutex<()>,
}

impl Health {
    /// The health of what answers: the source, as its reader, the shadow, as the analysts' role,
    /// and the ledger.
    pub fn new(source: Config, shadow: Config, ledger: Ledger) -> Self {
        Self { source, shadow, ledger, turn: Mutex::new(()) }
    }
}

/// Whether each part answers; why it does not is for the log.
#[derive(Debug)]
pub(super) struct Answers {
    pub(super) ledger: bool,
    pub(super) shadow: bool,
    pub(super) source: bool,
}

pub(super) async fn ask_all(health: &Health) -> Answers {
    let _turn = health.turn.lock().await;
    Answers {
        ledger: answers("ledger", health.ledger.users()).await,
        shadow: answers("shadow", ask(&health.shadow)).await,
        source: answers("source", ask(&health.source)).await,
    }
}

async fn answers<T, E: std::fmt::Display>(
    part: &'static str,
    question: impl Future<Output = Result<T, E>>,
) -> bool {
    match tokio::time::timeout(PATIENCE, question).await {
        Ok(Ok(_)) => true,
        Ok(Err(error)) => {
            tracing::warn!(part, %error, "not ready");
            false
        }
        Err(_) => {
            tracing::warn!(part, "not ready: no answer in time");
            false
        }
    }
}

async fn ask(config: &Config) -> Result<(), tokio_postgres::Error> {
    database::connect(config).await?.batch_execute("SELECT 1").await
}
