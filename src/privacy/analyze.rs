//! From a leaf to its price: units, contribution bounds, sensitivity, noise, loss.
//!
//! # Claim
//! Let x be the vector of all statistics over all groups, bounded as [`Analyzed`] says: a unit
//! counts in at most `groups` groups, and moves statistic k of one group by at most
//! `statistics[k].linf` steps. Adding or removing one unit then moves statistic k over all groups
//! by at most √(levels · groups) · linf in L2 and levels · groups · linf in L1, where `levels` is
//! one but for histograms (see `crate::quantiles`), and noise as in [`Calibrated`] makes
//! the release ρ-zCDP (or ε-DP) for the stated loss.
//!
//! # Argument
//! Bounding comes last in the emitted SQL, after joins and filters, per unit and group; what one
//! unit contributes is therefore bounded whatever the joins multiply. Discrete Gaussian noise of
//! σ² = Δ₂²/(2ρ) on integers is ρ-zCDP (Canonne, Kamath, Steinke 2020, Theorem 4); discrete
//! Laplace of scale Δ₁/ε is ε-DP. Shares of the statistics add up to the whole.

use dashu::integer::{IBig, UBig};

use crate::budget::{Accountant, Delta, Epsilon, Loss, Rho};
use crate::derived::is_sound;
use crate::distinct;
use crate::noise::Noise;
use crate::plan::{Bounds, Domain, Exposure, Leaf, Plan, Statistic};
use crate::quantiles::Bins;
use crate::threshold;
use crate::total::leaf_is_total;
use crate::unit::{Owner, determined, subqueries_follow, unit_of};

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
    /// Groups that one unit may count in.
    pub groups_max: u32,
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
    /// Groups that one unit counts in.
    pub groups: u32,
    /// Whether the step that enforces `groups` is needed.
    pub groups_enforced: bool,
    /// The same for statistics that are no sums over units, whose groups are always dropped.
    pub beside: GroupBound,
    /// Rows of one unit that count in one group.
    pub rows: u32,
    /// Whether a unit has at most one row before any bounding, so that none is needed. That `rows`
    /// is one does not say so: it may be what the policy allows, which has to be enforced.
    pub one_row: bool,
    /// One for each statistic of the leaf.
    pub statistics: Vec<Calibrated>,
    /// How groups come to be shown.
    pub selection: Selection,
    /// The price.
    pub loss: Loss,
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
    /// What is added, in the same steps.
    pub noise: Noise,
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
        /// Least noisy number of units.
        noisy_min: UBig,
    },
}

impl Plan<Analyzed> {
    /// What the analysis found.
    pub fn analysis(&self) -> &Analyzed {
        &self.state
    }

    /// The price.
    pub fn loss(&self) -> &Loss {
        &self.state.loss
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
    let units = threshold.then(|| units_statistic(&mut leaf));
    let (groups, groups_enforced) = group_bound(&leaf, terms);
    let beside = GroupBound { groups, enforced: groups_enforced };
    let one_row = one_row(&leaf);
    let rows = if one_row { 1 } else { row_bound(&leaf) };
    let price = Price::new(&leaf, terms, threshold)?;
    let statistics: Vec<Calibrated> = leaf
        .statistics
        .iter()
        .map(|statistic| {
            let levels = statistic.bins().map_or(1, Bins::levels);
            let groups = if statistic.is_additive() { groups } else { beside.groups };
            price.calibrate(linf(statistic, rows), levels, groups)
        })
        .collect();
    let selection = match units {
        _ if leaf.keys.is_empty() => Selection::Whole,
        None => Selection::Public,
        Some(units) => {
            let noise = statistics.get(units).map(|one| &one.noise).ok_or(Rejection::Malformed)?;
            let (groups, group_min) = (u64::from(groups), u64::from(terms.group_min));
            let noisy_min = threshold::threshold(noise, &terms.delta, groups, group_min);
            Selection::Threshold { units, group_min: terms.group_min, noisy_min }
        }
    };
    let loss = price.loss;
    let state = Analyzed {
        unit,
        groups,
        groups_enforced,
        beside,
        rows,
        one_row,
        statistics,
        selection,
        loss,
    };
    Ok(Plan { leaf, state })
}

/// The index of the unfiltered count of units, which decides about groups; added if not asked for.
fn units_statistic(leaf: &mut Leaf) -> usize {
    let wanted = Statistic::Units { filter: None };
    if let Some(at) = leaf.statistics.iter().position(|one| *one == wanted) {
        return at;
    }
    leaf.statistics.push(wanted);
    leaf.statistics.len().saturating_sub(1)
}

/// Groups that one unit can count in, and whether that must be enforced.
fn group_bound(leaf: &Leaf, terms: &Terms) -> (u32, bool) {
    let known = determined(leaf);
    let follows = |expr: &crate::expr::Expr| expr.scans().iter().all(|scan| known.contains(scan));
    if one_row(leaf) || leaf.keys.iter().all(|key| follows(&key.expr)) {
        return (1, false);
    }
    let declared = leaf.keys.iter().try_fold(1_u32, |product, key| match &key.domain {
        Domain::Declared(values) => product.checked_mul(u32::try_from(values.len()).ok()?),
        Domain::PublicRows | Domain::PublicColumn(..) | Domain::Found => None,
    });
    match declared {
        Some(all) if all <= terms.groups_max => (all.max(1), false),
        _ => (terms.groups_max.max(1), true),
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

/// The price of a leaf and the share of each statistic.
struct Price {
    share: Share,
    loss: Loss,
}

enum Share {
    Rho(Rho),
    Epsilon(Epsilon),
}

impl Price {
    fn new(leaf: &Leaf, terms: &Terms, threshold: bool) -> Result<Self, Rejection> {
        let parts = u32::try_from(leaf.statistics.len()).ok().filter(|parts| *parts > 0);
        let parts = parts.ok_or(Rejection::Malformed)?;
        let rho = Rho::of_epsilon(&terms.epsilon);
        let mut loss = Loss { rho: rho.cost(), ..Loss::default() };
        let share = match terms.accountant {
            Accountant::Zcdp => Share::Rho(rho.split(parts)),
            Accountant::Pure => {
                loss.epsilon = Some(terms.epsilon.cost());
                Share::Epsilon(terms.epsilon.split(parts))
            }
        };
        if threshold {
            loss.delta = terms.delta.cost();
        }
        Ok(Self { share, loss })
    }

    fn calibrate(&self, linf: UBig, levels: u32, groups: u32) -> Calibrated {
        let places = UBig::from(groups) * UBig::from(levels);
        let noise = match &self.share {
            Share::Rho(rho) => Noise::gaussian(&(&linf * &linf * places), rho),
            Share::Epsilon(epsilon) => Noise::laplace(&(&linf * places), epsilon),
        };
        Calibrated { linf, levels, noise }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
mod tests;
