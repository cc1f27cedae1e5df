//! Which groups may appear, when their keys are private.
//!
//! A group appears if and only if its exact number n of distinct units is at least the declared
//! minimum k, **and** n + Z ≥ T, where n + Z is the same noisy count that is released for it.
//! All of them are counted in grains, g to a unit. A unit counts with at most g grains: with less
//! where its norm is bounded (see `norms`), and then n is less than how many units there are, so
//! that the minimum holds for those all the more.
//!
//! *Claim.* With T = [`threshold`] for (δ, L0, k, g) and noise Z that makes the vector of these
//! counts ρ-zCDP, the keys and the counts together are δ-approximately ρ-zCDP; with Laplace noise
//! that makes it ε-differentially private they are (ε, δ)-differentially private.
//!
//! *Argument.* Let D' be D and one unit more, which is in at most L0 groups.
//!
//! 1. A group with n < k·g in both appears in neither. The test on the exact n gives nothing away
//!    there: it has the same outcome.
//! 2. A group with n ≥ k·g in both is tested and shown by n + Z alone: post-processing of noisy
//!    counts whose noise is for their difference.
//! 3. A group that the unit lifts from below k·g to it or above never appears in D. In D' its count
//!    is at most (k+1)·g - 1 (which is k, where a grain is a unit), so it appears with at most
//!    P\[Z ≥ T - (k+1)·g + 1\], which is at most δ/L0 by the choice of T. There are at most L0 of them, so with probability at least 1-δ none appears (union bound).
//!
//! Given that none of the third kind appears, an event of their noise only and independent of the
//! rest, the outputs on D' are distributed as those of the second kind on D', and the outputs on
//! D are those on D. So the loss is ρ (or ε) outside of an event of probability δ, in both
//! directions, which is what approximate zCDP asks (Bun and Steinke 2016, definition 8.1). The
//! second and third kind are together at most L0 groups, so other aggregates of the shown groups
//! keep their sensitivity.
//!
//! The comparison is "at least" in the rule, in the proof and in [`is_shown`]. Accounting P\[Z > m\]
//! for a rule that keeps n + Z ≥ T under-reports δ several times at small scales.
//!
//! δ/L0 is used where 1-(1-δ)^(1/L0) would do; they differ by less than a factor of 1-δ/2.
//!
//! *Source.* Google, "Delta for thresholding"; Desfontaines, Voss, Gipson and Mandayam 2020 for
//! the shift by k-1; the argument for zCDP is the one above.
//!
//! *Test.* Singletons at δ = 10⁻² against a binomial bound at α = 10⁻⁶, groups below the minimum
//! never, published thresholds.

use dashu::integer::{IBig, UBig};
use dashu::rational::RBig;

use crate::budget::Delta;
use crate::noise::Noise;

/// The least noisy count that may be shown, for groups of at least `min_group` exact units.
///
/// `noise` is that of the distinct-unit counts, `delta` what one unit's appearance may cost over
/// all of its at most `l0` groups. Zeros are read as ones: a group of nobody does not exist.
/// T is at least k+1 units whatever the scale, since a group that always appears at k units and
/// never at k-1 gives the k-th unit away. It is in grains, as the noise is.
pub fn threshold(noise: &Noise, delta: &Delta, l0: u64, min_group: u64, grains: u32) -> UBig {
    let each = delta.value() / RBig::from(l0.max(1));
    let lifted = (UBig::from(min_group.max(1)) + UBig::ONE) * UBig::from(grains.max(1));
    noise.tail_start(&each) + lifted - UBig::ONE
}

/// Whether a group appears: see the rule at the head of this file. All counts are in grains.
pub fn is_shown(exact: &UBig, noisy: &IBig, min_group: u64, threshold: &UBig, grains: u32) -> bool {
    let least = UBig::from(min_group.max(1)) * UBig::from(grains.max(1));
    *exact >= least && *noisy >= IBig::from(threshold.clone())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::float_cmp, reason = "tests")]
mod tests;
