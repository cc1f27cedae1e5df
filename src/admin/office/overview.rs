//! What an administrator sees first.

use std::collections::BTreeMap;

use super::accounts::ordered;
use super::request::{DAY_MS, Span};
use super::show::per;
use super::{Office, OfficeError, Page};
use crate::admin::shown::{self, Findings, LedgerStatus, Overview, Refusals};
use crate::clock::Millis;
use crate::ledger::{AuditFilter, AuditRecord};
use crate::policy::{DeclaredAccount, LedgerStore, Level, Per};
use crate::road::measure::share_spent;

const ACCOUNTS_MAX: usize = 50;
/// Accounts in one look at the ledger.
const LOOK: usize = 1000;
const SPENDERS_MAX: u32 = 10;
/// Refusals that are read at once, and how often; of more than that, the latest are counted.
const REFUSALS_PAGE: u32 = 1000;
const REFUSAL_PAGES_MAX: usize = 5;

impl Office {
    /// What an administrator sees first.
    pub async fn overview(&self) -> Result<Overview, OfficeError> {
        let policy = self.policy();
        let now = self.now();
        let store = match policy.server.ledger {
            LedgerStore::Sqlite(_) => "sqlite",
            LedgerStore::Postgres(_) => "postgresql",
        };
        let accounts = self.closest(ordered(&policy)).await?;
        let most = Page { limit: Some(SPENDERS_MAX), cursor: None };
        let spenders = self.spenders(&Span::default(), None, &most).await?.items;
        Ok(Overview {
            now: shown::time(now),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            policy_version: hex::encode(policy.version).chars().take(16).collect(),
            proxies_note:
                "The number of queries in flight is of this proxy; budgets are those of all."
                    .to_owned(),
            ledger: LedgerStatus {
                store: store.to_owned(),
                generation: self.ledger.generation().await?,
            },
            accounts: self.show(&accounts).await?,
            top_spenders_7d: spenders,
            refusals_24h: self.refusals(now).await?,
            in_flight: self.in_flight(),
            findings: self.findings(),
        })
    }

    /// Those of datasets, and of all others the ones that are closest to their end; in order.
    async fn closest<'p>(
        &self,
        all: Vec<DeclaredAccount<'p>>,
    ) -> Result<Vec<DeclaredAccount<'p>>, OfficeError> {
        if all.len() <= ACCOUNTS_MAX {
            return Ok(all);
        }
        let controls = self.ledger.controls().await?;
        let mut shares = Vec::with_capacity(all.len());
        for part in all.chunks(LOOK) {
            let balances = self.ledger.balances(self.limits(part, &controls)?).await?;
            shares.extend(balances.iter().map(share_spent));
        }
        let mut ranked: Vec<_> = all.into_iter().zip(shares).collect();
        let is_of_all = |account: &DeclaredAccount<'_>| account.budget.per == Per::Dataset;
        ranked.sort_by(|(one, share), (other, than)| {
            is_of_all(other).cmp(&is_of_all(one)).then_with(|| than.total_cmp(share))
        });
        ranked.truncate(ACCOUNTS_MAX);
        let mut closest: Vec<_> = ranked.into_iter().map(|(account, _)| account).collect();
        closest.sort_by_key(|account| (per(account.budget), account.id.clone()));
        Ok(closest)
    }

    /// Queries of this proxy that are being answered.
    fn in_flight(&self) -> u64 {
        let running = self.running().map(|policies| policies.gate().shared.live.in_flight());
        u64::try_from(running.unwrap_or(0)).unwrap_or(u64::MAX)
    }

    /// How much was found when the policy came into force.
    fn findings(&self) -> Findings {
        let mut count = Findings::default();
        let Ok(policies) = self.running() else { return count };
        for finding in &policies.running().findings {
            let counted = match finding.level {
                Level::Error => &mut count.errors,
                Level::Warning => &mut count.warnings,
            };
            *counted = counted.saturating_add(1);
        }
        count
    }

    /// How often each code was refused in the last day, the most frequent first.
    async fn refusals(&self, now: Millis) -> Result<Vec<Refusals>, OfficeError> {
        let wanted = AuditFilter {
            from: Some(Millis(now.0.saturating_sub(DAY_MS))),
            kind: Some("refused".to_owned()),
            ..AuditFilter::default()
        };
        let mut counts: BTreeMap<String, u64> = BTreeMap::new();
        let mut last = None;
        for _ in 0..REFUSAL_PAGES_MAX {
            let found = self.ledger.audit(wanted.clone(), last, REFUSALS_PAGE).await?;
            last = found.last().map(|record| record.cursor);
            for record in found {
                let times = times(&record);
                let count = counts.entry(record.object).or_default();
                *count = count.saturating_add(times);
            }
            if last.is_none() {
                break;
            }
        }
        let counts = counts.into_iter().map(|(code, count)| Refusals { code, count });
        let mut refusals: Vec<Refusals> = counts.collect();
        refusals.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.code.cmp(&b.code)));
        Ok(refusals)
    }
}

/// How many refusals a record stands for.
fn times(record: &AuditRecord) -> u64 {
    let detail: serde_json::Value = serde_json::from_str(&record.detail).unwrap_or_default();
    detail.get("count").and_then(serde_json::Value::as_u64).unwrap_or(1)
}
