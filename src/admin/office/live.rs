//! Queries that are being answered, by this proxy and by others of the same ledger.

use std::time::Duration;

use serde_json::json;

use super::accounts::short;
use super::{Office, OfficeError, Order, Page};
use crate::admin::shown::{self, List, Query, QueryStage};
use crate::clock::Millis;
use crate::ids::Fingerprint;
use crate::ledger::{ChargeShown, LedgerError, QUERY_CANCEL};
use crate::live::{InFlight, Stage};
use crate::road::Gate;

/// How long ago a charge may be made whose statement is looked for, in timeouts.
const TIMEOUTS_MAX: i64 = 10;
/// The same in milliseconds, however long a timeout is.
const LIFE_MAX_MS: i64 = 60 * 60 * 1000;
/// How far other machines' clocks may be behind this one's.
const CLOCKS_DIFFER_MS: i64 = 60 * 1000;
/// How long the ledger may take to say what other proxies answer.
const PATIENCE: Duration = Duration::from_secs(3);

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
        // This proxy's own are known in any case.
        let mut all = self.elsewhere(&gate).await.unwrap_or_else(|error| {
            tracing::warn!(%error, "what other proxies answer is not known");
            Vec::new()
        });
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
    /// those of this proxy. An error if the ledger cannot say soon.
    async fn elsewhere(&self, gate: &Gate) -> Result<Vec<Query>, OfficeError> {
        let now = self.now().0;
        let timeout = i64::try_from(gate.policy.answers.timeout_ms).unwrap_or(i64::MAX);
        let span = timeout.saturating_mul(TIMEOUTS_MAX).min(LIFE_MAX_MS);
        // Before and after: one of them may begin or end meanwhile.
        let mut own = gate.shared.live.list();
        let since = Millis(now.saturating_sub(span).saturating_sub(CLOCKS_DIFFER_MS));
        let looking = self.ledger.unsettled(since);
        let late = |_| LedgerError::Store("it did not answer in time".to_owned());
        let found = tokio::time::timeout(PATIENCE, looking).await.map_err(late)??;
        own.extend(gate.shared.live.list());
        let can_be_in_flight = |charge: &ChargeShown| {
            // Each of its leaves has that long, and so has the wait for the source.
            let leaves = i64::try_from(charge.questions.len()).unwrap_or(i64::MAX);
            let life = timeout.saturating_mul(leaves.saturating_add(2));
            let is_own = own.iter().any(|one| one.query == charge.query);
            !is_own && charge.at.0.saturating_add(life) >= now.saturating_sub(CLOCKS_DIFFER_MS)
        };
        Ok(found.into_iter().filter(can_be_in_flight).map(elsewhere).collect())
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
