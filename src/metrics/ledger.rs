//! What the ledger's writer counts.

use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use super::series::{ByResult, FAILED, OK};

/// Bounds of the histogram of commits, in seconds.
const SECONDS: [f64; 8] = [0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 1.0, 10.0];

/// Commits of a ledger. A clone counts the same ones.
#[derive(Clone, Debug)]
pub struct LedgerMeters {
    commits: Family<ByResult, Counter>,
    seconds: Histogram,
}

impl Default for LedgerMeters {
    fn default() -> Self {
        let meters = Self { commits: Family::default(), seconds: Histogram::new(SECONDS) };
        for result in [OK, FAILED] {
            let _series = meters.commits.get_or_create(&ByResult { result });
        }
        meters
    }
}

impl LedgerMeters {
    /// Counts a unit of work that was committed, or not.
    pub fn committed(&self, took: Duration, ok: bool) {
        self.commits.get_or_create(&ByResult::of(ok)).inc();
        self.seconds.observe(took.as_secs_f64());
    }

    pub(super) fn register(&self, to: &mut Registry) {
        let help = "Units of work of the ledger; each holds all charges that waited";
        to.register("ledger_commits", help, self.commits.clone());
        let help = "Time of a unit of work of the ledger";
        to.register("ledger_commit_seconds", help, self.seconds.clone());
    }
}
