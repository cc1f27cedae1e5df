//! `/metrics`: what a monitoring system reads. It names nobody and needs no login.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::get;
use tokio::sync::Mutex;

use crate::metrics::{CONTENT_TYPE as TEXT, Upstream};
use crate::road::{Policies, figures};

/// How old the figures of budgets may be: whoever asks often does not keep the ledger busy.
const FIGURES_LAST: Duration = Duration::from_secs(10);

struct Scraped {
    policies: Arc<Policies>,
    /// When the figures of budgets were last read. One reads at a time.
    read_at: Mutex<Option<Instant>>,
}

/// The address, ready to be put beside others.
pub fn router<S: Clone + Send + Sync + 'static>(policies: Arc<Policies>) -> Router<S> {
    let scraped = Arc::new(Scraped { policies, read_at: Mutex::new(None) });
    Router::new().route("/metrics", get(scrape)).with_state(scraped)
}

async fn scrape(State(scraped): State<Arc<Scraped>>) -> impl IntoResponse {
    ([(CONTENT_TYPE, TEXT)], render(&scraped).await)
}

/// All metrics as text.
async fn render(scraped: &Scraped) -> String {
    let gate = scraped.policies.gate();
    let shared = &gate.shared;
    let mut read_at = scraped.read_at.lock().await;
    if read_at.is_none_or(|at| at.elapsed() >= FIGURES_LAST) {
        match figures(&gate).await {
            Ok(figures) => shared.metrics.budgets(&figures),
            Err(error) => {
                // What is old would pass for what is.
                shared.metrics.budgets(&[]);
                shared.metrics.upstream_failed(Upstream::Ledger);
                tracing::warn!(%error, "budgets cannot be read for the metrics");
            }
        }
        *read_at = Some(Instant::now());
    }
    shared.metrics.render(shared.live.sessions())
}
