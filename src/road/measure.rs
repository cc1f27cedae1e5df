//! Amounts as numbers to look at. What decides about a charge is computed elsewhere, and exactly.

use noisegate_privacy::UBig;
use noisegate_privacy::budget::{Accountant, Amount, Delta, Epsilon, Rho};
use noisegate_privacy::convert;
use noisegate_privacy::noise::Noise;

use super::account;
use super::spoken::ALPHA;
use crate::ledger::{Account, Balance};

/// An amount in units.
pub fn number(amount: &Amount) -> f64 {
    amount.units().to_string().parse().unwrap_or(f64::MAX)
}

/// An amount of ε or ρ.
pub fn pico(amount: &Amount) -> f64 {
    number(amount) / 1e12
}

/// The ε of one answer that costs this ρ, since ρ = ε²/2.
pub fn one_answer(rho: &Amount) -> f64 {
    (2.0 * pico(rho)).sqrt()
}

/// The ε that ρ means beside an account's δ. The limit keeps a tenth of the budget's δ for
/// thresholds; the conversion has the other nine.
pub fn epsilon_of(account: &Account, rho: &Amount) -> f64 {
    let nine = Amount::from_units(account.delta.units() * 9_u8);
    match Delta::from_cost(&nine) {
        Some(delta) if !rho.is_zero() => convert::epsilon_of(rho, &delta),
        _ => 0.0,
    }
}

/// The share that a loss has of an account's limit, in the measure that comes to its end first.
pub fn share(account: &Account, rho: &Amount, epsilon: &Amount, delta: &Amount) -> f64 {
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

/// The share of its limit that an account has spent. What can pay for nothing is spent, as under a
/// cap of nothing.
pub fn share_spent(balance: &Balance) -> f64 {
    let Balance { account, spent_rho, spent_epsilon, spent_delta, .. } = balance;
    if account.rho.is_zero() && account.epsilon.is_zero() {
        return 1.0;
    }
    share(account, spent_rho, spent_epsilon, spent_delta)
}

/// How far a count of people, each in it at most once, is off at this ε: at most so much, in 95 of a
/// hundred answers.
pub fn count_error(accountant: Accountant, epsilon: &Epsilon) -> UBig {
    let noise = match accountant {
        Accountant::Zcdp => Noise::gaussian(&UBig::ONE, &Rho::of_epsilon(epsilon)),
        Accountant::Pure => Noise::laplace(&UBig::ONE, epsilon),
    };
    noise.half_width(ALPHA)
}

/// How often an account pays for one leaf at this ε.
pub fn queries_left(balance: &Balance, epsilon: &Epsilon) -> UBig {
    let price = match balance.account.accountant {
        Accountant::Zcdp => Rho::of_epsilon(epsilon).cost(),
        Accountant::Pure => epsilon.cost(),
    };
    // A price is at least one unit.
    account::left(&balance.account, balance).units() / price.units()
}
