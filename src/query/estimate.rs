//! Numbers that are computed from several noisy columns, and how far off they may be.
//!
//! What the analyst gets is computed by the spliced query. This is the same number once more as a
//! small expression, evaluated over intervals, for the notices alone.

use noisegate_privacy::width::Interval;

/// A number of the answer that is made from several noisy columns.
#[derive(Clone, Debug, PartialEq)]
pub struct Derived {
    /// The aggregate, as the analyst sees it.
    pub label: String,
    /// What each column is to it, such as "the sum", and the column's index.
    pub parts: Vec<(&'static str, usize)>,
    /// How it comes from them.
    pub estimate: Estimate,
    /// The expression that stands in its place.
    pub text: String,
}

impl Derived {
    /// The columns of the sum and the count, if it is an average.
    pub fn average(&self) -> Option<(usize, usize)> {
        let Estimate::Over(sum, count) = &self.estimate else { return None };
        match (sum.as_ref(), count.as_ref()) {
            (Estimate::Column(sum), Estimate::Column(count)) => Some((*sum, *count)),
            _ => None,
        }
    }
}

/// An expression over the noisy columns of one row of a release.
#[derive(Clone, Debug, PartialEq)]
pub enum Estimate {
    /// The statistic behind a column, without what the column's centre adds.
    Column(usize),
    /// A public number.
    Number(f64),
    /// A sum.
    Plus(Box<Estimate>, Box<Estimate>),
    /// A difference.
    Minus(Box<Estimate>, Box<Estimate>),
    /// A product.
    Times(Box<Estimate>, Box<Estimate>),
    /// A quotient; unknown where the divisor may not be positive.
    Over(Box<Estimate>, Box<Estimate>),
    /// A square.
    Square(Box<Estimate>),
    /// A square root.
    Root(Box<Estimate>),
    /// A number that is held within public bounds.
    Within(Box<Estimate>, f64, f64),
}

impl Estimate {
    /// All values that it can take while each column's statistic is in its interval.
    pub fn interval(&self, column: &dyn Fn(usize) -> Option<Interval>) -> Option<Interval> {
        let of = |estimate: &Self| estimate.interval(column);
        Some(match self {
            Self::Column(at) => column(*at)?,
            Self::Number(number) => Interval { low: *number, high: *number },
            Self::Plus(a, b) => of(a)?.plus(of(b)?),
            Self::Minus(a, b) => of(a)?.minus(of(b)?),
            Self::Times(a, b) => of(a)?.times(of(b)?),
            Self::Over(a, b) => of(a)?.ratio(of(b)?)?,
            Self::Square(a) => of(a)?.square(),
            Self::Root(a) => of(a)?.root(),
            Self::Within(a, low, high) => of(a)?.clamp(*low, *high),
        })
    }

    pub(crate) fn plus(self, other: Self) -> Self {
        Self::Plus(Box::new(self), Box::new(other))
    }

    pub(crate) fn minus(self, other: Self) -> Self {
        Self::Minus(Box::new(self), Box::new(other))
    }

    pub(crate) fn times(self, other: Self) -> Self {
        Self::Times(Box::new(self), Box::new(other))
    }

    pub(crate) fn over(self, other: Self) -> Self {
        Self::Over(Box::new(self), Box::new(other))
    }

    pub(crate) fn square(self) -> Self {
        Self::Square(Box::new(self))
    }

    pub(crate) fn root(self) -> Self {
        Self::Root(Box::new(self))
    }

    pub(crate) fn within(self, low: f64, high: f64) -> Self {
        Self::Within(Box::new(self), low, high)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn column(at: usize) -> Option<Interval> {
        [(100.0, 5.0), (1000.0, 50.0), (20_000.0, 100.0)]
            .get(at)
            .map(|(centre, half)| Interval::around(*centre, *half))
    }

    #[test]
    fn a_variance_lies_between_its_corners() {
        let n = || Estimate::Column(0);
        let mean = Estimate::Column(1).over(n());
        let variance = Estimate::Column(2).over(n()).minus(mean.square()).within(0.0, 1e6);
        let found = variance.interval(&column).unwrap();
        let (least_mean, most_mean) = (950.0_f64 / 105.0, 1050.0_f64 / 95.0);
        assert!((found.low - (19_900.0 / 105.0 - most_mean * most_mean)).abs() < 1e-6);
        assert!((found.high - (20_100.0 / 95.0 - least_mean * least_mean)).abs() < 1e-6);
        // The true one is 200 - 100 for these centres.
        assert!(found.low < 100.0 && found.high > 100.0);
    }

    #[test]
    fn nothing_is_known_of_a_quotient_by_what_may_be_zero() {
        let zero = Estimate::Number(1.0).over(Estimate::Column(0).minus(Estimate::Number(99.0)));
        assert_eq!(zero.interval(&column), None);
        assert_eq!(Estimate::Column(7).interval(&column), None);
    }
}
