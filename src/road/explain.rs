//! EXPLAIN of a private query: what it would cost and how it would be answered, without asking.

use noisegate_privacy::analyze::{Analyzed, Selection};
use noisegate_privacy::budget::Amount;
use noisegate_privacy::plan::{Exposure, Plan, Statistic};

use super::asked::Asked;
use super::gate::Gate;
use super::inspect::{Inspected, inspect};
use super::{quantiles, spoken};
use crate::error::Error;
use crate::query::columns::decimal;
use crate::query::leaves::BoundLeaf;
use crate::source::shown;

/// The plan of a private query as text lines; nothing if it has no leaves and the shadow's own
/// EXPLAIN is right. Nothing is charged and nothing is asked.
pub async fn explain(gate: &Gate, asked: &Asked<'_>) -> Result<Option<Vec<String>>, Error> {
    Ok(inspect(gate, asked).await?.map(|inspected| {
        let mut lines = inspected.lines();
        lines.push("Above the leaves: PostgreSQL, on the releases".to_owned());
        lines
    }))
}

impl Inspected {
    /// What EXPLAIN says of the leaves.
    pub fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for (number, leaf) in self.leaves.iter().enumerate() {
            lines.push(format!("Leaf {}", number.saturating_add(1)));
            lines.extend(leaf_lines(&leaf.plan, &leaf.bound, &self.epsilon));
        }
        lines
    }
}

fn leaf_lines(plan: &Plan<Analyzed>, leaf: &BoundLeaf, epsilon: &str) -> Vec<String> {
    let analyzed = plan.analysis();
    let mut lines = vec![format!("  Unit: {}", unit(plan))];
    lines.push(format!(
        "  Bounds: one person counts in at most {} and with at most {} of each",
        plural(analyzed.groups, "group"),
        plural(analyzed.rows, "row"),
    ));
    for (at, statistic) in plan.leaf().statistics.iter().enumerate() {
        lines.extend(statistic_line(analyzed, leaf, at, statistic));
    }
    lines.push(format!("  Groups: {}", groups(analyzed)));
    lines.push(format!(
        "  Price: epsilon {epsilon} (rho {}, delta {})",
        units(&analyzed.loss.rho, 12),
        units(&analyzed.loss.delta, 18)
    ));
    let mut widths = spoken::widths(analyzed, leaf);
    widths.extend(spoken::behind_averages(analyzed, leaf));
    widths.extend(quantiles::widths(analyzed, leaf));
    if !widths.is_empty() {
        lines.push(format!("  Expected error: 95 % within {}", widths.join(", ")));
    }
    lines.push("  SQL for the source:".to_owned());
    lines.extend(shown(plan).lines().map(|line| format!("    {line}")));
    lines
}

/// A count of smallest units as the decimal number that it is, without zeros at its end.
fn units(amount: &Amount, places: u32) -> String {
    let number = decimal(&amount.units().clone().into(), places);
    number.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn unit(plan: &Plan<Analyzed>) -> String {
    let Some(scan) = plan.leaf().scans.get(plan.analysis().unit) else { return String::new() };
    let mut path = match scan.table() {
        Some((schema, table)) => format!("{schema}.{table}"),
        None => format!("what is computed from {}", scan.name()),
    };
    if let Exposure::Private { path: hops, unit, .. } = &scan.exposure {
        for hop in hops {
            path.push_str(&format!(".{} -> {}.{}", hop.column, hop.to_schema, hop.to_table));
        }
        path.push_str(&format!(".{unit}"));
    }
    path
}

fn statistic_line(
    analyzed: &Analyzed,
    leaf: &BoundLeaf,
    at: usize,
    statistic: &Statistic,
) -> Option<String> {
    let calibrated = analyzed.statistics.get(at)?;
    let (what, scale) = match statistic {
        Statistic::Rows { .. } => ("rows".to_owned(), 0),
        Statistic::Units { .. } => ("people".to_owned(), 0),
        Statistic::Histogram { bins, .. } => (quantiles::buckets(leaf, at, bins), 0),
        Statistic::Distinct { .. } => ("distinct values".to_owned(), 0),
        Statistic::Sum { bounds, .. } => {
            let (low, high) = (&bounds.low, &bounds.high);
            let range =
                format!("{} to {}", decimal(low, bounds.scale), decimal(high, bounds.scale));
            (format!("sum of values from {range}"), bounds.scale)
        }
    };
    let noise = match &calibrated.noise {
        noisegate_privacy::noise::Noise::Gaussian { .. } => "discrete Gaussian",
        noisegate_privacy::noise::Noise::Laplace { .. } => "discrete Laplace",
    };
    let linf = decimal(&calibrated.linf.clone().into(), scale);
    let step = if scale == 0 { 1.0 } else { 10_f64.powi(-i32::try_from(scale).unwrap_or(0)) };
    let deviation = calibrated.noise.standard_deviation() * step;
    Some(format!(
        "  Column: {what}; sensitivity {linf} per group; noise {noise}, standard deviation {deviation:.4}"
    ))
}

fn groups(analyzed: &Analyzed) -> String {
    match &analyzed.selection {
        Selection::Whole => "one, always shown".to_owned(),
        Selection::Public => "public keys, all shown".to_owned(),
        Selection::Threshold { group_min, noisy_min, .. } => format!(
            "found in the data, shown if at least {group_min} {} are in it and the noisy count of \
             people is at least {noisy_min}",
            if *group_min == 1 { "person" } else { "people" }
        ),
    }
}

fn plural(count: u32, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}
