//! What is counted of each private statement, however it ends.

use super::outcome::Outcome;
use crate::error::{Error, Fault};
use crate::metrics::{self, Metrics, Upstream};
use crate::record::Records;
use crate::road::Shared;

/// A statement that has not ended. Dropped before it has, it was left by its client.
pub(super) struct Counted<'a> {
    metrics: &'a Metrics,
    records: &'a Records,
    analyst: &'a str,
    ended: bool,
}

impl<'a> Counted<'a> {
    pub(super) fn begin(shared: &'a Shared, analyst: &'a str) -> Self {
        Self { metrics: &shared.metrics, records: &shared.records, analyst, ended: false }
    }

    /// Counts how it failed, if it did. One that did not was counted by what it was answered with.
    /// Mistakes that PostgreSQL finds in a text are not counted.
    pub(super) fn end(mut self, outcome: &Result<Outcome, Error>) {
        self.ended = true;
        match outcome {
            Ok(_) | Err(Error::Database(_)) => {}
            Err(Error::Refusal(refusal)) => {
                self.metrics.refused(refusal.code);
                self.records.refused(self.analyst, refusal.code);
            }
            Err(Error::Fault(Fault::Canceled)) => {
                self.metrics.statement(metrics::Outcome::Canceled);
            }
            Err(Error::Fault(fault)) => {
                self.metrics.statement(metrics::Outcome::Fault);
                if let Some(upstream) = upstream(fault) {
                    self.metrics.upstream_failed(upstream);
                }
            }
        }
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        if !self.ended {
            self.metrics.statement(metrics::Outcome::Canceled);
        }
    }
}

/// Whose failure it was.
fn upstream(fault: &Fault) -> Option<Upstream> {
    match fault {
        Fault::Source(_) => Some(Upstream::Source),
        Fault::Shadow(_) => Some(Upstream::Shadow),
        Fault::Ledger(_) => Some(Upstream::Ledger),
        Fault::Deadline | Fault::Canceled | Fault::Unreachable(_) => None,
    }
}
