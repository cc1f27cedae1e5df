//! What one unit adds, bounded: in each group, in the number of groups, and over all of them.

use std::collections::BTreeMap;

use dashu::integer::IBig;

use super::{Contributions, Groups, Run, Value};
use crate::analyze::Selection;
use crate::estimate::Grid;
use crate::norms::bounded;
use crate::plan::Statistic;

impl Run<'_> {
    /// Holds what a unit adds to a group to what the analysis says.
    pub(super) fn clip(&self, values: &mut [IBig]) {
        let rows = IBig::from(self.analyzed.rows);
        for (value, statistic) in values.iter_mut().zip(&self.leaf.statistics) {
            let (low, high) = match statistic {
                Statistic::Rows { .. } => (IBig::ZERO, rows.clone()),
                Statistic::Units { .. } => (IBig::ZERO, IBig::ONE),
                Statistic::Distinct { .. } | Statistic::Histogram { .. } => continue,
                Statistic::Sum { bounds, .. } => {
                    let low = (&bounds.low - &bounds.centre).min(IBig::ZERO);
                    let high = (&bounds.high - &bounds.centre).max(IBig::ZERO);
                    (low * &rows, high * &rows)
                }
            };
            *value = value.clone().max(low).min(high);
        }
    }

    /// The first groups by key. The SQL has another order; both depend on the unit's keys alone.
    pub(super) fn keep_some(&self, of_unit: &mut BTreeMap<Vec<Value>, Vec<IBig>>) {
        let groups = self.analyzed.groups.and_then(|groups| usize::try_from(groups).ok());
        while of_unit.len() > groups.unwrap_or(usize::MAX) {
            of_unit.pop_last();
        }
    }

    /// Scales what a unit adds to each statistic to its bound, in grains.
    pub(super) fn bound(&self, of_unit: &mut BTreeMap<Vec<Value>, Vec<IBig>>) {
        for (at, statistic) in self.analyzed.statistics.iter().enumerate() {
            let Some(bound) = &statistic.bound else { continue };
            let cells = cells(of_unit, at);
            let scaled = bounded(&cells, self.analyzed.norm, statistic.grains, bound);
            for (values, scaled) in of_unit.values_mut().zip(scaled) {
                if let Some(place) = values.get_mut(at) {
                    *place = scaled;
                }
            }
        }
    }

    /// How many units have a norm in each bin, for each statistic.
    pub(super) fn histogram(&self, grids: &[Grid], units: &Contributions, public: usize) -> Groups {
        // Groups that are found in the data are not counted: nobody has to know them.
        let public = match self.analyzed.selection {
            Selection::Threshold { .. } => 0,
            Selection::Whole | Selection::Public => public,
        };
        let int = |number: usize| Value::int(i64::try_from(number).unwrap_or(i64::MAX));
        let key = |bin: usize| vec![int(bin), int(public)];
        let zeros = vec![IBig::ZERO; grids.len()];
        let mut bins: Groups =
            (0..self.analyzed.bins()).map(|bin| (key(bin), zeros.clone())).collect();
        for of_unit in units.values() {
            for (at, (grid, statistic)) in grids.iter().zip(&self.analyzed.statistics).enumerate() {
                let cells = cells(of_unit, at).into_iter();
                let cells: Vec<IBig> =
                    cells.map(|cell| cell * IBig::from(statistic.grains)).collect();
                let norm = self.analyzed.norm;
                let bin = key(grid.bin(norm, &norm.sum(cells.iter())));
                if let Some(count) = bins.get_mut(&bin).and_then(|counts| counts.get_mut(at)) {
                    *count += IBig::ONE;
                }
            }
        }
        bins
    }
}

/// What a unit adds to one statistic, in the order of its keys.
fn cells(of_unit: &BTreeMap<Vec<Value>, Vec<IBig>>, at: usize) -> Vec<IBig> {
    of_unit.values().map(|values| values.get(at).cloned().unwrap_or_default()).collect()
}
