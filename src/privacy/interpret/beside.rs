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

/// What each unit has in each group.
pub(super) struct Beside {
    units: BTreeMap<Value, BTreeMap<Vec<Value>, Values>>,
}

/// What is left out, of any unit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Surplus {
    /// Whole groups.
    pub groups: bool,
    /// Rows or values of a group.
    pub within: bool,
}

impl Beside {
    pub(super) fn of(run: &Run<'_>) -> Result<Self, Unsupported> {
        let mut units: BTreeMap<Value, BTreeMap<Vec<Value>, Values>> = BTreeMap::new();
        let statistics = || {
            run.leaf.statistics.iter().enumerate().filter(|(_, statistic)| !statistic.is_additive())
        };
        if statistics().next().is_none() {
            return Ok(Self { units });
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
        Ok(Self { units })
    }

    /// Puts the numbers where the sums are, of groups that are there.
    pub(super) fn put_into(&self, run: &Run<'_>, groups: &mut Groups) {
        let cells = run.leaf.cells();
        let mut distinct: BTreeMap<(&Vec<Value>, usize), BTreeSet<&Value>> = BTreeMap::new();
        for of_unit in self.units.values() {
            // The first groups by key, as of the sums.
            for (key, values) in of_unit.iter().take(groups_kept(run)) {
                for (at, values) in values {
                    if !is_histogram(run, *at) {
                        let own: BTreeSet<&Value> = values.iter().collect();
                        let kept = own.into_iter().take(most(run, *at));
                        distinct.entry((key, *at)).or_default().extend(kept);
                        continue;
                    }
                    let mut bins: Vec<usize> = values.iter().filter_map(bin).collect();
                    bins.sort_unstable();
                    for bin in bins.into_iter().take(most(run, *at)) {
                        let place = layout::place(&cells, *at, bin);
                        if let Some(count) =
                            groups.get_mut(key).and_then(|sums| sums.get_mut(place))
                        {
                            *count += IBig::ONE;
                        }
                    }
                }
            }
        }
        for ((key, at), values) in distinct {
            if let Some(place) = groups.get_mut(key).and_then(|sums| sums.get_mut(at)) {
                *place = IBig::from(values.len());
            }
        }
    }

    pub(super) fn surplus(&self, run: &Run<'_>) -> Surplus {
        let more = |(at, values): (&usize, &Vec<Value>)| {
            let distinct = || values.iter().collect::<BTreeSet<_>>().len();
            let have = if is_histogram(run, *at) { values.len() } else { distinct() };
            have > most(run, *at)
        };
        Surplus {
            groups: self.units.values().any(|groups| groups.len() > groups_kept(run)),
            within: self.units.values().flat_map(BTreeMap::values).flatten().any(more),
        }
    }
}

/// How many groups of a unit count.
fn groups_kept(run: &Run<'_>) -> usize {
    let kept = run.analyzed.beside.kept();
    kept.map_or(usize::MAX, |groups| usize::try_from(groups).unwrap_or(usize::MAX))
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
