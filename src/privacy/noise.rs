//! The two noises, on integers.
//!
//! *Claim.* [`Noise::gaussian`] added to integers of L2 sensitivity Δ₂ is ρ-zCDP, also for
//! vectors with independent draws; [`Noise::laplace`] added to integers of L1 sensitivity Δ₁ is
//! ε-differentially private.
//!
//! *Argument.* Discrete Gaussian noise with parameter σ² is Δ₂²/(2σ²)-zCDP, and σ is chosen with
//! σ² ≥ Δ₂²/(2ρ). For discrete Laplace noise the ratio of neighbouring probabilities is at most
//! exp(Δ₁/b), and b ≥ Δ₁/ε. Both parameters are rationals rounded up (see [`Scale`]), and the
//! sampler is exact for rationals: no float is between the clipped value and the answer.
//! Randomness is a ChaCha20 stream seeded by the system. A draw takes longer the larger it is, so
//! when an answer is sent must not tell when its noise was drawn.
//!
//! *Source.* Canonne, Kamath and Steinke, "The Discrete Gaussian for Differential Privacy", 2020,
//! theorem 4 and algorithms 1 to 3; the samplers are OpenDP's.
//!
//! *Test.* Draws against the exact probabilities by χ² at α = 10⁻⁶, and the same test refusing a
//! scale that is a tenth off; coverage of the half-width.

use std::fmt;

use dashu::base::{BitTest, SquareRoot};
use dashu::integer::{IBig, UBig};
use dashu::rational::RBig;
use opendp::traits::samplers::{sample_discrete_gaussian, sample_discrete_laplace};

use crate::budget::{Epsilon, Rho};
use crate::{rounding, tail};

/// Significant bits of a scale: it exceeds what was asked for by less than one part in 2¹⁵.
const SCALE_BITS: usize = 16;

/// A scale of noise: positive, and a rational whose denominator is a power of two.
///
/// The sampler wants σ, not σ², and σ = √(Δ₂²/2ρ) is seldom rational. It is therefore rounded up
/// to `SCALE_BITS` bits, or to the next integer where that is finer. More noise than needed is
/// safe, the excess is invisible, and short numbers keep exact sampling fast.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scale(RBig);

impl Scale {
    /// The number itself.
    pub fn value(&self) -> &RBig {
        &self.0
    }

    /// Rounds a non-negative number up; zero becomes a scale that makes no noise to speak of.
    fn at_least(x: &RBig) -> Self {
        let places = places_for(x, SCALE_BITS);
        Self(dyadic(rounding::ceil(&(x * RBig::from(UBig::ONE << places))), places))
    }

    /// Rounds the square root of a non-negative number up.
    fn root_at_least(square: &RBig) -> Self {
        // A root has half as many bits as its square, so half of the square's places are enough.
        let places = places_for(square, SCALE_BITS * 2).div_ceil(2);
        let scaled = rounding::ceil(&(square * RBig::from(UBig::ONE << (places * 2))));
        let floor = scaled.sqrt();
        let root = if floor.sqr() < scaled { floor + UBig::ONE } else { floor };
        Self(dyadic(root, places))
    }
}

/// How many binary places give x so many significant bits, one more or less; none if x is large.
fn places_for(x: &RBig, bits: usize) -> usize {
    let above = x.numerator().bit_len();
    x.denominator().bit_len().saturating_add(bits).saturating_sub(above)
}

/// integer / 2^places, and never zero.
fn dyadic(integer: UBig, places: usize) -> RBig {
    RBig::from(integer.max(UBig::ONE)) / RBig::from(UBig::ONE << places)
}

/// Noise for integers, drawn independently for each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Noise {
    /// Discrete Gaussian: P\[z\] ∝ exp(-z²/2σ²).
    Gaussian {
        /// σ.
        sigma: Scale,
    },
    /// Discrete Laplace: P\[z\] ∝ exp(-|z|/b).
    Laplace {
        /// b.
        scale: Scale,
    },
}

impl Noise {
    /// Gaussian noise that makes integers of squared L2 sensitivity `l2_squared` ρ-zCDP.
    pub fn gaussian(l2_squared: &UBig, rho: &Rho) -> Self {
        let square = RBig::from(l2_squared.clone()) / (rho.value() * RBig::from(2));
        Self::Gaussian { sigma: Scale::root_at_least(&square) }
    }

    /// Laplace noise that makes integers of L1 sensitivity `l1` ε-differentially private.
    pub fn laplace(l1: &UBig, epsilon: &Epsilon) -> Self {
        let scale = RBig::from(l1.clone()) / epsilon.value();
        Self::Laplace { scale: Scale::at_least(&scale) }
    }

    /// One draw.
    pub fn draw(&self) -> Result<IBig, NoiseError> {
        match self {
            Self::Gaussian { sigma } => sample_discrete_gaussian(sigma.0.clone()),
            Self::Laplace { scale } => sample_discrete_laplace(scale.0.clone()),
        }
        .map_err(|_| NoiseError::Entropy)
    }

    /// A t with P\[|Z| > t\] ≤ α, the least one but for the slack of the floats.
    ///
    /// `alpha` is a fraction, numerator first, such as (5, 100). One that is zero or has no
    /// denominator is read as 2⁻³², the smallest that is kept apart from zero.
    pub fn half_width(&self, alpha: (u32, u32)) -> UBig {
        let alpha = match alpha {
            (0, _) | (_, 0) => RBig::ONE / RBig::from(1_u64 << 32),
            (part, whole) => RBig::from(part) / RBig::from(whole),
        };
        // Z is symmetric, so P[|Z| > t] = 2·P[Z ≥ t+1].
        self.tail_start(&(alpha / RBig::from(2))) - UBig::ONE
    }

    /// An m ≥ 1 with P\[Z ≥ m\] ≤ p.
    pub(crate) fn tail_start(&self, p: &RBig) -> UBig {
        let p = rounding::down(p).max(f64::MIN_POSITIVE);
        match self {
            Self::Gaussian { sigma } => tail::gaussian(&sigma.0, p),
            Self::Laplace { scale } => tail::laplace(&scale.0, p),
        }
    }

    /// The standard deviation, for showing; that of the continuous Gaussian, which is at least
    /// that of the discrete one (Canonne, Kamath and Steinke 2020).
    pub fn standard_deviation(&self) -> f64 {
        match self {
            Self::Gaussian { sigma } => rounding::up(&sigma.0),
            Self::Laplace { scale } => {
                let inverse = 1.0 / rounding::up(&scale.0);
                let q = (-inverse).exp();
                (2.0 * q).sqrt() / -(-inverse).exp_m1()
            }
        }
    }
}

/// Why no noise was drawn. It depends on the machine only, never on data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoiseError {
    /// The system gave no randomness.
    Entropy,
}

impl fmt::Display for NoiseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the system gave no randomness")
    }
}

impl std::error::Error for NoiseError {}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests;
