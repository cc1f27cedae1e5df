//! From zCDP to (ε, δ) and back, rounded against the analyst.
//!
//! *Claim.* A δ₀-approximately ρ-zCDP mechanism is (ε, δ₀ + δ)-differentially private for
//! ε = [`epsilon_of`] (ρ, δ), and for every ε whose [`rho_for`] (ε, δ) is at least ρ.
//!
//! *Argument.* ρ-zCDP bounds each Rényi divergence by αρ, hence for every α > 1
//!
//! ```text
//! δ ≤ exp((α-1)(αρ - ε)) / (α-1) · (1 - 1/α)^α
//! ```
//!
//! With x = α - 1 and g(x) = ln(1/δ) - ln x - (1+x)·ln(1 + 1/x) the right side is at most δ if
//! and only if ε ≥ (1+x)ρ + g(x)/x, which is if and only if ρ ≤ (ε - g(x)/x) / (1+x). Any x > 0
//! proves its pair, so the search for the best x decides how much is answered, never whether the
//! guarantee holds. What has to be right is one evaluation: it sums four terms in floats, whose
//! error is far below `SLACK` times the sum of their sizes, and moves the result by that much
//! to the safe side.
//!
//! *Source.* Canonne, Kamath and Steinke, "The Discrete Gaussian for Differential Privacy", 2020,
//! the conversion from concentrated to approximate differential privacy; approximate zCDP: Bun and Steinke 2016, section 8.
//!
//! *Test.* Published numbers at δ = 10⁻⁶, fifty-digit references, both directions undoing each
//! other, and the simple formula ε = ρ + 2√(ρ·ln(1/δ)) as an upper bound.

use dashu::rational::RBig;

use crate::budget::{Amount, Delta, Epsilon};
use crate::rounding;

/// What the error of one evaluation is widened to, relative to the sizes of its terms. The four
/// roundings and three logarithms of [`Terms::at`] are good to about 10⁻¹⁵.
const SLACK: f64 = 1e-12;
/// Points of the first look at x, spread evenly over its logarithm.
const COARSE_STEPS: u32 = 120;
/// Halvings of the bracket around the best of them; each leaves two thirds of it.
const FINE_STEPS: u32 = 60;
/// The first look spans this many powers of e on both sides of the simple formula's best x.
const SPAN: f64 = 6.0;

/// The largest ρ that (ε, δ) allows, in units of 10⁻¹², rounded down.
pub fn rho_for(epsilon: &Epsilon, delta: &Delta) -> Amount {
    let epsilon = rounding::down(epsilon.value()).max(0.0);
    let log = log_inverse(delta);
    let root = epsilon / ((epsilon + log).sqrt() + log.sqrt());
    let rho = best((log.sqrt() / root).ln(), |x| {
        let terms = Terms::at(x, log);
        let slack = SLACK * (epsilon + terms.sizes / x);
        (epsilon - terms.sum / x - slack) / (1.0 + x) * (1.0 - SLACK)
    });
    let units = rounding::exact(rho.max(0.0)) * RBig::from(1_000_000_000_000_u64);
    Amount::from_units(rounding::floor(&units))
}

/// The least ε that (ρ, δ) is known to keep, ρ in units of 10⁻¹², rounded up; for showing.
pub fn epsilon_of(rho: &Amount, delta: &Delta) -> f64 {
    if rho.is_zero() {
        return 0.0;
    }
    let rho = RBig::from(rho.units().clone()) / RBig::from(1_000_000_000_000_u64);
    let rho = rounding::up(&rho);
    let log = log_inverse(delta);
    let least = -best((log / rho).sqrt().ln(), |x| {
        let terms = Terms::at(x, log);
        let main = (1.0 + x) * rho;
        let slack = SLACK * (main + terms.sizes / x);
        -((main + terms.sum / x + slack) * (1.0 + SLACK))
    });
    least.max(0.0)
}

/// ln(1/δ), rounded up.
fn log_inverse(delta: &Delta) -> f64 {
    // Near δ = 1 the logarithm loses digits, so a fixed slack is added as well.
    let log = -rounding::down(delta.value()).max(f64::MIN_POSITIVE).ln();
    log.max(0.0) * (1.0 + SLACK) + SLACK
}

/// g(x) and the sum of the sizes of its terms.
struct Terms {
    sum: f64,
    sizes: f64,
}

impl Terms {
    fn at(x: f64, log: f64) -> Self {
        let last = (1.0 + x) * x.recip().ln_1p();
        Self { sum: log - x.ln() - last, sizes: log + x.ln().abs() + last }
    }
}

/// The greatest value of `f` that a search over x = e^y around y = `centre` finds.
fn best(centre: f64, f: impl Fn(f64) -> f64) -> f64 {
    let at = |y: f64| {
        let value = f(y.exp());
        if value.is_nan() { f64::NEG_INFINITY } else { value }
    };
    let step = 2.0 * SPAN / f64::from(COARSE_STEPS);
    let (mut middle, mut value) = (centre, at(centre));
    for i in 0..=COARSE_STEPS {
        let y = centre - SPAN + step * f64::from(i);
        let found = at(y);
        if found > value {
            (middle, value) = (y, found);
        }
    }
    let (mut low, mut high) = (middle - step, middle + step);
    for _ in 0..FINE_STEPS {
        let third = (high - low) / 3.0;
        let (left, right) = (at(low + third), at(high - third));
        value = value.max(left).max(right);
        if left < right { low += third } else { high -= third }
    }
    value
}

#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::float_cmp, reason = "tests")]
mod tests;
