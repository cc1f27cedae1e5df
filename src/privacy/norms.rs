//! Bounding a unit by the norm of all that it adds, over all groups.
//!
//! # Claim
//! Let c be what one unit adds to a statistic, one number for each group, in whole steps. With g
//! grains in a step and a public bound C in grains, [`bounded`] gives a vector of whole grains
//! whose norm is at most C, and that is g·c itself wherever the norm of g·c is at most C.
//! Adding or removing a unit therefore moves the statistic, over all groups, by at most C in that
//! norm, in however many groups the unit is. No group is dropped.
//!
//! # Argument
//! Let N be the norm of g·c, rounded up to a whole number. If N ≤ C there is nothing to do.
//! Otherwise each cell becomes trunc(g·cᵢ·C / N), toward zero, so that its size is at most
//! |g·cᵢ|·C/N and the norm of all is at most ‖g·c‖·C/N ≤ C. All of it is arithmetic of integers.
//! The factor depends on the unit's own rows and on C, and C on nothing but a release that was
//! paid for (or on what was declared in public). Every unit is bounded on its own, so the claim
//! holds for the sum over units.
//!
//! Grains are there because cells can be as small as one step: a person who counts once in each
//! of a hundred groups would be rounded to nothing. A grain is a 1024th of a step; noise is added
//! in grains, and a released number is rounded to steps after that, which is post-processing.
//! A unit in one group only has its cell clipped to ±C, which is the same, and needs no grains.
//!
//! # Test
//! `tests/neighbours.rs` removes units under random bounds, `tests/translation` holds the emitted
//! SQL against [`bounded`], and the tests below hold the norm against C.

use dashu::base::SquareRoot;
use dashu::integer::{IBig, UBig};

/// Grains in a step, where a unit may be in several groups.
pub(crate) const GRAINS: u32 = 1024;

/// A way to measure a vector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Norm {
    /// The sum of sizes: what Laplace noise is measured by.
    L1,
    /// The root of the sum of squares: what Gaussian noise is measured by.
    L2,
}

impl Norm {
    /// What is compared with [`Self::of_bound`]: for L1 the norm itself, for L2 its square.
    pub fn sum<'a>(self, cells: impl Iterator<Item = &'a IBig>) -> UBig {
        cells.fold(UBig::ZERO, |sum, cell| {
            let size = cell.clone().into_parts().1;
            sum + if self == Self::L1 { size } else { size.sqr() }
        })
    }

    /// A norm in the form of [`Self::sum`].
    pub fn of_bound(self, bound: &UBig) -> UBig {
        if self == Self::L1 { bound.clone() } else { bound.sqr() }
    }

    /// The norm that has this sum, rounded up.
    pub fn of_sum(self, sum: UBig) -> UBig {
        if self == Self::L1 { sum } else { root_up(&sum) }
    }
}

/// The square root, rounded up.
pub(crate) fn root_up(square: &UBig) -> UBig {
    let floor = square.sqrt();
    if floor.sqr() < *square { floor + UBig::ONE } else { floor }
}

/// The cells of one unit in grains, scaled so that their norm is at most `bound` grains.
pub(crate) fn bounded(cells: &[IBig], norm: Norm, grains: u32, bound: &UBig) -> Vec<IBig> {
    let cells: Vec<IBig> = cells.iter().map(|cell| cell * IBig::from(grains)).collect();
    let sum = norm.sum(cells.iter());
    if sum <= norm.of_bound(bound) {
        return cells;
    }
    let (bound, norm) = (IBig::from(bound.clone()), IBig::from(norm.of_sum(sum)));
    // Division of these integers truncates.
    cells.into_iter().map(|cell| cell * &bound / &norm).collect()
}

/// A number of grains as the nearest number of steps; a half goes up.
pub(crate) fn steps(grains: &IBig, in_step: u32) -> IBig {
    if in_step <= 1 {
        return grains.clone();
    }
    let twice = IBig::from(2) * grains + IBig::from(in_step);
    let (whole, wide) = (twice, IBig::from(in_step) * IBig::from(2));
    let quotient = &whole / &wide;
    if &quotient * &wide > whole { quotient - IBig::ONE } else { quotient }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn steps_are_the_nearest() {
        let of = |grains: i64| steps(&IBig::from(grains), 10);
        let expected = [(0, 0), (4, 0), (5, 1), (14, 1), (-4, 0), (-5, 0), (-6, -1), (-15, -1)];
        for (grains, steps) in expected {
            assert_eq!(of(grains), IBig::from(steps), "{grains}");
        }
        assert_eq!(of(-16), IBig::from(-2));
        assert_eq!(steps(&IBig::from(-7), 1), IBig::from(-7));
    }

    #[test]
    fn one_cell_is_clipped() {
        for (cell, expected) in [(17, 5), (-17, -5), (5, 5), (-4, -4), (0, 0)] {
            for norm in [Norm::L1, Norm::L2] {
                let found = bounded(&[IBig::from(cell)], norm, 1, &UBig::from(5_u8));
                assert_eq!(found, [IBig::from(expected)]);
            }
        }
    }

    #[test]
    fn a_person_in_many_groups_counts_a_little_in_each() {
        let cells = vec![IBig::ONE; 100];
        let found = bounded(&cells, Norm::L2, GRAINS, &UBig::from(5 * GRAINS));
        assert!(found.iter().all(|cell| *cell == IBig::from(GRAINS / 2)), "{found:?}");
    }

    proptest! {
        #[test]
        fn the_norm_is_at_most_the_bound(
            cells in prop::collection::vec(-10_000_i64..10_000, 1..9),
            bound in 1_u64..100_000_000, wide in any::<bool>(), l1 in any::<bool>(),
        ) {
            let norm = if l1 { Norm::L1 } else { Norm::L2 };
            let grains = if wide { GRAINS } else { 1 };
            let cells: Vec<IBig> = cells.into_iter().map(IBig::from).collect();
            let bound = UBig::from(bound);
            let found = bounded(&cells, norm, grains, &bound);
            prop_assert!(norm.sum(found.iter()) <= norm.of_bound(&bound));
            let whole: Vec<IBig> = cells.iter().map(|cell| cell * IBig::from(grains)).collect();
            if norm.sum(whole.iter()) <= norm.of_bound(&bound) {
                prop_assert_eq!(&found, &whole);
            }
            for (cell, whole) in found.iter().zip(&whole) {
                let size = |cell: &IBig| cell.clone().into_parts().1;
                prop_assert!(size(cell) <= size(whole));
                prop_assert!(*cell == IBig::ZERO || cell.clone().into_parts().0 == whole.clone().into_parts().0);
            }
        }

        #[test]
        fn a_root_is_rounded_up(root in 0_u64..u64::MAX, more in 0_u64..3) {
            let square = UBig::from(root).sqr() + UBig::from(more);
            let found = root_up(&square);
            prop_assert!(found.sqr() >= square);
            prop_assert!(found == UBig::ZERO || (found - UBig::ONE).sqr() < square);
        }
    }
}
