//! From a leaf to its price: units, contribution bounds, sensitivity, noise, loss.
//!
//! # Claim
//! Let x be the vector of all statistics over all groups, bounded as [`Analyzed`] says: a unit
//! moves statistic k of one group by at most `statistics[k].linf` steps; where the statistic has a
//! `bound`, it moves the whole statistic by at most that many grains in [`Analyzed::norm`] (see
//! [`crate::norms`]); where it has none, the unit counts in at most `groups` groups, so that it
//! moves the statistic by at most √(levels · groups) · linf in L2 and levels · groups · linf in L1,
//! where `levels` is one but for histograms (see [`crate::quantiles`]). Noise as in
//! [`Calibrated`] makes the release ρ-zCDP (or ε-DP) for the stated loss.
//!
//! # Argument
//! Bounding comes last in the emitted SQL, after joins and filters, per unit and group and then
//! per unit; what one unit contributes is therefore bounded whatever the joins multiply. Discrete
//! Gaussian noise of σ² = Δ₂²/(2ρ) on integers is ρ-zCDP (Canonne, Kamath, Steinke 2020, Theorem
//! 4); discrete Laplace of scale Δ₁/ε is ε-DP. Shares of the statistics add up to the whole.
//!
//! A bound that was not declared comes from a release of its own ([`crate::estimate`]), so that
//! the two releases compose and the noise depends on no exact number.

use dashu::integer::{IBig, UBig};

use crate::budget::{Accountant, Delta, Epsilon, Loss};
use crate::derived::is_sound;
use crate::distinct;
use crate::estimate::{GROUPS_UNKNOWN, Grid};
use crate::noise::Noise;
use crate::norms::{self, Norm};
use crate::plan::{Bounds, Domain, Exposure, Leaf, Plan, Statistic};
use crate::price::{Part, Price, Share};
use crate::quantiles::Bins;
use crate::threshold;
use crate::total::leaf_is_total;
use crate::unit::{Owner, determined, keys_follow_unit, subqueries_follow, unit_of};

/// Groups that one unit may be in where they are found in the data and its norm is bounded. Each
/// may be new because of the unit, and the δ of a selection is shared by all.
const GROUPS_CAP: u32 = 1024;

/// What the policy and the analyst set for one leaf. No data is in it.
#[derive(Clone, Debug)]
pub struct Terms {
    /// What the answer may cost.
    pub epsilon: Epsilon,
    /// [`Accountant::Pure`] if any account that pays is pure, else [`Accountant::Zcdp`].
    pub accountant: Accountant,
    /// The δ of one selection of groups.
    pub delta: Delta,
    /// Units that a shown group must hold.
    pub group_min: u32,
    /// Groups that one unit may count in, where groups have to be dropped.
    pub groups_max: u32,
    /// How a unit's contribution over all groups is bounded.
    pub contribution: Contribution,
}

/// How a unit's contribution over all groups is bounded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Contribution {
    /// By what is declared of rows, groups and columns alone.
    Declared,
    /// By its norm; the bound is estimated first, with noise.
    Automatic,
    /// By its norm; these are the bounds, in grains, one for each statistic. They are public: from
    /// a policy, never from rows.
    Known(Vec<UBig>),
}

/// Why a leaf cannot be answered privately.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rejection {
    /// No private table is read.
    NotPrivate,
    /// Two private tables are joined on something else than their unit.
    OffUnitJoin {
        /// A scan of the left side.
        left: usize,
        /// A scan of the right side.
        right: usize,
    },
    /// A public table is left-joined to a private one: its unmatched rows belong to nobody.
    PublicLeftJoin,
    /// An EXISTS looks at rows of other people.
    OffUnitSubquery {
        /// A scan that it looks at.
        scan: usize,
    },
    /// What a subquery computes is over rows of several people.
    NotPerUnit,
    /// A threshold would be needed, and a pure account cannot pay for one.
    KeysUnderPure,
    /// The plan is not well-formed; the binder must not make such a plan.
    Malformed,
}

/// A leaf that was understood: the state of [`Plan`] from which prices and SQL are made.
#[derive(Clone, Debug)]
pub struct Analyzed {
    /// The scan whose row's unit owns the joined row.
    pub unit: usize,
    /// Groups that one unit counts in; nothing if that may be any number.
    pub groups: Option<u32>,
    /// Whether the step that enforces `groups` is needed.
    pub groups_enforced: bool,
    /// The same for statistics that are no sums over units, whose groups are always dropped.
    pub beside: GroupBound,
    /// Rows of one unit that count in one group.
    pub rows: u32,
    /// Whether a unit has at most one row before any bounding, so that none is needed. That `rows`
    /// is one does not say so: it may be what the policy allows, which has to be enforced.
    pub one_row: bool,
    /// What the bounds of the statistics bound.
    pub norm: Norm,
    /// One for each statistic of the leaf.
    pub statistics: Vec<Calibrated>,
    /// How groups come to be shown.
    pub selection: Selection,
    /// What is released.
    pub purpose: Purpose,
    /// The price.
    pub loss: Loss,
    pub(crate) pending: Option<Pending>,
}

/// What a plan releases.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// The statistics of each group.
    Answer,
    /// For each statistic, how many units have a norm in each bin of its grid.
    Norms(Vec<Grid>),
}

/// In how many groups a unit counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroupBound {
    /// That many.
    pub groups: u32,
    /// Whether it could be in more, so that some have to be dropped.
    pub enforced: bool,
}

impl GroupBound {
    /// How many groups are kept, if some may have to be dropped.
    pub fn kept(self) -> Option<u32> {
        self.enforced.then_some(self.groups)
    }
}

/// A statistic with its sensitivity and noise.
#[derive(Clone, Debug)]
pub struct Calibrated {
    /// By how much one unit moves it in one group, in steps of its grid; a histogram, each number
    /// of it, and the numbers of one level together.
    pub linf: UBig,
    /// How many levels of numbers it has; one, but for histograms.
    pub levels: u32,
    /// Grains in a step: sums and noise are counted in these.
    pub grains: u32,
    /// By how many grains one unit moves it over all groups at most, in the plan's norm; nothing
    /// where that follows from `linf` and the number of groups.
    pub bound: Option<UBig>,
    /// What is added, in grains.
    pub noise: Noise,
}

/// What a plan waits for before it can be charged.
#[derive(Clone, Debug)]
pub(crate) struct Pending {
    /// The estimate of its bounds.
    pub(crate) estimate: Box<Plan<Analyzed>>,
    /// The statistics that it is for.
    pub(crate) which: Vec<usize>,
    /// What each statistic gets of the price, as long as they share it equally.
    pub(crate) share: Share,
    /// Their bounds, in grains, if the estimate says nothing.
    pub(crate) otherwise: Vec<UBig>,
    /// The δ of the selection of groups.
    pub(crate) delta: Delta,
}

/// How groups come to be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selection {
    /// There are no keys: one row.
    Whole,
    /// All keys are public: each is shown, also the empty ones.
    Public,
    /// Groups must hold enough units, before and after noise.
    Threshold {
        /// Which statistic is the count of units.
        units: usize,
        /// Least exact number of units.
        group_min: u32,
        /// Least noisy number of units, in grains of that statistic.
        noisy_min: UBig,
    },
}

impl Plan<Analyzed> {
    /// What the analysis found.
    pub fn analysis(&self) -> &Analyzed {
        &self.state
    }

    /// The price, but for that of [`Self::estimate`].
    pub fn loss(&self) -> &Loss {
        &self.state.loss
    }
}

impl Analyzed {
    /// Whether the noise is not known yet, since bounds have to be estimated first.
    pub fn waits(&self) -> bool {
        self.pending.is_some()
    }

    /// Units that a group needs to be shown: exactly, and after noise, rounded up.
    pub fn shown_from(&self) -> Option<(u32, UBig)> {
        let Selection::Threshold { units, group_min, noisy_min } = &self.selection else {
            return None;
        };
        let grains = UBig::from(self.statistics.get(*units)?.grains.max(1));
        Some((*group_min, (noisy_min + &grains - UBig::ONE) / grains))
    }

    /// Whether a unit is in at most one group, whatever the data.
    pub fn single(&self) -> bool {
        self.groups == Some(1) && !self.groups_enforced
    }
}

impl Calibrated {
    /// How far a released number is at most from the bounded one, rounded to steps as the released
    /// one is, but for a chance of `alpha` (see [`Noise::half_width`]).
    pub fn half_width(&self, alpha: (u32, u32)) -> UBig {
        // Of two numbers that are so many grains apart, the nearest steps are no further apart than
        // that, rounded up.
        let grains = UBig::from(self.grains.max(1));
        (self.noise.half_width(alpha) + &grains - UBig::ONE) / grains
    }

    /// The standard deviation of the noise in steps, for showing.
    pub fn standard_deviation(&self) -> f64 {
        self.noise.standard_deviation() / f64::from(self.grains.max(1))
    }
}

/// Understands a leaf.
pub fn analyze(mut leaf: Leaf, terms: &Terms) -> Result<Plan<Analyzed>, Rejection> {
    if !leaf_is_total(&leaf) {
        return Err(Rejection::Malformed);
    }
    leaf.scans.iter().try_for_each(is_sound)?;
    let Owner::Unit(unit) = unit_of(&leaf.scans, &leaf.joins)? else {
        return Err(Rejection::NotPrivate);
    };
    subqueries_follow(&leaf.scans, &leaf.joins, &leaf.filter, &leaf.expressions())?;
    let threshold = leaf.keys.iter().any(|key| key.domain == Domain::Found);
    if threshold && terms.accountant == Accountant::Pure {
        return Err(Rejection::KeysUnderPure);
    }
    let one_row = one_row(&leaf);
    let units = threshold.then(|| units_statistic(&mut leaf, one_row));
    let by_norm = terms.contribution != Contribution::Declared;
    let (groups, groups_enforced) = match group_bound(&leaf, terms, by_norm && !threshold) {
        // The norm bounds what a unit adds; groups are capped for the δ of new ones alone.
        (Some(groups), true) if by_norm => (Some(groups.max(GROUPS_CAP)), true),
        bound => bound,
    };
    let (few, enforced) = group_bound(&leaf, terms, false);
    let beside = GroupBound { groups: few.unwrap_or(terms.groups_max).max(1), enforced };
    let rows = if one_row { 1 } else { row_bound(&leaf) };
    let norm = match terms.accountant {
        Accountant::Zcdp => Norm::L2,
        Accountant::Pure => Norm::L1,
    };
    let single = groups == Some(1) && !groups_enforced;
    // What moves by one step in one group at most needs no other bound.
    let needs_bound = |linf: &UBig| by_norm && !(single && *linf == UBig::ONE);
    let linfs: Vec<UBig> = leaf.statistics.iter().map(|one| linf(one, rows)).collect();
    let which: Vec<usize> = linfs
        .iter()
        .zip(&leaf.statistics)
        .enumerate()
        .filter(|(_, (linf, one))| one.is_additive() && needs_bound(linf))
        .map(|(at, _)| at)
        .collect();
    let estimated = terms.contribution == Contribution::Automatic
        && !which.is_empty()
        && Price::has_parts(terms);
    let part = if estimated { Part::Answer } else { Part::Whole };
    let Price { share, loss } = Price::new(terms, part, leaf.statistics.len(), threshold)?;
    let dropped = groups.unwrap_or(terms.groups_max).min(terms.groups_max).max(1);
    let all = linfs.iter().zip(&leaf.statistics).enumerate();
    let statistics = all.map(|(at, (linf, statistic))| {
        let levels = statistic.bins().map_or(1, Bins::levels);
        let grains = if which.contains(&at) && !single { norms::GRAINS } else { 1 };
        let declared = norm_of_groups(norm, linf, dropped, grains);
        let bound = match &terms.contribution {
            _ if !which.contains(&at) => None,
            Contribution::Known(bounds) => bounds.get(at).cloned().map(|b| b.max(UBig::ONE)),
            _ => None,
        };
        let bound = bound.or_else(|| which.contains(&at).then_some(declared));
        let noise = match &bound {
            Some(bound) => share.noise(bound),
            None if statistic.is_additive() => {
                share.noise_of_groups(linf, &UBig::from(groups.unwrap_or(dropped)))
            }
            None => share.noise_of_groups(linf, &(UBig::from(beside.groups) * UBig::from(levels))),
        };
        Calibrated { linf: linf.clone(), levels, grains, bound, noise }
    });
    let statistics: Vec<Calibrated> = statistics.collect();
    let selection = match units {
        _ if leaf.keys.is_empty() => Selection::Whole,
        None => Selection::Public,
        Some(units) => {
            let (delta, group_min) = (&terms.delta, terms.group_min);
            let noisy_min = noisy_min(statistics.get(units), groups, delta, group_min);
            let noisy_min = noisy_min.ok_or(Rejection::Malformed)?;
            Selection::Threshold { units, group_min, noisy_min }
        }
    };
    let purpose = Purpose::Answer;
    let mut state = Analyzed {
        unit,
        groups,
        groups_enforced,
        beside,
        rows,
        one_row,
        norm,
        statistics,
        selection,
        purpose,
        loss,
        pending: None,
    };
    if estimated {
        let estimate = estimate(&leaf, &state, &which, terms)?;
        let bounds = which.iter().filter_map(|at| state.statistics.get(*at)?.bound.clone());
        let otherwise = bounds.collect();
        let (estimate, delta) = (Box::new(estimate), terms.delta.clone());
        state.pending = Some(Pending { estimate, which, share, otherwise, delta });
    }
    Ok(Plan { leaf, state })
}

/// The least noisy count of units, in grains, at which a group is shown; `l0` is how many groups one
/// unit may be in.
pub(crate) fn noisy_min(
    units: Option<&Calibrated>,
    l0: Option<u32>,
    delta: &Delta,
    group_min: u32,
) -> Option<UBig> {
    let Calibrated { noise, grains, .. } = units?;
    Some(threshold::threshold(noise, delta, u64::from(l0?), u64::from(group_min), *grains))
}

/// The plan of the estimate of these statistics' bounds.
fn estimate(
    leaf: &Leaf,
    answer: &Analyzed,
    which: &[usize],
    terms: &Terms,
) -> Result<Plan<Analyzed>, Rejection> {
    let Price { share, loss } = Price::new(terms, Part::Estimate, which.len(), false)?;
    let statistics = which.iter().filter_map(|at| leaf.statistics.get(*at).cloned()).collect();
    let leaf = Leaf { statistics, ..leaf.clone() };
    let asked: Vec<&Calibrated> =
        which.iter().filter_map(|at| answer.statistics.get(*at)).collect();
    let grids = asked.iter().map(|one| {
        let most = answer.groups.unwrap_or(GROUPS_UNKNOWN);
        Grid::new(one.grains, &norm_of_groups(answer.norm, &one.linf, most, one.grains))
    });
    let state = Analyzed {
        purpose: Purpose::Norms(grids.collect()),
        // One unit is in one bin of each.
        statistics: asked
            .iter()
            .map(|one| Calibrated { bound: None, noise: share.noise(&UBig::ONE), ..(*one).clone() })
            .collect(),
        loss,
        ..answer.clone()
    };
    Ok(Plan { leaf, state })
}

/// The norm of a vector of so many cells of `linf` steps each, in grains, rounded up.
fn norm_of_groups(norm: Norm, linf: &UBig, groups: u32, grains: u32) -> UBig {
    let cell = linf * UBig::from(grains);
    let groups = UBig::from(groups);
    match norm {
        Norm::L1 => cell * groups,
        Norm::L2 => norms::root_up(&(&cell * &cell * groups)),
    }
}

/// The index of the unfiltered count of units, which decides about groups; added if not asked for.
/// Where a unit has one row, the count of rows is the same number.
fn units_statistic(leaf: &mut Leaf, one_row: bool) -> usize {
    let wanted = Statistic::Units { filter: None };
    let rows = Statistic::Rows { filter: None, present: None };
    let place = |wanted: &Statistic| leaf.statistics.iter().position(|one| one == wanted);
    let found = place(&wanted).or_else(|| if one_row { place(&rows) } else { None });
    if let Some(at) = found {
        return at;
    }
    leaf.statistics.push(wanted);
    leaf.statistics.len().saturating_sub(1)
}

/// Groups that one unit can count in, and whether that must be enforced. Where its norm is bounded
/// instead, no group is dropped, and how many there are is said only if it is known.
fn group_bound(leaf: &Leaf, terms: &Terms, by_norm: bool) -> (Option<u32>, bool) {
    if one_row(leaf) || keys_follow_unit(leaf) {
        return (Some(1), false);
    }
    let declared = leaf.keys.iter().try_fold(1_u32, |product, key| match &key.domain {
        Domain::Declared(values) => product.checked_mul(u32::try_from(values.len()).ok()?),
        Domain::PublicRows | Domain::PublicColumn(..) | Domain::Found => None,
    });
    match declared {
        Some(all) if by_norm || all <= terms.groups_max => (Some(all.max(1)), false),
        None if by_norm => (None, false),
        _ => (Some(terms.groups_max.max(1)), true),
    }
}

/// Whether every scan is a function of the unit, so that it has at most one joined row.
fn one_row(leaf: &Leaf) -> bool {
    let known = determined(leaf);
    leaf.joins.scans().iter().all(|scan| known.contains(scan))
}

/// Rows of one unit that may count in one group: the most that the policy allows for the private
/// tables read. This is enforced, not believed.
fn row_bound(leaf: &Leaf) -> u32 {
    let joined = leaf.joins.scans();
    let rows = joined.iter().filter_map(|at| match &leaf.scans.get(*at)?.exposure {
        Exposure::Private { rows_max, .. } => Some(*rows_max),
        Exposure::Public => None,
    });
    rows.max().unwrap_or(1).max(1)
}

/// By how much one unit moves the statistic of one group, in steps; at least one, so that there is
/// always noise.
fn linf(statistic: &Statistic, rows: u32) -> UBig {
    match statistic {
        Statistic::Units { .. } => UBig::ONE,
        Statistic::Rows { .. } | Statistic::Histogram { .. } => UBig::from(rows),
        Statistic::Distinct { most, .. } => UBig::from(distinct::kept(rows, *most)),
        Statistic::Sum { bounds, .. } => (UBig::from(rows) * reach(bounds)).max(UBig::ONE),
    }
}

/// The largest distance of one row's value from the centre, in steps.
fn reach(bounds: &Bounds) -> UBig {
    let size = |value: IBig| value.into_parts().1;
    size(&bounds.low - &bounds.centre).max(size(&bounds.high - &bounds.centre))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
mod tests;
