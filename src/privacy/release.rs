//! From exact to noisy: the one place where a value leaves [`Exact`].
//!
//! A plan is released once, and only after it was charged: [`Plan::release`] consumes a
//! `Plan<Charged>`, which only a ledger's [`Receipt`] makes.

use dashu::integer::{IBig, UBig};

use crate::analyze::{Analyzed, Calibrated, Purpose, Selection};
use crate::estimate::Grid;
use crate::exact::{Exact, Noisy};
use crate::layout;
use crate::noise::NoiseError;
use crate::norms::steps;
use crate::plan::{Leaf, Plan};
use crate::receipt::Receipt;
use crate::threshold::is_shown;

/// The state of a plan that was paid for.
#[derive(Debug)]
pub struct Charged {
    analyzed: Analyzed,
    /// Kept so that the plan cannot outlive what paid for it; spent when the plan is released.
    _receipt: Receipt,
}

/// A group key: one value for each key expression, in the source's binary form; `None` is NULL.
pub type KeyValue = Vec<Option<Vec<u8>>>;

/// What the source answered for one group, before noise.
#[derive(Debug)]
pub struct ExactRow {
    /// The group's key.
    pub key: Exact<KeyValue>,
    /// The values of the statistics, in steps of their grids, placed as in [`crate::layout`].
    pub values: Vec<Exact<IBig>>,
}

/// One row of a release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReleasedRow {
    /// The group's key, public from now on.
    pub key: KeyValue,
    /// The values of the statistics, in steps of their grids, placed as in [`crate::layout`].
    pub values: Vec<Noisy<IBig>>,
}

/// A noisy table. Public from now on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Release {
    rows: Vec<ReleasedRow>,
}

impl Release {
    /// The rows, sorted by key.
    pub fn rows(&self) -> &[ReleasedRow] {
        &self.rows
    }

    /// A release that the ledger remembered, read back. What is passed must be what
    /// [`Release::rows`] gave when it was stored.
    pub fn recalled(rows: Vec<(KeyValue, Vec<IBig>)>) -> Self {
        let rows = rows
            .into_iter()
            .map(|(key, values)| ReleasedRow {
                key,
                values: values.into_iter().map(Noisy).collect(),
            })
            .collect();
        Self { rows }
    }
}

/// Why a charged plan gave no release. The charge stands.
#[derive(Debug)]
pub enum ReleaseError {
    /// The source's answer has not the shape of the plan.
    Shape,
    /// The sampler failed.
    Noise(NoiseError),
}

impl Plan<Analyzed> {
    /// The plan, paid for; nothing if the receipt is for another price, or if the plan still waits
    /// for its bounds.
    pub fn charged(self, receipt: Receipt) -> Option<Plan<Charged>> {
        if *receipt.loss() != self.state.loss || self.state.pending.is_some() {
            return None;
        }
        let state = Charged { analyzed: self.state, _receipt: receipt };
        Some(Plan { leaf: self.leaf, state })
    }
}

impl Plan<Charged> {
    /// What the analysis found.
    pub fn analysis(&self) -> &Analyzed {
        &self.state.analyzed
    }

    /// Adds the noise and withholds the groups that are too small.
    ///
    /// # Argument
    /// The noise of single numbers is drawn for every row, shown or not, and a group of fewer than
    /// `group_min` units is never shown; see `threshold` for why the selection is (ε, δ)-private.
    /// A histogram takes thousands of draws, and gets them in the rows that are shown: how many
    /// these are follows from the release.
    pub fn release(self, exact: Vec<ExactRow>) -> Result<Release, ReleaseError> {
        let mut releasing = self.releasing();
        exact.into_iter().try_for_each(|row| releasing.add(row))?;
        releasing.finish()
    }

    /// The same, row by row, so that rows that are not shown are never kept: how many they are
    /// must not matter, not even to memory.
    pub fn releasing(self) -> Releasing {
        Releasing { plan: self, seen: 0, shown: Vec::new() }
    }
}

/// A release in the making. It consumed its plan, so that there is only one.
#[derive(Debug)]
pub struct Releasing {
    plan: Plan<Charged>,
    seen: u64,
    shown: Vec<ReleasedRow>,
}

impl Releasing {
    /// Adds noise to a row, and keeps it if it is shown.
    pub fn add(&mut self, row: ExactRow) -> Result<(), ReleaseError> {
        self.seen = self.seen.saturating_add(1);
        let row = release_row(self.plan.analysis(), self.plan.leaf(), row)?;
        self.shown.extend(row);
        Ok(())
    }

    /// The rows that are shown so far. Their number is public, since it follows from the release.
    pub fn shown(&self) -> usize {
        self.shown.len()
    }

    /// The release.
    pub fn finish(mut self) -> Result<Release, ReleaseError> {
        let analyzed = self.plan.analysis();
        let due = match analyzed.grids() {
            Some(_) => Some(analyzed.bins()),
            None => (analyzed.selection == Selection::Whole).then_some(1),
        };
        if due.is_some_and(|due| usize::try_from(self.seen) != Ok(due)) {
            return Err(ReleaseError::Shape);
        }
        // The source's order depends on data that may have been withheld.
        self.shown.sort_by(|a, b| a.key.cmp(&b.key));
        Ok(Release { rows: self.shown })
    }
}

impl Analyzed {
    /// The grids of an estimate.
    pub fn grids(&self) -> Option<&[Grid]> {
        match &self.purpose {
            Purpose::Answer => None,
            Purpose::Norms(grids) => Some(grids),
        }
    }

    /// The rows of an estimate: its bins.
    pub fn bins(&self) -> usize {
        let bins = self.grids().unwrap_or_default().iter().map(|grid| grid.edges().len());
        bins.max().unwrap_or(0)
    }

    /// The columns that a row's key has; those of an estimate are the bin and the number of public
    /// groups.
    pub fn keys(&self, of_leaf: usize) -> usize {
        if self.grids().is_some() { 2 } else { of_leaf }
    }
}

fn release_row(
    analyzed: &Analyzed,
    leaf: &Leaf,
    row: ExactRow,
) -> Result<Option<ReleasedRow>, ReleaseError> {
    let cells = leaf.cells();
    let keys = analyzed.keys(leaf.keys.len());
    let sizes = (layout::total(&cells), keys, analyzed.statistics.len());
    if (row.values.len(), row.key.0.len(), leaf.statistics.len()) != sizes {
        return Err(ReleaseError::Shape);
    }
    let noisy = |exact: &IBig, calibrated: &Calibrated| {
        let noise = calibrated.noise.draw().map_err(ReleaseError::Noise)?;
        Ok::<_, ReleaseError>(exact + noise)
    };
    let mut in_grains = Vec::with_capacity(leaf.statistics.len());
    for ((exact, calibrated), statistic) in
        row.values.iter().zip(&analyzed.statistics).zip(&leaf.statistics)
    {
        // What is not a single number follows below.
        let single = statistic.bins().is_none();
        in_grains.push(if single { noisy(&exact.0, calibrated)? } else { IBig::ZERO });
    }
    let shown = match &analyzed.selection {
        // All bins of an estimate are public.
        _ if analyzed.grids().is_some() => true,
        Selection::Whole | Selection::Public => true,
        Selection::Threshold { units, group_min, noisy_min } => {
            let (Some(exact), Some(noisy), Some(one)) =
                (row.values.get(*units), in_grains.get(*units), analyzed.statistics.get(*units))
            else {
                return Err(ReleaseError::Shape);
            };
            let Ok(units) = UBig::try_from(exact.0.clone()) else {
                return Err(ReleaseError::Shape);
            };
            is_shown(&units, noisy, u64::from(*group_min), noisy_min, one.grains)
        }
    };
    if !shown {
        return Ok(None);
    }
    // The nearest steps, after everything that noise is for.
    let to_steps = |noisy: &IBig, one: &Calibrated| {
        let grains = if analyzed.grids().is_some() { 1 } else { one.grains };
        Noisy(steps(noisy, grains))
    };
    let singles = in_grains.iter().zip(&analyzed.statistics);
    let mut all: Vec<_> = singles.map(|(noisy, one)| vec![to_steps(noisy, one)]).collect();
    for (at, (statistic, calibrated)) in
        leaf.statistics.iter().zip(&analyzed.statistics).enumerate()
    {
        let (Some(bins), Some(place)) = (statistic.bins(), all.get_mut(at)) else { continue };
        let counts = layout::of(&cells, at, &row.values).ok_or(ReleaseError::Shape)?;
        let counts: Vec<&IBig> = counts.into_iter().map(|exact| &exact.0).collect();
        let nodes = bins.sums(&counts);
        let nodes = nodes.iter().map(|exact| Ok(to_steps(&noisy(exact, calibrated)?, calibrated)));
        *place = nodes.collect::<Result<_, ReleaseError>>()?;
    }
    Ok(Some(ReleasedRow { key: row.key.0, values: layout::row(all) }))
}
