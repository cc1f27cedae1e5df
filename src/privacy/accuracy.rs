//! An accuracy that is asked for, and the ε that gives it.
//!
//! *Claim.* [`least_epsilon`] returns an ε for which `enough` holds, and no data goes into it. Where
//! more ε is never less accurate it is the least such of three significant digits, or the most that
//! may be spent if none of these is enough.
//!
//! *Argument.* A search by halves that only ever keeps as its upper end what was tried and held.

use dashu::integer::UBig;
use dashu::rational::RBig;

use crate::budget::Epsilon;
use crate::decimal::{self, NumberError};

/// How far off a number may be, in its own unit. Greater than zero, exact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accuracy(RBig);

impl Accuracy {
    /// Reads decimal text such as `100` or `0.5`; at most 40 digits, from 10⁻³⁰ to 10⁴⁰.
    pub fn parse(text: &str) -> Result<Self, NumberError> {
        decimal::parse(text).map(Self)
    }

    /// Whether so many steps of 10^-`scale` are no more than this.
    pub fn allows(&self, steps: &UBig, scale: u32) -> bool {
        let unit = UBig::from(10_u8).pow(usize::try_from(scale).unwrap_or(usize::MAX));
        RBig::from(steps.clone()) <= &self.0 * RBig::from(unit)
    }
}

/// Numbers of three digits in a decade.
const DECADE: u32 = 900;
/// How many numbers are tried: from 10⁻⁹ up to beyond every ε that can be written.
const COUNT: u32 = DECADE * 51;

/// A number of three significant digits, by its place among all of them.
fn candidate(place: u32) -> Option<Epsilon> {
    let (digits, decade) = (100 + place % DECADE, i64::from(place / DECADE));
    Epsilon::parse(&format!("{digits}e{}", decade - 11)).ok()
}

/// The least ε up to `max` that is enough, see above; nothing if `max` is not enough.
pub fn least_epsilon(max: &Epsilon, enough: impl Fn(&Epsilon) -> bool) -> Option<Epsilon> {
    if !enough(max) {
        return None;
    }
    let mut best = max.clone();
    // Everything below `low` is not enough; what is at `high` and above is, or is too much.
    let (mut low, mut high) = (0, COUNT);
    while low < high {
        let middle = low + (high - low) / 2;
        match candidate(middle) {
            Some(epsilon) if epsilon.value() > max.value() => high = middle,
            Some(epsilon) if enough(&epsilon) => {
                best = epsilon;
                high = middle;
            }
            _ => low = middle + 1,
        }
    }
    Some(best)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn epsilon(text: &str) -> Epsilon {
        Epsilon::parse(text).unwrap()
    }

    #[test]
    fn the_least_of_three_digits_is_found() {
        let max = epsilon("2");
        for (needed, found) in [
            ("0.1", "0.1"),
            ("0.1000001", "0.101"),
            ("0.0999", "0.0999"),
            ("1.996", "2"),
            ("1.9999", "2"),
            ("2", "2"),
            ("1e-20", "1e-9"),
        ] {
            let needed = epsilon(needed);
            let least = least_epsilon(&max, |tried| tried.value() >= needed.value());
            assert_eq!(least, Some(epsilon(found)), "{needed}");
        }
        assert_eq!(least_epsilon(&max, |tried| tried.value() > max.value()), None);
        // A maximum between two candidates, and below and above all of them.
        for max in ["1.2345", "1e-10", "9.9999e40"] {
            let max = epsilon(max);
            assert_eq!(least_epsilon(&max, |tried| *tried == max), Some(max.clone()));
            assert!(least_epsilon(&max, |_| true).unwrap().value() <= max.value());
        }
    }

    #[test]
    fn steps_are_compared_in_the_unit() {
        let hundred = Accuracy::parse("100").unwrap();
        assert!(hundred.allows(&UBig::from(100_u8), 0));
        assert!(!hundred.allows(&UBig::from(101_u8), 0));
        assert!(hundred.allows(&UBig::from(10_000_u32), 2));
        assert!(!hundred.allows(&UBig::from(10_001_u32), 2));
        assert!(Accuracy::parse("0.5").unwrap().allows(&UBig::from(50_u8), 2));
        assert!(Accuracy::parse("0").is_err() && Accuracy::parse("-1").is_err());
    }
}
