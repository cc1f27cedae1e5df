//! Statistics that are no sums of what each unit adds by itself.

use std::collections::{BTreeMap, BTreeSet};

use dashu::integer::IBig;

use super::{Groups, Run, Unsupported, Value, eval, steps};
use crate::distinct;
use crate::expr::{Expr, Node, Type};
use crate::layout;
use crate::plan::Statistic;

/// For each such statistic, by its index, the values of the rows that count.
type Values = BTreeMap<usize, Vec<Value>>;

/// What each unit has in each group, and what is kept of it.
pub(super) struct Beside {
    units: BTreeMap<Value, BTreeMap<Vec<Value>, Values>>,
    distinct: BTreeMap<(Vec<Value>, usize), BTreeSet<Value>>,
    counts: BTreeMap<(Vec<Value>, usize), BTreeMap<usize, IBig>>,
}

impl Beside {
    pub(super) fn of(run: &Run<'_>) -> Result<Self, Unsupported> {
        let mut units: BTreeMap<Value, BTreeMap<Vec<Value>, Values>> = BTreeMap::new();
        let statistics = || {
            run.leaf.statistics.iter().enumerate().filter(|(_, statistic)| !statistic.is_additive())
        };
        if statistics().next().is_none() {
            return Ok(Self::new(units));
        }
        for (unit, key, row) in run.rows()? {
            let values = units.entry(unit).or_default().entry(key).or_default();
            for (at, statistic) in statistics() {
                if let Some(filter) = statistic.filter()
                    && run.eval(filter, &row)? != Value::Bool(true)
                {
                    continue;
                }
                let value = match statistic {
                    Statistic::Distinct { value, .. } => of_its_type(value, run.eval(value, &row)?),
                    Statistic::Histogram { value, bins, .. } => {
                        match eval::within_bounds(value, run.eval(value, &row)?)? {
                            Value::Null => Value::Null,
                            number => {
                                let steps = steps(&number, &bins.bounds())?;
                                Value::Number((steps / IBig::from(bins.width.clone())).into())
                            }
                        }
                    }
                    _ => continue,
                };
                if value != Value::Null {
                    values.entry(at).or_default().push(value);
                }
            }
        }
        Ok(Self::new(units))
    }

    fn new(units: BTreeMap<Value, BTreeMap<Vec<Value>, Values>>) -> Self {
        Self { units, distinct: BTreeMap::new(), counts: BTreeMap::new() }
    }

    /// Counts what a unit keeps in one of its groups.
    pub(super) fn count(&mut self, run: &Run<'_>, unit: &Value, key: &[Value]) {
        let Some(values) = self.units.get(unit).and_then(|groups| groups.get(key)) else { return };
        for (at, values) in values {
            let most = most(run, *at);
            if is_histogram(run, *at) {
                let mut bins: Vec<usize> = values.iter().filter_map(bin).collect();
                bins.sort_unstable();
                let counts = self.counts.entry((key.to_vec(), *at)).or_default();
                for bin in bins.into_iter().take(most) {
                    *counts.entry(bin).or_default() += IBig::ONE;
                }
                continue;
            }
            let own: BTreeSet<&Value> = values.iter().collect();
            let kept = own.into_iter().take(most).cloned();
            self.distinct.entry((key.to_vec(), *at)).or_default().extend(kept);
        }
    }

    /// Puts the counts where the sums are.
    pub(super) fn into_groups(self, run: &Run<'_>, groups: &mut Groups) {
        let cells = run.leaf.cells();
        for ((key, at), values) in self.distinct {
            if let Some(place) = groups.get_mut(&key).and_then(|sums| sums.get_mut(at)) {
                *place = IBig::from(values.len());
            }
        }
        for ((key, at), counts) in self.counts {
            for (bin, count) in counts {
                let place = layout::place(&cells, at, bin);
                if let Some(place) = groups.get_mut(&key).and_then(|sums| sums.get_mut(place)) {
                    *place = count;
                }
            }
        }
    }

    pub(super) fn has_surplus(&self, run: &Run<'_>) -> bool {
        self.units.values().flat_map(BTreeMap::values).flatten().any(|(at, values)| {
            let rows = is_histogram(run, *at);
            let distinct = || values.iter().collect::<BTreeSet<_>>().len();
            (if rows { values.len() } else { distinct() }) > most(run, *at)
        })
    }
}

/// How many values one unit keeps in one group. Where it has one row at most, that is believed.
fn most(run: &Run<'_>, at: usize) -> usize {
    match run.leaf.statistics.get(at) {
        Some(Statistic::Distinct { most, .. }) if !run.analyzed.one_row => {
            usize::try_from(distinct::kept(run.analyzed.rows, *most)).unwrap_or(usize::MAX)
        }
        Some(Statistic::Histogram { .. }) if !run.analyzed.one_row => {
            usize::try_from(run.analyzed.rows).unwrap_or(usize::MAX)
        }
        _ => usize::MAX,
    }
}

fn is_histogram(run: &Run<'_>, at: usize) -> bool {
    run.leaf.statistics.get(at).is_some_and(|statistic| statistic.bins().is_some())
}

fn bin(value: &Value) -> Option<usize> {
    match value {
        Value::Number(number) => usize::try_from(number.clone().floor()).ok(),
        _ => None,
    }
}

/// A computed number that its type cannot hold is NULL.
fn of_its_type(expr: &Expr, value: Value) -> Value {
    let (Node::Call(..), Type::Int(size), Value::Number(number)) = (&expr.node, &expr.ty, &value)
    else {
        return value;
    };
    let bits = usize::from(*size).saturating_mul(8).saturating_sub(1);
    let limit = IBig::ONE << bits;
    let number = number.clone().floor();
    if number < limit && number >= -limit { value } else { Value::Null }
}
