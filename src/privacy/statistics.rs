//! What the statistical tests share. Each test may cry wolf once in a million runs.

use std::collections::BTreeMap;

use dashu::integer::IBig;
use statrs::function::beta::beta_reg;
use statrs::function::gamma::gamma_ur;

/// The chance of a false alarm that each test takes.
pub(crate) const ALPHA: f64 = 1e-6;
/// The fewest draws expected in a bin of its own; rarer values are pooled by side.
const EXPECTED_MIN: f64 = 25.0;

/// The probability of a fit as bad as this one or worse (Pearson's χ²), if `pmf` is right.
pub(crate) fn fit(draws: &[IBig], pmf: impl Fn(i32) -> f64) -> f64 {
    let total = f64::from(u32::try_from(draws.len()).unwrap());
    let beyond = |reach: i32| f64::midpoint(1.0, -(-reach..=reach).map(&pmf).sum::<f64>());
    let enough = |p: f64| p * total >= EXPECTED_MIN;
    // Both the last bin of its own and the pool beyond it have enough draws to be compared.
    let reach = (0..4000).take_while(|z| enough(pmf(*z)) && enough(beyond(*z))).count();
    let reach = i32::try_from(reach).unwrap() - 1;
    let mut seen: BTreeMap<i32, f64> = BTreeMap::new();
    for draw in draws {
        let draw = draw.clone().clamp(IBig::from(-reach - 1), IBig::from(reach + 1));
        *seen.entry(i32::try_from(draw).unwrap()).or_default() += 1.0;
    }
    let bins = (-reach - 1..=reach + 1).map(|z| {
        let p = if z.abs() > reach { beyond(reach) } else { pmf(z) };
        (seen.get(&z).copied().unwrap_or(0.0), p * total)
    });
    let chi2: f64 = bins.map(|(seen, expected)| (seen - expected).powi(2) / expected).sum();
    gamma_ur(f64::from(2 * reach + 2) / 2.0, chi2 / 2.0)
}

/// P\[X ≥ `hits`\] for X binomial of `trials` and `p`.
pub(crate) fn binomial_at_least(hits: u32, trials: u32, p: f64) -> f64 {
    if hits == 0 {
        return 1.0;
    }
    beta_reg(f64::from(hits), f64::from(trials - hits + 1), p)
}

/// P\[X ≤ `hits`\] for X binomial of `trials` and `p`.
pub(crate) fn binomial_at_most(hits: u32, trials: u32, p: f64) -> f64 {
    beta_reg(f64::from(trials - hits), f64::from(hits + 1), 1.0 - p)
}

/// The probabilities of the discrete Gaussian, summed as the definition says.
pub(crate) fn gaussian_pmf(sigma: f64) -> impl Fn(i32) -> f64 {
    let weight = move |z: i32| (-0.5 * (f64::from(z) / sigma).powi(2)).exp();
    let total: f64 = (-4000..=4000).map(weight).sum();
    move |z| weight(z) / total
}

/// The probabilities of the discrete Laplace.
pub(crate) fn laplace_pmf(scale: f64) -> impl Fn(i32) -> f64 {
    let q = (-1.0 / scale).exp();
    move |z| (1.0 - q) / (1.0 + q) * q.powi(z.abs())
}
