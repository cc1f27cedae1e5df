//! How the answer's price is split among statistics whose bounds were estimated.
//!
//! # Claim
//! [`factors`] says how many times its equal share each of these statistics gets. The factors are
//! rationals that add up to their number exactly, so all shares together are what equal shares
//! would be, and none is below a half. They depend on a release and on the form of the query.
//!
//! # Argument
//! Noise for a bound C has a deviation of C/√(2ρ), or is of scale C/ε. Relative to what it is added
//! to, whose size is S, the sum of squares over all statistics is Σ (C/S)²/2ρ, or Σ (C/S)²/ε². For
//! a fixed sum of shares it is least where ρ ∝ C/S, or ε ∝ (C/S)^⅔ (the derivatives by the shares
//! are equal there). S is not known: what stands for it is the sum of norms that the estimate
//! tells, which was paid for (see [`crate::bounds`]). Since that is a guess, half of each equal share stays where it is:
//! however wrong the guess, no number has more than √2 times the noise of equal shares (twice, if
//! it is Laplace). Who gets how much is a matter of floats; that it adds up is not.
//!
//! # Test
//! Random sizes below; shares of a bounded plan against its price in `analyze`.

use dashu::integer::UBig;
use dashu::rational::RBig;

use crate::norms::Norm;
use crate::rounding;

/// Weights are whole numbers up to this.
const RESOLUTION: u32 = 1 << 16;

/// How many times its equal share each statistic gets, by the noise of one share relative to what
/// it is added to.
pub(crate) fn factors(relative: &[f64], norm: Norm) -> Vec<RBig> {
    let largest = relative.iter().copied().fold(0.0, f64::max);
    let weights = relative.iter().map(|size| {
        let size = size / largest;
        let weight = if norm == Norm::L2 { size } else { size.cbrt().powi(2) };
        rounding::floor(&(rounding::exact(weight) * RBig::from(RESOLUTION)))
    });
    let weights: Vec<UBig> = weights.collect();
    let all = weights.iter().fold(UBig::ZERO, |sum, weight| sum + weight);
    if all == UBig::ZERO {
        return vec![RBig::ONE; relative.len()];
    }
    let all = RBig::from(all) / RBig::from(relative.len());
    let half = RBig::ONE / RBig::from(2);
    weights.into_iter().map(|weight| &half + &half * RBig::from(weight) / &all).collect()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Σ r²/2ρ or Σ r²/ε² for shares that are so many times one.
    fn error(relative: &[f64], norm: Norm, factors: &[f64]) -> f64 {
        let of = |(size, factor): (&f64, &f64)| match norm {
            Norm::L2 => size.powi(2) / factor,
            Norm::L1 => size.powi(2) / factor.powi(2),
        };
        relative.iter().zip(factors).map(of).sum()
    }

    fn floats(factors: &[RBig]) -> Vec<f64> {
        factors.iter().map(|factor| factor.to_f64().value()).collect()
    }

    #[test]
    fn what_is_small_beside_its_noise_gets_more() {
        for norm in [Norm::L1, Norm::L2] {
            let found = floats(&factors(&[0.1, 0.001, 0.001], norm));
            let (rare, others) = found.split_first().unwrap();
            assert!(*rare > 1.8 && others.iter().all(|other| *other < 0.6), "{found:?}");
            assert!(factors(&[0.3, 0.3], norm).iter().all(|factor| *factor == RBig::ONE));
        }
    }

    #[test]
    fn shares_are_as_the_derivatives_say() {
        // 8 to 1, and the two thirds powers of both; half of each share stays.
        for (norm, most) in [(Norm::L2, 8.0 / 9.0), (Norm::L1, 4.0 / 5.0)] {
            let found = floats(&factors(&[0.8, 0.1], norm));
            let expected = [0.5 + most, 1.5 - most];
            let close = found.iter().zip(expected).all(|(found, one)| (found - one).abs() < 1e-3);
            assert!(close, "{found:?} {expected:?}");
        }
    }

    #[test]
    fn what_says_nothing_changes_nothing() {
        for sizes in [&[f64::NAN, f64::NAN][..], &[0.0, 0.0], &[f64::INFINITY, 1.0], &[1.0], &[]] {
            for norm in [Norm::L1, Norm::L2] {
                assert!(
                    factors(sizes, norm).iter().all(|factor| *factor == RBig::ONE),
                    "{sizes:?}"
                );
            }
        }
    }

    proptest! {
        #[test]
        fn shares_add_up_and_help(
            sizes in prop::collection::vec(1e-9_f64..1e3, 1..12), l1 in any::<bool>(),
        ) {
            let norm = if l1 { Norm::L1 } else { Norm::L2 };
            let factors = factors(&sizes, norm);
            let sum = factors.iter().fold(RBig::ZERO, |sum, factor| sum + factor);
            prop_assert_eq!(sum, RBig::from(sizes.len()));
            let half = RBig::ONE / RBig::from(2);
            prop_assert!(factors.iter().all(|factor| *factor >= half));
            let equal = vec![1.0; sizes.len()];
            let (ours, equal) = (
                error(&sizes, norm, &floats(&factors)),
                error(&sizes, norm, &equal),
            );
            prop_assert!(ours <= equal * 1.001, "{} {}", ours, equal);
        }
    }
}
