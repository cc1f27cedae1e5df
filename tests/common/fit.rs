//! Draws against exact probabilities. Each check may cry wolf once in a million runs.

use std::collections::BTreeMap;

use noisegate_privacy::noise::Noise;
use statrs::function::gamma::gamma_ur;

/// The chance of a false alarm that each check takes.
pub(crate) const ALPHA: f64 = 1e-6;
/// The same on both sides, in standard deviations.
pub(crate) const SIGMAS: f64 = 4.9;
/// The fewest draws expected in a bin of its own; rarer values are pooled by side.
const EXPECTED_MIN: f64 = 25.0;

/// A discrete distribution on the integers, symmetric about zero.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Law {
    /// P[z] ∝ exp(-z²/2σ²).
    Gaussian(f64),
    /// P[z] ∝ exp(-|z|/b).
    Laplace(f64),
}

impl Law {
    /// The law that a plan states for a statistic.
    pub(crate) fn of(noise: &Noise) -> Self {
        match noise {
            Noise::Gaussian { sigma } => Self::Gaussian(sigma.value().to_f64().value()),
            Noise::Laplace { scale } => Self::Laplace(scale.value().to_f64().value()),
        }
    }

    /// The same with a scale that is off by a factor.
    pub(crate) fn times(self, factor: f64) -> Self {
        match self {
            Self::Gaussian(scale) => Self::Gaussian(scale * factor),
            Self::Laplace(scale) => Self::Laplace(scale * factor),
        }
    }

    fn scale(self) -> f64 {
        match self {
            Self::Gaussian(scale) | Self::Laplace(scale) => scale,
        }
    }

    fn weight(self, z: i64) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "the z that count are small")]
        let z = z as f64;
        match self {
            Self::Gaussian(sigma) => (-0.5 * (z / sigma).powi(2)).exp(),
            Self::Laplace(scale) => (-z.abs() / scale).exp(),
        }
    }

    /// As far out as anything is that floats can tell from nothing.
    fn reach(self) -> i64 {
        #[expect(clippy::cast_possible_truncation, reason = "scales of tests are small")]
        let reach = (self.scale() * 40.0).ceil() as i64;
        reach
    }

    /// P[Z ≥ m].
    pub(crate) fn tail(self, m: i64) -> f64 {
        let all: f64 = (-self.reach()..=self.reach()).map(|z| self.weight(z)).sum();
        (m..=self.reach()).map(|z| self.weight(z)).sum::<f64>() / all
    }

    /// The probability of a fit as bad as this one or worse (Pearson's χ²), if the law is right.
    pub(crate) fn fit(self, draws: &[i64]) -> f64 {
        // An odd width, so that bins are symmetric; a quarter of the scale resolves the shape.
        #[expect(clippy::cast_possible_truncation, reason = "scales of tests are small")]
        let width = 2 * ((self.scale() / 8.0) as i64) + 1;
        let bin = |z: i64| (z + width / 2).div_euclid(width);
        #[expect(clippy::cast_precision_loss, reason = "some ten thousand")]
        let count = draws.len() as f64;
        let all: f64 = (-self.reach()..=self.reach()).map(|z| self.weight(z)).sum();
        let mut expected: BTreeMap<i64, f64> = BTreeMap::new();
        for z in -self.reach()..=self.reach() {
            *expected.entry(bin(z)).or_default() += self.weight(z) / all * count;
        }
        let beyond = |limit: i64| expected.range(limit + 1..).map(|(_, n)| n).sum::<f64>();
        let enough = |limit: &i64| {
            expected.get(limit).is_some_and(|n| *n >= EXPECTED_MIN)
                && beyond(*limit) >= EXPECTED_MIN
        };
        let limit = (0..100_000).take_while(enough).last().expect("enough draws to compare");
        let mut seen: BTreeMap<i64, f64> = BTreeMap::new();
        for draw in draws {
            *seen.entry(bin(*draw).clamp(-limit - 1, limit + 1)).or_default() += 1.0;
        }
        let mut chi2 = 0.0;
        for at in -limit - 1..=limit + 1 {
            let mean = if at.abs() > limit {
                beyond(limit)
            } else {
                expected.get(&at).copied().unwrap_or(0.0)
            };
            chi2 += (seen.get(&at).copied().unwrap_or(0.0) - mean).powi(2) / mean;
        }
        #[expect(clippy::cast_precision_loss, reason = "a few hundred bins")]
        let freedom = (2 * limit + 2) as f64;
        gamma_ur(freedom / 2.0, chi2 / 2.0)
    }

    /// Asserts that the draws fit, and fit no law whose scale is a tenth off.
    pub(crate) fn check(self, what: &str, draws: &[i64]) {
        let p = self.fit(draws);
        assert!(p > ALPHA, "{what}: {} draws fit {self:?} with p = {p:e}", draws.len());
        for factor in [0.9, 1.1] {
            let off = self.times(factor);
            let p = off.fit(draws);
            assert!(p < ALPHA, "{what}: the test is blind, {off:?} passes with p = {p:e}");
        }
    }
}

/// The sample's variance.
pub(crate) fn variance(draws: &[i64]) -> f64 {
    covariance(draws, draws)
}

/// The sample's correlation.
pub(crate) fn correlation(a: &[i64], b: &[i64]) -> f64 {
    covariance(a, b) / (variance(a) * variance(b)).sqrt()
}

#[expect(clippy::cast_precision_loss, reason = "noise of tests is small")]
fn covariance(a: &[i64], b: &[i64]) -> f64 {
    let mean = |x: &[i64]| x.iter().map(|x| *x as f64).sum::<f64>() / x.len() as f64;
    let (ma, mb) = (mean(a), mean(b));
    let sum: f64 = a.iter().zip(b).map(|(a, b)| (*a as f64 - ma) * (*b as f64 - mb)).sum();
    sum / a.len() as f64
}
