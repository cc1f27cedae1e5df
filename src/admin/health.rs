//! `/healthz` says that the process lives, `/readyz` that what it stands on can be reached.

use std::collections::BTreeMap;
use std::future::Future;
use std::time::Duration;

use axum::Json;
use axum::http::StatusCode;
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

/// Each part by name, and whether it answers; why it does not is for the log.
type Parts = BTreeMap<&'static str, &'static str>;

pub(super) async fn ready(health: &Health) -> (StatusCode, Json<Parts>) {
    let _turn = health.turn.lock().await;
    let parts = [
        ("source", answers("source", ask(&health.source)).await),
        ("shadow", answers("shadow", ask(&health.shadow)).await),
        ("ledger", answers("ledger", health.ledger.users()).await),
    ];
    let all = parts.iter().all(|(_, answers)| *answers);
    let status = if all { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let word = |answers| if answers { "ok" } else { "unreachable" };
    (status, Json(parts.into_iter().map(|(part, answers)| (part, word(answers))).collect()))
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
