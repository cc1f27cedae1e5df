//! Between exact rationals and floats, always rounded to a stated side.
//!
//! Floats are used only for what is shown to people and for tails and conversions; each use says
//! which side is the safe one and asks for it by name.

use dashu::integer::{IBig, UBig};
use dashu::rational::RBig;

/// The least float known to be at least `x`.
pub(crate) fn up(x: &RBig) -> f64 {
    // `to_f64` is correctly rounded, so the next float is on the other side of `x` or is further.
    x.to_f64().value().next_up()
}

/// The greatest float known to be at most `x`.
pub(crate) fn down(x: &RBig) -> f64 {
    x.to_f64().value().next_down()
}

/// The float as the rational that it is; zero for what is not a number and for infinities.
pub(crate) fn exact(x: f64) -> RBig {
    RBig::try_from(x).unwrap_or(RBig::ZERO)
}

/// ⌈x⌉, and zero where that is negative.
pub(crate) fn ceil(x: &RBig) -> UBig {
    natural(x.ceil())
}

/// ⌊x⌋, and zero where that is negative.
pub(crate) fn floor(x: &RBig) -> UBig {
    natural(x.floor())
}

fn natural(x: IBig) -> UBig {
    UBig::try_from(x).unwrap_or(UBig::ZERO)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_side_holds_the_number() {
        for (n, d) in [(1, 3), (1, 10), (1, 4), (7, 1)] {
            let x = RBig::from(n) / RBig::from(d);
            assert!(exact(down(&x)) < x, "{x}");
            assert!(exact(up(&x)) > x, "{x}");
        }
    }

    #[test]
    fn whole_numbers_stay_and_fractions_move_to_their_side() {
        assert_eq!((ceil(&RBig::from(3)), floor(&RBig::from(3))), (3u8.into(), 3u8.into()));
        let x = RBig::from(7) / RBig::from(2);
        assert_eq!((ceil(&x), floor(&x)), (4u8.into(), 3u8.into()));
        assert_eq!(floor(&RBig::from(-1)), UBig::ZERO);
    }
}
