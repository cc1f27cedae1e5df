//! The accounts that pay, with their limits: what the policy says, and what administrators decided
//! on top of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use noisegate_privacy::UBig;
use noisegate_privacy::budget::{Accountant, Amount, Epsilon, Limit};

use super::gate::{Gate, ledger_fault};
use crate::clock::Millis;
use crate::error::Fault;
use crate::ledger::{Account, Control, Effect, LedgerError, Step, Window};
use crate::policy::{Budget, Throttle, ThrottleStep};

const HOUR_MS: i64 = 3_600_000;

/// The decisions of administrators, by account.
pub(crate) type Controls = BTreeMap<String, Control>;

/// An account with its limits at a time: the ε of the policy and of grants in force, at most the
/// cap. A cap of zero leaves nothing to spend.
pub fn account(
    id: &str,
    budget: &Budget,
    control: Option<&Control>,
    now: Millis,
) -> Result<Account, Fault> {
    let limit = limit(budget, control, now).ok_or_else(policy_number)?;
    let mut throttle = Vec::new();
    let spacing = budget.spacing.map(|in_ms| Effect::AtMost { charges: 1, in_ms });
    throttle.extend(spacing.map(|effect| Step {
        rho: Amount::ZERO,
        epsilon: Amount::ZERO,
        effect,
    }));
    for step in &budget.throttle {
        throttle.push(throttle_step(step, &limit).ok_or_else(policy_number)?);
    }
    Ok(Account {
        id: id.to_owned(),
        accountant: budget.accountant,
        rho: limit.rho,
        epsilon: limit.epsilon,
        delta: limit.delta,
        window: window(budget),
        throttle,
        control: control.map_or(0, |control| control.in_force(now)),
    })
}

/// The ledger's window of a budget.
pub fn window(budget: &Budget) -> Window {
    match budget.window {
        crate::policy::Window::Lifetime => Window::Lifetime,
        crate::policy::Window::Every { ms } => Window::Every { ms },
        crate::policy::Window::Month => Window::Month,
    }
}

/// Nothing if the policy holds a number that cannot be read.
fn limit(budget: &Budget, control: Option<&Control>, now: Millis) -> Option<Limit> {
    let of_policy = Epsilon::parse(&budget.epsilon).ok()?;
    let Some(control) = control else { return budget.limit_at(&of_policy) };
    let granted = Epsilon::from_cost(&control.granted_at(now));
    let all = granted.map_or_else(|| of_policy.clone(), |granted| of_policy.plus(&granted));
    let epsilon = match control.cap.as_ref() {
        None => all,
        Some(cap) => match Epsilon::from_cost(cap) {
            Some(cap) => cap.min(all),
            // The δ stays, since what a selection of groups costs follows from it.
            None => {
                let limit = budget.limit_at(&of_policy)?;
                return Some(Limit { rho: Amount::ZERO, epsilon: Amount::ZERO, ..limit });
            }
        },
    };
    budget.limit_at(&epsilon)
}

/// The share rounded down to whole units, so that the step is in force no later than it says.
fn throttle_step(step: &ThrottleStep, limit: &Limit) -> Option<Step> {
    let share = Epsilon::parse(&step.at).ok()?;
    let (part, whole) = (share.value().numerator(), share.value().denominator());
    let part = UBig::try_from(part.clone()).ok()?;
    let of = |all: &Amount| Amount::from_units(all.units() * &part / whole);
    let effect = match step.effect {
        Throttle::QueriesPerHour(charges) => Effect::AtMost { charges, in_ms: HOUR_MS },
        Throttle::RememberedOnly => Effect::RememberedOnly,
    };
    Some(Step { rho: of(&limit.rho), epsilon: of(&limit.epsilon), effect })
}

/// What is left of an account in its own measure.
pub(super) fn left(account: &Account, spent: &crate::ledger::Balance) -> Amount {
    match account.accountant {
        Accountant::Zcdp => account.rho.minus(&spent.spent_rho),
        Accountant::Pure => account.epsilon.minus(&spent.spent_epsilon),
    }
}

/// The accounts of these names with their limits now, under decisions that are read anew or that
/// were read before. A charge under decisions that hold no more is refused by the ledger.
pub(super) async fn accounts(
    gate: &Gate,
    pays: &[(String, Budget)],
    anew: bool,
) -> Result<Vec<Account>, Fault> {
    let controls = gate.limits.controls(gate, anew).await.map_err(ledger_fault)?;
    let mut accounts = Vec::new();
    for (id, budget) in pays {
        let control = controls.get(id);
        let now = now(gate, id, budget, control).await?;
        let terms = control.map_or(0, |control| control.in_force(now));
        accounts.push(gate.limits.account(id, terms, || account(id, budget, control, now))?);
    }
    Ok(accounts)
}

/// The time by which a grant counts: the ledger's, which a clock that was set back does not turn
/// back. It is only asked for where there is a grant that ends.
async fn now(
    gate: &Gate,
    id: &str,
    budget: &Budget,
    control: Option<&Control>,
) -> Result<Millis, Fault> {
    let now = gate.clock.now();
    if control.is_none_or(|control| control.granted_until.is_none()) {
        return Ok(now);
    }
    let bare = Account {
        id: id.to_owned(),
        accountant: budget.accountant,
        rho: Amount::ZERO,
        epsilon: Amount::ZERO,
        delta: Amount::ZERO,
        window: window(budget),
        throttle: Vec::new(),
        control: 0,
    };
    let balances = gate.ledger.balances(vec![bare]).await.map_err(ledger_fault)?;
    Ok(balances.first().map_or(now, |balance| balance.now.max(now)))
}

/// Reads the decisions of administrators.
pub(super) async fn read(gate: &Gate) -> Result<Arc<Controls>, LedgerError> {
    Ok(Arc::new(gate.ledger.controls().await?))
}

pub(super) fn policy_number() -> Fault {
    Fault::Unreachable("the policy was loaded with a number that cannot be read")
}
