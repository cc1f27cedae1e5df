//! What is said of quantiles: how wide their buckets are, and how far off their ranks may be.

use noisegate_privacy::IBig;
use noisegate_privacy::analyze::Analyzed;
use noisegate_privacy::plan::Statistic;
use noisegate_privacy::quantiles::Bins;

use crate::query::columns::decimal;
use crate::query::leaves::BoundLeaf;
use crate::query::quantiles::{Column, Form};
use crate::query::times::day_text;

/// The buckets of a histogram, for EXPLAIN.
pub(super) fn buckets(leaf: &BoundLeaf, statistic: usize, bins: &Bins) -> String {
    let column = leaf.columns.quantiles.iter().find(|column| column.statistic == statistic);
    let form = column.map_or(Form::Number, |column| column.form);
    let (low, high) = (value(&bins.low, bins, form), value(&bins.high, bins, form));
    let (count, levels) = (bins.count(), bins.levels());
    let levels = if levels == 1 { String::new() } else { format!(", counted on {levels} levels") };
    if bins.is_exact() {
        return format!("values in {count} buckets, one for each from {low} to {high}{levels}");
    }
    let width = width(bins, form);
    format!("values in {count} buckets of width {width}, from {low} to {high}{levels}")
}

/// A value of the grid as the analyst knows it.
fn value(steps: &IBig, bins: &Bins, form: Form) -> String {
    let days = |by: i64| i64::try_from(steps / IBig::from(by)).map(day_text).unwrap_or_default();
    match form {
        Form::Number => decimal(steps, bins.scale),
        Form::Days => days(1),
        Form::Minutes => days(1440),
    }
}

fn width(bins: &Bins, form: Form) -> String {
    let width = decimal(&IBig::from(bins.width.clone()), bins.scale);
    match form {
        Form::Number => width,
        Form::Days => format!("{width} days"),
        Form::Minutes => format!("{width} minutes"),
    }
}

/// What quantiles of a leaf may be off by: ranks, and values within a bucket.
pub(super) fn widths(analyzed: &Analyzed, leaf: &BoundLeaf) -> Vec<String> {
    let quantiles = leaf.columns.quantiles.iter().filter(|column| column.label.is_some());
    quantiles
        .filter_map(|column| {
            let (bins, rows) = rank_error(analyzed, leaf, column)?;
            let label = column.label.as_deref()?;
            let bucket = if bins.is_exact() {
                String::new()
            } else {
                format!(" and a bucket of {}", width(bins, column.form))
            };
            Some(format!("± {rows} ranks{bucket} on {label}"))
        })
        .collect()
}

/// What the analyst has to know of extremes.
pub(super) fn extremes(analyzed: &Analyzed, leaf: &BoundLeaf) -> Option<String> {
    let extremes = leaf.columns.quantiles.iter().filter(|column| column.of.is_extreme());
    let rows = extremes.filter_map(|column| Some(rank_error(analyzed, leaf, column)?.1)).max()?;
    Some(format!(
        "min and max are noisy quantiles, not values of single rows: up to about {} rows lie \
         beyond each",
        rows.saturating_mul(2)
    ))
}

fn rank_error<'a>(
    analyzed: &Analyzed,
    leaf: &'a BoundLeaf,
    column: &Column,
) -> Option<(&'a Bins, u64)> {
    let bins = leaf.leaf.statistics.get(column.statistic).and_then(Statistic::bins)?;
    let error = column.margin(&leaf.leaf, analyzed);
    Some((bins, format!("{:.0}", error.ceil()).parse().unwrap_or(u64::MAX)))
}
