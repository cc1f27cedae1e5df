//! Numbers to look at. What decides about a charge is computed elsewhere, and exactly.

use std::sync::LazyLock;

use noisegate_privacy::budget::{Accountant, Amount, Epsilon};

use crate::admin::shown::{Burn, Buys};
use crate::clock::Millis;
use crate::ledger::{Account, Balance, Bucket, Window};
use crate::road::measure::{count_error, epsilon_of, one_answer, pico, queries_left, share};

/// A usual ε, as the planning help is about.
struct Usual {
    epsilon: Epsilon,
    number: f64,
    /// The error of a count under zCDP, and under pure ε.
    count_error: [u64; 2],
}

static USUAL: LazyLock<Vec<Usual>> = LazyLock::new(|| {
    let all = [("0.01", 0.01), ("0.05", 0.05), ("0.1", 0.1), ("0.5", 0.5), ("1", 1.0)];
    let usual = |(text, number): (&str, f64)| {
        let epsilon = Epsilon::parse(text).ok()?;
        let error = |accountant| u64::try_from(&count_error(accountant, &epsilon)).ok();
        let count_error = [error(Accountant::Zcdp)?, error(Accountant::Pure)?];
        Some(Usual { epsilon, number, count_error })
    };
    all.into_iter().filter_map(usual).collect()
});
/// Over how many days the rate of spending is taken.
pub(super) const BURN_DAYS: u32 = 7;
/// A day in milliseconds.
const DAY: f64 = 86_400_000.0;
/// Further ahead than this nothing is foretold.
const DAYS_AHEAD_MAX: f64 = 36_500.0;

/// The ε of one answer at this price, for an account that counts in ρ or in ε.
pub(super) fn price(accountant: Accountant, rho: &Amount, epsilon: &Amount) -> f64 {
    match accountant {
        Accountant::Zcdp => one_answer(rho),
        Accountant::Pure => pico(epsilon),
    }
}

/// The ε that what was spent amounts to.
pub(super) fn spent_epsilon(balance: &Balance) -> f64 {
    match balance.account.accountant {
        Accountant::Pure => pico(&balance.spent_epsilon),
        Accountant::Zcdp => epsilon_of(&balance.account, &balance.spent_rho),
    }
}

/// How many queries of some usual ε the rest still pays for, and with which error.
pub(super) fn buys(balance: &Balance) -> Vec<Buys> {
    let each = |usual: &Usual| {
        let [zcdp, pure] = usual.count_error;
        Buys {
            queries: u64::try_from(&queries_left(balance, &usual.epsilon)).unwrap_or(u64::MAX),
            epsilon_each: usual.number,
            count_error: match balance.account.accountant {
                Accountant::Zcdp => zcdp,
                Accountant::Pure => pure,
            },
        }
    };
    USUAL.iter().map(each).collect()
}

/// What was spent in the last days.
#[derive(Clone, Debug, Default)]
pub(super) struct Lately {
    /// Charges.
    pub(super) charges: i64,
    /// The share of the account's limit.
    pub(super) share: f64,
    /// When the first charge was that is known of, by the hour.
    first: Option<Millis>,
}

impl Lately {
    /// The sum of what was spent from an account since a time. What was before only says that the
    /// account is not new.
    pub(super) fn of(account: &Account, buckets: &[Bucket], since: Millis) -> Self {
        let first = buckets.iter().map(|bucket| bucket.start).min();
        let mut all = Self { first, ..Self::default() };
        for bucket in buckets.iter().filter(|bucket| bucket.start >= since) {
            all.charges = all.charges.saturating_add(bucket.charges);
            all.share += share(account, &bucket.rho, &bucket.epsilon, &bucket.delta);
        }
        all
    }

    /// The share that goes in a day: over the last days, or since the first charge of a new account,
    /// which would else be said to last longer than it does. Not over less than a day.
    fn per_day(&self, now: Millis) -> f64 {
        let most = f64::from(BURN_DAYS);
        let since = self.first.map_or(most, |first| {
            #[expect(clippy::cast_precision_loss, reason = "some days in milliseconds")]
            let ms = now.0.saturating_sub(first.0) as f64;
            ms / DAY
        });
        self.share / since.clamp(1.0, most)
    }

    /// As a rate, beside the one that would last for exactly one window.
    pub(super) fn burn(&self, window: Window, now: Millis) -> Burn {
        let fraction_per_day = self.per_day(now);
        let plan_per_day = plan_per_ms(window, now).map(|plan| plan * DAY);
        let ratio = plan_per_day.map(|plan| fraction_per_day / plan);
        Burn { days: BURN_DAYS, fraction_per_day, plan_per_day, ratio }
    }

    /// When an account of which so much is left is empty at this rate, if that is before it
    /// refills.
    pub(super) fn exhausted(&self, left: f64, balance: &Balance) -> Option<Millis> {
        let per_day = self.per_day(balance.now);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_that_of_the_days_that_there_were() {
        let day = 86_400_000;
        let now = Millis(100 * day);
        for (days_ago, over) in
            [(None, 7.0), (Some(20), 7.0), (Some(7), 7.0), (Some(2), 2.0), (Some(0), 1.0)]
        {
            let first = days_ago.map(|days: i64| Millis(now.0 - days * day));
            let lately = Lately { charges: 1, share: 0.7, first };
            assert!((lately.per_day(now) - 0.7 / over).abs() < 1e-12, "{days_ago:?}");
        }
    }
}
