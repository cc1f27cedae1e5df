//! `/metrics`: what a monitoring system reads. It names nobody and needs no login.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Mutex;

use crate::metrics::Upstream;
use crate::road::{Policies, figures};

/// How old the figures of budgets may be: whoever asks often does not keep the ledger busy.
const FIGURES_LAST: Duration = Duration::from_secs(10);

/// What the metrics are read from.
pub(super) struct Scraped {
    policies: Arc<Policies>,
    /// When the figures of budgets were last read. One reads at a time.
    read_at: Mutex<Option<Instant>>,
}

impl Scraped {
    /// The metrics of a proxy.
    pub(super) fn new(policies: Arc<Policies>) -> Self {
        Self { policies, read_at: Mutex::new(None) }
    }
}

/// All metrics as text.
pub(super) async fn render(scraped: &Scraped) -> String {
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
