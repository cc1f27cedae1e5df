//! EXPLAIN of a private query: what it would cost and how it would be answered, without asking.

use noisegate_privacy::analyze::{Analyzed, Selection};
use noisegate_privacy::budget::{Amount, Loss};
use noisegate_privacy::noise::Noise;
use noisegate_privacy::norms::Norm;
use noisegate_privacy::plan::{Exposure, Plan, Statistic};
use noisegate_privacy::{IBig, UBig};

use super::asked::Asked;
use super::gate::Gate;
use super::inspect::{Inspected, inspect};
use super::{quantiles, spoken};
use crate::error::Error;
use crate::query::columns::decimal;
use crate::query::leaves::BoundLeaf;
use crate::source::shown;

/// The plan of a private query.
#[derive(Debug)]
pub struct Explained(pub(super) Inspected);

/// The plan of a private query; nothing if it has no leaves and the shadow's own EXPLAIN is right.
/// Nothing is charged and nothing is asked.
pub async fn explain(gate: &Gate, asked: &Asked<'_>) -> Result<Option<Explained>, Error> {
    Ok(inspect(gate, asked).await?.map(Explained))
}

/// Who computes what is not in a leaf.
pub(super) const ABOVE: &str = "PostgreSQL, on the releases";

impl Explained {
    /// The types of the query's parameters, by their numbers.
    pub fn parameters(&self) -> Vec<u32> {
        self.0.canonical.parameters.iter().map(tokio_postgres::types::Type::oid).collect()
    }

    /// As lines.
    pub fn text(&self) -> Vec<String> {
        let mut lines = self.0.lines();
        lines.push(format!("Above the leaves: {ABOVE}"));
        lines
    }
}

impl Inspected {
    /// What EXPLAIN says of the leaves.
    pub fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for (number, leaf) in self.leaves.iter().enumerate() {
            lines.push(format!("Leaf {}", number.saturating_add(1)));
            lines.extend(leaf_lines(&leaf.plan, &leaf.bound, &leaf.epsilon));
        }
        lines.extend(self.lowered.iter().map(|said| format!("Answered at {said}")));
        lines.extend(self.notes.iter().map(|note| format!("Without a leaf: {note}")));
        lines
    }
}

fn leaf_lines(plan: &Plan<Analyzed>, leaf: &BoundLeaf, epsilon: &str) -> Vec<String> {
    let analyzed = plan.analysis();
    let mut lines = vec![format!("  Unit: {}", unit(plan))];
    let in_groups = match analyzed.groups {
        Some(groups) => format!("at most {}", plural(groups, "group")),
        None => "any number of groups".to_owned(),
    };
    lines.push(format!(
        "  Bounds: one person counts in {in_groups} and with at most {} of each",
        plural(analyzed.rows, "row"),
    ));
    for (at, statistic) in plan.leaf().statistics.iter().enumerate() {
        lines.extend(column(plan, leaf, at, statistic).map(|column| column.line()));
    }
    lines.push(format!("  Groups: {}", groups(analyzed)));
    lines.extend(price_lines(plan, epsilon));
    let widths = errors(analyzed, leaf);
    if plan.estimate().is_some() {
        lines.push(format!("  Expected error: {UNKNOWN_ERROR}"));
    } else if !widths.is_empty() {
        lines.push(format!("  Expected error: 95 % within {}", widths.join(", ")));
    }
    if leaf.columns.totals {
        lines.push(format!("  Totals: {}", spoken::TOTALS));
    }
    if let Some(estimate) = plan.estimate() {
        lines.push("  SQL for the source, of the estimate:".to_owned());
        lines.extend(shown(estimate).lines().map(|line| format!("    {line}")));
    }
    lines.push("  SQL for the source:".to_owned());
    lines.extend(shown(plan).lines().map(|line| format!("    {line}")));
    lines
}

/// How far off the noise may put each column.
pub(super) fn errors(analyzed: &Analyzed, leaf: &BoundLeaf) -> Vec<String> {
    let mut widths = spoken::widths(analyzed, leaf);
    widths.extend(spoken::behind_derived(analyzed, leaf));
    widths.extend(quantiles::widths(analyzed, leaf));
    widths
}

/// What is said of a column whose bounds are not known yet, and of its error.
pub(super) const ESTIMATED: &str = "how much one person adds is estimated first";
pub(super) const UNKNOWN_ERROR: &str = "known once the bounds are estimated";

/// A noisy column of a leaf, in words.
pub(super) struct Column {
    pub(super) what: String,
    pub(super) sensitivity: String,
    pub(super) noise: &'static str,
    /// Of the noise; nothing where the bounds are to be estimated first.
    pub(super) deviation: Option<String>,
}

impl Column {
    fn line(&self) -> String {
        let Self { what, sensitivity, noise, deviation } = self;
        match deviation {
            Some(deviation) => format!(
                "  Column: {what}; sensitivity {sensitivity}; noise {noise}, standard deviation {deviation}"
            ),
            None => format!("  Column: {what}; sensitivity {sensitivity}; {ESTIMATED}"),
        }
    }
}

fn price_lines(plan: &Plan<Analyzed>, epsilon: &str) -> Vec<String> {
    let amounts =
        |loss: &Loss| format!("rho {}, delta {}", units(&loss.rho, 12), units(&loss.delta, 18));
    let loss = plan.loss();
    let by_norm = plan.analysis().statistics.iter().any(|one| one.bound.is_some());
    match plan.estimate() {
        Some(estimate) => {
            let all = Loss { rho: &loss.rho + &estimate.loss().rho, ..loss.clone() };
            vec![
                format!("  Price: epsilon {epsilon} ({})", amounts(&all)),
                format!(
                    "  Estimate: of this, rho {} buys the bounds first, once; whoever asks again \
                     at this price has them",
                    units(&estimate.loss().rho, 12)
                ),
            ]
        }
        None if by_norm => vec![format!(
            "  Price: below epsilon {epsilon} ({}), since the bounds were bought before",
            amounts(loss)
        )],
        None => vec![format!("  Price: epsilon {epsilon} ({})", amounts(loss))],
    }
}

/// A count of smallest units as the decimal number that it is, without zeros at its end.
pub(super) fn units(amount: &Amount, places: u32) -> String {
    let number = decimal(&amount.units().clone().into(), places);
    number.trim_end_matches('0').trim_end_matches('.').to_owned()
}

pub(super) fn unit(plan: &Plan<Analyzed>) -> String {
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

pub(super) fn column(
    plan: &Plan<Analyzed>,
    leaf: &BoundLeaf,
    at: usize,
    statistic: &Statistic,
) -> Option<Column> {
    let calibrated = plan.analysis().statistics.get(at)?;
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
    let linf = decimal(&calibrated.linf.clone().into(), scale);
    let noise = match &calibrated.noise {
        Noise::Gaussian { .. } => "discrete Gaussian",
        Noise::Laplace { .. } => "discrete Laplace",
    };
    if plan.estimate().is_some() && calibrated.bound.is_some() {
        let sensitivity = format!("at most {linf} per group");
        return Some(Column { what, sensitivity, noise, deviation: None });
    }
    let step = if scale == 0 { 1.0 } else { 10_f64.powi(-i32::try_from(scale).unwrap_or(0)) };
    let deviation = calibrated.standard_deviation() * step;
    let sensitivity = match &calibrated.bound {
        Some(bound) => in_column(bound, calibrated.grains, scale, plan.analysis()),
        None => format!("{linf} per group"),
    };
    Some(Column { what, sensitivity, noise, deviation: Some(format!("{deviation:.4}")) })
}

/// A bound of grains in the unit of its column.
fn in_column(bound: &UBig, grains: u32, scale: u32, analyzed: &Analyzed) -> String {
    if analyzed.single() {
        return format!("{} (estimated)", decimal(&bound.clone().into(), scale));
    }
    let norm = match analyzed.norm {
        Norm::L1 => "their sum",
        Norm::L2 => "the root of their squares",
    };
    // Three more places than the column has, cut off: this is for reading.
    let finer = IBig::from(bound.clone() * UBig::from(1000_u16)) / IBig::from(grains.max(1));
    format!(
        "{} over all groups together, as {norm} (estimated)",
        decimal(&finer, scale.saturating_add(3))
    )
}

pub(super) fn groups(analyzed: &Analyzed) -> String {
    let Some((group_min, noisy_min)) = analyzed.shown_from() else {
        return match &analyzed.selection {
            Selection::Whole => "one, always shown".to_owned(),
            Selection::Public | Selection::Threshold { .. } => "public keys, all shown".to_owned(),
        };
    };
    let noisy_min = if analyzed.waits() {
        "what its noise asks for, once that is known".to_owned()
    } else {
        noisy_min.to_string()
    };
    format!(
        "found in the data, shown if at least {group_min} {} are in it and the noisy count of \
         people is at least {noisy_min}",
        if group_min == 1 { "person" } else { "people" }
    )
}

fn plural(count: u32, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}
