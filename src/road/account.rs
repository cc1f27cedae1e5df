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

#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
mod tests {
    use super::*;
    use crate::policy::Per;

    fn budget(epsilon: &str) -> Budget {
        Budget {
            name: "b".to_owned(),
            per: Per::Analyst,
            by_role: false,
            epsilon: epsilon.to_owned(),
            delta: "0".to_owned(),
            window: crate::policy::Window::Month,
            accountant: Accountant::Pure,
            throttle: Vec::new(),
            spacing: None,
            stretch: None,
        }
    }

    fn units(text: &str) -> Amount {
        Amount::parse(text).unwrap()
    }

    #[test]
    fn a_grant_adds_until_it_ends_and_a_cap_holds_both() {
        let budget = budget("0.3");
        let limit = |control: &Control, now| {
            let account = account("b/a", &budget, Some(control), Millis(now)).unwrap();
            assert_eq!(account.control, control.in_force(Millis(now)));
            account.epsilon
        };
        let mut control = Control { version: 7, ..Control::default() };
        assert_eq!(limit(&control, 0), units("300000000000"));
        control.granted = units("200000000001");
        control.granted_until = Some(Millis(50));
        assert_eq!(limit(&control, 49), units("500000000001"));
        assert_eq!(limit(&control, 50), units("300000000000"));
        control.cap = Some(units("400000000000"));
        assert_eq!(limit(&control, 49), units("400000000000"));
        assert_eq!(limit(&control, 50), units("300000000000"));
        control.cap = Some(Amount::ZERO);
        assert_eq!(limit(&control, 49), Amount::ZERO);
        let bare = account("b/a", &budget, None, Millis(49)).unwrap();
        assert_eq!((bare.epsilon, bare.control), (units("300000000000"), 0));
        assert_eq!(bare.window, Window::Month);
    }

    #[test]
    fn a_cap_of_zero_keeps_the_delta() {
        let budget =
            Budget { accountant: Accountant::Zcdp, delta: "1e-6".to_owned(), ..budget("3") };
        let with = |cap: Option<Amount>| {
            let control = Control { cap, ..Control::default() };
            account("b/a", &budget, Some(&control), Millis(0)).unwrap()
        };
        let (open, shut) = (with(None), with(Some(Amount::ZERO)));
        assert!(shut.rho.is_zero() && !open.rho.is_zero());
        assert_eq!(shut.delta, open.delta);
        let half = with(Some(units("1500000000000")));
        assert!(half.rho < open.rho && !half.rho.is_zero());
        assert_eq!(half.rho, budget.limit_at(&Epsilon::parse("1.5").unwrap()).unwrap().rho);
    }

    #[test]
    fn a_step_is_in_force_no_later_than_its_share() {
        let step = |at: &str, effect| ThrottleStep { at: at.to_owned(), effect };
        let budget = Budget {
            throttle: vec![
                step("0.25", Throttle::QueriesPerHour(6)),
                step("1", Throttle::RememberedOnly),
            ],
            spacing: Some(10_000),
            ..budget("1e-11")
        };
        let steps = account("b/a", &budget, None, Millis(0)).unwrap().throttle;
        let of = |at: usize| (steps[at].epsilon.clone(), steps[at].effect);
        assert_eq!(of(0), (Amount::ZERO, Effect::AtMost { charges: 1, in_ms: 10_000 }));
        // Of ten units a quarter is two and a half.
        assert_eq!(of(1), (units("2"), Effect::AtMost { charges: 6, in_ms: HOUR_MS }));
        assert_eq!(of(2), (units("10"), Effect::RememberedOnly));
    }
}
