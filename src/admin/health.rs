//! `/healthz` says that the process lives, `/readyz` that what it stands on can be reached.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use tokio::net::TcpListener;
use tokio::sync::Mutex;
use tokio_postgres::Config;
use tokio_util::sync::CancellationToken;

use crate::database;
use crate::ledger::Ledger;
use crate::road::Policies;

/// How long each part may take to answer.
const PATIENCE: Duration = Duration::from_secs(3);

/// What an answer to an analyst needs.
#[derive(Debug)]
pub struct Health {
    /// The source, as its reader.
    pub source: Config,
    /// The shadow, as the analysts' role.
    pub shadow: Config,
    /// The ledger.
    pub ledger: Ledger,
    /// What the metrics are of.
    pub policies: Arc<Policies>,
}

struct Shared {
    health: Health,
    /// Whoever asks often makes one connection at a time.
    turn: Mutex<()>,
}

/// Answers until `stop` fires.
pub async fn serve(
    listener: TcpListener,
    health: Health,
    stop: CancellationToken,
) -> std::io::Result<()> {
    let metrics = super::metrics::router(Arc::clone(&health.policies));
    let shared = Arc::new(Shared { health, turn: Mutex::new(()) });
    let router = Router::new()
        .route("/healthz", get(async || "ok"))
        .route("/readyz", get(ready))
        .with_state(shared)
        .merge(metrics);
    axum::serve(listener, router).with_graceful_shutdown(stop.cancelled_owned()).await
}

/// Each part by name, and whether it answers; why it does not is for the log.
type Parts = BTreeMap<&'static str, &'static str>;

async fn ready(State(shared): State<Arc<Shared>>) -> (StatusCode, Json<Parts>) {
    let _turn = shared.turn.lock().await;
    let health = &shared.health;
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
