//! Histograms of a number over bins of its public range, as a tree, and quantiles of them.
//!
//! # Claim
//! Let a unit count with at most m rows in each of at most g groups. The counts of all nodes of
//! the trees of all groups, h levels each, move by at most h · m · g in L1 and √(h · g) · m in L2
//! if the unit is added or removed. Quantiles are computed from the noisy counts alone.
//!
//! # Argument
//! A row is in one bin, so in one node of each level. On one level of one group a unit's m rows
//! move counts by m in L1, and by at most m in L2, which they do if all are in one node. Levels and
//! groups are different coordinates: their L1 norms add up, and so do the squares of their L2
//! norms. Which rows of a unit count depends on the unit's rows alone (see `crate::distinct`).
//! All nodes get noise of their own. To make children agree with their parent and to walk down the
//! tree is post-processing.
//!
//! How far a rank is off: a walk adds up at most the k nodes of the topmost level, with noise of
//! variance σ² each. Below, it adds up j of k children that sum to their parent, which is j/k of
//! the parent and a bridge of variance σ² · j · (1 - j/k), at most σ² · k/4. Together that is at
//! most σ² · (k + (h - 1) · k/4 + h), and a rank is within two standard deviations of what is
//! asked for about 95 times of 100.
//!
//! # Source
//! Hay, Rastogi, Miklau and Suciu 2010 for the tree of counts; quantiles from it are Google's
//! "quantile tree". The sensitivity is the argument above.
//!
//! # Test
//! `tests/neighbours.rs` for the norms; below, trees without noise give PostgreSQL's quantiles.

use dashu::integer::{IBig, UBig};
use dashu::rational::RBig;

use crate::noise::Noise;
use crate::plan::Bounds;
use crate::rounding;

/// The most bins of one group, where there is one group only.
pub const BINS_MAX: u32 = 8192;
/// The most bins of one group, where there are more groups.
pub const GROUPED_BINS_MAX: u32 = 512;
/// Up to so many bins have no level above them; up to its square they have one.
const BINS_OF_A_LEVEL: usize = 32;

/// Equal parts of a number's public range, on a decimal grid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bins {
    /// Decimal places of the grid: one step is 10⁻ˢᶜᵃˡᵉ.
    pub scale: u32,
    /// The least value, in steps.
    pub low: IBig,
    /// The greatest value, in steps.
    pub high: IBig,
    /// How many steps are in one bin.
    pub width: UBig,
}

impl Bins {
    /// The finest bins of this range that are at most `most`.
    pub fn over(scale: u32, low: IBig, high: IBig, most: u32) -> Self {
        let steps = UBig::try_from(&high - &low).unwrap_or(UBig::ZERO) + UBig::ONE;
        let most = UBig::from(most.max(1));
        let width = (steps + &most - UBig::ONE) / most;
        Self { scale, low, high, width }
    }

    /// Whether there are bins, and not too many.
    pub(crate) fn are_sound(&self) -> bool {
        self.low <= self.high
            && self.width > UBig::ZERO
            && self.steps() <= UBig::from(BINS_MAX) * &self.width
    }

    fn steps(&self) -> UBig {
        UBig::try_from(&self.high - &self.low).unwrap_or(UBig::ZERO) + UBig::ONE
    }

    /// How many bins there are.
    pub fn count(&self) -> usize {
        let width = self.width.clone().max(UBig::ONE);
        let count = (self.steps() + &width - UBig::ONE) / width;
        usize::try_from(count).unwrap_or(usize::MAX).max(1)
    }

    /// The bounds of one row's number, counted from the least.
    pub fn bounds(&self) -> Bounds {
        Bounds {
            scale: self.scale,
            low: self.low.clone(),
            high: self.high.clone(),
            centre: self.low.clone(),
        }
    }

    /// Whether each value of the grid has a bin of its own.
    pub fn is_exact(&self) -> bool {
        self.width == UBig::ONE
    }

    /// How many levels the tree has: in how many nodes a row counts.
    pub fn levels(&self) -> u32 {
        let count = self.count();
        if count <= BINS_OF_A_LEVEL {
            1
        } else if count <= BINS_OF_A_LEVEL.saturating_mul(BINS_OF_A_LEVEL) {
            2
        } else {
            3
        }
    }

    /// How many children a node has, and nodes there are on the topmost level, at most.
    pub fn children(&self) -> usize {
        let (count, levels) = (self.count(), self.levels());
        (1..=count).find(|each| each.saturating_pow(levels) >= count).unwrap_or(count)
    }

    /// How many nodes each level has, the topmost first.
    fn sizes(&self) -> Vec<usize> {
        let (count, children) = (self.count(), self.children());
        let below = |level: u32| children.saturating_pow(level).max(1);
        (0..self.levels()).rev().map(|level| count.div_ceil(below(level))).collect()
    }

    /// How many nodes the tree has.
    pub fn nodes(&self) -> usize {
        self.sizes().into_iter().fold(0, usize::saturating_add)
    }

    /// The counts of all nodes, level by level from the topmost, of the counts of the bins.
    pub fn sums(&self, bins: &[&IBig]) -> Vec<IBig> {
        let mut levels: Vec<Vec<IBig>> = vec![bins.iter().map(|count| (*count).clone()).collect()];
        let children = self.children().max(1);
        for _ in 1..self.levels() {
            let below = levels.last().map(Vec::as_slice).unwrap_or_default();
            let level = below.chunks(children).map(|nodes| nodes.iter().sum()).collect();
            levels.push(level);
        }
        levels.into_iter().rev().flatten().collect()
    }

    /// By how many rows the rank of a quantile may be off, about 95 times of 100.
    pub fn rank_error(&self, noise: &Noise) -> f64 {
        let levels = f64::from(self.levels());
        let children = f64::from(u32::try_from(self.children()).unwrap_or(u32::MAX));
        let draws = children + (levels - 1.0) * children / 4.0 + levels;
        2.0 * noise.standard_deviation() * draws.sqrt()
    }
}

/// The noisy counts of one group.
#[derive(Debug)]
pub struct Tree<'a> {
    bins: &'a Bins,
    levels: Vec<Vec<&'a IBig>>,
}

/// A bin, and which of its rows is meant: the first is 1.
struct Place {
    bin: usize,
    rank: RBig,
    count: RBig,
}

impl<'a> Tree<'a> {
    /// The released numbers of a histogram; nothing if there are more or fewer than nodes.
    pub fn new(bins: &'a Bins, numbers: &[&'a IBig]) -> Option<Self> {
        let mut rest = numbers;
        let mut levels = Vec::new();
        for size in bins.sizes() {
            let (level, below) = rest.split_at_checked(size)?;
            levels.push(level.to_vec());
            rest = below;
        }
        rest.is_empty().then_some(Self { bins, levels })
    }

    /// The noisy number of rows; nothing unless it is positive.
    fn size(&self) -> Option<IBig> {
        let size: IBig = self.levels.first()?.iter().copied().sum();
        (size > IBig::ZERO).then_some(size)
    }

    /// `percentile_disc`: a value in steps of the grid.
    pub fn discrete(&self, fraction: f64) -> Option<IBig> {
        let rank = (fraction * float(&self.size()?)).ceil().max(1.0);
        Some(self.value(&self.place(&whole(rank), false)))
    }

    /// `percentile_cont`: two values in steps of the grid, and how far from the first to the second.
    pub fn continuous(&self, fraction: f64) -> Option<(IBig, IBig, f64)> {
        let rank = fraction * (float(&self.size()?) - 1.0);
        let (below, above) = (rank.floor(), rank.ceil());
        let value = |rank: f64| self.value(&self.place(&whole(rank + 1.0), false));
        Some((value(below), value(above), rank - below))
    }

    /// The least value, or the greatest, that has `margin` rows at it or beyond.
    pub fn extreme(&self, greatest: bool, margin: f64) -> Option<IBig> {
        let half = (self.size()? / IBig::from(2)).max(IBig::ONE);
        let rank = whole(margin.ceil().max(1.0)).min(half);
        Some(self.value(&self.place(&rank, greatest)))
    }

    /// Where the row of a rank is, counted from the least or from the greatest: on each level the
    /// first node with so many rows up to it. Children are made to agree with their parent first:
    /// what they differ by is spread over them evenly.
    fn place(&self, rank: &IBig, from_top: bool) -> Place {
        let children = self.bins.children();
        let mut rank = RBig::from(rank.clone());
        let mut nodes = 0..self.levels.first().map_or(0, Vec::len);
        let mut found = Place { bin: 0, rank: RBig::ONE, count: RBig::ONE };
        for (depth, level) in self.levels.iter().enumerate() {
            let mut order: Vec<(usize, RBig)> = level
                .iter()
                .enumerate()
                .skip(nodes.start)
                .take(nodes.len())
                .map(|(node, count)| (node, RBig::from((*count).clone())))
                .collect();
            if depth > 0 {
                let total = order.iter().fold(RBig::ZERO, |sum, (_, count)| sum + count);
                let share = (&found.count - total) / RBig::from(order.len().max(1));
                for (_, count) in &mut order {
                    *count += &share;
                }
            }
            if from_top {
                order.reverse();
            }
            let last = order.last().map(|(node, _)| *node);
            for (node, count) in order {
                if count >= rank || Some(node) == last {
                    found = Place { bin: node, rank: rank.clone(), count };
                    break;
                }
                rank -= count;
            }
            let first = found.bin.saturating_mul(children);
            nodes = first..first.saturating_add(children);
        }
        if from_top {
            found.rank = &found.count - found.rank + RBig::ONE;
        }
        found
    }

    /// The value of a row, as if the rows of a bin were spread evenly over it.
    fn value(&self, place: &Place) -> IBig {
        let width = IBig::from(self.bins.width.clone());
        let start = &self.bins.low + &width * IBig::from(place.bin);
        let half = RBig::ONE / RBig::from(2);
        let part = (&place.rank - half) / place.count.clone().max(RBig::ONE);
        let within = (part * RBig::from(width.clone())).floor();
        let within = within.min(width - IBig::ONE).max(IBig::ZERO);
        (start + within).min(self.bins.high.clone()).max(self.bins.low.clone())
    }
}

fn float(number: &IBig) -> f64 {
    number.to_string().parse().unwrap_or(f64::INFINITY)
}

fn whole(number: f64) -> IBig {
    if number.is_finite() { rounding::exact(number).floor() } else { IBig::ONE }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests;
