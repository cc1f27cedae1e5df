//! Intervals of what is computed from noisy numbers, for showing.
//!
//! *Claim.* If each input lies in its interval, the result lies in the returned one.
//!
//! *Argument.* Interval arithmetic: a monotone function takes its extremes at the corners, and
//! each corner is moved outwards by one float, which is more than one operation's rounding. For
//! two inputs that must both hold, ask each for α/2 (Bonferroni).

/// A closed interval of floats, low end first.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// The low end.
    pub low: f64,
    /// The high end.
    pub high: f64,
}

impl Interval {
    /// `centre` ± `half`.
    pub fn around(centre: f64, half: f64) -> Self {
        Self { low: (centre - half).next_down(), high: (centre + half).next_up() }
    }

    /// All quotients of a number here by a number there; `None` unless the divisor is positive.
    pub fn ratio(self, divisor: Self) -> Option<Self> {
        if !(divisor.low > 0.0 && divisor.high.is_finite()) {
            return None;
        }
        let low = if self.low < 0.0 { self.low / divisor.low } else { self.low / divisor.high };
        let high = if self.high > 0.0 { self.high / divisor.low } else { self.high / divisor.high };
        Some(Self { low: low.next_down(), high: high.next_up() })
    }

    /// All sums of a number here and a number there.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        let low = (self.low + other.low).next_down();
        Self { low, high: (self.high + other.high).next_up() }
    }

    /// All products of a number here and a number there.
    #[must_use]
    pub fn times(self, other: Self) -> Self {
        let corners = [
            self.low * other.low,
            self.low * other.high,
            self.high * other.low,
            self.high * other.high,
        ];
        let low = corners.iter().copied().fold(f64::INFINITY, f64::min);
        let high = corners.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        Self { low: low.next_down(), high: high.next_up() }
    }

    /// All differences of a number here and a number there.
    #[must_use]
    pub fn minus(self, other: Self) -> Self {
        let low = (self.low - other.high).next_down();
        Self { low, high: (self.high - other.low).next_up() }
    }

    /// All squares.
    #[must_use]
    pub fn square(self) -> Self {
        let (a, b) = (self.low * self.low, self.high * self.high);
        let low = if self.low <= 0.0 && self.high >= 0.0 { 0.0 } else { a.min(b).next_down() };
        Self { low: low.max(0.0), high: a.max(b).next_up() }
    }

    /// All square roots; of what is negative, zero.
    #[must_use]
    pub fn root(self) -> Self {
        let low = self.low.max(0.0).sqrt().next_down().max(0.0);
        Self { low, high: self.high.max(0.0).sqrt().next_up() }
    }

    /// The part within declared bounds, as the value itself is clamped to them.
    #[must_use]
    pub fn clamp(self, low: f64, high: f64) -> Self {
        Self { low: self.low.max(low).min(high), high: self.high.min(high).max(low) }
    }

    /// The least h with the interval inside of `value` ± h.
    pub fn half_width_around(self, value: f64) -> f64 {
        (self.high - value).max(value - self.low).max(0.0).next_up()
    }
}

/// How far the true ratio can be from `sum / count`, if `sum` is within `sum_half` of the true
/// sum and `count` within `count_half` of the true count; `None` if the count may be zero.
pub fn ratio_half_width(sum: f64, sum_half: f64, count: f64, count_half: f64) -> Option<f64> {
    let ratio = Interval::around(sum, sum_half).ratio(Interval::around(count, count_half))?;
    Some(ratio.half_width_around(sum / count))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_average_and_its_width() {
        let half = ratio_half_width(1000.0, 50.0, 100.0, 5.0).unwrap();
        // The corners are 950/105 and 1050/95.
        assert!((half - (1050.0 / 95.0 - 10.0)).abs() < 1e-9, "{half}");
        assert_eq!(ratio_half_width(1000.0, 50.0, 5.0, 5.0), None);
        assert_eq!(ratio_half_width(1000.0, 50.0, -100.0, 5.0), None);
        assert_eq!(ratio_half_width(1.0, 1.0, f64::NAN, 1.0), None);
    }

    #[test]
    fn an_interval_is_clamped_with_its_value() {
        let clamped = Interval { low: -3.0, high: 0.5 }.clamp(0.0, 1.0);
        assert_eq!(clamped, Interval { low: 0.0, high: 0.5 });
        let outside = Interval { low: 4.0, high: 5.0 }.clamp(0.0, 1.0);
        assert_eq!(outside, Interval { low: 1.0, high: 1.0 });
    }

    fn holds(interval: Interval, x: f64) -> bool {
        interval.low <= x && x <= interval.high
    }

    proptest! {
        #[test]
        fn results_of_members_are_members(
            s in -1e6..1e6_f64, sh in 0.0..1e5_f64, a in -1.0..=1.0_f64,
            n in 1.0..1e6_f64, nh in 0.0..1e3_f64, b in -1.0..=1.0_f64,
        ) {
            let (x, y) = (s + a * sh, n + b * nh);
            let (sum, count) = (Interval::around(s, sh), Interval::around(n, nh));
            if let Some(ratio) = sum.ratio(count) {
                prop_assert!(holds(ratio, x / y));
                let half = ratio_half_width(s, sh, n, nh).unwrap();
                prop_assert!((x / y - s / n).abs() <= half * (1.0 + 1e-12));
            } else {
                prop_assert!(n - nh <= 0.0 || (n - nh).next_down() <= 0.0);
            }
            prop_assert!(holds(sum.minus(count), x - y));
            prop_assert!(holds(sum.plus(count), x + y));
            prop_assert!(holds(sum.times(count), x * y));
            prop_assert!(holds(sum.times(sum), x * x));
            prop_assert!(holds(sum.square(), x * x));
            prop_assert!(holds(sum.root(), x.max(0.0).sqrt()));
        }
    }
}
