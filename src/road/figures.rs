//! How budgets stand as a whole, for those who watch the proxy: no account is told by name.

use std::collections::BTreeMap;

use super::account;
use super::gate::{Gate, ledger_fault};
use super::measure;
use super::spoken::left;
use crate::clock::Millis;
use crate::error::Fault;
use crate::ledger::{Balance, Bucket};
use crate::metrics::BudgetFigures;
use crate::policy::{Budget, Per};

/// Over how long the rate of spending is taken, if the policy's alert does not say it.
const BURN_MS: i64 = 6 * 3_600_000;
/// Accounts in one look at the ledger.
const LOOK: usize = 1000;

/// The figures of each budget that some role pays from.
pub async fn figures(gate: &Gate) -> Result<Vec<BudgetFigures>, Fault> {
    let declared = gate.policy.every_account();
    let controls = gate.ledger.controls().await.map_err(ledger_fault)?;
    let now = gate.clock.now();
    let mut figures = BTreeMap::new();
    for part in declared.chunks(LOOK) {
        let mut accounts = Vec::new();
        for one in part {
            accounts.push(account::account(&one.id, one.budget, controls.get(&one.id), now)?);
        }
        let balances = gate.ledger.balances(accounts).await.map_err(ledger_fault)?;
        for (one, balance) in part.iter().zip(&balances) {
            let figure =
                figures.entry(one.budget.name.clone()).or_insert_with(|| nothing(one.budget));
            let burn = burn(gate, balance).await?;
            add(figure, gate, balance, burn);
        }
    }
    Ok(figures.into_values().collect())
}

fn nothing(budget: &Budget) -> BudgetFigures {
    BudgetFigures {
        budget: budget.name.clone(),
        per: match budget.per {
            Per::Analyst => "analyst",
            Per::Team => "team",
            Per::Dataset => "dataset",
        },
        accounts: 0,
        exhausted: 0,
        spent: 0.0,
        remaining: f64::INFINITY,
        burn: None,
    }
}

fn add(figure: &mut BudgetFigures, gate: &Gate, balance: &Balance, burn: Option<f64>) {
    let shown = left(gate, balance);
    let share = measure::share_spent(balance);
    figure.accounts = figure.accounts.saturating_add(1);
    figure.exhausted = figure.exhausted.saturating_add(usize::from(share >= 1.0));
    figure.spent = figure.spent.max(share);
    figure.remaining = figure.remaining.min((shown.limit - shown.spent).max(0.0));
    figure.burn = match (figure.burn, burn) {
        (Some(one), Some(other)) => Some(one.max(other)),
        (one, other) => one.or(other),
    };
}

/// How many times faster than its window allows the account was spent lately. Nothing for one
/// without a window.
async fn burn(gate: &Gate, balance: &Balance) -> Result<Option<f64>, Fault> {
    let account = &balance.account;
    let Some(window_ms) = account.window.ms_max() else { return Ok(None) };
    if balance.spent_rho.is_zero() && balance.spent_epsilon.is_zero() {
        return Ok(Some(0.0));
    }
    let alert = gate.policy.alerts.burn_rate.as_ref();
    let ms = alert.map_or(BURN_MS, |alert| i64::try_from(alert.window_ms).unwrap_or(i64::MAX));
    let ms = ms.clamp(1, window_ms);
    let (from, to) =
        (Millis(balance.now.0.saturating_sub(ms)), Millis(balance.now.0.saturating_add(1)));
    let buckets = gate.ledger.spent_by_time(&account.id, from, to, ms).await;
    let spent =
        |bucket: &Bucket| measure::share(account, &bucket.rho, &bucket.epsilon, &bucket.delta);
    let lately: f64 = buckets.map_err(ledger_fault)?.iter().map(spent).sum();
    #[expect(clippy::cast_precision_loss, reason = "lengths of time to look at")]
    let plan = ms as f64 / window_ms as f64;
    Ok(Some(lately / plan))
}
