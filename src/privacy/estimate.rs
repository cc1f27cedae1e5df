//! The automatic bound: how much one unit contributes, estimated once, with noise and at a price.
//!
//! # Claim
//! An estimate is a leaf of its own, released and paid for like any other. It counts, for each
//! statistic that needs a bound, the units in each bin of a public grid by the norm of what they
//! add over all groups. One unit is in one bin of each statistic, so it moves each histogram by
//! at most one, in L1 and in L2. What [`Population`] makes of the noisy counts is post-processing.
//!
//! # How a bound is chosen
//! For each edge of the grid, the noise that it takes and the bias that clipping at it makes are
//! estimated, and the edge is taken for which the root of their squares is least. The bias is
//! read from the same noisy counts. Bins far above what anybody adds hold noise only, and a
//! single such bin would ask for an absurd bound; so the counts are believed up to the highest
//! bin that noise alone would hardly make (windows of several bins where single ones are too
//! faint), and continued from there as they were falling, held against what was observed. Where
//! nothing stands out at all, the declared bounds stay.
//!
//! None of this can hurt anybody's privacy: it decides how good an answer is.
//!
//! # Test
//! Histograms of known populations, with and without noise, below; the bins of random databases
//! against PostgreSQL in `tests/translation`; neighbours in `tests/neighbours.rs`.

use dashu::integer::{IBig, UBig};
use dashu::rational::RBig;

use crate::noise::Noise;
use crate::norms::{Norm, root_up};
use crate::rounding;

/// Groups that a unit may be in, where nothing says how many there are: the grid ends there.
pub(crate) const GROUPS_UNKNOWN: u32 = 1 << 20;
/// The most bins of a grid: a quarter of a power of two each.
const BINS_MAX: usize = 2_000;
/// How often the noise of a whole histogram may pass for somebody: one time in so many.
const FALSE_ALARMS: u32 = 3000;
/// Bins in which a norm doubles.
const DOUBLING: usize = 4;
/// The bins of the windows that are looked at where single ones are too faint.
const WINDOWS: [usize; 4] = [2, 4, 8, 16];

/// The bins in which units are counted: each holds the norms above the edge before it, up to its
/// own. The first edge is zero, so that those who add nothing are apart, and the last is as much as
/// anybody can add.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grid {
    edges: Vec<UBig>,
}

impl Grid {
    /// Zero, and edges from one step, by the fourth root of two each, up to `top`; all in grains.
    pub(crate) fn new(grains: u32, top: &UBig) -> Self {
        let mut edges = vec![UBig::ZERO];
        for at in 0..BINS_MAX {
            let fourth = UBig::from(grains).sqr().sqr() << at;
            let edge = root_up(&root_up(&fourth));
            if edge >= *top {
                break;
            }
            if edges.last().is_none_or(|last| *last < edge) {
                edges.push(edge);
            }
        }
        edges.push(top.clone());
        Self { edges }
    }

    /// The edges, in grains, the least first.
    pub fn edges(&self) -> &[UBig] {
        &self.edges
    }

    /// The bin of a vector whose [`Norm::sum`], in grains, is this.
    pub(crate) fn bin(&self, norm: Norm, sum: &UBig) -> usize {
        let last = self.edges.len().saturating_sub(1);
        self.edges.iter().take(last).filter(|edge| norm.of_bound(edge) < *sum).count()
    }
}

/// What an answer's error is made of, besides the bound.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Situation {
    /// Groups that share the bias and each have noise.
    pub(crate) groups: f64,
    /// How much longer a unit's vector is in L1 than in the norm that is bounded.
    pub(crate) spread: f64,
    /// The noise's deviation for a bound of one.
    pub(crate) deviation: f64,
}

/// What the noisy counts say of how much units add.
pub(crate) struct Population<'a> {
    grid: &'a Grid,
    /// Units in each bin, without what is only noise.
    counts: Vec<f64>,
    edges: Vec<f64>,
    /// What a unit of each bin adds, about.
    middles: Vec<f64>,
}

impl<'a> Population<'a> {
    /// Reads a histogram; nothing if the counts cannot be told from noise.
    pub(crate) fn seen(grid: &'a Grid, noisy: &[IBig], noise: &Noise) -> Option<Self> {
        let counts: Vec<f64> = noisy.iter().map(float).collect();
        let counts = denoised(&counts, noise)?;
        let edges: Vec<f64> = grid.edges.iter().map(|edge| float(&edge.clone().into())).collect();
        let before = std::iter::once(0.0).chain(edges.iter().copied());
        let middle = |(at, (before, edge)): (usize, (f64, &f64))| {
            // Who adds anything adds a step, so that what is in the second bin is known.
            if at <= 1 { *edge } else { f64::midpoint(before, *edge) }
        };
        let middles = before.zip(&edges).enumerate().map(middle).collect();
        Some(Self { grid, counts, edges, middles })
    }

    /// The edge with the least estimated error.
    pub(crate) fn bound(&self, situation: Situation) -> Option<UBig> {
        let error = |at: usize, edge: f64| {
            let above = self.counts.iter().zip(&self.middles).skip(at.saturating_add(1));
            let clipped: f64 = above.map(|(count, middle)| count * (middle - edge).max(0.0)).sum();
            let bias = clipped * situation.spread / situation.groups.max(1.0);
            bias.hypot(edge * situation.deviation)
        };
        // Nothing would be left of anybody at the first edge.
        let errors = self.edges.iter().enumerate().skip(1).map(|(at, edge)| (at, error(at, *edge)));
        let best = errors.min_by(|(_, a), (_, b)| a.total_cmp(b)).map(|(at, _)| at)?;
        self.grid.edges.get(best).cloned()
    }

    /// What all units add together, about, as the sum of their norms in grains.
    pub(crate) fn total(&self) -> f64 {
        self.counts.iter().zip(&self.middles).map(|(count, middle)| count * middle).sum()
    }

    /// The same if each unit, also those who add nothing, added one step.
    pub(crate) fn steps(&self) -> f64 {
        self.counts.iter().sum::<f64>() * self.edges.get(1).copied().unwrap_or(0.0)
    }
}

/// The counts without what is only noise; nothing if all of it may be.
fn denoised(noisy: &[f64], noise: &Noise) -> Option<Vec<f64>> {
    let bins = u32::try_from(noisy.len()).ok()?;
    let chance = RBig::ONE / RBig::from(u64::from(FALSE_ALARMS) * u64::from(bins.max(1)));
    let single = float(&noise.tail_start(&chance).into());
    let deviation = noise.standard_deviation();
    // The tail of a sum of draws is lighter than that of one draw of the same deviation.
    let stands_out = |window: &[f64]| {
        let width = f64::from(u32::try_from(window.len()).unwrap_or(u32::MAX));
        window.iter().sum::<f64>() >= single * width.sqrt()
    };
    let mut counts: Vec<f64> = noisy.iter().map(|count| count.max(0.0)).collect();
    let mut top = None;
    for width in std::iter::once(1).chain(WINDOWS) {
        let found = noisy.windows(width).rposition(stands_out);
        if let Some(start) = found {
            let end = start.saturating_add(width);
            level(&mut counts, noisy, start, end);
            top = Some(end);
            break;
        }
    }
    let mut top = top?;
    'higher: loop {
        for width in WINDOWS {
            let end = top.saturating_add(width);
            if noisy.get(top..end).is_some_and(stands_out) {
                level(&mut counts, noisy, top, end);
                top = end;
                continue 'higher;
            }
        }
        break;
    }
    continue_fall(&mut counts, noisy, top, deviation);
    Some(counts)
}

/// Spreads what a window holds evenly over it.
fn level(counts: &mut [f64], noisy: &[f64], start: usize, end: usize) {
    let Some(window) = noisy.get(start..end) else { return };
    let width = f64::from(u32::try_from(window.len()).unwrap_or(u32::MAX));
    let mean = window.iter().sum::<f64>() / width;
    if let Some(places) = counts.get_mut(start..end) {
        places.fill(mean.max(0.0));
    }
}

/// From `top` on, goes on as the logarithms of the counts below fall, ever steeper if they do, and
/// holds that against what was observed by how much it says. By doublings of the norm, since small
/// whole numbers leave bins between them empty.
fn continue_fall(counts: &mut [f64], noisy: &[f64], top: usize, deviation: f64) {
    let log = |doublings: usize| {
        let end = top.saturating_sub(doublings.saturating_mul(DOUBLING));
        let bins = counts.get(end.saturating_sub(DOUBLING)..end).unwrap_or_default();
        bins.iter().sum::<f64>().max(1.0).ln()
    };
    let (mut level, below, further) = (log(0), log(1), log(2));
    let mut falls = level - below;
    // How a rise turns into a fall says nothing of how the fall goes on.
    let fell = below - further;
    let bends = if fell < 0.0 { (falls - fell).clamp(-1.5, 0.0) } else { -0.5 };
    falls = falls.min(-0.5);
    // Four draws have twice the deviation of one.
    let deviation = deviation * 2.0;
    let (Some(counts), Some(noisy)) = (counts.get_mut(top..), noisy.get(top..)) else { return };
    let doublings = counts.chunks_mut(DOUBLING).zip(noisy.chunks(DOUBLING));
    for (places, observed) in doublings {
        falls += bends;
        let expected = (level + falls).exp();
        let trust = expected.powi(2) / (expected.powi(2) + deviation.powi(2));
        let total = expected + trust * (observed.iter().sum::<f64>() - expected);
        let total = if total < 0.05 { 0.0 } else { total };
        let each = (falls.max(-8.0) / 4.0).exp();
        let weights = std::iter::successors(Some(1.0), |weight| Some(weight * each));
        let weights: Vec<f64> = weights.take(places.len()).collect();
        let all: f64 = weights.iter().sum();
        for (place, weight) in places.iter_mut().zip(weights) {
            *place = total * weight / all;
        }
        // Where more is missing than expected, what follows falls faster too.
        let reached = total.max(1e-6).ln();
        falls = falls.min(f64::midpoint(falls, reached - level));
        level = reached;
    }
}

fn float(number: &IBig) -> f64 {
    rounding::up(&RBig::from(number.clone()))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
mod tests;
