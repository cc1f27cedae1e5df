//! From a released estimate to bounds: how a plan that waits for them gets them.
//!
//! Only a [`Release`] sets a bound, and only a ledger's receipt made that release; so no exact
//! number can decide about noise.

use crate::analyze::{self, Analyzed, Selection};
use crate::estimate::{Situation, choose};
use crate::norms::Norm;
use crate::plan::Plan;
use crate::release::Release;

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
        let situation = Situation { groups, spread, deviation: pending.share.deviation() };
        for (number_of, at) in pending.which.iter().enumerate() {
            let grid = grids.get(number_of)?;
            let noise = &estimate.statistics.get(number_of)?.noise;
            let counts: Option<Vec<_>> = (0..grid.edges().len())
                .map(|bin| Some(rows.get(bin)?.values.get(number_of)?.get().clone()))
                .collect();
            let chosen = choose(grid, &counts?, noise, situation);
            let bound = chosen.or_else(|| pending.otherwise.get(number_of).cloned())?;
            let one = self.state.statistics.get_mut(*at)?;
            one.noise = pending.share.noise(&bound);
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

/// A whole number in the source's binary form.
fn number(bytes: &[u8]) -> Option<f64> {
    let number = i64::from_be_bytes(bytes.try_into().ok()?);
    Some(f64::from(u32::try_from(number).ok()?))
}
