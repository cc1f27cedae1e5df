//! An account as it is shown.

use noisegate_privacy::budget::{Accountant, Amount, Delta, Epsilon};

use super::figures::{self, Lately};
use crate::admin::shown::{self, Per, Throttle, ThrottleStep};
use crate::clock::Millis;
use crate::ledger::{Account, Balance, Control, Effect, Step, Window};
use crate::policy::{Budget, DeclaredAccount};
use crate::road::measure;

/// An account with everything that is known of it.
pub(super) fn account(
    declared: &DeclaredAccount<'_>,
    control: &Control,
    balance: &Balance,
    lately: &Lately,
) -> shown::Account {
    let account = &balance.account;
    let granted = control.granted_at(balance.now);
    let limit_epsilon = limit(declared.budget, Some(control), balance.now);
    let spent_epsilon = figures::spent_epsilon(balance);
    let spent_fraction = measure::share_spent(balance).clamp(0.0, 1.0);
    let exhausted = lately.exhausted(1.0 - spent_fraction, balance);
    let lifetime = account.window == Window::Lifetime;
    shown::Account {
        id: declared.id.clone(),
        budget: declared.budget.name.clone(),
        per: per(declared.budget),
        role: declared.role.map(str::to_owned),
        holder: declared.holder.map(str::to_owned),
        accountant: match account.accountant {
            Accountant::Zcdp => shown::Accountant::Zcdp,
            Accountant::Pure => shown::Accountant::Pure,
        },
        window: window(account.window),
        window_started_at: (!lifetime).then(|| shown::time(balance.window_start)),
        renews_at: balance.refills_at.map(shown::time),
        policy_epsilon: parsed(&declared.budget.epsilon),
        delta: delta(declared.budget),
        cap_epsilon: control.cap.as_ref().map(measure::pico),
        granted_epsilon: measure::pico(&granted),
        limit_epsilon,
        spent_epsilon,
        left_epsilon: left(declared.budget, Some(control), balance),
        spent_fraction,
        frozen: control.frozen,
        throttle: throttle(balance),
        burn: lately.burn(account.window, balance.now),
        exhausted_on: exhausted.map(shown::date),
        charges_7d: lately.charges,
        version: control.version,
        buys: figures::buys(balance),
    }
}

/// Who shares an account.
pub(super) fn per(budget: &Budget) -> Per {
    match budget.per {
        crate::policy::Per::Analyst => Per::Analyst,
        crate::policy::Per::Team => Per::Team,
        crate::policy::Per::Dataset => Per::Dataset,
    }
}

/// The ε that is left.
pub(super) fn left(budget: &Budget, control: Option<&Control>, balance: &Balance) -> f64 {
    let limit = limit(budget, control, balance.now);
    (limit - figures::spent_epsilon(balance)).max(0.0)
}

/// The ε that may be spent.
fn limit(budget: &Budget, control: Option<&Control>, now: Millis) -> f64 {
    let Ok(epsilon) = Epsilon::parse(&budget.epsilon) else { return 0.0 };
    let Some(control) = control else { return measure::pico(&epsilon.cost()) };
    let limit = &epsilon.cost() + &control.granted_at(now);
    let capped = control.cap.as_ref().filter(|cap| **cap < limit);
    measure::pico(capped.unwrap_or(&limit))
}

fn parsed(epsilon: &str) -> f64 {
    Epsilon::parse(epsilon).map_or(0.0, |epsilon| measure::pico(&epsilon.cost()))
}

fn delta(budget: &Budget) -> f64 {
    Delta::parse(&budget.delta).map_or(0.0, |delta| measure::number(&delta.cost()) / 1e18)
}

/// A window in the policy's words.
fn window(window: Window) -> String {
    match window {
        Window::Lifetime => "lifetime".to_owned(),
        Window::Month => "month".to_owned(),
        Window::Every { ms } => span(ms),
    }
}

/// A length of time in the largest unit that it is whole in.
fn span(ms: i64) -> String {
    for (unit, name) in [(86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1_000, "s")] {
        if ms >= unit && ms % unit == 0 {
            return format!("{}{name}", ms / unit);
        }
    }
    format!("{ms}ms")
}

fn throttle(balance: &Balance) -> Throttle {
    let account = &balance.account;
    let step = |step: &Step| ThrottleStep { at: at(account, step), effect: effect(&step.effect) };
    Throttle {
        steps: account.throttle.iter().map(step).collect(),
        active: balance.throttled.as_ref().map(|throttled| effect(&throttled.effect)),
    }
}

/// The share from which on a step holds.
fn at(account: &Account, step: &Step) -> f64 {
    measure::share(account, &step.rho, &step.epsilon, &Amount::ZERO)
}

fn effect(effect: &Effect) -> String {
    match effect {
        Effect::RememberedOnly => "remembered answers only".to_owned(),
        Effect::AtMost { charges: 1, in_ms } => format!("{} between charges", span(*in_ms)),
        Effect::AtMost { charges, in_ms: 3_600_000 } => format!("{charges} charges an hour"),
        Effect::AtMost { charges, in_ms } => format!("{charges} charges in {}", span(*in_ms)),
    }
}
