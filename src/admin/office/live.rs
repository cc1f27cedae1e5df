//! Queries of this proxy that are being answered.

use serde_json::json;

use super::accounts::short;
use super::{Office, OfficeError, Order, Page};
use crate::admin::shown::{self, List, Query, QueryStage};
use crate::live::{InFlight, Stage};

impl Office {
    /// The queries in flight, oldest first.
    pub fn queries(&self, page: &Page) -> Result<List<Query>, OfficeError> {
        let gate = self.running()?.gate();
        let all = gate.shared.live.list().into_iter().map(query).collect();
        page.of_named(all, |query| query.query.clone())
    }

    /// Stops a query, as its client could. What was charged for it stays charged.
    pub async fn cancel(&self, id: &str, order: &Order) -> Result<(), OfficeError> {
        let not_found = || OfficeError::NotFound { what: "query in flight", name: short(id) };
        let gate = self.running()?.gate();
        let all = gate.shared.live.list();
        let found = all.into_iter().find(|query| query.query.to_string() == id);
        let found = found.ok_or_else(not_found)?;
        let detail = json!({"analyst": found.analyst.0, "stage": found.stage.name()});
        // On record first: what was stopped and is not on record would be worse than the opposite.
        self.ledger.record(vec![order.event("query.cancel", id, &detail)?]).await?;
        if gate.shared.live.cancel(found.query) { Ok(()) } else { Err(not_found()) }
    }
}

fn query(found: InFlight) -> Query {
    Query {
        query: found.query.to_string(),
        analyst: found.analyst.0,
        started_at: shown::time(found.started_at),
        stage: match found.stage {
            Stage::Reading => QueryStage::Reading,
            Stage::Charging => QueryStage::Charging,
            Stage::Asking => QueryStage::Asking,
            Stage::Finishing => QueryStage::Finishing,
        },
        epsilon: found.epsilon,
        fingerprint: found.fingerprint.map(|found| found.to_string()),
    }
}
