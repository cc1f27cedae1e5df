//! What the analyst is told: the cost, what is left, how far off the numbers may be.

use noisegate_privacy::IBig;
use noisegate_privacy::analyze::Analyzed;
use noisegate_privacy::budget::{Accountant, Amount};
use noisegate_privacy::plan::Plan;
use noisegate_privacy::release::{Release, ReleasedRow};
use noisegate_privacy::width::Interval;

use super::Asked;
use super::gate::{Gate, ledger_fault};
use super::measure::pico;
use super::payment::Payment;
use super::quantiles;
use crate::error::Error;
use crate::ledger::Balance;
use crate::query::columns::{ValueColumn, decimal};
use crate::query::estimate::Derived;
use crate::query::leaves::{Bound, BoundLeaf};

/// Two-sided error probability of the half-widths that are shown.
pub(super) const ALPHA: (u32, u32) = (5, 100);
/// What is said of totals.
pub(super) const TOTALS: &str = "sums of the groups that are shown, with all their noise: over n groups \
     about sqrt(n) times that of one";

/// The notices of an answer: none if the session does not want them.
pub(super) async fn notices(
    gate: &Gate,
    asked: &Asked<'_>,
    payment: &Payment,
    plans: &[Plan<Analyzed>],
    bound: &Bound,
    charged: &[bool],
    releases: &[Release],
) -> Result<Vec<String>, Error> {
    if !asked.settings.notices {
        return Ok(Vec::new());
    }
    if plans.is_empty() {
        return Ok(bound.notes.clone());
    }
    let balances = gate.ledger.balances(payment.accounts.clone()).await.map_err(ledger_fault)?;
    let cost = cost(payment, charged, asked.settings.accuracy.as_deref());
    let left: Vec<String> = balances
        .iter()
        .map(|balance| format!("{} {}", balance.account.id, share_left(gate, balance)))
        .collect();
    let mut notices = vec![format!("{cost}; left: {}", left.join(", "))];
    notices.extend(payment.ladder.said().map(|said| format!("answered at {said}")));
    for (at, ((plan, leaf), release)) in plans.iter().zip(&bound.leaves).zip(releases).enumerate() {
        // A leaf that stands in two places is one release.
        if bound.leaves.iter().take(at).any(|before| before.leaf == leaf.leaf) {
            continue;
        }
        let mut widths = widths(plan.analysis(), leaf);
        widths.extend(derived_widths(plan.analysis(), leaf, release));
        widths.extend(quantiles::widths(plan.analysis(), leaf));
        if !widths.is_empty() {
            notices.push(format!("95 % of the noise lies within {}", widths.join(", ")));
        }
        notices.extend(quantiles::extremes(plan.analysis(), leaf));
        if let Some((group_min, noisy_min)) = plan.analysis().shown_from() {
            notices.push(format!(
                "groups are found in the data and shown from {group_min} people and a noisy count \
                 of {noisy_min}"
            ));
        }
        notices.extend(leaf.columns.totals.then(|| format!("totals are {TOTALS}")));
    }
    notices.extend(bound.notes.iter().cloned());
    Ok(notices)
}

/// What a statement cost.
fn cost(payment: &Payment, charged: &[bool], accuracy: Option<&str>) -> String {
    let paid: Vec<String> = charged
        .iter()
        .enumerate()
        .filter(|(_, charged)| **charged)
        .map(|(at, _)| payment.epsilon(at).to_string())
        .collect();
    match (paid.as_slice(), accuracy) {
        ([], _) => "cost nothing (remembered)".to_owned(),
        (each, Some(accuracy)) => {
            format!("cost epsilon {}, chosen for an accuracy of {accuracy}", each.join(" and "))
        }
        ([one], None) => format!("cost epsilon {one}"),
        ([one, ..], None) => format!("cost epsilon {one} for each of {} aggregates", paid.len()),
    }
}

/// The 95 % half-width of each noisy column of a leaf, known before anything is asked.
pub(super) fn widths(analyzed: &Analyzed, leaf: &BoundLeaf) -> Vec<String> {
    let columns = leaf.columns.values.iter();
    columns
        .filter_map(|column| {
            let label = column.label.as_ref()?;
            let width = decimal(&half_width(analyzed, column, ALPHA)?, column.scale);
            Some(format!("± {width} on {label}"))
        })
        .collect()
}

/// The half-widths behind averages and the like, for EXPLAIN: their own depend on what is released.
pub(super) fn behind_derived(analyzed: &Analyzed, leaf: &BoundLeaf) -> Vec<String> {
    let part = |(role, at): &(&str, usize)| {
        let column = leaf.columns.values.get(*at)?;
        let width = decimal(&half_width(analyzed, column, ALPHA)?, column.scale);
        Some(format!("± {width} on {role}"))
    };
    let behind = |derived: &Derived| {
        let parts: Vec<String> = derived.parts.iter().map(part).collect::<Option<_>>()?;
        let (last, others) = parts.split_last()?;
        let others = others.join(", ");
        let and = if others.is_empty() { "" } else { " and " };
        Some(format!("{others}{and}{last} behind {}", derived.label))
    };
    leaf.columns.derived.iter().filter_map(behind).collect()
}

pub(super) fn half_width(
    analyzed: &Analyzed,
    column: &ValueColumn,
    alpha: (u32, u32),
) -> Option<IBig> {
    // What is not known yet is not told.
    let known = !analyzed.waits();
    known.then_some(analyzed.statistics.get(column.statistic)?.half_width(alpha).into())
}

/// The half-widths of what is made of several columns, which depend on what was released: one
/// range over all groups for each.
fn derived_widths(analyzed: &Analyzed, leaf: &BoundLeaf, release: &Release) -> Vec<String> {
    let widths = |derived: &Derived| {
        let rows = release.rows().iter();
        let widths: Vec<Option<f64>> =
            rows.map(|row| derived_half_width(analyzed, leaf, derived, row)).collect();
        let known: Vec<f64> = widths.iter().flatten().copied().collect();
        let least = known.iter().copied().fold(f64::INFINITY, f64::min);
        let most = known.iter().copied().fold(0.0, f64::max);
        let label = &derived.label;
        Some(match (known.len(), widths.len()) {
            (_, 0) => return None,
            (0, _) => format!("any distance on {label}, whose groups are too small"),
            (1, 1) => format!("± {most:.4} on {label}"),
            (some, all) if some == all => format!("± {least:.4} to {most:.4} on {label}"),
            _ => format!("± {least:.4} or more on {label}"),
        })
    };
    leaf.columns.derived.iter().filter_map(widths).collect()
}

/// How far off it may be in one group; nothing where that is not known.
fn derived_half_width(
    analyzed: &Analyzed,
    leaf: &BoundLeaf,
    derived: &Derived,
    row: &ReleasedRow,
) -> Option<f64> {
    // An equal part of the error probability for each of the columns.
    let parts = u32::try_from(derived.parts.len()).ok()?;
    let alpha = (ALPHA.0, ALPHA.1.checked_mul(parts)?);
    let around = |at: usize, exactly: bool| {
        let column = leaf.columns.values.get(at)?;
        let step = 10_f64.powi(-i32::try_from(column.scale).ok()?);
        let value = float(row.values.get(column.statistic)?.get()) * step;
        let half = if exactly { 0.0 } else { float(&half_width(analyzed, column, alpha)?) * step };
        Some(Interval::around(value, half))
    };
    let middle = derived.estimate.interval(&|at| around(at, true))?;
    let possible = derived.estimate.interval(&|at| around(at, false))?;
    let half = possible.half_width_around(f64::midpoint(middle.low, middle.high));
    half.is_finite().then_some(half)
}

fn float(value: &IBig) -> f64 {
    value.to_string().parse().unwrap_or(f64::INFINITY)
}

/// What is left of an account, in words.
pub(super) fn share_left(gate: &Gate, balance: &Balance) -> String {
    let Left { limit, part_of_whole: (part, whole), spent } = left(gate, balance);
    format!("{} % (epsilon {spent:.2} of {limit:.2} spent)", percent(&part, &whole))
}

/// An account's state as numbers to show.
pub(super) struct Left {
    /// The account's ε.
    pub(super) limit: f64,
    /// Units left, and units in all.
    pub(super) part_of_whole: (Amount, Amount),
    /// ε spent.
    pub(super) spent: f64,
}

pub(super) fn left(gate: &Gate, balance: &Balance) -> Left {
    let account = &balance.account;
    match account.accountant {
        Accountant::Pure => {
            let spent = &balance.spent_epsilon;
            Left {
                limit: pico(&account.epsilon),
                part_of_whole: (account.epsilon.minus(spent), account.epsilon.clone()),
                spent: pico(spent),
            }
        }
        Accountant::Zcdp => {
            let spent = &balance.spent_rho;
            Left {
                limit: gate.limits.shown(account, &account.rho),
                part_of_whole: (account.rho.minus(spent), account.rho.clone()),
                spent: gate.limits.shown(account, spent),
            }
        }
    }
}

fn percent(part: &Amount, whole: &Amount) -> String {
    if whole.is_zero() {
        return "0".to_owned();
    }
    let permille = (part.units() * 1000_u16) / whole.units();
    decimal(&permille.into(), 1)
}
