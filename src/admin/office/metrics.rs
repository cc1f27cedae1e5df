//! Metrics: what the proxy counted, with what is left of budgets now.

use std::collections::BTreeMap;

use super::accounts::ordered;
use super::figures::{self, Lately};
use super::{Office, OfficeError, show};
use crate::admin::shown::Per;
use crate::clock::Millis;
use crate::ledger::Balance;
use crate::metrics::BudgetFigures;

/// Over how long the rate of spending is taken, where the policy has no alert for it.
const HOUR_MS: i64 = 3_600_000;
/// Accounts in one look at the ledger.
const ACCOUNTS_AT_ONCE: usize = 500;

impl Office {
    /// All metrics as text; without those of budgets if the ledger does not answer.
    pub async fn metrics(&self) -> Result<String, OfficeError> {
        let gate = self.running()?.gate();
        let shared = &gate.shared;
        match self.budget_figures().await {
            Ok(figures) => shared.metrics.budgets(&figures),
            Err(error) => {
                tracing::error!(%error, "metrics are without those of budgets");
                shared.metrics.budgets(&[]);
            }
        }
        Ok(shared.metrics.render(shared.live.sessions()))
    }

    /// What is left of each budget, over all its accounts.
    async fn budget_figures(&self) -> Result<Vec<BudgetFigures>, OfficeError> {
        let policy = self.policy();
        let controls = self.ledger.controls().await?;
        let alert = policy.alerts.burn_rate.as_ref();
        let window = alert.and_then(|alert| i64::try_from(alert.window_ms).ok());
        let window = window.filter(|ms| *ms > 0).unwrap_or(HOUR_MS);
        let mut budgets: BTreeMap<&str, BudgetFigures> = BTreeMap::new();
        let all = ordered(&policy);
        for declared in all.chunks(ACCOUNTS_AT_ONCE) {
            let limits = self.limits(declared, &controls)?;
            let balances = self.ledger.balances(limits).await?;
            for (declared, balance) in declared.iter().zip(&balances) {
                let control = controls.get(&declared.id);
                let left = show::left(declared.budget, control, balance);
                let burn = self.burn_ratio(balance, window).await?;
                let empty = || empty(&declared.budget.name, show::per(declared.budget));
                let budget = budgets.entry(&declared.budget.name).or_insert_with(empty);
                add(budget, balance, left, burn);
            }
        }
        Ok(budgets.into_values().collect())
    }

    /// How many times faster than its window allows an account was spent in the last time.
    async fn burn_ratio(&self, balance: &Balance, ms: i64) -> Result<Option<f64>, OfficeError> {
        let account = &balance.account;
        let now = balance.now;
        let (from, to) = (Millis(now.0.saturating_sub(ms)), Millis(now.0.saturating_add(1)));
        let Some(plan) = figures::plan_per_ms(account.window, now) else { return Ok(None) };
        let buckets = self.ledger.spent_by_time(&account.id, from, to, ms).await?;
        #[expect(clippy::cast_precision_loss, reason = "at most some months")]
        let ms = ms as f64;
        Ok(Some(Lately::of(account, &buckets).share / ms / plan))
    }
}

fn empty(budget: &str, per: Per) -> BudgetFigures {
    BudgetFigures {
        budget: budget.to_owned(),
        per: match per {
            Per::Dataset => "dataset",
            Per::Team => "team",
            Per::Analyst => "analyst",
        },
        accounts: 0,
        exhausted: 0,
        spent: 0.0,
        remaining: f64::INFINITY,
        burn: None,
    }
}

/// Takes in another account.
fn add(budget: &mut BudgetFigures, balance: &Balance, left: f64, burn: Option<f64>) {
    let spent = show::spent_fraction(balance);
    budget.accounts = budget.accounts.saturating_add(1);
    budget.exhausted = budget.exhausted.saturating_add(usize::from(spent >= 1.0));
    budget.spent = budget.spent.max(spent);
    budget.remaining = budget.remaining.min(left);
    budget.burn = match (budget.burn, burn) {
        (Some(one), Some(other)) => Some(one.max(other)),
        (one, other) => one.or(other),
    };
}
