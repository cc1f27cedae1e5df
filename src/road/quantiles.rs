//! What is said of quantiles: how wide their buckets are, and how far off their ranks may be.

use noisegate_privacy::IBig;
use noisegate_privacy::analyze::Analyzed;
use noisegate_privacy::plan::Statistic;
use noisegate_privacy::quantiles::Bins;

use crate::query::columns::decimal;
use crate::query::leaves::BoundLeaf;
use crate::query::quantiles::{Column, Form};

/// The buckets of a histogram, for EXPLAIN.
pub(super) fn buckets(bins: &Bins) -> String {
    let (low, high) = (decimal(&bins.low, bins.scale), decimal(&bins.high, bins.scale));
    let count = bins.count();
    if bins.is_exact() {
        return format!("values in {count} buckets, one for each from {low} to {high}");
    }
    let width = decimal(&IBig::from(bins.width.clone()), bins.scale);
    format!("values in {count} buckets of width {width}, from {low} to {high}")
}

/// What quantiles of a leaf may be off by: ranks, and values within a bucket.
pub(super) fn widths(analyzed: &Analyzed, leaf: &BoundLeaf) -> Vec<String> {
    let quantiles = leaf.columns.quantiles.iter().filter(|column| column.label.is_some());
    quantiles
        .filter_map(|column| {
            let (bins, rows) = rank_error(analyzed, leaf, column)?;
            let label = column.label.as_deref()?;
            let width = decimal(&IBig::from(bins.width.clone()), bins.scale);
            let bucket = match (bins.is_exact(), column.form) {
                (true, _) => String::new(),
                (false, Form::Number) => format!(" and a bucket of {width}"),
                (false, Form::Days) => format!(" and a bucket of {width} days"),
                (false, Form::Minutes) => format!(" and a bucket of {width} minutes"),
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
