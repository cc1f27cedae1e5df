//! From a released estimate to bounds: how a plan that waits for them gets them.
//!
//! Only a [`Release`] sets a bound, and only a ledger's receipt made that release; so no exact
//! number can decide about noise. The same release says how the price is split ([`split`]).

use dashu::integer::UBig;
use dashu::rational::RBig;

use crate::analyze::{self, Analyzed, Selection};
use crate::estimate::{Population, Situation};
use crate::norms::Norm;
use crate::plan::{Leaf, Plan, Statistic};
use crate::price::Share;
use crate::release::Release;
use crate::{rounding, split};

/// Groups that are assumed where they are found in the data: a guess made before any data.
const GROUPS_FOUND: f64 = 64.0;
/// Groups that one unit is assumed to be in where it may be in more.
const GROUPS_OF_ONE: f64 = 4.0;

impl Plan<Analyzed> {
    /// The estimate that has to be released before this plan can be charged; nothing if it can.
    pub fn estimate(&self) -> Option<&Self> {
        self.state.pending.as_ref().map(|pending| pending.estimate.as_ref())
    }

    /// The plan with the bounds that its estimate gives, ready to be charged. Nothing if it waits
    /// for none, or if this is no release of its estimate.
    pub fn bounded(mut self, estimated: &Release) -> Option<Self> {
        let pending = self.state.pending.take()?;
        let estimate = &pending.estimate.state;
        let grids = estimate.grids()?;
        let rows = estimated.rows();
        // The second key is how many groups are public; it is the same in every row.
        let groups = match self.state.selection {
            Selection::Whole => 1.0,
            Selection::Threshold { .. } => GROUPS_FOUND,
            Selection::Public => number(rows.first()?.key.get(1)?.as_deref()?)?.max(1.0),
        };
        let spread = if self.state.single() || self.state.norm == Norm::L1 {
            1.0
        } else {
            let most = self.state.groups.map_or(f64::INFINITY, f64::from);
            groups.min(most).min(GROUPS_OF_ONE).sqrt()
        };
        // Some groups hold more than others, and bias is worst in those: it is shared by fewer.
        let groups = groups.sqrt();
        let situation = |share: &Share| Situation { groups, spread, deviation: share.deviation() };
        let mut populations = Vec::new();
        for (number_of, grid) in grids.iter().enumerate() {
            let noise = &estimate.statistics.get(number_of)?.noise;
            let counts: Option<Vec<_>> = (0..grid.edges().len())
                .map(|bin| Some(rows.get(bin)?.values.get(number_of)?.get().clone()))
                .collect();
            populations.push(Population::seen(grid, &counts?, noise));
        }
        let asked = Asked { leaf: &self.leaf, which: &pending.which, populations: &populations };
        let equal = situation(&pending.share);
        let factors = asked.factors(self.state.norm, equal);
        for (number_of, at) in pending.which.iter().enumerate() {
            let share = pending.share.times(factors.get(number_of)?)?;
            let population = populations.get(number_of)?.as_ref();
            let chosen = population.and_then(|population| population.bound(situation(&share)));
            let bound = chosen.or_else(|| pending.otherwise.get(number_of).cloned())?;
            let one = self.state.statistics.get_mut(*at)?;
            one.noise = share.noise(&bound);
            one.bound = Some(bound);
        }
        // The threshold is that of the noise, which is known only now.
        let (groups, statistics) = (self.state.groups, &self.state.statistics);
        if let Selection::Threshold { units, group_min, noisy_min } = &mut self.state.selection {
            let units = statistics.get(*units);
            *noisy_min = analyze::noisy_min(units, groups, &pending.delta, *group_min)?;
        }
        Some(self)
    }
}

/// The statistics that an estimate was asked for.
struct Asked<'a> {
    leaf: &'a Leaf,
    which: &'a [usize],
    populations: &'a [Option<Population<'a>>],
}

impl Asked<'_> {
    /// How many times its equal share each gets. One of which nothing can be told keeps it.
    fn factors(&self, norm: Norm, equal: Situation) -> Vec<RBig> {
        let sizes: Vec<Option<f64>> =
            (0..self.which.len()).map(|number_of| self.relative(number_of, equal)).collect();
        let known: Vec<f64> = sizes.iter().flatten().copied().collect();
        let mut factors = split::factors(&known, norm).into_iter();
        let factor = |known: Option<f64>| known.and_then(|_| factors.next()).unwrap_or(RBig::ONE);
        sizes.into_iter().map(factor).collect()
    }

    /// The noise of an equal share relative to what it is added to. Nothing for a number that drowns
    /// in it: that would take from the others, and still drown.
    fn relative(&self, number_of: usize, equal: Situation) -> Option<f64> {
        let population = self.populations.get(number_of)?.as_ref()?;
        let bound = population.bound(equal)?;
        let total = population.total();
        // Numbers about a centre are mostly below it, since bounds are mostly too high.
        let size = total.max(self.centres(number_of, population) - total);
        let noise = rounding::up(&RBig::from(bound)) * equal.deviation * equal.groups;
        (noise < size).then_some(noise / size)
    }

    /// What the centres of a sum's rows add up to: an average has them added to it again.
    fn centres(&self, number_of: usize, population: &Population<'_>) -> f64 {
        let sum = self.which.get(number_of).and_then(|at| self.leaf.statistics.get(*at));
        let Some(Statistic::Sum { filter, value, bounds }) = sum else { return 0.0 };
        let centre = bounds.centre.clone().into_parts().1;
        if centre == UBig::ZERO {
            return 0.0;
        }
        let counts = |at: &usize| match self.leaf.statistics.get(*at) {
            Some(Statistic::Rows { filter: of, present }) => {
                of == filter && present.as_ref().is_none_or(|present| present == value)
            }
            _ => false,
        };
        let rows = self.which.iter().position(counts).and_then(|at| self.populations.get(at));
        // Without an estimate of its own it counts one row of each unit.
        let rows =
            rows.and_then(Option::as_ref).map_or_else(|| population.steps(), Population::total);
        rounding::up(&RBig::from(centre)) * rows
    }
}

/// A whole number in the source's binary form.
fn number(bytes: &[u8]) -> Option<f64> {
    let number = i64::from_be_bytes(bytes.try_into().ok()?);
    Some(f64::from(u32::try_from(number).ok()?))
}
