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
