//! What the analyst is told: the cost, what is left, how far off the numbers may be.

use noisegate_privacy::analyze::Analyzed;
use noisegate_privacy::budget::{Accountant, Amount, Delta};
use noisegate_privacy::convert::epsilon_of;
use noisegate_privacy::plan::Plan;

use super::Asked;
use super::gate::{Gate, ledger_fault};
use super::payment::Payment;
use crate::clock::Millis;
use crate::error::{Code, Error, Refusal};
use crate::ledger::{Balance, Overdrawn};
use crate::query::aggregates::decimal;
use crate::query::leaves::BoundLeaf;

/// Two-sided error probability of the half-widths that are shown.
pub(super) const ALPHA: (u32, u32) = (5, 100);

/// The notices of an answer: none if the session does not want them.
pub(super) async fn notices(
    gate: &Gate,
    asked: &Asked<'_>,
    payment: &Payment,
    plans: &[Plan<Analyzed>],
    leaves: &[BoundLeaf],
    fresh: &[bool],
) -> Result<Vec<String>, Error> {
    if !asked.settings.notices || plans.is_empty() {
        return Ok(Vec::new());
    }
    let balances = gate.ledger.balances(payment.accounts.clone()).await.map_err(ledger_fault)?;
    let paid = fresh.iter().filter(|fresh| **fresh).count();
    let cost = match paid {
        0 => "cost nothing (remembered)".to_owned(),
        1 => format!("cost epsilon {}", payment.epsilon),
        more => format!("cost epsilon {} for each of {more} aggregates", payment.epsilon),
    };
    let left: Vec<String> = balances
        .iter()
        .map(|balance| format!("{} {}", balance.account.id, share_left(balance)))
        .collect();
    let mut notices = vec![format!("{cost}; left: {}", left.join(", "))];
    for (plan, leaf) in plans.iter().zip(leaves) {
        let widths = widths(plan.analysis(), leaf);
        if !widths.is_empty() {
            notices.push(format!("95 % of the noise lies within {}", widths.join(", ")));
        }
    }
    Ok(notices)
}

/// The 95 % half-width of each noisy column of a leaf. An average is a noisy sum over a noisy
/// count; its own error depends on both, so both are named.
pub(super) fn widths(analyzed: &Analyzed, leaf: &BoundLeaf) -> Vec<String> {
    leaf.columns
        .values
        .iter()
        .filter_map(|column| {
            let noise = &analyzed.statistics.get(column.statistic)?.noise;
            let width = decimal(&noise.half_width(ALPHA).into(), column.scale);
            Some(format!("± {width} on {}", column.label))
        })
        .collect()
}

/// The refusal of a statement that an account cannot pay.
pub(super) fn overdrawn(gate: &Gate, overdrawn: &Overdrawn) -> Refusal {
    let balance = &overdrawn.balance;
    let when = match balance.refills_at {
        Some(at) => format!("It refills in {}.", duration(gate.clock.now(), at)),
        None => "It is for the lifetime of the data and does not refill.".to_owned(),
    };
    Refusal::new(
        Code::Budget,
        format!("The budget {} has too little left: {}.", balance.account.id, share_left(balance)),
        format!("{when} A smaller noisegate.epsilon costs less; remembered answers cost nothing."),
    )
}

fn duration(now: Millis, at: Millis) -> String {
    let minutes = at.0.saturating_sub(now.0).max(0) / 60_000;
    match (minutes / 1440, minutes / 60, minutes) {
        (0, 0, minutes) => format!("{} min", minutes.saturating_add(1)),
        (0, hours, _) => format!("{hours} h"),
        (days, hours, _) => format!("{days} d {} h", hours % 24),
    }
}

/// What is left of an account, in words.
pub(super) fn share_left(balance: &Balance) -> String {
    let Left { limit, left, spent } = left(balance);
    format!("{} % (epsilon {spent:.2} of {limit:.2} spent)", percent(&left.0, &left.1))
}

/// An account's state as numbers to show.
pub(super) struct Left {
    /// The account's ε.
    pub(super) limit: f64,
    /// Units left, and units in all.
    pub(super) left: (Amount, Amount),
    /// ε spent.
    pub(super) spent: f64,
}

pub(super) fn left(balance: &Balance) -> Left {
    let account = &balance.account;
    match account.accountant {
        Accountant::Pure => {
            let spent = &balance.spent_epsilon;
            Left {
                limit: pico(&account.epsilon),
                left: (account.epsilon.minus(spent), account.epsilon.clone()),
                spent: pico(spent),
            }
        }
        Accountant::Zcdp => {
            let spent = &balance.spent_rho;
            // The conversion's share of δ is nine times the thresholds' share.
            let nine = Amount::from_units(account.delta.units() * 9_u8);
            let shown = |rho: &Amount| match Delta::from_cost(&nine) {
                Some(delta) if !rho.is_zero() => epsilon_of(rho, &delta),
                _ => 0.0,
            };
            Left {
                limit: shown(&account.rho),
                left: (account.rho.minus(spent), account.rho.clone()),
                spent: shown(spent),
            }
        }
    }
}

fn pico(amount: &Amount) -> f64 {
    amount.units().to_string().parse::<f64>().unwrap_or(f64::INFINITY) / 1e12
}

fn percent(part: &Amount, whole: &Amount) -> String {
    if whole.is_zero() {
        return "0".to_owned();
    }
    let permille = (part.units() * 1000_u16) / whole.units();
    decimal(&permille.into(), 1)
}
