//! Numbers to look at. What decides about a charge is computed elsewhere, and exactly.

use noisegate_privacy::UBig;
use noisegate_privacy::budget::{Accountant, Amount, Delta, Epsilon, Rho};
use noisegate_privacy::convert::epsilon_of;

use crate::admin::shown::{Burn, Buys};
use crate::clock::Millis;
use crate::ledger::{Account, Balance, Bucket, Window};

/// The ε that the planning help is about.
const BUYS: [(&str, f64); 5] =
    [("0.01", 0.01), ("0.05", 0.05), ("0.1", 0.1), ("0.5", 0.5), ("1", 1.0)];
/// Over how many days the rate of spending is taken.
pub(super) const BURN_DAYS: u32 = 7;
/// A day in milliseconds.
const DAY: f64 = 86_400_000.0;
/// Further ahead than this nothing is foretold.
const DAYS_AHEAD_MAX: f64 = 36_500.0;

/// An amount as a number.
pub(super) fn number(amount: &Amount) -> f64 {
    amount.units().to_string().parse().unwrap_or(f64::MAX)
}

/// An amount of ε or ρ as a number.
pub(super) fn pico(amount: &Amount) -> f64 {
    number(amount) / 1e12
}

/// The ε of one answer that costs this ρ: under zCDP, ρ = ε²/2.
pub(super) fn one_answer(rho: &Amount) -> f64 {
    (2.0 * pico(rho)).sqrt()
}

/// The ε of one answer at this price, for an account that counts in ρ or in ε.
pub(super) fn price(accountant: Accountant, rho: &Amount, epsilon: &Amount) -> f64 {
    match accountant {
        Accountant::Zcdp => one_answer(rho),
        Accountant::Pure => pico(epsilon),
    }
}

/// The share that a loss has of an account's limit, in the measure that comes to its end first.
pub(super) fn share(account: &Account, rho: &Amount, epsilon: &Amount, delta: &Amount) -> f64 {
    let part = |part: &Amount, whole: &Amount| match (part.is_zero(), whole.is_zero()) {
        (true, _) => 0.0,
        (false, true) => 1.0,
        (false, false) => number(part) / number(whole),
    };
    match account.accountant {
        Accountant::Zcdp => part(rho, &account.rho).max(part(delta, &account.delta)),
        Accountant::Pure => part(epsilon, &account.epsilon),
    }
}

/// The ε that what was spent amounts to.
pub(super) fn spent_epsilon(balance: &Balance) -> f64 {
    match balance.account.accountant {
        Accountant::Pure => pico(&balance.spent_epsilon),
        Accountant::Zcdp => shown_rho(&balance.account, &balance.spent_rho),
    }
}

/// The ε that ρ means beside an account's δ, of which thresholds have a tenth.
fn shown_rho(account: &Account, rho: &Amount) -> f64 {
    let rest = Amount::from_units(account.delta.units() * 9_u8);
    match Delta::from_cost(&rest) {
        Some(delta) if !rho.is_zero() => epsilon_of(rho, &delta),
        _ => 0.0,
    }
}

/// How many queries of some usual ε the rest still pays for.
pub(super) fn buys(balance: &Balance) -> Vec<Buys> {
    let account = &balance.account;
    let each = |(text, epsilon_each): (&str, f64)| {
        let epsilon = Epsilon::parse(text).ok()?;
        let (left, cost) = match account.accountant {
            Accountant::Zcdp => {
                (account.rho.minus(&balance.spent_rho), Rho::of_epsilon(&epsilon).cost())
            }
            Accountant::Pure => (account.epsilon.minus(&balance.spent_epsilon), epsilon.cost()),
        };
        let queries = left.units() / cost.units().clone().max(UBig::ONE);
        Some(Buys { queries: u64::try_from(&queries).unwrap_or(u64::MAX), epsilon_each })
    };
    BUYS.into_iter().filter_map(each).collect()
}

/// What was spent in the last days.
#[derive(Clone, Debug, Default)]
pub(super) struct Lately {
    /// Charges.
    pub(super) charges: i64,
    /// The share of the account's limit.
    pub(super) share: f64,
}

impl Lately {
    /// The sum of what was spent from an account.
    pub(super) fn of(account: &Account, buckets: &[Bucket]) -> Self {
        let mut all = Self::default();
        for bucket in buckets {
            all.charges = all.charges.saturating_add(bucket.charges);
            all.share += share(account, &bucket.rho, &bucket.epsilon, &bucket.delta);
        }
        all
    }

    /// As a rate, beside the one that would last for exactly one window.
    pub(super) fn burn(&self, window: Window, now: Millis) -> Burn {
        let fraction_per_day = self.share / f64::from(BURN_DAYS);
        let plan_per_day = plan_per_ms(window, now).map(|plan| plan * DAY);
        let ratio = plan_per_day.map(|plan| fraction_per_day / plan);
        Burn { days: BURN_DAYS, fraction_per_day, plan_per_day, ratio }
    }

    /// When an account of which so much is left is empty at this rate, if that is before it
    /// refills.
    pub(super) fn exhausted(&self, left: f64, balance: &Balance) -> Option<Millis> {
        let per_day = self.share / f64::from(BURN_DAYS);
        let days = if left <= 0.0 { 0.0 } else { left / per_day };
        if !days.is_finite() || days > DAYS_AHEAD_MAX {
            return None;
        }
        #[expect(clippy::cast_possible_truncation, reason = "at most a century in milliseconds")]
        let ahead = (days * DAY) as i64;
        let at = Millis(balance.now.0.saturating_add(ahead));
        balance.refills_at.is_none_or(|refills| at < refills).then_some(at)
    }
}

/// The share that may be spent in each millisecond to last exactly for a window.
pub(super) fn plan_per_ms(window: Window, now: Millis) -> Option<f64> {
    let end = window.refills_at(now)?;
    let ms = end.0.saturating_sub(window.start(now).0).max(1);
    #[expect(clippy::cast_precision_loss, reason = "at most some months")]
    let plan = 1.0 / ms as f64;
    Some(plan)
}
