//! Queries that are being answered, by this proxy and by others of the same ledger.

use serde_json::json;

use super::accounts::short;
use super::{Office, OfficeError, Order, Page};
use crate::admin::shown::{self, List, Query, QueryStage};
use crate::clock::Millis;
use crate::ids::Fingerprint;
use crate::ledger::{ChargeShown, QUERY_CANCEL};
use crate::live::{InFlight, Stage};
use crate::road::Gate;

/// How a query is stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Canceled {
    /// It ends now.
    Now,
    /// Another proxy answers it, and finds on record that it is to stop.
    Soon,
}

impl Office {
    /// The queries in flight, oldest first: those of this proxy, and of those that others answer
    /// the ones that are charged.
    pub async fn queries(&self, page: &Page) -> Result<List<Query>, OfficeError> {
        let gate = self.running()?.gate();
        let mut all = self.elsewhere(&gate).await?;
        all.extend(gate.shared.live.list().into_iter().map(here));
        all.sort_by(|a, b| (&a.started_at, &a.query).cmp(&(&b.started_at, &b.query)));
        page.of_named(all, |query| query.query.clone())
    }

    /// Stops a query, as its client could. What was charged for it stays charged.
    pub async fn cancel(&self, id: &str, order: &Order) -> Result<Canceled, OfficeError> {
        let not_found = || OfficeError::NotFound { what: "query in flight", name: short(id) };
        let gate = self.running()?.gate();
        let all = gate.shared.live.list();
        let found = all.into_iter().find(|query| query.query.to_string() == id);
        let (analyst, stage) = match &found {
            Some(found) => (found.analyst.0.clone(), found.stage),
            None => {
                let all = self.elsewhere(&gate).await?;
                let found = all.into_iter().find(|query| query.query == id);
                (found.ok_or_else(not_found)?.analyst, Stage::Asking)
            }
        };
        let detail = json!({"analyst": analyst, "stage": stage.name()});
        // On record first: what was stopped and is not on record would be worse than the opposite.
        self.ledger.record(vec![order.event(QUERY_CANCEL, id, &detail)?]).await?;
        match found {
            None => Ok(Canceled::Soon),
            Some(found) if gate.shared.live.cancel(found.query) => Ok(Canceled::Now),
            Some(_) => Err(not_found()),
        }
    }

    /// What was charged so lately that it can be in flight, and is settled by nobody yet; but for
    /// those of this proxy.
    async fn elsewhere(&self, gate: &Gate) -> Result<Vec<Query>, OfficeError> {
        let longest = i64::try_from(gate.policy.answers.timeout_ms).unwrap_or(i64::MAX);
        let since = Millis(self.now().0.saturating_sub(longest));
        // Before and after: one of them may begin or end meanwhile.
        let mut own = gate.shared.live.list();
        let pending = self.ledger.pending(since).await?;
        own.extend(gate.shared.live.list());
        let is_own = |charge: &ChargeShown| own.iter().any(|one| one.query == charge.query);
        Ok(pending.into_iter().filter(|charge| !is_own(charge)).map(elsewhere).collect())
    }
}

fn elsewhere(charge: ChargeShown) -> Query {
    Query {
        query: charge.query.to_string(),
        analyst: charge.analyst,
        started_at: shown::time(charge.at),
        stage: QueryStage::Asking,
        epsilon: None,
        fingerprint: Fingerprint::of(&charge.questions).map(|found| found.to_string()),
        here: false,
    }
}

fn here(found: InFlight) -> Query {
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
        here: true,
    }
}
