//! Tails of the two noise distributions, bounded from above.
//!
//! *Claim.* [`gaussian`] and [`laplace`] return an m ≥ 1 with P\[Z ≥ m\] ≤ p; up to the slack of
//! the floats (about 10⁻⁹ of p) it is the least one.
//!
//! *Argument, Gaussian.* By Poisson summation Σ exp(-z²/2σ²) over the integers is at least √(2πσ²),
//! so the tail is bounded by what the continuous Gaussian has above m-1, each term being at most
//! the integral over the unit interval to its left; and, where exp(-z²/2σ²) is convex, that is
//! from σ on, by what it has above m-½, each term being at most the integral over the interval
//! around it (Hermite and Hadamard). That gives an m that is right; up to σ = [`EXACT_SIGMA_MAX`] the terms
//! are then summed themselves, downwards from it, for as long as the sum stays below p.
//! Rounding: the sum is taken for a σ' a little above σ, whose tail is larger because |Z| grows
//! stochastically with σ; the error of at most a few thousand positive terms, each good to about
//! 10⁻¹³, is far below [`SLACK`].
//!
//! *Argument, Laplace.* P\[Z ≥ m\] = qᵐ/(1+q) with q = exp(-1/b), so m ≥ b·ln(1/(p(1+q))).
//!
//! *Source.* Canonne, Kamath and Steinke 2020 (the bound by the continuous tail above m-1); the
//! rest is derived here.
//!
//! *Test.* Fifty-digit references for both and a comparison with the term-by-term sum.

use dashu::integer::UBig;
use dashu::rational::RBig;
use statrs::function::erf::erfc;

use crate::rounding;

/// Above this σ the convexity bound is as good as the sum: it exceeds it by (z²-1)/(24σ²).
const EXACT_SIGMA_MAX: f64 = 100.0;
/// Relative slack of sums, exponentials and erfc; their errors are below 10⁻¹⁰.
const SLACK: f64 = 1e-9;
/// Relative slack of single operations; their errors are below 10⁻¹⁵.
const FINE_SLACK: f64 = 1e-12;
/// What underflow may have hidden.
const UNDERFLOW: f64 = 1e-290;

/// The least m ≥ 1 for which P\[Z ≥ m\] ≤ p can be shown, Z discrete Gaussian.
pub(crate) fn gaussian(sigma: &RBig, p: f64) -> UBig {
    let z = normal_quantile(p);
    let distance = rounding::exact(z) * sigma;
    let m = if z >= 1.0 {
        rounding::ceil(&(distance + RBig::from(1) / RBig::from(2)))
    } else {
        rounding::ceil(&distance) + UBig::ONE
    };
    let m = m.max(UBig::ONE);
    let sigma = rounding::up(sigma) * (1.0 + FINE_SLACK);
    match u32::try_from(&m) {
        Ok(m) if sigma <= EXACT_SIGMA_MAX => UBig::from(gaussian_by_sum(sigma, p, m)),
        _ => m,
    }
}

/// Walks down from an m that is known to be right for as long as the summed tail allows it.
fn gaussian_by_sum(sigma: f64, p: f64, from: u32) -> u32 {
    let rate = 0.5 / (sigma * sigma);
    let weight = |z: u32| (-f64::from(z) * f64::from(z) * rate).exp();
    let total = gaussian_total(rate, weight);
    let allowed = |sum: f64| (sum * (1.0 + SLACK) + UNDERFLOW) / total <= p;
    let mut sum = gaussian_rest(rate, weight, from);
    let mut m = from;
    while m > 1 {
        sum += weight(m - 1);
        if !allowed(sum) {
            break;
        }
        m -= 1;
    }
    m
}

/// Σ exp(-rate·z²) over the integers, rounded down.
fn gaussian_total(rate: f64, weight: impl Fn(u32) -> f64) -> f64 {
    // Each of the two is a lower bound, and one of them is exact to 10⁻⁵⁰ for every rate.
    let by_terms = 1.0 + 2.0 * (1..=60).map(weight).sum::<f64>();
    let by_poisson = (std::f64::consts::PI / rate).sqrt();
    by_terms.max(by_poisson) * (1.0 - FINE_SLACK)
}

/// Σ exp(-rate·z²) from `m` on, rounded up.
fn gaussian_rest(rate: f64, weight: impl Fn(u32) -> f64, m: u32) -> f64 {
    let mut sum = 0.0;
    let mut z = m;
    loop {
        let term = weight(z);
        // What follows is at most a geometric series of the ratio of the next two terms.
        let ratio = (-(2.0 * f64::from(z) + 1.0) * rate).exp();
        let rest = term / (1.0 - ratio);
        if rest <= sum * 1e-15 || term <= UNDERFLOW {
            return sum + rest * (1.0 + SLACK);
        }
        sum += term;
        z = z.saturating_add(1);
    }
}

/// The least m ≥ 1 for which P\[Z ≥ m\] ≤ p can be shown, Z discrete Laplace.
pub(crate) fn laplace(scale: &RBig, p: f64) -> UBig {
    let q = (-1.0 / rounding::down(scale)).exp() * (1.0 - FINE_SLACK);
    let log = -(p * (1.0 + q)).max(f64::MIN_POSITIVE).ln();
    let log = log + FINE_SLACK * (1.0 + log.abs());
    let m = rounding::ceil(&(rounding::exact(log) * scale));
    m.max(UBig::ONE)
}

/// A z with P\[N(0, 1) ≥ z\] ≤ p, the least one but for the slack; at least zero.
fn normal_quantile(p: f64) -> f64 {
    if p < 1e-280 {
        // P[N ≥ z] ≤ exp(-z²/2)/2; no parameter that can be written gets here.
        return (-2.0 * p.max(f64::MIN_POSITIVE).ln()).sqrt() * (1.0 + FINE_SLACK);
    }
    let allowed = |z: f64| 0.5 * erfc(z * std::f64::consts::FRAC_1_SQRT_2) * (1.0 + SLACK) <= p;
    if allowed(0.0) {
        return 0.0;
    }
    let (mut low, mut high) = (0.0_f64, 37.0_f64);
    for _ in 0..80 {
        let middle = f64::midpoint(low, high);
        if allowed(middle) { high = middle } else { low = middle }
    }
    high
}

#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::float_cmp, reason = "tests")]
mod tests;
